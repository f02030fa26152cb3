"""The images and shapes of a CVAT file, checked one by one."""

from pathlib import Path
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element

from wps_sam.errors import DataError
from wps_sam.labels.formats.checked_values import wrong_value
from wps_sam.labels.formats.named_parts import (
    NO_OUTLINE,
    ROTATED,
    ROUND,
    NamedPart,
    NamedParts,
    bbox_around,
    bbox_around_ellipse,
    rotated_corners,
)

MASK_KIND = "cvat_rle"
"""`kind` of a CVAT mask among the mapping segmentations; see `wps_sam.evaluation.cvat_masks`."""

OUTSIDE_POINTS = "points marked outside are left out"
NO_VISIBLE_POINT = "skeleton without a point that is not marked outside"
OUTSIDE_SHAPE = "shape marked outside, so not on this image"
TAG = "tag: it is about the whole image"

_LARGEST = 2**31
"""Pixels. No image has such a side; more would not fit the arrays that masks are made in."""


class CvatImage(NamedTuple):
    """One `<image>`.

    Attributes:
        position: Counts the images of the whole file from 0.
        image_id: As written.
        name: With forward slashes; unique within a task and subset.
        subset: Name of the subset, "" if none.
        hw: (height, width) in pixels.
        found: Its parts.
    """

    position: int
    image_id: str
    name: str
    subset: str
    hw: tuple[int, int]
    found: NamedParts


def meta_labels(meta: Element) -> list[str]:
    """Names of the labels of a task, job or project.

    Args:
        meta: The `<meta>` element.

    Returns:
        The names in the file's order, without the sub-labels of skeletons, which have a parent.
    """
    names = [
        (label.findtext("name") or "").strip()
        for label in meta.findall("./*/labels/label")
        if not (label.findtext("parent") or "").strip()
    ]
    return [name for name in dict.fromkeys(names) if name]


def read_image(path: Path, position: int, element: Element) -> CvatImage:
    """Read one `<image>` with its shapes.

    Args:
        path: The file, for messages.
        position: Which image of the file it is, from 0.
        element: The `<image>` element.

    Returns:
        The image and its parts; `found` also tells what was left out or changed.

    Raises:
        DataError: An attribute is missing or of the wrong type.
    """
    where = f"image at position {position}"
    name = _attribute(path, where, element, "name").replace("\\", "/")
    if not name.strip() or name.endswith("/"):
        raise wrong_value(path, where, "name", name, "the name of an image file")
    image_id = element.get("id", str(position))
    where = f"image {image_id} ({name})"
    hw = tuple(_whole(path, where, element, key, 1) for key in ("height", "width"))
    found = NamedParts()
    counts: dict[str, int] = {}
    for shape in element:
        number = counts.get(shape.tag, 0)
        counts[shape.tag] = number + 1
        _add_shape(path, f"{shape.tag} {number} of {where}", shape, (hw[0], hw[1]), found)
    found.join_groups()
    subset = element.get("subset", "").strip()
    return CvatImage(position, image_id, name, subset, (hw[0], hw[1]), found)


def _add_shape(
    path: Path, record: str, shape: Element, hw: tuple[int, int], found: NamedParts
) -> None:
    """Turn a shape into a part, or count why not."""
    reasons = {"tag": TAG, "polyline": NO_OUTLINE}
    readers = {"box": _box, "ellipse": _ellipse, "polygon": _polygon, "points": _points}
    if shape.tag in reasons:
        found.skip(record, reasons[shape.tag])
        return
    if shape.tag not in (*readers, "mask", "skeleton"):
        found.skip(record, f"<{shape.tag[:40]}> is not read")
        return
    if shape.get("outside") == "1":
        found.skip(record, OUTSIDE_SHAPE)
        return
    label = _attribute(path, record, shape, "label").strip()
    if not label:
        raise wrong_value(path, record, "label", label, "a name")
    group = shape.get("group_id", "0").strip()
    part = NamedPart(record, label, group=None if group in ("", "0") else group)
    if shape.tag == "skeleton":
        _add_skeleton(path, shape, part, found)
    elif shape.tag == "mask":
        found.parts.append(_mask(path, shape, part, hw))
    else:
        found.parts.append(readers[shape.tag](path, shape, part, found))


def _box(path: Path, shape: Element, part: NamedPart, found: NamedParts) -> NamedPart:
    """A box; a rotated one is turned around its centre, and the box around that is taken."""
    left, top, right, bottom = (
        _number(path, part.record, shape, key) for key in ("xtl", "ytl", "xbr", "ybr")
    )
    rotation = _number(path, part.record, shape, "rotation", "0")
    if not rotation % 360:
        return part._replace(bbox=[left, top, right - left, bottom - top])
    found.note(part.record, ROTATED)
    center = ((left + right) / 2, (top + bottom) / 2)
    corners = rotated_corners(left, top, right, bottom, rotation, center)
    return part._replace(bbox=bbox_around(corners))


def _ellipse(path: Path, shape: Element, part: NamedPart, found: NamedParts) -> NamedPart:
    """An ellipse: the box around it."""
    x, y, radius_x, radius_y = (
        _number(path, part.record, shape, key) for key in ("cx", "cy", "rx", "ry")
    )
    rotation = _number(path, part.record, shape, "rotation", "0")
    found.note(part.record, ROUND)
    return part._replace(bbox=bbox_around_ellipse((x, y), (radius_x, radius_y), rotation))


def _polygon(path: Path, shape: Element, part: NamedPart, found: NamedParts) -> NamedPart:
    """A polygon."""
    points = _read_points(path, part.record, shape)
    return part._replace(segmentation=[[number for point in points for number in point]])


def _points(path: Path, shape: Element, part: NamedPart, found: NamedParts) -> NamedPart:
    """Points on one part."""
    return part._replace(points=_read_points(path, part.record, shape))


def _add_skeleton(path: Path, shape: Element, part: NamedPart, found: NamedParts) -> None:
    """A skeleton: the points of its joints that are on the image."""
    joints = shape.findall("points")
    visible = [joint for joint in joints if joint.get("outside") != "1"]
    points = [point for joint in visible for point in _read_points(path, part.record, joint)]
    if not points:
        found.skip(part.record, NO_VISIBLE_POINT)
        return
    if len(visible) < len(joints):
        found.note(part.record, OUTSIDE_POINTS)
    found.parts.append(part._replace(points=points))


def _mask(path: Path, shape: Element, part: NamedPart, hw: tuple[int, int]) -> NamedPart:
    """A mask, still encoded: run lengths along the rows of its own box."""
    text = _attribute(path, part.record, shape, "rle")
    try:
        counts = [int(count) for count in text.split(",")]
    except ValueError as error:
        raise wrong_value(path, part.record, "rle", text, "whole numbers with commas") from error
    left, top = (_whole(path, part.record, shape, key, 0) for key in ("left", "top"))
    width, height = (_whole(path, part.record, shape, key, 1) for key in ("width", "height"))
    segmentation: dict[str, Any] = {
        "kind": MASK_KIND,
        "image_hw": list(hw),
        "box": [left, top, width, height],
        "runs": counts,
    }
    bbox = [float(value) for value in segmentation["box"]]
    return part._replace(bbox=bbox, segmentation=segmentation)


def _attribute(path: Path, record: str, element: Element, key: str) -> str:
    """An attribute; DataError if it is missing."""
    value = element.get(key)
    if value is None:
        raise DataError(
            f"Label file {path}: {record} has no attribute {key!r}, only {sorted(element.attrib)}. "
            "Export the task again, or remove the record."
        )
    return value


def _number(
    path: Path, record: str, element: Element, key: str, default: str | None = None
) -> float:
    """An attribute that is a number; one too large is infinite, and counted like that later on."""
    text = element.get(key, default)
    if text is None:
        text = _attribute(path, record, element, key)
    try:
        return float(text)
    except ValueError as error:
        raise wrong_value(path, record, key, text, "a number") from error


def _whole(path: Path, record: str, element: Element, key: str, smallest: int) -> int:
    """An attribute that is a whole number; DataError if it is less than `smallest`."""
    value = _number(path, record, element, key)
    if not value.is_integer() or not smallest <= value < _LARGEST:
        text = element.get(key)
        raise wrong_value(path, record, key, text, f"whole pixels, {smallest} or more")
    return int(value)


def _read_points(path: Path, record: str, element: Element) -> list[list[float]]:
    """The points of a shape, written as x,y;x,y;..."""
    text = _attribute(path, record, element, "points")
    points = []
    for pair in text.split(";"):
        try:
            x, y = pair.split(",")
            points.append([float(x), float(y)])
        except ValueError as error:
            raise wrong_value(path, record, "points", text, "numbers x,y;x,y;...") from error
    return points
