"""One outline for a mask, for formats that know polygons only.

A mask is traced along the edges of its pixels. Holes and further pieces are joined to the largest
outline by cuts: a line there and the same line back, which encloses nothing. So a part stays one
shape with one box, and filling the outline by the even-odd rule, as COCO does, gives every pixel of
the mask back.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import cKDTree

from wps_sam.writing.shapes import Polygon

_STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))
"""x and y of a step right, down, left, up."""


def trace_rings(mask: ArrayLike) -> list[Polygon]:
    """Trace all borders of a mask along the edges of its pixels.

    Args:
        mask: (H, W), bool or 0/1.

    Returns:
        One closed ring for each border: around each piece (pixels that touch by a side) clockwise,
        around each hole anticlockwise. Corners only, whole numbers, original frame. Empty for an
        empty mask.
    """
    outgoing = _edges(np.asarray(mask).astype(bool, copy=False))
    rings = []
    while outgoing:
        start = next(iter(outgoing))
        rings.append(_walk(start, outgoing))
    return rings


def join_rings(rings: Sequence[Polygon]) -> Polygon:
    """Join outlines and holes into one outline by cuts.

    Args:
        rings: At least one, at least one point each, any frame. Where two of them overlap, the
            even-odd rule takes the overlap for a hole.

    Returns:
        The largest ring, with each other one hung into it at the point nearest to its first.
    """
    if len(rings) == 1:
        return rings[0]
    points = [np.asarray(ring, np.float64).reshape(-1, 2) for ring in rings]
    main = int(np.argmax([abs(_signed_area(ring)) for ring in points]))
    others = [index for index in range(len(rings)) if index != main]
    _, nearest = cKDTree(points[main]).query([points[index][0] for index in others])
    hung: dict[int, list[int]] = {}
    for index, at in zip(others, nearest.tolist(), strict=True):
        hung.setdefault(at, []).append(index)
    joined: list[float] = []
    for at in range(len(points[main])):
        here = rings[main][2 * at : 2 * at + 2]
        joined += here
        for index in hung.get(at, ()):
            joined += (*rings[index], *rings[index][:2], *here)
    return tuple(joined)


def _signed_area(ring: NDArray[np.float64]) -> float:
    """Area of a (K, 2) ring, positive if it is clockwise (y points down)."""
    following = np.roll(ring, -1, axis=0)
    return float((ring[:, 0] * following[:, 1] - following[:, 0] * ring[:, 1]).sum() / 2)


def _edges(mask: NDArray[np.bool_]) -> dict[tuple[int, int], list[int]]:
    """Directions of the border's edges by their first corner (x, y), the mask to the right."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    outgoing: dict[tuple[int, int], list[int]] = {}
    if not rows.size:
        return outgoing
    top, left = int(rows[0]), int(columns[0])
    padded = np.pad(mask[top : rows[-1] + 1, left : columns[-1] + 1], 1)
    inside = padded[1:-1, 1:-1]
    for direction, neighbour, offset in (
        (0, padded[:-2, 1:-1], (0, 0)),  # above is outside: along the top, to the right
        (1, padded[1:-1, 2:], (1, 0)),
        (2, padded[2:, 1:-1], (1, 1)),
        (3, padded[1:-1, :-2], (0, 1)),
    ):
        ys, xs = np.nonzero(inside & ~neighbour)
        xs, ys = xs + (left + offset[0]), ys + (top + offset[1])
        for corner in zip(xs.tolist(), ys.tolist(), strict=True):
            outgoing.setdefault(corner, []).append(direction)
    return outgoing


def _walk(start: tuple[int, int], outgoing: dict[tuple[int, int], list[int]]) -> Polygon:
    """Take one ring out of the edges, from a corner back to it."""
    ring: list[float] = []
    corner, first = start, outgoing[start][0]
    direction = first
    while True:
        step = _STEPS[direction]
        corner = (corner[0] + step[0], corner[1] + step[1])
        options = outgoing[corner]
        # Where two pixels touch by a corner only, turning right stays at the same pixel.
        turns = ((direction + 1) % 4, direction, (direction - 1) % 4)
        following = next(way for way in turns if way in options)
        if following != direction:
            ring += corner
        direction = following
        options.remove(direction)
        if not options:
            del outgoing[corner]
        if corner == start and direction == first:
            return tuple(ring)
