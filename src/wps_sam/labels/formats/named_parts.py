"""Parts whose class is a name, as labelling tools write them, made into annotations with ids."""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import cos, hypot, isfinite, nan, radians, sin
from pathlib import Path
from typing import Any, NamedTuple

from wps_sam.errors import DataError
from wps_sam.labels.label_file import LabelAnnotation, LabelCategory, LabelImage
from wps_sam.labels.remarks import Note, Skip

JOINED_BOX = "box in a group stays a part of its own, because a group joins polygons and points"
ROTATED = "rotated box: the upright box around it is used"
ROUND = "circle or ellipse: the box around it is used"
NO_OUTLINE = "a line surrounds nothing"


class NamedPart(NamedTuple):
    """One labelled part.

    Attributes:
        record: How messages name it, such as "shape 2 of a.json".
        label: Name of its class.
        bbox: As in `LabelAnnotation`.
        segmentation: As in `LabelAnnotation`.
        points: As in `LabelAnnotation`.
        group: What the pieces of one part have in common, None for a part of one piece.
    """

    record: str
    label: str
    bbox: list[float] | None = None
    segmentation: Any = None
    points: list[list[float]] | None = None
    group: Hashable = None


@dataclass
class NamedParts:
    """The parts of one image, and what the reader has to say about them."""

    parts: list[NamedPart] = field(default_factory=list)
    skipped: list[Skip] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def skip(self, record: str, reason: str) -> None:
        """Count a record that is left out."""
        self.skipped.append(Skip(record, reason))

    def note(self, record: str, text: str) -> None:
        """Count a record that was changed."""
        self.notes.append(Note(record, text))

    def join_groups(self) -> None:
        """Make one part of all polygons and points with the same label and group.

        Boxes stay parts of their own, because an annotation holds one box; only the points of a
        group without a polygon go to its first box.
        """
        groups: dict[Hashable, list[NamedPart]] = {}
        for position, part in enumerate(self.parts):
            # A tuple of another length cannot be the key of a group.
            key = (position,) if part.group is None else (part.label, part.group)
            groups.setdefault(key, []).append(part)
        self.parts = [part for pieces in groups.values() for part in self._join(pieces)]

    def _join(self, pieces: list[NamedPart]) -> list[NamedPart]:
        """The parts that the pieces of one group make."""
        boxes = [piece for piece in pieces if piece.bbox is not None]
        outlines = [piece for piece in pieces if piece.bbox is None]
        polygons = [polygon for piece in outlines for polygon in piece.segmentation or ()]
        points = [point for piece in outlines for point in piece.points or ()]
        if boxes and not polygons:
            parts = [boxes[0]._replace(points=points or None), *boxes[1:]]
        else:
            outline = outlines[0]._replace(segmentation=polygons or None, points=points or None)
            parts = [outline, *boxes]
        for part in parts[1:]:
            self.note(part.record, JOINED_BOX)
        return parts


def as_annotations(
    path: Path,
    parts: Iterable[NamedPart],
    image: LabelImage,
    category_ids: Mapping[str, int],
    ignored: frozenset[str] = frozenset(),
) -> Iterator[LabelAnnotation]:
    """Give each part the id of its class.

    Args:
        path: The label file, for the message.
        parts: The parts of one image.
        image: The image.
        category_ids: Id by class name.
        ignored: Labels that mark a region which is neither learnt nor scored.

    Yields:
        The annotations, in the same order.

    Raises:
        DataError: A label has no id, because the file changed after it was opened.
    """
    for part in parts:
        is_crowd = part.label in ignored
        # An ignored region hides pixels of every class, but an annotation has to have one.
        category_id = (
            next(iter(category_ids.values())) if is_crowd else category_ids.get(part.label)
        )
        if category_id is None:
            raise DataError(
                f"Label file {path}: {part.record} has label {part.label!r}, which was not there "
                "when the labels were opened. Open them again, and do not edit them meanwhile."
            )
        yield LabelAnnotation(
            record=part.record,
            image=image,
            category_id=category_id,
            bbox=part.bbox,
            segmentation=part.segmentation,
            points=part.points,
            is_crowd=is_crowd,
        )


def named_categories(
    path: Path,
    used: Mapping[str, str],
    listed: Sequence[str] | None,
    ignored: frozenset[str] = frozenset(),
) -> list[LabelCategory]:
    """Number the classes from 0: as the user listed them, else by name.

    Args:
        path: The label file or folder, for messages.
        used: Name of each class that a part has, and a record that has it, for the message.
        listed: The user's own list of classes, None if there is none.
        ignored: Labels that become no class.

    Returns:
        The categories; also those that only the list has.

    Raises:
        DataError: There is no class, or the list lacks one.
    """
    names = sorted(used) if listed is None else list(listed)
    names = [name for name in names if name not in ignored]
    missing = sorted(set(used) - ignored - set(names))
    if missing:
        raise DataError(
            f"Label file {path}: {used[missing[0]]} has label {missing[0]!r}, which is not in the "
            f"list of classes beside the labels, such as classes.txt ({', '.join(names[:20])}). "
            "Add it to the list, or correct the label."
        )
    if not names:
        raise DataError(
            f"Label file {path} has no part with a label. Label at least one part in one image."
        )
    return [LabelCategory(number, name) for number, name in enumerate(names)]


def refuse_repeated_images(path: Path, names: Iterable[tuple[str, str]], remedy: str) -> None:
    """Raise DataError if two records are about one image, by which results are matched.

    Args:
        path: The label file or folder.
        names: File name of each image, and which record it is of.
        remedy: What to do about it.
    """
    seen: dict[str, str] = {}
    for file_name, record in names:
        other = seen.setdefault(file_name, record)
        if other != record:
            raise DataError(
                f"Label file {path}: {other} and {record} are both about image {file_name}. "
                f"{remedy}"
            )


def bbox_around(points: Sequence[Sequence[float]]) -> list[float]:
    """Smallest upright box around points.

    Args:
        points: [[x, y], ...] in pixels, at least one.

    Returns:
        [left, top, width, height] in pixels; all NaN if a coordinate is not finite, which would
        otherwise get lost when the smallest is taken.
    """
    if not all(isfinite(value) for point in points for value in point):
        return [nan] * 4
    xs, ys = zip(*points, strict=True)
    return [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]


def rotated_corners(
    left: float, top: float, right: float, bottom: float, degrees: float, pivot: Sequence[float]
) -> list[list[float]]:
    """Corners of a box turned around a point.

    Args:
        left: Pixels, before turning; so are the other sides.
        top: Pixels.
        right: Pixels.
        bottom: Pixels.
        degrees: How far to turn, clockwise as seen on the image (y points down).
        pivot: [x, y] of the point that stays where it is.

    Returns:
        Four points [x, y] in pixels: left top, right top, right bottom, left bottom. They are not
        finite if an input is not.
    """
    if not isfinite(degrees):
        return [[nan, nan]]
    cosine, sine = cos(radians(degrees)), sin(radians(degrees))
    turned = []
    for x, y in ((left, top), (right, top), (right, bottom), (left, bottom)):
        dx, dy = x - pivot[0], y - pivot[1]
        turned.append([pivot[0] + dx * cosine - dy * sine, pivot[1] + dx * sine + dy * cosine])
    return turned


def bbox_around_ellipse(
    center: Sequence[float], radii: Sequence[float], degrees: float
) -> list[float]:
    """Smallest upright box around an ellipse.

    Args:
        center: [x, y] in pixels.
        radii: Along the ellipse's own x and y axes, in pixels.
        degrees: How far it is turned around its centre.

    Returns:
        [left, top, width, height] in pixels; NaN where an input is not finite.
    """
    if not isfinite(degrees):
        return [nan] * 4
    cosine, sine = cos(radians(degrees)), sin(radians(degrees))
    half_width = hypot(radii[0] * cosine, radii[1] * sine)
    half_height = hypot(radii[0] * sine, radii[1] * cosine)
    return [center[0] - half_width, center[1] - half_height, 2 * half_width, 2 * half_height]
