"""Puts a background and one to three objects into a picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy import ndimage

from wps_sam.toy.backgrounds import PLACES, Place
from wps_sam.toy.canvas import Canvas, PartLayer
from wps_sam.toy.colors import FloatArray, noise_field
from wps_sam.toy.objects import OBJECT_KINDS, Brush, ObjectKind
from wps_sam.toy.shapes import Pose

MIN_PART_AREA = 40
"""Visible pixels a part needs to be labelled."""
MIN_PIECE_AREA = 20
MIN_PIECE_SHARE = 0.05
"""Where occlusion cuts a part into pieces, smaller pieces (either bound) are left out."""

OBJECT_COUNT_ODDS = (0.42, 0.36, 0.22)
# Largest width and height of an object, as a share of the picture, by the number of objects.
SIZE_RANGE = {1: (0.58, 0.82), 2: (0.42, 0.58), 3: (0.34, 0.46)}
HEIGHT_LIMIT = {1: 0.86, 2: 0.72, 3: 0.6}
BoolMask = NDArray[np.bool_]


@dataclass(frozen=True)
class ScenePart:
    """One labelled part.

    Attributes:
        name: Class name.
        object_index: Number of the object in the scene, in painting order.
        mask: (H, W) bool, what can be seen of the part.
    """

    name: str
    object_index: int
    mask: BoolMask


@dataclass(frozen=True)
class Scene:
    """A finished picture with its truth.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        parts: Labelled parts in painting order; a nested part comes after its parent.
        objects: Kind of each object, in painting order.
        hidden: Parts left out because nothing of them can be seen.
        tiny: Parts left out because fewer than `MIN_PART_AREA` pixels can be seen.
    """

    image: NDArray[np.uint8]
    parts: tuple[ScenePart, ...]
    objects: tuple[str, ...]
    hidden: int
    tiny: int


@dataclass(frozen=True)
class Placement:
    """An object kind and where it goes."""

    kind: ObjectKind
    pose: Pose

    def box_xyxy(self) -> tuple[float, float, float, float]:
        """Return the box of the object's nominal size in picture pixels."""
        (x, y), (w, h) = self.pose.center_xy, self.kind.size_wh
        half_w, half_h = w * self.pose.scale / 2, h * self.pose.scale / 2
        return x - half_w, y - half_h, x + half_w, y + half_h


def draw_scene(rng: np.random.Generator, hw: tuple[int, int]) -> Scene:
    """Draw one picture of `hw` pixels; everything in it follows from `rng`."""
    canvas = Canvas.blank(hw, rng)
    place = PLACES[int(rng.choice(len(PLACES), p=[place.weight for place in PLACES]))]
    horizon = place.paint(canvas, rng)
    _defocus(canvas, float(rng.uniform(0.6, 1.6)))
    placements = place_objects(rng, hw, place, horizon)
    for index, placement in enumerate(placements):
        placement.kind.draw(Brush(canvas, placement.pose, index), rng)
    parts, hidden, tiny = visible_parts(canvas.layers)
    return Scene(
        image=_developed(canvas, rng),
        parts=parts,
        objects=tuple(placement.kind.name for placement in placements),
        hidden=hidden,
        tiny=tiny,
    )


def place_objects(
    rng: np.random.Generator, hw: tuple[int, int], place: Place, horizon: float
) -> list[Placement]:
    """Choose one to three objects and their poses, farthest (highest foot) first."""
    count = 1 + int(rng.choice(3, p=OBJECT_COUNT_ODDS))
    names = list(place.kinds)
    odds = np.array([place.kinds[name] for name in names])
    kinds = {kind.name: kind for kind in OBJECT_KINDS}
    touching = bool(rng.random() < 0.4)
    placements: list[Placement] = []
    for _ in range(count):
        kind = kinds[names[int(rng.choice(len(names), p=odds / odds.sum()))]]
        tries = [_placement(rng, hw, kind, count, horizon) for _ in range(14)]
        overlaps = [max([0.0, *(_overlap(t, p) for p in placements)]) for t in tries]
        least, most = (0.04, 0.3) if touching and placements else (0.0, 0.04)
        fitting = [k for k, overlap in enumerate(overlaps) if least <= overlap <= most]
        best = fitting[0] if fitting else int(np.argmin(overlaps))
        # Better one object less than one that is buried under another.
        if overlaps[best] <= 0.45:
            placements.append(tries[best])
    return sorted(placements, key=lambda placement: placement.box_xyxy()[3])


def _placement(
    rng: np.random.Generator,
    hw: tuple[int, int],
    kind: ObjectKind,
    count: int,
    horizon: float,
) -> Placement:
    h, w = hw
    wide, high = kind.size_wh
    share = float(rng.uniform(*SIZE_RANGE[count]))
    scale = min(share * w / wide, HEIGHT_LIMIT[count] * share / SIZE_RANGE[count][1] * h / high)
    # Up to a twentieth of the object may leave the picture at the sides.
    margin = 0.45 * wide * scale
    x = float(rng.uniform(min(margin, w / 2), max(w - margin, w / 2)))
    half = high * scale / 2
    if kind.on_ground:
        low, most = max(2 * half / h + 0.01, horizon + 0.08), 0.985
        y = float(rng.uniform(min(low, most), most)) * h - half
    else:
        y = float(rng.uniform(min(half, h / 2), max(h - 1.1 * half, h / 2)))
    tilt = np.deg2rad(4.0 if kind.on_ground else 16.0)
    mirror = kind.mirrors and bool(rng.random() < 0.5)
    return Placement(kind, Pose(scale, (x, y), float(rng.uniform(-tilt, tilt)), mirror))


def _overlap(a: Placement, b: Placement) -> float:
    """Shared area over the smaller box."""
    ax0, ay0, ax1, ay1 = a.box_xyxy()
    bx0, by0, bx1, by1 = b.box_xyxy()
    shared = max(0.0, min(ax1, bx1) - max(ax0, bx0)) * max(0.0, min(ay1, by1) - max(ay0, by0))
    return shared / min((ax1 - ax0) * (ay1 - ay0), (bx1 - bx0) * (by1 - by0))


def visible_parts(layers: list[PartLayer]) -> tuple[tuple[ScenePart, ...], int, int]:
    """Turn finished layers into labels.

    Returns:
        The parts worth a label, how many were wholly hidden, how many were too small.
    """
    masks = [without_slivers(layer.mask()) for layer in layers]
    for layer, mask in reversed(list(zip(layers, masks, strict=True))):
        for parent in layer.lineage()[1:]:
            # A piece kept for the child must not be missing in the parent.
            masks[next(k for k, other in enumerate(layers) if other is parent)] |= mask
    parts, hidden, tiny = [], 0, 0
    for layer, mask in zip(layers, masks, strict=True):
        area = int(mask.sum())
        if area == 0:
            hidden += 1
        elif area < MIN_PART_AREA:
            tiny += 1
        else:
            parts.append(ScenePart(layer.name, layer.object_index, mask))
    return tuple(parts), hidden, tiny


def without_slivers(mask: BoolMask) -> BoolMask:
    """Return the mask (H, W) without the crumbs that occlusion leaves behind."""
    area = int(mask.sum())
    if area == 0:
        return mask
    window = ndimage.find_objects(mask.astype(np.uint8))[0]
    pieces, count = ndimage.label(mask[window], structure=np.ones((3, 3)))
    if count == 1:
        return mask
    sizes = np.bincount(pieces.ravel())
    keep = sizes >= max(MIN_PIECE_AREA, MIN_PIECE_SHARE * area)
    keep[0] = False
    cleaned = np.zeros_like(mask)
    cleaned[window] = keep[pieces]
    return cleaned


def _defocus(canvas: Canvas, radius: float) -> None:
    image = Image.fromarray(_to_bytes(canvas.pixels))
    radius *= canvas.hw[1] / 512
    soft = np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), dtype=np.float32)
    canvas.pixels[:] = soft / np.float32(255.0)


def _developed(canvas: Canvas, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Add what a camera adds: exposure, darker corners, sensor noise."""
    h, w = canvas.hw
    y = np.linspace(-1, 1, h, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, w, dtype=np.float32)[None, :]
    corners = 1.0 - np.float32(rng.uniform(0.04, 0.16)) * (x * x + y * y) / 2
    light = 1.0 + 0.06 * noise_field(rng, (h, w), cells=2, octaves=1)
    picture = canvas.pixels * (np.float32(rng.uniform(0.94, 1.08)) * corners * light)[..., None]
    noise = rng.standard_normal((h, w), dtype=np.float32) * np.float32(rng.uniform(0.004, 0.014))
    return _to_bytes(picture + noise[..., None])


def _to_bytes(pixels: FloatArray) -> NDArray[np.uint8]:
    return (np.clip(pixels, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
