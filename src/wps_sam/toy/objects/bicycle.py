"""A bicycle with disc wheels seen from the side, facing right."""

from __future__ import annotations

import numpy as np

from wps_sam.toy.canvas import Paint
from wps_sam.toy.colors import Color, hsv, mixed, shaded
from wps_sam.toy.objects.kind import Brush, ObjectKind
from wps_sam.toy.shapes import Shape, along, ellipse, join, ring, smooth, stroke

BACK, FRONT, WHEEL_Y, RADIUS = -0.6, 0.6, 0.22, 0.4


def draw_bicycle(brush: Brush, rng: np.random.Generator) -> None:
    """Draw two wheels, the frame (with fork, bars and cranks) and the saddle."""
    hue = float(rng.random())
    frame_color = hsv(hue, rng.uniform(0.6, 0.95), rng.uniform(0.55, 0.95))
    disc = hsv(hue + rng.uniform(0.25, 0.75), rng.uniform(0.15, 0.6), rng.uniform(0.6, 0.9))
    leather = hsv(rng.uniform(0.03, 0.09), rng.uniform(0.3, 0.7), rng.uniform(0.15, 0.45))
    brush.shadow(ellipse(0.0, 0.62, 0.95, 0.05), 0.05, 0.5)
    turn = float(rng.uniform(0, 1))
    for x in (BACK, FRONT):
        _wheel(brush, x, disc, turn)
    seat = (-0.32, -0.46 - float(rng.uniform(0.0, 0.06)))
    _frame(brush, frame_color, seat, rng)
    x, y = seat
    saddle = smooth([(x - 0.25, y - 0.09), (x - 0.08, y - 0.11), (x + 0.22, y - 0.06),
                     (x + 0.23, y + 0.01), (x - 0.04, y + 0.06), (x - 0.2, y + 0.1)])  # fmt: skip
    brush.part("bicycle_saddle", saddle, Paint(leather, bevel=0.6, rim=0.4))


def _wheel(brush: Brush, x: float, color: Color, turn: float) -> None:
    tyre = Paint((0.13, 0.13, 0.14), bevel=0.4, rim=0.3)
    wheel = brush.part("bicycle_wheel", ellipse(x, WHEEL_Y, RADIUS), tyre)
    brush.decorate(wheel, ellipse(x, WHEEL_Y, 0.34), Paint(color, bevel=0.3, rim=0.5))
    line = Paint(shaded(color, 0.55), bevel=0.0, rim=0.0, opacity=0.8)
    spokes = []
    for k in range(10):
        angle = turn + 2 * np.pi * k / 10
        tip = (x + 0.34 * np.cos(angle), WHEEL_Y + 0.34 * np.sin(angle))
        spokes.append(stroke([(x, WHEEL_Y), tip], 0.014))
    brush.decorate(wheel, join(*spokes), line)
    band = Paint(mixed(color, (1.0, 1.0, 1.0), 0.6), bevel=0.0, rim=0.0, opacity=0.8)
    brush.decorate(wheel, ring(x, WHEEL_Y, 0.34, 0.31), band)
    brush.decorate(wheel, ellipse(x, WHEEL_Y, 0.06), Paint((0.7, 0.7, 0.72)))


def _frame(brush: Brush, color: Color, seat: tuple[float, float], rng: np.random.Generator) -> None:
    crank, head, tube = (-0.08, 0.24), (0.42, -0.36), 0.075
    joint = (-0.27, -0.24)
    tubes = [
        [(BACK, WHEEL_Y), crank], [(BACK, WHEEL_Y), joint], [crank, joint], [crank, (0.45, -0.26)],
        [joint, (0.43, -0.32)],
    ]  # fmt: skip
    metal = join(*(stroke(path, tube) for path in tubes))
    fork = stroke(along([head, (0.5, -0.1), (FRONT, WHEEL_Y)]), tube)
    post = stroke([joint, seat], 0.05)
    frame = brush.part("bicycle_frame", join(metal, fork, post, _bars(head, rng)), Paint(
        color, bevel=0.9, rim=0.5, grain=0.03))  # fmt: skip
    steel = Paint((0.72, 0.73, 0.76), bevel=0.5, rim=0.5)
    brush.extend(frame, ellipse(*crank, 0.11), steel)
    angle = float(rng.uniform(0, np.pi))
    arm = np.array([np.cos(angle), np.sin(angle)]) * 0.17
    middle = np.array(crank)
    brush.extend(frame, stroke([middle - arm, middle + arm], 0.05), steel)
    for end in (middle - arm, middle + arm):
        pedal = stroke([(end[0] - 0.05, end[1]), (end[0] + 0.05, end[1])], 0.055)
        brush.extend(frame, pedal, Paint((0.2, 0.2, 0.22)))


def _bars(head: tuple[float, float], rng: np.random.Generator) -> Shape:
    x, y = head
    stem = stroke([(x, y), (x - 0.03, y - 0.16)], 0.07)
    if rng.random() < 0.5:  # racing bars bend down, town bars bend back
        path = [
            (x - 0.03, y - 0.17),
            (x + 0.15, y - 0.19),
            (x + 0.2, y - 0.08),
            (x + 0.08, y - 0.01),
        ]
    else:
        path = [(x + 0.1, y - 0.16), (x - 0.03, y - 0.19), (x - 0.16, y - 0.16)]
    return join(stem, stroke(along(path), 0.07))


BICYCLE = ObjectKind(
    name="bicycle",
    part_names=("bicycle_wheel", "bicycle_frame", "bicycle_saddle"),
    size_wh=(2.0, 1.26),
    mirrors=True,
    on_ground=True,
    draw=draw_bicycle,
)
