"""Axis-aligned boxes in two formats.

`xyxy` is (left, top, right, bottom) and `xywh` is (left, top, width, height). Coordinates are
continuous pixels: pixel column 0 covers 0 to 1, so a box around one pixel has width 1 and the right
and bottom edges are exclusive. Functions never change their input; zero boxes are legal everywhere.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wps_sam.errors import DataError


def _as_boxes(boxes: ArrayLike) -> NDArray[Any]:
    """Return boxes as an (N, 4) array; an empty list counts as (0, 4).

    Raises:
        DataError: The array has another shape.
    """
    array = np.asarray(boxes)
    if array.size == 0:
        return array.reshape(0, 4)
    if array.ndim != 2 or array.shape[1] != 4:
        raise DataError(f"Boxes must have shape (N, 4), one row per box; found {array.shape}.")
    return array


def box_xywh_to_xyxy(boxes_xywh: ArrayLike) -> NDArray[Any]:
    """Turn (left, top, width, height) into (left, top, right, bottom).

    Args:
        boxes_xywh: (N, 4), any numeric dtype and any frame.

    Returns:
        (N, 4), same dtype and frame, xyxy. A new array.

    Raises:
        DataError: The array is not (N, 4).
    """
    boxes = _as_boxes(boxes_xywh).copy()
    boxes[:, 2:] += boxes[:, :2]
    return boxes


def box_xyxy_to_xywh(boxes_xyxy: ArrayLike) -> NDArray[Any]:
    """Turn (left, top, right, bottom) into (left, top, width, height).

    Args:
        boxes_xyxy: (N, 4), any signed numeric dtype and any frame.

    Returns:
        (N, 4), same dtype and frame, xywh. A new array.

    Raises:
        DataError: The array is not (N, 4).
    """
    boxes = _as_boxes(boxes_xyxy).copy()
    boxes[:, 2:] -= boxes[:, :2]
    return boxes


def box_area(boxes_xyxy: ArrayLike) -> NDArray[np.float64]:
    """Area of each box; a box with swapped corners has area 0.

    Args:
        boxes_xyxy: (N, 4), any frame.

    Returns:
        (N,) float64, square pixels of that frame.

    Raises:
        DataError: The array is not (N, 4).
    """
    boxes = _as_boxes(boxes_xyxy).astype(np.float64)
    sides = np.clip(boxes[:, 2:] - boxes[:, :2], 0.0, None)
    area: NDArray[np.float64] = sides[:, 0] * sides[:, 1]
    return area


def box_center(boxes_xyxy: ArrayLike) -> NDArray[np.float64]:
    """Centre of each box.

    Args:
        boxes_xyxy: (N, 4), any frame.

    Returns:
        (N, 2) float64, (x, y) in that frame.

    Raises:
        DataError: The array is not (N, 4).
    """
    boxes = _as_boxes(boxes_xyxy).astype(np.float64)
    center: NDArray[np.float64] = (boxes[:, :2] + boxes[:, 2:]) / 2
    return center


def box_iou(first_xyxy: ArrayLike, second_xyxy: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union of every pair of boxes.

    Args:
        first_xyxy: (N, 4).
        second_xyxy: (M, 4), in the same frame.

    Returns:
        (N, M) float64 from 0 to 1; 0 where both boxes have no area.

    Raises:
        DataError: An array is not (N, 4).
    """
    first = _as_boxes(first_xyxy).astype(np.float64)
    second = _as_boxes(second_xyxy).astype(np.float64)
    top_left = np.maximum(first[:, None, :2], second[None, :, :2])
    bottom_right = np.minimum(first[:, None, 2:], second[None, :, 2:])
    sides = np.clip(bottom_right - top_left, 0.0, None)
    overlap = sides[..., 0] * sides[..., 1]
    union = box_area(first)[:, None] + box_area(second)[None, :] - overlap
    iou: NDArray[np.float64] = np.divide(overlap, union, out=np.zeros_like(union), where=union > 0)
    return iou


def polygon_extent(polygon: Sequence[float]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a polygon, in plain Python.

    A reader calls this once per polygon, where building a numpy array for a dozen numbers would
    cost several times more than the work itself.

    Args:
        polygon: Flat list x0, y0, x1, y1, ... in any frame, at least one point.

    Returns:
        (x0, y0, x1, y1) in the same frame.

    Raises:
        DataError: No point, or an odd number of coordinates.
    """
    if not polygon or len(polygon) % 2:
        raise DataError(
            f"A polygon is a flat list x0, y0, x1, y1, ...: expected an even number of values, at "
            f"least 2, found {len(polygon)}."
        )
    xs, ys = polygon[0::2], polygon[1::2]
    return min(xs), min(ys), max(xs), max(ys)
