"""Anti-aliased painting that keeps an exact mask of every part while it paints.

Each shape is rasterised at `SUPERSAMPLING` times the resolution inside its own bounding box and
averaged down, which gives the share of each pixel it covers. Colours are blended with that share,
and the same share is added to the part's mask layer and taken from the layers that lie behind.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from wps_sam.toy.colors import Color, FloatArray, noise_field
from wps_sam.toy.shapes import Points, Shape

SUPERSAMPLING = 4
COVERED = 0.5

Window = tuple[slice, slice]


@dataclass(frozen=True)
class Paint:
    """How a surface looks.

    Attributes:
        color: Base colour.
        bevel: Strength of the light and dark sides that make a surface look round.
        rim: Darkness of the thin outline inside the edge; it sets a part off from its neighbours.
        grain: Strength of the texture noise.
        fade: Brightness lost from the top to the bottom of the shape.
        opacity: 1 paints over, less lets the picture behind show through.
    """

    color: Color
    bevel: float = 0.5
    rim: float = 0.45
    grain: float = 0.08
    fade: float = 0.18
    opacity: float = 1.0


@dataclass(eq=False)
class PartLayer:
    """The growing mask of one part.

    Attributes:
        name: Class name.
        object_index: Number of the object in the picture.
        inside: The part this one is nested in; its mask keeps the pixels of this one.
        coverage: (H, W) float32 in [0, 1], visible share of each pixel.
        seen: Window around everything painted so far, or None.
    """

    name: str
    object_index: int
    inside: PartLayer | None
    coverage: FloatArray
    seen: Window | None = None

    def lineage(self) -> list[PartLayer]:
        """Return this part and the parts it is nested in, innermost first."""
        layers, layer = [], self
        while True:
            layers.append(layer)
            if layer.inside is None:
                return layers
            layer = layer.inside

    def mask(self) -> NDArray[np.bool_]:
        """Return the visible mask (H, W): pixels covered by half or more."""
        return self.coverage >= COVERED


@dataclass(eq=False)
class Canvas:
    """A picture (H, W, 3) float32 in [0, 1] with one mask layer per part."""

    pixels: FloatArray
    noise: FloatArray
    light_x: float
    layers: list[PartLayer] = field(default_factory=list)

    @classmethod
    def blank(cls, hw: tuple[int, int], rng: np.random.Generator) -> Canvas:
        """Return a white canvas; the light comes from above, a little left or right."""
        return cls(
            pixels=np.ones((*hw, 3), dtype=np.float32),
            noise=noise_field(rng, hw, cells=24, octaves=3),
            light_x=float(rng.choice([-0.7, 0.7])),
        )

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def add_layer(self, name: str, object_index: int, inside: PartLayer | None) -> PartLayer:
        """Start the mask of a new part."""
        layer = PartLayer(name, object_index, inside, np.zeros(self.hw, dtype=np.float32))
        self.layers.append(layer)
        return layer

    def paint(self, shape: Shape, paint: Paint, layer: PartLayer | None = None) -> None:
        """Paint a solid shape: it hides what lies behind, and belongs to `layer` if given."""
        found = rasterise(shape, self.hw)
        if found is None:
            return
        window, coverage = found
        self._blend(window, coverage, paint)
        family = layer.lineage() if layer is not None else []
        for other in self.layers:
            if other not in family and other.seen is not None and _overlap(other.seen, window):
                other.coverage[window] *= 1.0 - coverage
        for member in family:
            region = member.coverage[window]
            np.copyto(region, region + coverage - region * coverage)
            member.seen = window if member.seen is None else _union(member.seen, window)

    def decorate(self, shape: Shape, paint: Paint, layer: PartLayer) -> None:
        """Paint on the visible surface of a part without changing any mask."""
        found = rasterise(shape, self.hw)
        if found is None:
            return
        window, coverage = found
        self._blend(window, coverage * layer.coverage[window], paint)

    def shadow(self, shape: Shape, blur: float, opacity: float) -> None:
        """Darken the picture softly under a shape; masks stay as they are."""
        found = rasterise(shape, self.hw, margin=int(2.5 * blur) + 1)
        if found is None:
            return
        window, coverage = found
        soft = opacity * blurred(coverage, blur)
        self.pixels[window] *= 1.0 - soft[..., None]

    def _blend(self, window: Window, coverage: FloatArray, paint: Paint) -> None:
        surface = self._surface(window, coverage, paint)
        alpha = (coverage * paint.opacity)[..., None]
        region = self.pixels[window]
        region += alpha * (surface - region)

    def _surface(self, window: Window, coverage: FloatArray, paint: Paint) -> FloatArray:
        height, width = coverage.shape
        tone = paint.fade * np.linspace(0.5, -0.5, height, dtype=np.float32)[:, None]
        tone = tone + paint.grain * self.noise[window]
        if paint.bevel > 0:
            radius = float(np.clip(0.16 * min(height, width), 1.0, 12.0))
            tone = tone + paint.bevel * _relief(blurred(coverage, radius), radius, self.light_x)
        if paint.rim > 0:
            edge = np.clip((0.97 - blurred(coverage, 1.3)) / 0.45, 0.0, 1.0)
            tone = tone - paint.rim * edge
        base = np.asarray(paint.color, dtype=np.float32)
        tone = tone[..., None]
        # Light moves a colour towards white, shade towards black: hue is kept in both.
        lit = np.where(tone > 0, base + tone * (1.0 - base), base * (1.0 + tone))
        return np.clip(lit, 0.0, 1.0).astype(np.float32)


def rasterise(
    shape: Shape, hw: tuple[int, int], margin: int = 3
) -> tuple[Window, FloatArray] | None:
    """Return the window a shape touches and the covered share (h, w) of each of its pixels.

    Args:
        shape: Shape in picture pixels; pixel (0, 0) spans [0, 1) x [0, 1).
        hw: Picture size.
        margin: Empty pixels kept around the shape where the picture allows.

    Returns:
        None when the shape lies wholly outside the picture.
    """
    x0, y0, x1, y1 = shape.bounds()
    left, top = max(0, int(np.floor(x0)) - margin), max(0, int(np.floor(y0)) - margin)
    right = min(hw[1], int(np.ceil(x1)) + margin)
    bottom = min(hw[0], int(np.ceil(y1)) + margin)
    if left >= right or top >= bottom:
        return None
    size = ((right - left) * SUPERSAMPLING, (bottom - top) * SUPERSAMPLING)
    image = Image.new("L", size, 0)
    draw = ImageDraw.Draw(image)
    offset = np.array([left, top], dtype=np.float64)
    for points in shape.polygons:
        draw.polygon(_flat(points, offset), fill=255)
    for path, width in shape.strokes:
        _draw_stroke(draw, path, width, offset)
    for points in shape.holes:
        draw.polygon(_flat(points, offset), fill=0)
    small = np.asarray(image.reduce(SUPERSAMPLING), dtype=np.float32)
    return (slice(top, bottom), slice(left, right)), small / np.float32(255.0)


def blurred(coverage: FloatArray, radius: float) -> FloatArray:
    """Return coverage (h, w) softened by a Gaussian of `radius` pixels."""
    image = Image.fromarray((coverage * 255.0 + 0.5).astype(np.uint8))
    soft = np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), dtype=np.float32)
    return soft / np.float32(255.0)


def _relief(height_map: FloatArray, radius: float, light_x: float) -> FloatArray:
    step = max(1, round(radius))
    sideways = round(step * abs(light_x)) * (1 if light_x > 0 else -1)
    h, w = height_map.shape
    padded = np.pad(height_map, step, mode="edge")
    towards = padded[0:h, step + sideways : step + sideways + w]
    away = padded[2 * step : 2 * step + h, step - sideways : step - sideways + w]
    return away - towards


def _draw_stroke(draw: ImageDraw.ImageDraw, path: Points, width: float, offset: Points) -> None:
    line = _flat(path, offset)
    thick = max(1.0, width * SUPERSAMPLING)
    draw.line(line, fill=255, width=round(thick))
    for x, y in line:
        draw.ellipse((x - thick / 2, y - thick / 2, x + thick / 2, y + thick / 2), fill=255)


def _flat(points: Points, offset: Points) -> list[tuple[float, float]]:
    # Pillow counts positions from pixel centres, we count from pixel corners.
    moved = (points - offset) * SUPERSAMPLING - 0.5
    return [(float(x), float(y)) for x, y in moved]


def _overlap(a: Window, b: Window) -> bool:
    return all(p.start < q.stop and q.start < p.stop for p, q in zip(a, b, strict=True))


def _union(a: Window, b: Window) -> Window:
    rows, columns = (
        slice(min(p.start, q.start), max(p.stop, q.stop)) for p, q in zip(a, b, strict=True)
    )
    return rows, columns
