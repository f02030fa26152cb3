"""One line of a YOLO label file: a class number, then a box, an outline or keypoints."""

from collections.abc import Container, Sequence
from math import isfinite
from typing import NamedTuple

from wps_sam.errors import DataError

LARGEST = 1.5
"""Coordinates are fractions of the image; a larger one can only be a pixel."""


class YoloLine(NamedTuple):
    """The values of a line, as fractions of the image's width and height.

    Attributes:
        class_number: A class of the data set.
        box: Centre x, centre y, width, height; None for an outline.
        outline: x0, y0, x1, y1, ...; None for a box.
        points: x and y of each labelled keypoint.
        has_confidence: Whether a confidence stood at the end, as in predictions.
    """

    class_number: int
    box: tuple[float, float, float, float] | None
    outline: Sequence[float] | None
    points: Sequence[tuple[float, float]] = ()
    has_confidence: bool = False

    def bbox(self, hw: tuple[int, int]) -> list[float] | None:
        """[left, top, width, height] in pixels of an image of (height, width)."""
        if self.box is None:
            return None
        x, y, width, height = self.box
        h, w = hw
        return [(x - width / 2) * w, (y - height / 2) * h, width * w, height * h]

    def polygons(self, hw: tuple[int, int]) -> list[list[float]] | None:
        """One outline x0, y0, x1, y1, ... in pixels of an image of (height, width)."""
        if self.outline is None:
            return None
        h, w = hw
        return [[value * (h if i % 2 else w) for i, value in enumerate(self.outline)]]

    def pixel_points(self, hw: tuple[int, int]) -> list[list[float]] | None:
        """[[x, y], ...] in pixels of an image of (height, width); None without points."""
        h, w = hw
        return [[x * w, y * h] for x, y in self.points] or None


def parse_line(
    text: str, class_numbers: Container[int], kpt_shape: tuple[int, int] | None
) -> YoloLine:
    """Take a label line apart.

    Args:
        text: `class cx cy w h`, `class x0 y0 x1 y1 x2 y2 ...`, or with `kpt_shape` a box and its
            keypoints; a confidence may follow.
        class_numbers: The classes of the data set.
        kpt_shape: (keypoints a line, 2 or 3 numbers a keypoint), or None.

    Returns:
        The values. Whether a box has an area is not checked.

    Raises:
        DataError: There are too few or too many numbers, a word is no number, the class is not
            known, or a coordinate can only be a pixel. The message does not name the line.
    """
    class_word, *words = text.split()
    values = [_number(word) for word in words]
    count = len(values)
    if kpt_shape is not None:
        line = _with_points(values, kpt_shape)
    elif count in (4, 5):
        line = YoloLine(0, _box(values), None, has_confidence=count == 5)
    elif count >= 6:
        line = YoloLine(0, None, values[: count - count % 2], has_confidence=count % 2 == 1)
    else:
        raise DataError(
            f"found {count} numbers behind the class; expected 4 for a box (centre x, centre y, "
            "width, height), or 6 and more for an outline"
        )
    too_large = [v for v in _coordinates(line) if isfinite(v) and v > LARGEST]
    if too_large:
        raise DataError(
            f"{too_large[0]:g} looks like pixels; expected fractions of the image's width and "
            "height from 0 to 1. Divide x by the width and y by the height"
        )
    return line._replace(class_number=_class_number(class_word, class_numbers))


def _number(word: str) -> float:
    """A number of a line."""
    try:
        return float(word)
    except ValueError:
        raise DataError(f"{word[:30]!r} is no number; expected only numbers") from None


def _class_number(word: str, known: Container[int]) -> int:
    """The class of a line. Some tools write it as 2.0."""
    value = _number(word)
    if not value.is_integer() or int(value) not in known:
        raise DataError(
            f"class {word[:30]} is not in the list of names; add the name or correct the line"
        )
    return int(value)


def _box(values: Sequence[float]) -> tuple[float, float, float, float]:
    """The first four values."""
    x, y, width, height = values[:4]
    return x, y, width, height


def _with_points(values: Sequence[float], kpt_shape: tuple[int, int]) -> YoloLine:
    """A box and its keypoints. One that is not labelled has visibility 0 or, without visibility,
    the place (0, 0) or a negative one.
    """
    number, size = kpt_shape
    expected = 4 + number * size
    if len(values) not in (expected, expected + 1):
        raise DataError(
            f"found {len(values)} numbers behind the class; expected {expected}: a box and "
            f"{number} keypoints of {size} numbers, as kpt_shape says"
        )
    points = []
    for start in range(4, expected, size):
        x, y, *visibility = values[start : start + size]
        unseen = visibility[0] <= 0 if visibility else x < 0 or y < 0 or x == y == 0
        if not unseen:
            points.append((x, y))
    return YoloLine(0, _box(values), None, points, has_confidence=len(values) > expected)


def _coordinates(line: YoloLine) -> list[float]:
    """All values of a line that are fractions of the image."""
    points = [value for point in line.points for value in point]
    return [*(line.box or ()), *(line.outline or ()), *points]
