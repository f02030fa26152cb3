"""The labels of a view: boxes and points follow the crop, and a mirror swaps left and right."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from wps_sam.labels.sides import find_pairs, flip_index, unpaired_sides
from wps_sam.labels.weak_labels import WeakDataset, WeakImage
from wps_sam.views.view import View

LEAST_VISIBLE = 0.35
"""A part of whose box a crop keeps a smaller share is not a part of the view."""


def mirror_classes(
    labels: WeakDataset, pairs: Sequence[tuple[str, str]] | None
) -> NDArray[np.int64] | None:
    """Which class each class becomes when a photograph is mirrored.

    Args:
        labels: Their class names are used.
        pairs: Names of left and right classes as the user wrote them; None finds them by the names.

    Returns:
        (C,) int64, or None if photographs must not be mirrored: a class is of one side and has no
        partner, so its mirror image would be of a class that does not exist.
    """
    names = labels.class_names
    if pairs is None:
        pairs = find_pairs(names)
        if unpaired_sides(names):
            return None
    return flip_index(names, pairs)


def view_labels(
    image: WeakImage, view: View, mirrored_class: NDArray[np.int64] | None
) -> WeakImage:
    """Look at an image's labels through a view.

    Args:
        image: Labels in the original frame.
        view: What to do.
        mirrored_class: (C,) of `mirror_classes`; needed for mirrored views only.

    Returns:
        Labels in the view's own frame. Left out are parts of whose box less than `LEAST_VISIBLE`
        is seen, and parts without a box none of whose points is seen.

    Raises:
        ValueError: The view is mirrored and `mirrored_class` is None.
    """
    x1, y1, x2, y2 = view.crop_xyxy((image.height, image.width))
    low, high = np.array([x1, y1], np.float32), np.array([x2, y2], np.float32)
    origin = np.tile(low, 2)
    boxes = np.clip(image.boxes_xyxy, origin, np.tile(high, 2)) - origin
    points = tuple(p[((p >= low) & (p <= high)).all(1)] - low for p in image.points_xy)
    seen = _area(boxes) >= LEAST_VISIBLE * _area(image.boxes_xyxy)
    rows = np.flatnonzero(np.where(image.has_box, seen, [len(p) > 0 for p in points]))
    boxes, points = boxes[rows], tuple(points[row] for row in rows)
    class_index = image.class_index[rows]
    if view.mirrored:
        if mirrored_class is None:
            raise ValueError("a mirrored view needs to know which class each class becomes")
        class_index = mirrored_class[class_index]
        boxes = np.stack(
            [x2 - x1 - boxes[:, 2], boxes[:, 1], x2 - x1 - boxes[:, 0], boxes[:, 3]], 1
        )
        points = tuple(np.stack([x2 - x1 - p[:, 0], p[:, 1]], axis=1) for p in points)
    return replace(
        image,
        height=y2 - y1,
        width=x2 - x1,
        class_index=class_index,
        boxes_xyxy=boxes,
        points_xy=points,
    )


def _area(boxes_xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    """(P, 4) -> (P,); NaN without a box."""
    area: NDArray[np.float32] = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).prod(1)
    return area
