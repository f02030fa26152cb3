"""Outlines the toy pictures are built from: pure functions that return points, x right, y down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Pose:
    """Where an object stands: local units to picture pixels.

    Attributes:
        scale: Pixels per local unit.
        center_xy: Picture position of the local origin, pixels.
        angle: Turn in radians, clockwise in the picture.
        mirror: Whether x is flipped before turning.
    """

    scale: float
    center_xy: tuple[float, float]
    angle: float = 0.0
    mirror: bool = False

    def apply(self, points: Points) -> Points:
        """Map local points (N, 2) to picture points (N, 2), both xy."""
        x, y = points[:, 0], points[:, 1]
        if self.mirror:
            x = -x
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        turned = np.stack([cos * x - sin * y, sin * x + cos * y], axis=1)
        placed: Points = turned * self.scale + np.asarray(self.center_xy)
        return placed


@dataclass(frozen=True)
class Shape:
    """A union of filled outlines and round-ended strokes, with holes cut out at the end.

    Attributes:
        polygons: Outlines, each (N, 2) xy.
        strokes: Pairs of a path (N, 2) xy and a width in the same unit.
        holes: Outlines (N, 2) taken out again.
    """

    polygons: tuple[Points, ...] = ()
    strokes: tuple[tuple[Points, float], ...] = ()
    holes: tuple[Points, ...] = ()

    def posed(self, pose: Pose) -> Shape:
        """Return the shape in picture pixels."""
        return Shape(
            polygons=tuple(pose.apply(points) for points in self.polygons),
            strokes=tuple(
                (pose.apply(points), width * pose.scale) for points, width in self.strokes
            ),
            holes=tuple(pose.apply(points) for points in self.holes),
        )

    def bounds(self) -> tuple[float, float, float, float]:
        """Return x0, y0, x1, y1 around everything that is filled."""
        boxes = [(points.min(axis=0), points.max(axis=0)) for points in self.polygons]
        boxes += [
            (points.min(axis=0) - width / 2, points.max(axis=0) + width / 2)
            for points, width in self.strokes
        ]
        low = np.min([low for low, _ in boxes], axis=0)
        high = np.max([high for _, high in boxes], axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def polygon(points: ArrayLike) -> Shape:
    """Return a shape with sharp corners from points (N, 2)."""
    return Shape(polygons=(np.asarray(points, dtype=np.float64),))


def stroke(points: ArrayLike, width: float) -> Shape:
    """Return a round-ended line of the given width along points (N, 2)."""
    return Shape(strokes=((np.asarray(points, dtype=np.float64), width),))


def join(*shapes: Shape) -> Shape:
    """Return the union of several shapes (holes cut all of them)."""
    return Shape(
        polygons=tuple(points for shape in shapes for points in shape.polygons),
        strokes=tuple(line for shape in shapes for line in shape.strokes),
        holes=tuple(points for shape in shapes for points in shape.holes),
    )


def ellipse_points(x: float, y: float, rx: float, ry: float, turn: float = 0.0) -> Points:
    """Return the outline (48, 2) of an ellipse turned by `turn` radians."""
    t = np.linspace(0.0, 2.0 * np.pi, 48, endpoint=False)
    u, v = rx * np.cos(t), ry * np.sin(t)
    cos, sin = np.cos(turn), np.sin(turn)
    return np.stack([x + cos * u - sin * v, y + sin * u + cos * v], axis=1)


def ellipse(x: float, y: float, rx: float, ry: float | None = None, turn: float = 0.0) -> Shape:
    """Return a filled ellipse; a circle when `ry` is left out."""
    return Shape(polygons=(ellipse_points(x, y, rx, rx if ry is None else ry, turn),))


def ring(x: float, y: float, outer: float, inner: float) -> Shape:
    """Return a circle of radius `outer` with a round hole of radius `inner`."""
    return Shape(
        polygons=(ellipse_points(x, y, outer, outer),),
        holes=(ellipse_points(x, y, inner, inner),),
    )


def rounded(points: ArrayLike, radius: float) -> Shape:
    """Return a polygon (N, 2) whose corners are rounded by at most `radius`."""
    corners = np.asarray(points, dtype=np.float64)
    t = np.linspace(0.0, 1.0, 7)[:, None]
    pieces = []
    for previous, corner, following in zip(
        np.roll(corners, 1, axis=0), corners, np.roll(corners, -1, axis=0), strict=True
    ):
        start = corner + _shortened(previous - corner, radius)
        end = corner + _shortened(following - corner, radius)
        pieces.append((1 - t) ** 2 * start + 2 * t * (1 - t) * corner + t**2 * end)
    return Shape(polygons=(np.concatenate(pieces),))


def _shortened(edge: Points, radius: float) -> Points:
    length = float(np.hypot(*edge))
    # Half the edge at most, so that two rounded corners never cross.
    return edge * (min(radius, 0.5 * length) / max(length, 1e-9))


def box(x0: float, y0: float, x1: float, y1: float, radius: float = 0.0) -> Shape:
    """Return an upright rectangle with rounded corners."""
    corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
    return rounded(corners, radius) if radius > 0 else polygon(corners)


def smooth_points(points: ArrayLike, steps: int = 8, closed: bool = True) -> Points:
    """Return a Catmull-Rom curve through points (N, 2), `steps` samples a piece."""
    knots = np.asarray(points, dtype=np.float64)
    if closed:
        padded = np.concatenate([knots[-1:], knots, knots[:2]])
    else:
        padded = np.concatenate([knots[:1], knots, knots[-1:]])
    t = np.linspace(0.0, 1.0, steps, endpoint=False)[None, :, None]
    a, b, c, d = (padded[i : len(padded) - 3 + i, None, :] for i in range(4))
    cubic = (
        2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3
    )
    curve: Points = (0.5 * cubic).reshape(-1, 2)
    return curve if closed else np.concatenate([curve, knots[-1:]])


def smooth(points: ArrayLike) -> Shape:
    """Return a closed soft outline through points (N, 2)."""
    return Shape(polygons=(smooth_points(points),))


def arc(x: float, y: float, radius: float, start: float, end: float) -> Points:
    """Return a path (16, 2) along a circle from angle `start` to `end`, radians."""
    t = np.linspace(start, end, 16)
    return np.stack([x + radius * np.cos(t), y + radius * np.sin(t)], axis=1)


def along(path: Sequence[tuple[float, float]]) -> Points:
    """Return an open soft path through the given points."""
    return smooth_points(path, closed=False)
