"""A fish seen from the side, facing right."""

from __future__ import annotations

import numpy as np

from wps_sam.toy.canvas import Paint, PartLayer
from wps_sam.toy.colors import Color, hsv, mixed, shaded
from wps_sam.toy.objects.kind import Brush, ObjectKind
from wps_sam.toy.shapes import arc, ellipse, join, smooth, stroke


def draw_fish(brush: Brush, rng: np.random.Generator) -> None:
    """Draw tail, three fins, body and eye."""
    hue = float(rng.random())
    coat = hsv(hue, rng.uniform(0.55, 0.9), rng.uniform(0.65, 0.95))
    if rng.random() < 0.5:
        accent = hsv(hue + rng.uniform(0.35, 0.65), rng.uniform(0.6, 0.9), rng.uniform(0.6, 0.9))
    else:
        accent = shaded(coat, 0.6)
    depth = float(rng.uniform(0.38, 0.48))
    _tail(brush, accent, rng)
    fin_paint = Paint(accent, bevel=0.5, rim=0.5, grain=0.1)
    top = smooth([(-0.36, -depth * 0.6), (-0.42, -depth - 0.2), (-0.06, -depth - 0.24),
                  (0.28, -depth + 0.04), (0.0, -depth * 0.6)])  # fmt: skip
    low = smooth([(-0.22, depth * 0.6), (-0.4, depth + 0.18), (-0.12, depth + 0.14),
                  (0.14, depth - 0.02), (0.0, depth * 0.6)])  # fmt: skip
    for outline in (top, low):
        fin = brush.part("fish_fin", outline, fin_paint)
        _rays(brush, fin, accent)
    body = _body(brush, coat, accent, depth, rng)
    side_fin = smooth([(0.26, 0.04), (0.06, 0.0), (-0.14, 0.1), (-0.12, 0.24), (0.1, 0.2)])
    brush.part("fish_fin", side_fin, Paint(shaded(accent, 1.1), bevel=0.5, rim=0.65), body)
    _face(brush, body, coat)


def _tail(brush: Brush, color: Color, rng: np.random.Generator) -> None:
    spread = float(rng.uniform(0.3, 0.42))
    outline = smooth([(-0.58, -0.08), (-0.84, -spread * 0.75), (-1.06, -spread), (-1.0, -0.1),
                      (-0.9, 0.0), (-1.0, 0.1), (-1.06, spread), (-0.84, spread * 0.75),
                      (-0.58, 0.08)])  # fmt: skip
    tail = brush.part("fish_tail", outline, Paint(color, bevel=0.5, rim=0.5, grain=0.1))
    line = Paint(shaded(color, 0.55), bevel=0.0, rim=0.0, opacity=0.6)
    for y in (-0.7, -0.35, 0.35, 0.7):
        brush.decorate(tail, stroke([(-0.66, 0.1 * y), (-1.0, spread * y)], 0.016), line)


def _rays(brush: Brush, fin: PartLayer, color: Color) -> None:
    line = Paint(shaded(color, 0.55), bevel=0.0, rim=0.0, opacity=0.6)
    for x in (-0.28, -0.14, 0.0):
        brush.decorate(fin, stroke([(x + 0.06, -0.3), (x - 0.06, -0.75)], 0.014), line)
        brush.decorate(fin, stroke([(x + 0.06, 0.3), (x - 0.06, 0.75)], 0.014), line)


def _body(
    brush: Brush, coat: Color, accent: Color, depth: float, rng: np.random.Generator
) -> PartLayer:
    outline = smooth([(0.92, 0.02), (0.62, -depth * 0.72), (0.12, -depth), (-0.38, -depth * 0.66),
                      (-0.72, -0.1), (-0.72, 0.1), (-0.38, depth * 0.66), (0.12, depth),
                      (0.62, depth * 0.74)])  # fmt: skip
    body = brush.part("fish_body", outline, Paint(coat, bevel=0.75, grain=0.08))
    belly = Paint(mixed(coat, (1.0, 1.0, 0.95), 0.7), bevel=0.0, rim=0.0, opacity=0.7)
    brush.decorate(body, ellipse(0.1, depth * 0.95, 0.6, depth * 0.42), belly)
    if rng.random() < 0.5:
        band = Paint(accent, bevel=0.0, rim=0.0, opacity=0.75)
        for x in (-0.42, -0.12, 0.2):
            brush.decorate(body, stroke(arc(x - 0.5, 0.0, 0.6, -0.9, 0.9), 0.09), band)
    else:
        scale = Paint(shaded(coat, 0.6), bevel=0.0, rim=0.0, opacity=0.55)
        rows = [(x, y) for k, y in enumerate((-0.24, -0.1, 0.04, 0.18))
                for x in np.arange(-0.5 + 0.07 * (k % 2), 0.34, 0.15)]  # fmt: skip
        scales = [stroke(arc(x, y, 0.075, -1.3, 1.3), 0.014) for x, y in rows]
        brush.decorate(body, join(*scales), scale)
    return body


def _face(brush: Brush, body: PartLayer, coat: Color) -> None:
    dark = Paint(shaded(coat, 0.4), bevel=0.0, rim=0.0, opacity=0.8)
    brush.decorate(body, stroke(arc(0.2, 0.0, 0.24, -1.1, 1.1), 0.022), dark)
    brush.decorate(body, stroke(arc(0.84, 0.06, 0.1, 1.4, 2.9), 0.025), dark)
    eye = brush.part(
        "fish_eye",
        ellipse(0.6, -0.1, 0.115),
        Paint((0.97, 0.97, 0.93), bevel=0.4, rim=0.8),
        body,
    )
    brush.decorate(eye, ellipse(0.62, -0.1, 0.062), Paint((0.05, 0.06, 0.08), bevel=0.2))
    glint = Paint((1.0, 1.0, 1.0), bevel=0.0, rim=0.0)
    brush.decorate(eye, ellipse(0.64, -0.13, 0.022), glint)


FISH = ObjectKind(
    name="fish",
    part_names=("fish_body", "fish_tail", "fish_fin", "fish_eye"),
    size_wh=(2.0, 1.4),
    mirrors=True,
    on_ground=False,
    draw=draw_fish,
)
