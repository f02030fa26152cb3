"""Painted places for the objects: each fills the canvas and says where its ground begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from wps_sam.toy.canvas import Canvas, Paint
from wps_sam.toy.colors import (
    Color,
    hsv,
    jitter,
    mixed,
    noise_field,
    shaded,
    vertical_gradient,
)
from wps_sam.toy.shapes import along, box, ellipse, join, polygon, smooth, stroke

Rng = np.random.Generator
SKIES: tuple[tuple[Color, Color], ...] = (
    ((0.36, 0.60, 0.88), (0.80, 0.90, 0.97)),
    ((0.25, 0.42, 0.72), (0.97, 0.78, 0.62)),
    ((0.62, 0.68, 0.74), (0.86, 0.88, 0.90)),
    ((0.45, 0.50, 0.78), (0.98, 0.86, 0.78)),
)


@dataclass(frozen=True)
class Place:
    """A kind of background.

    Attributes:
        name: For tests and messages.
        weight: Share of pictures that use it.
        kinds: Object kinds found here, with their weights.
        paint: Fills the canvas; returns the y of the horizon as a share of the height.
    """

    name: str
    weight: float
    kinds: dict[str, float]
    paint: Callable[[Canvas, Rng], float]


def paint_meadow(canvas: Canvas, rng: Rng) -> float:
    """Sky, clouds, hills, trees and grass."""
    horizon = float(rng.uniform(0.42, 0.58))
    _sky(canvas, rng, horizon)
    green = hsv(rng.uniform(0.22, 0.33), rng.uniform(0.35, 0.6), rng.uniform(0.5, 0.7))
    haze = mixed(green, (0.7, 0.78, 0.86), 0.55)
    _hills(canvas, rng, horizon, haze, 0.16)
    _hills(canvas, rng, horizon, mixed(green, haze, 0.5), 0.08)
    _ground(canvas, rng, horizon, green, 0.22, squash=0.4)
    for _ in range(int(rng.integers(1, 5))):
        _tree(canvas, rng, horizon, shaded(green, rng.uniform(0.55, 0.85)))
    _tufts(canvas, rng, horizon, green)
    return horizon


def paint_desert(canvas: Canvas, rng: Rng) -> float:
    """Sky, dunes, stones and sand."""
    horizon = float(rng.uniform(0.42, 0.58))
    _sky(canvas, rng, horizon)
    sand = hsv(rng.uniform(0.07, 0.12), rng.uniform(0.3, 0.5), rng.uniform(0.75, 0.9))
    _hills(canvas, rng, horizon, mixed(sand, (0.75, 0.6, 0.6), 0.5), 0.2)
    _hills(canvas, rng, horizon, shaded(sand, 0.85), 0.09)
    _ground(canvas, rng, horizon, sand, 0.14)
    _stones(canvas, rng, horizon, shaded(sand, 0.6))
    return horizon


def paint_street(canvas: Canvas, rng: Rng) -> float:
    """Houses behind a road with lane marks."""
    h, w = canvas.hw
    horizon = float(rng.uniform(0.46, 0.58))
    _sky(canvas, rng, horizon)
    x = float(rng.uniform(-0.1, 0.0))
    while x < 1.0:
        width = float(rng.uniform(0.14, 0.26))
        _building(canvas, rng, x * w, (x + width) * w, horizon * h)
        x += width + float(rng.choice([0.0, 0.015]))
    pavement = hsv(rng.uniform(0.05, 0.15), 0.06, rng.uniform(0.6, 0.72))
    _ground(canvas, rng, horizon, pavement, 0.1)
    asphalt = hsv(0.6, 0.06, rng.uniform(0.32, 0.45))
    kerb = horizon + float(rng.uniform(0.07, 0.12))
    _ground(canvas, rng, kerb, asphalt, 0.12)
    mark = Paint((0.88, 0.87, 0.8), bevel=0.0, rim=0.0, grain=0.2)
    y = (kerb + 0.45 * (1 - kerb)) * h
    start = float(rng.uniform(-0.2, 0.0)) * w
    for k in range(6):
        left = start + 0.24 * w * k
        canvas.paint(box(left, y, left + 0.13 * w, y + 0.016 * h), mark)
    return kerb


def paint_sea(canvas: Canvas, rng: Rng) -> float:
    """Water with rays of light, sand, weed and bubbles."""
    h, w = canvas.hw
    floor = float(rng.uniform(0.74, 0.86))
    hue = float(rng.uniform(0.48, 0.6))
    top, deep = hsv(hue, 0.45, rng.uniform(0.75, 0.92)), hsv(hue + 0.03, 0.75, 0.45)
    canvas.pixels[:] = vertical_gradient(top, deep, canvas.hw)
    canvas.pixels += 0.05 * noise_field(rng, canvas.hw, cells=5, octaves=3)[..., None]
    ray = Paint((1.0, 1.0, 1.0), bevel=0.0, rim=0.0, grain=0.0, opacity=0.08)
    for _ in range(4):
        x, spread = float(rng.uniform(-0.1, 1.0)) * w, float(rng.uniform(0.03, 0.1)) * w
        canvas.paint(polygon([(x, -4), (x + spread, -4), (x + 2.6 * spread - 0.1 * w, floor * h),
                              (x - spread, floor * h)]), ray)  # fmt: skip
    sand = mixed(hsv(rng.uniform(0.1, 0.14), 0.3, 0.85), deep, 0.25)
    _ground(canvas, rng, floor, sand, 0.18)
    _stones(canvas, rng, floor, mixed(shaded(sand, 0.6), deep, 0.3))
    for _ in range(int(rng.integers(3, 9))):
        _weed(canvas, rng, floor)
    for _ in range(int(rng.integers(4, 12))):
        x, y, r = (
            rng.uniform(0, w),
            rng.uniform(0, floor * h),
            rng.uniform(0.006, 0.016) * w,
        )
        bubble = Paint((0.85, 0.96, 1.0), bevel=0.5, rim=0.3, grain=0.0, opacity=0.4)
        canvas.paint(ellipse(float(x), float(y), float(r)), bubble)
    return floor


def paint_studio(canvas: Canvas, rng: Rng) -> float:
    """A papered wall, a wooden table and a few blocks."""
    h, w = canvas.hw
    horizon = float(rng.uniform(0.5, 0.64))
    wall = hsv(rng.random(), rng.uniform(0.08, 0.35), rng.uniform(0.65, 0.92))
    canvas.pixels[:] = vertical_gradient(shaded(wall, 1.08), shaded(wall, 0.85), canvas.hw)
    stripe = Paint(shaded(wall, rng.uniform(0.86, 1.12)), bevel=0.0, rim=0.0, grain=0.03)
    step = float(rng.uniform(0.06, 0.14)) * w
    if rng.random() < 0.5:
        for x in np.arange(0, w, step):
            canvas.paint(box(float(x), -4, float(x + 0.4 * step), horizon * h), stripe)
    else:
        centres = [(x, y) for x in np.arange(step / 2, w, step)
                   for y in np.arange(step / 2, horizon * h, step)]  # fmt: skip
        canvas.paint(join(*(ellipse(x, y, 0.16 * step) for x, y in centres)), stripe)
    wood = hsv(rng.uniform(0.05, 0.1), rng.uniform(0.3, 0.6), rng.uniform(0.5, 0.8))
    _ground(canvas, rng, horizon, wood, 0.16, squash=24.0)
    seam = Paint(shaded(wood, 0.6), bevel=0.0, rim=0.0, opacity=0.6)
    for share in (0.12, 0.32, 0.62):
        y = (horizon + share * (1 - horizon)) * h
        canvas.paint(box(-4, y, w + 4, y + 0.006 * h), seam)
    for _ in range(int(rng.integers(0, 4))):
        _block(canvas, rng, horizon)
    return horizon


def _sky(canvas: Canvas, rng: Rng, horizon: float) -> None:
    top, low = SKIES[int(rng.integers(len(SKIES)))]
    h, w = canvas.hw
    rows = max(1, round(horizon * h))
    canvas.pixels[:] = np.asarray(low, dtype=np.float32)
    canvas.pixels[:rows] = vertical_gradient(jitter(rng, top), jitter(rng, low), (rows, w))
    field = noise_field(rng, canvas.hw, cells=4, octaves=4)[:rows, :, None]
    thin = np.linspace(1.0, 0.3, rows, dtype=np.float32)[:, None, None]
    clouds = np.clip((field - rng.uniform(0.0, 0.35)) * 2.2, 0.0, 0.85) * thin
    canvas.pixels[:rows] += clouds * (0.98 - canvas.pixels[:rows])


def _hills(canvas: Canvas, rng: Rng, horizon: float, color: Color, rise: float) -> None:
    h, w = canvas.hw
    xs = np.linspace(-0.05 * w, 1.05 * w, 9)
    ys = (horizon - rise * rng.uniform(0.1, 1.0, size=9)) * h
    ridge = along(list(zip(xs.tolist(), ys.tolist(), strict=True)))
    foot = [(1.05 * w, (horizon + 0.02) * h), (-0.05 * w, (horizon + 0.02) * h)]
    canvas.paint(polygon(np.concatenate([ridge, foot])), Paint(color, bevel=0.15, rim=0.0))


def _ground(
    canvas: Canvas, rng: Rng, horizon: float, color: Color, rough: float, squash: float = 4.0
) -> None:
    h, w = canvas.hw
    start = min(h - 1, round(horizon * h))
    rows = h - start
    ground = vertical_gradient(shaded(color, 1.05), shaded(color, 0.78), (rows, w))
    # Bumps wider than high look like a plane seen at a low angle; upright ones like grass.
    flat = noise_field(rng, (rows, w), cells=24, octaves=3, squash=squash)
    wide = noise_field(rng, (rows, w), cells=5, octaves=3, squash=2.0)
    ground *= 1.0 + rough * (0.5 * flat + 0.6 * wide)[..., None]
    canvas.pixels[start:] = np.clip(ground, 0.0, 1.0)


def _tree(canvas: Canvas, rng: Rng, horizon: float, color: Color) -> None:
    h, w = canvas.hw
    x, size = float(rng.uniform(0, w)), float(rng.uniform(0.05, 0.11)) * h
    base = (horizon + 0.02) * h
    trunk = Paint((0.36, 0.26, 0.18), bevel=0.5, rim=0.2)
    canvas.paint(stroke([(x, base), (x, base - 1.4 * size)], 0.22 * size), trunk)
    blobs = [
        ellipse(x + float(dx) * size, base - float(dy) * size, float(r) * size)
        for dx, dy, r in zip(
            rng.uniform(-0.7, 0.7, 6), rng.uniform(1.3, 2.6, 6), rng.uniform(0.5, 0.8, 6),
            strict=True,
        )
    ]  # fmt: skip
    canvas.paint(join(*blobs), Paint(color, bevel=0.6, rim=0.1, grain=0.35))


def _tufts(canvas: Canvas, rng: Rng, horizon: float, green: Color) -> None:
    h, w = canvas.hw
    for dark in (0.7, 1.15):
        blades = []
        for _ in range(45):
            y = float(rng.uniform(horizon + 0.04, 1.0))
            x, tall = float(rng.uniform(0, w)), (0.01 + 0.05 * (y - horizon)) * h
            lean = float(rng.uniform(-0.4, 0.4)) * tall
            blades.append(stroke([(x, y * h), (x + lean, y * h - tall)], 0.16 * tall))
        paint = Paint(shaded(green, dark), bevel=0.0, rim=0.0, opacity=0.7)
        canvas.paint(join(*blades), paint)


def _stones(canvas: Canvas, rng: Rng, horizon: float, color: Color) -> None:
    h, w = canvas.hw
    for _ in range(int(rng.integers(2, 7))):
        y = float(rng.uniform(horizon + 0.03, 1.0))
        size = (0.012 + 0.05 * (y - horizon)) * w * float(rng.uniform(0.7, 1.6))
        x = float(rng.uniform(0, w))
        angles = np.linspace(0, 2 * np.pi, 7, endpoint=False)
        reach = size * rng.uniform(0.7, 1.1, size=7)
        points = np.stack([x + reach * np.cos(angles), y * h + 0.6 * reach * np.sin(angles)], 1)
        canvas.shadow(ellipse(x, y * h + 0.5 * size, size, 0.3 * size), 0.2 * size + 1, 0.4)
        canvas.paint(smooth(points), Paint(jitter(rng, color), bevel=0.6, rim=0.2, grain=0.2))


def _building(canvas: Canvas, rng: Rng, x0: float, x1: float, base: float) -> None:
    h, _ = canvas.hw
    top = base - float(rng.uniform(0.18, 0.42)) * h
    wall = hsv(rng.uniform(0.0, 0.14), rng.uniform(0.1, 0.45), rng.uniform(0.5, 0.8))
    canvas.paint(box(x0, top, x1, base + 2), Paint(wall, bevel=0.1, rim=0.3, grain=0.15))
    glass = Paint(mixed(wall, (0.3, 0.38, 0.5), 0.7), bevel=0.1, rim=0.2)
    columns = int(rng.integers(2, 4))
    gap = (x1 - x0) / (columns + 0.5)
    panes = [
        box(x, y, x + 0.5 * gap, y + 0.07 * h)
        for x in x0 + gap * (np.arange(columns) + 0.5)
        for y in np.arange(top + 0.04 * h, base - 0.09 * h, 0.12 * h)
    ]
    if panes:
        canvas.paint(join(*panes), glass)


def _weed(canvas: Canvas, rng: Rng, floor: float) -> None:
    h, w = canvas.hw
    x, y = float(rng.uniform(0, w)), float(rng.uniform(floor + 0.02, 0.98)) * h
    color = hsv(rng.uniform(0.25, 0.45), rng.uniform(0.4, 0.7), rng.uniform(0.3, 0.5))
    tall = float(rng.uniform(0.12, 0.32)) * h
    for _ in range(int(rng.integers(2, 5))):
        foot, lean = (
            float(rng.uniform(-0.02, 0.02)) * w,
            float(rng.uniform(-0.03, 0.03)) * w,
        )
        phase, reach = float(rng.uniform(0, 6.3)), tall * float(rng.uniform(0.6, 1.0))
        k = np.linspace(0.0, 1.0, 14)
        sway = lean * k + 0.018 * w * k * np.sin(phase + 5.5 * k)
        left = np.stack([x + foot + sway - 0.009 * w * (1 - k), y - reach * k], axis=1)
        right = np.stack([x + foot + sway + 0.009 * w * (1 - k), y - reach * k], axis=1)
        leaf = polygon(np.concatenate([left, right[::-1]]))
        canvas.paint(leaf, Paint(jitter(rng, color), bevel=0.4, rim=0.2))


def _block(canvas: Canvas, rng: Rng, horizon: float) -> None:
    h, w = canvas.hw
    size = float(rng.uniform(0.05, 0.1)) * w
    x, y = (
        float(rng.uniform(0, w)),
        float(rng.uniform(horizon + 0.03, horizon + 0.2)) * h,
    )
    color = hsv(rng.random(), rng.uniform(0.3, 0.7), rng.uniform(0.5, 0.85))
    canvas.shadow(ellipse(x, y, 0.7 * size, 0.15 * size), 0.12 * size + 1, 0.5)
    paint = Paint(color, bevel=0.3, rim=0.3)
    if rng.random() < 0.5:
        canvas.paint(ellipse(x, y - 0.5 * size, 0.5 * size), paint)
    else:
        canvas.paint(box(x - size / 2, y - size, x + size / 2, y, 0.1 * size), paint)


LAND = {"car": 1.0, "bicycle": 1.0, "robot": 1.0, "bird": 1.0}
PLACES: tuple[Place, ...] = (
    Place("meadow", 0.22, LAND, paint_meadow),
    Place("desert", 0.15, LAND, paint_desert),
    Place("street", 0.2, LAND, paint_street),
    Place("sea", 0.23, {"fish": 4.0, "robot": 1.0}, paint_sea),
    Place("studio", 0.2, {**LAND, "fish": 1.0}, paint_studio),
)
