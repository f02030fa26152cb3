"""A robot that faces the viewer.

Left and right are the robot's own: its left arm is on the right of the picture. It always shows its
face, so the picture decides the side; it is never mirrored, its two sides are posed apart instead.
"""

from __future__ import annotations

import numpy as np

from wps_sam.toy.canvas import Paint, PartLayer
from wps_sam.toy.colors import Color, hsv, mixed, shaded
from wps_sam.toy.objects.kind import Brush, ObjectKind
from wps_sam.toy.shapes import (
    Points,
    arc,
    box,
    ellipse,
    join,
    polygon,
    ring,
    rounded,
    stroke,
)

# The robot's own side, and where it lies in the picture: it looks at us, so its left is our right.
SIDES = (("right", -1.0), ("left", 1.0))


def draw_robot(brush: Brush, rng: np.random.Generator) -> None:
    """Draw base, arms, body, head and eyes."""
    hue = float(rng.random())
    metal = hsv(hue, rng.uniform(0.2, 0.75), rng.uniform(0.55, 0.9))
    accent = hsv(hue + rng.uniform(0.3, 0.7), rng.uniform(0.5, 0.9), rng.uniform(0.6, 0.95))
    brush.shadow(ellipse(0.0, 1.12, 0.66, 0.07), 0.06, 0.5)
    _base(brush, shaded(accent, 0.55), rng)
    _body(brush, metal, accent, rng)
    for side, sign in SIDES:
        _arm(brush, f"{side}_arm", sign, accent, rng)
    _head(brush, mixed(metal, (1.0, 1.0, 1.0), 0.25), accent, rng)


def _base(brush: Brush, color: Color, rng: np.random.Generator) -> None:
    if rng.random() < 0.5:  # caterpillar tracks
        base = brush.part("robot_base", box(-0.56, 0.74, 0.56, 1.12, 0.19), Paint(color, bevel=0.6))
        brush.decorate(base, box(-0.48, 0.81, 0.48, 1.05, 0.12), Paint(shaded(color, 0.5)))
        for x in (-0.35, -0.12, 0.12, 0.35):
            brush.decorate(base, ellipse(x, 0.93, 0.1), Paint((0.66, 0.67, 0.7), rim=0.6))
            brush.decorate(base, ellipse(x, 0.93, 0.035), Paint((0.2, 0.2, 0.22)))
        return
    skirt = rounded([(-0.34, 0.66), (0.34, 0.66), (0.56, 1.12), (-0.56, 1.12)], 0.1)
    base = brush.part("robot_base", skirt, Paint(color, bevel=0.6))
    light = Paint(mixed(color, (1.0, 1.0, 1.0), 0.35), bevel=0.3, rim=0.3)
    for x in (-0.32, 0.0, 0.32):
        brush.decorate(base, stroke([(0.6 * x, 0.72), (x, 1.08)], 0.06), light)


def _body(brush: Brush, color: Color, accent: Color, rng: np.random.Generator) -> None:
    top = float(rng.uniform(0.4, 0.5))
    neck = Paint((0.35, 0.36, 0.38), bevel=0.5)
    brush.unlabelled(box(-0.12, -0.42, 0.12, -0.1), neck)
    outline = rounded([(-top, -0.22), (top, -0.22), (0.44, 0.78), (-0.44, 0.78)], 0.14)
    body = brush.part("robot_body", outline, Paint(color, bevel=0.7))
    brush.decorate(body, box(-0.26, -0.04, 0.26, 0.3, 0.06), Paint(shaded(color, 0.6), rim=0.6))
    screen = Paint((0.12, 0.2, 0.24), bevel=0.2, rim=0.5)
    brush.decorate(body, box(-0.2, 0.0, 0.2, 0.16, 0.03), screen)
    wave: Points = np.array(
        [(x, 0.08 + 0.05 * np.sin(30 * x)) for x in np.linspace(-0.16, 0.16, 9)]
    )
    brush.decorate(body, stroke(wave, 0.02), Paint((0.4, 0.95, 0.6), bevel=0.0, rim=0.0))
    for x in (-0.15, 0.0, 0.15):
        brush.decorate(body, ellipse(x, 0.23, 0.04), Paint(hsv(rng.random(), 0.7, 0.95)))
    brush.decorate(body, box(-0.4, 0.46, 0.4, 0.56), Paint(accent, bevel=0.2, rim=0.3))
    bolt = Paint((0.75, 0.76, 0.78), rim=0.6)
    for x, y in ((-0.34, -0.12), (0.34, -0.12), (-0.34, 0.66), (0.34, 0.66)):
        brush.decorate(body, ellipse(x, y, 0.035), bolt)


def _arm(brush: Brush, name: str, sign: float, color: Color, rng: np.random.Generator) -> None:
    x, y = sign * 0.52, -0.06
    upper, lower = np.deg2rad(rng.uniform(15, 75)), np.deg2rad(rng.uniform(-10, 150))
    elbow_x, elbow_y = x + 0.4 * sign * np.sin(upper), y + 0.4 * np.cos(upper)
    # The forearm leans outwards only, so an arm stays on its own side of the body.
    forearm_x, forearm_y = 0.22 * sign * abs(np.sin(lower)), 0.36 * np.cos(lower)
    hand_x, hand_y = elbow_x + forearm_x, elbow_y + forearm_y
    limb = stroke([(x, y), (elbow_x, elbow_y), (hand_x, hand_y)], 0.17)
    arm = brush.part(name, limb, Paint(color, bevel=0.7, rim=0.5))
    reach = float(np.arctan2(forearm_y, forearm_x))
    steel = Paint((0.7, 0.71, 0.74), bevel=0.6, rim=0.5)
    grip_x, grip_y = hand_x + 0.1 * np.cos(reach), hand_y + 0.1 * np.sin(reach)
    claw = stroke(arc(grip_x, grip_y, 0.11, reach + 0.7, reach + 2 * np.pi - 0.7), 0.075)
    brush.extend(arm, claw, steel)
    brush.extend(arm, ellipse(x, y, 0.14), Paint(shaded(color, 0.8), bevel=0.6, rim=0.6))
    brush.decorate(arm, ellipse(elbow_x, elbow_y, 0.065), steel)
    brush.decorate(arm, ellipse(x, y, 0.05), steel)


def _head(brush: Brush, color: Color, accent: Color, rng: np.random.Generator) -> None:
    x, y = float(rng.uniform(-0.06, 0.06)), -0.68
    aerial = Paint((0.5, 0.51, 0.54), bevel=0.4)
    brush.unlabelled(stroke([(x, y - 0.25), (x, y - 0.44)], 0.035), aerial)
    brush.unlabelled(ellipse(x, y - 0.46, 0.06), Paint(accent, bevel=0.6))
    half = float(rng.uniform(0.42, 0.5))
    radius = float(rng.choice([0.08, 0.2]))
    head = brush.part(
        "robot_head",
        box(x - half, y - 0.31, x + half, y + 0.31, radius),
        Paint(color, bevel=0.7),
    )
    glow = hsv(rng.random(), rng.uniform(0.25, 0.7), 1.0)
    for side, sign in SIDES:
        _eye(brush, f"{side}_eye", x + sign * 0.5 * half, y - 0.05, glow, head)
    mouth = box(x - 0.2, y + 0.15, x + 0.2, y + 0.24, 0.04)
    brush.decorate(head, mouth, Paint((0.16, 0.17, 0.19), rim=0.3))
    teeth = [polygon([(x + k, y + 0.15), (x + k + 0.02, y + 0.15), (x + k + 0.02, y + 0.24),
                      (x + k, y + 0.24)]) for k in (-0.13, -0.05, 0.03, 0.11)]  # fmt: skip
    brush.decorate(head, join(*teeth), Paint((0.8, 0.82, 0.85), bevel=0.0, rim=0.0))


def _eye(brush: Brush, name: str, x: float, y: float, glow: Color, head: PartLayer) -> None:
    eye = brush.part(name, ellipse(x, y, 0.15), Paint((0.18, 0.19, 0.22), bevel=0.4), head)
    brush.decorate(eye, ellipse(x, y, 0.11), Paint(glow, bevel=0.3, rim=0.3, grain=0.0))
    brush.decorate(eye, ring(x, y, 0.075, 0.055), Paint(shaded(glow, 0.6), bevel=0.0, rim=0.0))
    brush.decorate(eye, ellipse(x, y, 0.04), Paint((0.05, 0.06, 0.09), bevel=0.0, rim=0.0))
    glint = Paint((1.0, 1.0, 1.0), bevel=0.0, rim=0.0)
    brush.decorate(eye, ellipse(x + 0.04, y - 0.05, 0.025), glint)


ROBOT = ObjectKind(
    name="robot",
    part_names=(
        "robot_head", "robot_body", "robot_base", "left_eye", "right_eye", "left_arm", "right_arm",
    ),
    size_wh=(2.0, 2.4),
    mirrors=False,
    on_ground=True,
    draw=draw_robot,
)  # fmt: skip
