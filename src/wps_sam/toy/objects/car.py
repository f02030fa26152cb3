"""A car seen from the side, facing right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wps_sam.toy.canvas import Paint, PartLayer
from wps_sam.toy.colors import Color, hsv, shaded
from wps_sam.toy.objects.kind import Brush, ObjectKind
from wps_sam.toy.shapes import arc, box, ellipse, polygon, ring, rounded, stroke

WHEEL_Y = 0.26
GLASS = Paint((0.55, 0.72, 0.82), bevel=0.25, rim=0.6, grain=0.02, fade=-0.35)
CHROME = Paint((0.78, 0.80, 0.83), bevel=0.5, rim=0.35, grain=0.02)
TYRE = Paint((0.12, 0.12, 0.13), bevel=0.35, rim=0.3, grain=0.05)


@dataclass(frozen=True)
class CarStyle:
    """The lines of one car: x of the roof's ends and pillars, y of roof and belt."""

    roof_back: float
    roof_front: float
    windscreen: float
    tail: float
    roof_y: float
    belt_y: float
    color: Color


def draw_car(brush: Brush, rng: np.random.Generator) -> None:
    """Draw body, door, two windows, two lamps and two wheels."""
    style = _style(rng)
    brush.shadow(ellipse(0.0, 0.45, 1.0, 0.07), 0.05, 0.55)
    body = _body(brush, style)
    _windows_and_door(brush, style, body, rng)
    front = Paint((0.98, 0.93, 0.68), bevel=0.5, rim=0.55, grain=0.02)
    back = Paint((0.86, 0.12, 0.12), bevel=0.5, rim=0.5, grain=0.02)
    brush.part("car_lamp", ellipse(0.855, 0.085, 0.105, 0.085, 0.2), front, body)
    brush.part("car_lamp", box(-0.97, -0.06, -0.82, 0.12, 0.05), back, body)
    spokes = int(rng.integers(5, 8))
    turn = float(rng.uniform(0, 2))
    for x in (-0.6, 0.6):
        _wheel(brush, x, spokes, turn)


def _style(rng: np.random.Generator) -> CarStyle:
    color = hsv(rng.random(), rng.uniform(0.45, 0.9), rng.uniform(0.6, 0.92))
    if rng.random() < 0.15:
        color = hsv(0.6, 0.03, rng.uniform(0.75, 0.92))
    roof_y = float(rng.uniform(-0.5, -0.42))
    if rng.random() < 0.5:  # hatchback: the roof runs to the tail
        return CarStyle(-0.78, 0.14, 0.47, -0.93, roof_y, -0.1, color)
    return CarStyle(-0.5, 0.14, 0.45, -0.74, roof_y, -0.1, color)


def _body(brush: Brush, style: CarStyle) -> PartLayer:
    belt = style.belt_y
    outline = [
        (-0.97, 0.27), (-1.0, 0.0), (-0.96, belt), (style.tail, belt - 0.02),
        (style.roof_back, style.roof_y), (style.roof_front, style.roof_y - 0.01),
        (style.windscreen, belt - 0.02), (0.86, belt + 0.06), (0.99, 0.06), (0.99, 0.27),
    ]  # fmt: skip
    body = brush.part("car_body", rounded(outline, 0.1), Paint(style.color, bevel=0.75, fade=0.3))
    dark = Paint(shaded(style.color, 0.5), bevel=0.0, rim=0.0, fade=0.0)
    brush.decorate(body, box(-1.0, 0.21, 1.0, 0.3), dark)
    gloss = Paint((1.0, 1.0, 1.0), bevel=0.0, rim=0.0, opacity=0.35)
    brush.decorate(body, stroke([(-0.9, -0.03), (0.8, -0.01)], 0.02), gloss)
    for x in (-0.6, 0.6):
        arch = Paint(shaded(style.color, 0.25), bevel=0.0, rim=0.0)
        brush.decorate(body, ellipse(x, WHEEL_Y, 0.25), arch)
    return body


def _windows_and_door(
    brush: Brush, style: CarStyle, body: PartLayer, rng: np.random.Generator
) -> None:
    top, belt, pillar = style.roof_y + 0.05, style.belt_y - 0.01, -0.16
    front_top = style.roof_front + 0.02
    door_outline = [
        (pillar, top - 0.02), (front_top, top - 0.02), (style.windscreen - 0.03, belt),
        (0.37, 0.2), (pillar, 0.2),
    ]  # fmt: skip
    door_paint = Paint(shaded(style.color, rng.uniform(0.8, 0.9)), bevel=0.55, rim=0.75, fade=0.3)
    door = brush.part("car_door", rounded(door_outline, 0.05), door_paint, body)
    front = [
        (pillar + 0.05, top + 0.03), (front_top - 0.03, top + 0.03),
        (style.windscreen - 0.11, belt - 0.02), (pillar + 0.05, belt - 0.02),
    ]  # fmt: skip
    slope = (style.roof_back - style.tail) / (style.belt_y - style.roof_y)
    rear_top, rear_low = style.roof_back + 0.07, style.tail + 0.1
    rear = [
        (rear_top - 0.05 * slope, top + 0.03), (pillar - 0.05, top + 0.03),
        (pillar - 0.05, belt - 0.02), (rear_low, belt - 0.02),
    ]  # fmt: skip
    glare = Paint((1.0, 1.0, 1.0), bevel=0.0, rim=0.0, grain=0.0, opacity=0.4)
    for outline, parent in ((front, door), (rear, body)):
        window = brush.part("car_window", rounded(outline, 0.04), GLASS, parent)
        x = float(np.mean([corner[0] for corner in outline]))
        streak = [(x, top), (x + 0.09, top), (x - 0.06, belt), (x - 0.15, belt)]
        brush.decorate(window, polygon(streak), glare)
    brush.decorate(door, stroke([(pillar + 0.07, 0.0), (pillar + 0.17, 0.0)], 0.035), CHROME)


def _wheel(brush: Brush, x: float, spokes: int, turn: float) -> None:
    wheel = brush.part("car_wheel", ellipse(x, WHEEL_Y, 0.21), TYRE)
    brush.decorate(wheel, ellipse(x, WHEEL_Y, 0.14), CHROME)
    gap = Paint((0.25, 0.26, 0.28), bevel=0.0, rim=0.0)
    brush.decorate(wheel, ring(x, WHEEL_Y, 0.12, 0.05), gap)
    for k in range(spokes):
        angle = turn + 2 * np.pi * k / spokes
        tip = (x + 0.12 * np.cos(angle), WHEEL_Y + 0.12 * np.sin(angle))
        brush.decorate(wheel, stroke([(x, WHEEL_Y), tip], 0.03), CHROME)
    brush.decorate(wheel, ellipse(x, WHEEL_Y, 0.035), Paint((0.5, 0.5, 0.52)))
    shine = Paint((1.0, 1.0, 1.0), bevel=0.0, rim=0.0, opacity=0.18)
    brush.decorate(wheel, stroke(arc(x, WHEEL_Y, 0.175, 3.6, 5.2), 0.02), shine)


CAR = ObjectKind(
    name="car",
    part_names=("car_body", "car_door", "car_window", "car_wheel", "car_lamp"),
    size_wh=(2.0, 0.98),
    mirrors=True,
    on_ground=True,
    draw=draw_car,
)
