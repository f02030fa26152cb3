"""The regions of a Label Studio annotation, checked one by one."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wps_sam.labels.formats.checked_values import (
    checked_list,
    checked_name,
    checked_number,
    checked_object,
    checked_points,
    checked_side,
    wrong_value,
)
from wps_sam.labels.formats.named_parts import (
    ROTATED,
    ROUND,
    NamedPart,
    NamedParts,
    bbox_around,
    bbox_around_ellipse,
    rotated_corners,
)

BRUSH = "brush mask: it has no box; draw a rectangle around it"
IMAGE_TURNED = "region drawn on an image that was turned in Label Studio"
NO_LABEL = "region without a label"
SEVERAL_LABELS = "region with several labels: it is a part of each"

Size = tuple[int, int]
"""(height, width) in pixels of the original frame."""

_SHAPES = ("rectangle", "polygon", "ellipse", "keypoint", "brush")


def image_hw(path: Path, record: str, results: Sequence[Any]) -> Size | None:
    """Size of a task's image as its results state it.

    Args:
        path: The file, for messages.
        record: How messages name the task.
        results: Of one annotation.

    Returns:
        (height, width) in pixels, or None if no result says.

    Raises:
        DataError: A size is not whole pixels, or two results state different ones.
    """
    found: Size | None = None
    for number, value in enumerate(results):
        name = f"result {number} of {record}"
        result = checked_object(path, name, value)
        if result.get("original_width") is None or result.get("original_height") is None:
            continue
        hw = (
            checked_side(path, name, "original_height", result["original_height"]),
            checked_side(path, name, "original_width", result["original_width"]),
        )
        if found not in (None, hw):
            expected = f"{found}, as of the results before it"
            raise wrong_value(path, name, "original height and width", hw, expected)
        found = hw
    return found


def read_results(path: Path, record: str, results: Sequence[Any], hw: Size) -> NamedParts:
    """Read the regions of one annotation.

    Args:
        path: The file, for messages.
        record: How messages name the task.
        results: The annotation's results.
        hw: (height, width) of the image in pixels.

    Returns:
        Its parts in pixels of the original frame, and what was left out or changed.

    Raises:
        DataError: A value is missing or of the wrong type.
    """
    found = NamedParts()
    records = [checked_object(path, f"result {i} of {record}", r) for i, r in enumerate(results)]
    # With separate controls for shape and label, a region is two results with one id.
    labelled = {str(result.get("id")) for result in records if result.get("type") == "labels"}
    for number, result in enumerate(records):
        if result.get("type") in _SHAPES and str(result.get("id")) in labelled:
            continue
        _add_result(path, f"result {number} of {record}", result, hw, found)
    return found


def _add_result(
    path: Path, record: str, result: Mapping[str, Any], hw: Size, found: NamedParts
) -> None:
    """Turn a region into parts, or count why not."""
    kind = checked_name(path, record, "type", result.get("type"))
    shape = kind.removesuffix("labels")
    if shape not in ("", *_SHAPES):
        found.skip(record, f"result of type {kind[:40]!r} is no region that is read")
        return
    value = checked_object(path, f"value of {record}", result.get("value"))
    shape = shape or _shape_by_keys(value)
    if shape == "brush":
        found.skip(record, BRUSH)
        return
    if result.get("image_rotation"):
        found.skip(record, IMAGE_TURNED)
        return
    names = checked_list(path, record, kind, value.get(kind, []))
    labels = [checked_name(path, record, f"in {kind}", name) for name in names]
    if not labels:
        found.skip(record, NO_LABEL)
        return
    if len(labels) > 1:
        found.note(record, SEVERAL_LABELS)
    part = _part(path, NamedPart(record, ""), shape, value, hw, found)
    found.parts += [part._replace(label=label) for label in dict.fromkeys(labels)]


def _shape_by_keys(value: Mapping[str, Any]) -> str:
    """Shape of a region whose type tells only that it has labels."""
    if "rle" in value:
        return "brush"
    if "points" in value:
        return "polygon"
    if "radiusX" in value:
        return "ellipse"
    return "rectangle" if "height" in value else "keypoint"


def _part(
    path: Path, part: NamedPart, shape: str, value: Mapping[str, Any], hw: Size, found: NamedParts
) -> NamedPart:
    """A region in pixels."""
    scale_x, scale_y = hw[1] / 100, hw[0] / 100
    if shape == "polygon":
        points = checked_points(path, part.record, "points", value.get("points"))
        flat = [number for x, y in points for number in (x * scale_x, y * scale_y)]
        return part._replace(segmentation=[flat])
    x = _number(path, part.record, value, "x") * scale_x
    y = _number(path, part.record, value, "y") * scale_y
    if shape == "keypoint":
        return part._replace(points=[[x, y]])
    keys = ("radiusX", "radiusY") if shape == "ellipse" else ("width", "height")
    width = _number(path, part.record, value, keys[0]) * scale_x
    height = _number(path, part.record, value, keys[1]) * scale_y
    rotation = checked_number(path, part.record, "rotation", value.get("rotation") or 0)
    if shape == "ellipse":
        found.note(part.record, ROUND)
        return part._replace(bbox=bbox_around_ellipse((x, y), (width, height), rotation))
    if not rotation % 360:
        return part._replace(bbox=[x, y, width, height])
    found.note(part.record, ROTATED)
    # Label Studio turns around the left top corner, and in pixels, not in percent.
    corners = rotated_corners(x, y, x + width, y + height, rotation, (x, y))
    return part._replace(bbox=bbox_around(corners))


def _number(path: Path, record: str, value: Mapping[str, Any], key: str) -> float:
    """A member that is a number; DataError if it is missing or none."""
    return checked_number(path, record, key, value.get(key))
