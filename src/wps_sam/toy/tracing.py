"""Masks to the two kinds of COCO segmentation."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wps_sam.geometry.masks import mask_to_rle

BoolMask = NDArray[np.bool_]
Segmentation: TypeAlias = list[list[int]] | dict[str, Any]


def segmentation_of(mask: BoolMask) -> Segmentation:
    """Return a polygon where one outline says it all, else a compressed RLE.

    Both are exact: decoding gives `mask` (H, W) again, bit by bit. A part that occlusion cut into
    pieces stays one record, which is why several outlines are never written as several polygons.
    """
    outline = outline_of(mask)
    if outline is None:
        return mask_to_rle(mask)
    return [[value for point in outline for value in point]]


def outline_of(mask: BoolMask) -> list[tuple[int, int]] | None:
    """Return the corners (x, y) of the mask's outline along pixel edges, clockwise.

    Returns:
        None when the mask (H, W) is empty or is not one piece without holes and pinched corners.
    """
    steps = _edge_steps(mask)
    if steps is None:
        return None
    start = min(steps)
    corners = [start]
    previous, point = start, steps[start]
    while point != start:
        following = steps[point]
        turn = (point[0] - previous[0], point[1] - previous[1])
        if turn != (following[0] - point[0], following[1] - point[1]):
            corners.append(point)
        previous, point = point, following
        steps.pop(previous)
    # The walk popped all edges but the first; others left over mean a hole or a second piece.
    return corners if len(steps) == 1 else None


def _edge_steps(mask: BoolMask) -> dict[tuple[int, int], tuple[int, int]] | None:
    """Return, per corner, the next corner one pixel on with the mask to the right of the way."""
    rows, columns = (np.flatnonzero(np.any(mask, axis=axis)) for axis in (1, 0))
    if len(rows) == 0:
        return None
    top, left = int(rows[0]), int(columns[0])
    inside = np.pad(mask[top : rows[-1] + 1, left : columns[-1] + 1], 1).astype(np.int8)
    down, across = np.diff(inside, axis=0), np.diff(inside, axis=1)
    steps: dict[tuple[int, int], tuple[int, int]] = {}
    edges = 0
    for found, offset, step in (
        (down[:, 1:-1] == 1, (0, 0), (1, 0)),
        (down[:, 1:-1] == -1, (1, 0), (-1, 0)),
        (across[1:-1] == 1, (0, 1), (0, -1)),
        (across[1:-1] == -1, (0, 0), (0, 1)),
    ):
        ys, xs = found.nonzero()
        for y, x in zip((ys + top).tolist(), (xs + left).tolist(), strict=True):
            corner = (x + offset[0], y + offset[1])
            steps[corner] = (corner[0] + step[0], corner[1] + step[1])
        edges += len(ys)
    return steps if len(steps) == edges else None
