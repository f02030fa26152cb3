"""A plump bird seen from the side, facing right."""

from __future__ import annotations

import numpy as np

from wps_sam.toy.canvas import Paint, PartLayer
from wps_sam.toy.colors import Color, hsv, mixed, shaded
from wps_sam.toy.objects.kind import Brush, ObjectKind
from wps_sam.toy.shapes import Shape, along, ellipse, join, smooth, stroke


def draw_bird(brush: Brush, rng: np.random.Generator) -> None:
    """Draw legs (unlabelled), tail, body, beak, head and wing."""
    hue = float(rng.random())
    coat = hsv(hue, rng.uniform(0.45, 0.85), rng.uniform(0.55, 0.9))
    if rng.random() < 0.5:
        accent = hsv(hue + rng.uniform(0.3, 0.7), rng.uniform(0.5, 0.85), rng.uniform(0.6, 0.9))
    else:
        accent = shaded(coat, 0.6)
    brush.shadow(ellipse(-0.02, 0.74, 0.5, 0.06), 0.05, 0.45)
    _legs(brush)
    _tail(brush, shaded(accent, 0.85), rng)
    body = brush.part(
        "bird_body",
        smooth([(-0.6, 0.02), (-0.28, -0.22), (0.2, -0.22), (0.46, 0.0), (0.36, 0.32),
                (-0.02, 0.46), (-0.4, 0.3)]),
        Paint(coat, bevel=0.7, grain=0.12),
    )  # fmt: skip
    belly = Paint(mixed(coat, (1.0, 0.97, 0.9), 0.65), bevel=0.0, rim=0.0, opacity=0.8)
    brush.decorate(body, ellipse(0.14, 0.3, 0.3, 0.2, -0.4), belly)
    _head(
        brush,
        mixed(coat, accent, 0.5) if rng.random() < 0.5 else shaded(coat, 1.12),
        rng,
    )
    _wing(brush, accent, rng)


def _legs(brush: Brush) -> None:
    paint = Paint((0.75, 0.5, 0.2), bevel=0.3, rim=0.3)
    for x in (-0.08, 0.12):
        foot = stroke([(x - 0.04, 0.74), (x + 0.11, 0.74)], 0.04)
        brush.unlabelled(join(stroke([(x, 0.4), (x + 0.02, 0.73)], 0.045), foot), paint)


def _tail(brush: Brush, color: Color, rng: np.random.Generator) -> None:
    lift = float(rng.uniform(-0.2, 0.12))
    tip_x, tip_y = -1.0, 0.08 + lift
    outline = smooth(
        [(-0.42, -0.06), (-0.75, tip_y - 0.16), (tip_x, tip_y - 0.14), (tip_x - 0.02, tip_y + 0.02),
         (tip_x + 0.04, tip_y + 0.16), (-0.72, tip_y + 0.16), (-0.4, 0.16)]
    )  # fmt: skip
    tail = brush.part("bird_tail", outline, Paint(color, bevel=0.5, grain=0.12))
    line = Paint(shaded(color, 0.55), bevel=0.0, rim=0.0, opacity=0.7)
    for k in (-0.06, 0.06):
        feather = stroke([(-0.5, 0.05), (tip_x, tip_y + k)], 0.018)
        brush.decorate(tail, feather, line)


def _head(brush: Brush, color: Color, rng: np.random.Generator) -> None:
    x, y = 0.5, -0.34 + float(rng.uniform(-0.05, 0.05))
    beak_color = hsv(rng.uniform(0.06, 0.14), rng.uniform(0.75, 0.95), rng.uniform(0.85, 1.0))
    length = float(rng.uniform(0.46, 0.56))
    upper = smooth([(x + 0.1, y - 0.12), (x + 0.3, y - 0.06), (x + length, y + 0.06),
                    (x + 0.3, y + 0.13), (x + 0.1, y + 0.16)])  # fmt: skip
    beak = brush.part("bird_beak", upper, Paint(beak_color, bevel=0.5, rim=0.5))
    slit = Paint(shaded(beak_color, 0.4), bevel=0.0, rim=0.0)
    brush.decorate(beak, stroke([(x + 0.2, y + 0.05), (x + length, y + 0.07)], 0.016), slit)
    head = brush.part("bird_head", ellipse(x, y, 0.28, 0.26), Paint(color, bevel=0.7, grain=0.1))
    cheek = Paint((1.0, 1.0, 1.0), bevel=0.0, rim=0.0, opacity=0.3)
    brush.decorate(head, ellipse(x - 0.04, y + 0.12, 0.16, 0.1), cheek)
    brush.decorate(head, ellipse(x + 0.1, y - 0.05, 0.075), Paint((0.97, 0.97, 0.95), rim=0.5))
    brush.decorate(head, ellipse(x + 0.115, y - 0.045, 0.045), Paint((0.05, 0.05, 0.06)))
    glint = Paint((1.0, 1.0, 1.0), bevel=0.0, rim=0.0)
    brush.decorate(head, ellipse(x + 0.13, y - 0.065, 0.016), glint)


def _wing(brush: Brush, color: Color, rng: np.random.Generator) -> None:
    paint = Paint(color, bevel=0.6, rim=0.55, grain=0.12)
    if rng.random() < 0.45:  # raised
        reach = float(rng.uniform(0.62, 0.74))
        outline = smooth(
            [
                (0.22, 0.08),
                (0.1, -0.25),
                (-0.18, -reach),
                (-0.5, -reach - 0.06),
                (-0.52, -reach + 0.2),
                (-0.46, -0.2),
                (-0.3, 0.06),
                (-0.02, 0.16),
            ]
        )
        tips = [(-0.44, -reach), (-0.46, -reach + 0.2), (-0.4, -0.22)]
    else:
        drop = float(rng.uniform(-0.02, 0.1))
        outline = smooth(
            [
                (0.24, 0.02),
                (0.02, -0.14),
                (-0.32, -0.08),
                (-0.7, 0.1 + drop),
                (-0.44, 0.22 + drop),
                (-0.1, 0.27),
                (0.16, 0.2),
            ]
        )
        tips = [(-0.6, 0.1 + drop), (-0.5, 0.16 + drop), (-0.3, 0.2 + drop)]
    wing = brush.part("bird_wing", outline, paint)
    _feathers(brush, wing, color, tips)


def _feathers(brush: Brush, wing: PartLayer, color: Color, tips: list[tuple[float, float]]) -> None:
    dark = Paint(shaded(color, 0.5), bevel=0.0, rim=0.0, opacity=0.8)
    light = Paint(mixed(color, (1.0, 1.0, 1.0), 0.5), bevel=0.0, rim=0.0, opacity=0.5)
    for tip in tips:
        path: Shape = stroke(along([(0.1, 0.06), (0.5 * tip[0] + 0.02, 0.55 * tip[1]), tip]), 0.02)
        brush.decorate(wing, path, dark)
    brush.decorate(wing, ellipse(0.07, 0.06, 0.13, 0.07, 0.4), light)


BIRD = ObjectKind(
    name="bird",
    part_names=("bird_body", "bird_head", "bird_beak", "bird_wing", "bird_tail"),
    size_wh=(2.1, 1.56),
    mirrors=True,
    on_ground=True,
    draw=draw_bird,
)
