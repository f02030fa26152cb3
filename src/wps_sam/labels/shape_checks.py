"""Check boxes, polygons and points as a label file has them, without an image.

Each check gives what it found, and the reason if it found nothing: the same words for the same
reason, so that they can be counted.
"""

from math import isfinite
from typing import Any

from wps_sam.geometry.boxes import polygon_extent

Corners = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the original frame."""

Point = tuple[float, float]
"""x, y in pixels of the original frame."""

FEW_POINTS = "polygon with fewer than three points"
BAD_POLYGON = "polygon is not a list x0, y0, x1, y1, ... of finite numbers"
NO_BOX = "no bbox and no usable polygon"
BAD_BBOX = "bbox is not four numbers [x, y, width, height]"
NOT_FINITE = "bbox has a number that is not finite"
NEGATIVE_SIZE = "bbox with negative width or height: its corners are swapped"
BAD_POINTS = "points are not a list of pairs [x, y]"
BAD_POINT = "point is not a pair of numbers [x, y]"
POINT_NOT_FINITE = "point has a number that is not finite"


def polygons_of(segmentation: Any) -> list[Any]:
    """List the polygons of a segmentation.

    Args:
        segmentation: As read.

    Returns:
        Its polygons, unchecked: none for a mask, and one for a bare list of numbers.
    """
    if not isinstance(segmentation, list) or not segmentation:
        return []
    return segmentation if isinstance(segmentation[0], list) else [segmentation]


def polygon_corners(polygon: Any) -> tuple[Corners | None, str]:
    """Find the box around a polygon.

    Args:
        polygon: As read; sound is a list x0, y0, x1, y1, ... of at least three points.

    Returns:
        The box and "", or None and why there is none.
    """
    if not isinstance(polygon, list) or len(polygon) % 2:
        return None, BAD_POLYGON
    if len(polygon) < 6:
        return None, FEW_POINTS
    try:
        if not all(map(isfinite, polygon)):
            return None, BAD_POLYGON
    except (TypeError, OverflowError):
        return None, BAD_POLYGON
    return polygon_extent(polygon), ""


def bbox_corners(bbox: Any) -> tuple[Corners | None, str]:
    """Find the corners of a COCO bbox.

    Args:
        bbox: As read; sound is [left, top, width, height].

    Returns:
        The corners and "", or None and why there are none.
    """
    if bbox is None or bbox == []:
        return None, NO_BOX
    if not isinstance(bbox, list) or len(bbox) != 4:
        return None, BAD_BBOX
    if any(type(value) is not float and type(value) is not int for value in bbox):
        return None, BAD_BBOX
    try:
        if not all(map(isfinite, bbox)):
            return None, NOT_FINITE
    except OverflowError:
        return None, NOT_FINITE
    left, top, width, height = bbox
    if width < 0 or height < 0:
        return None, NEGATIVE_SIZE
    return (left, top, left + width, top + height), ""


def point_of(pair: Any) -> tuple[Point | None, str]:
    """Check a point.

    Args:
        pair: As read; sound is [x, y].

    Returns:
        The point and "", or None and why there is none.
    """
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        return None, BAD_POINT
    if any(type(value) is not float and type(value) is not int for value in pair):
        return None, BAD_POINT
    try:
        if not all(map(isfinite, pair)):
            return None, POINT_NOT_FINITE
    except OverflowError:
        return None, POINT_NOT_FINITE
    return (pair[0], pair[1]), ""
