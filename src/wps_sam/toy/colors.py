"""Colours and noise of the toy pictures."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FloatArray = NDArray[np.float32]
Color = tuple[float, float, float]


def hsv(hue: float, saturation: float, value: float) -> Color:
    """Return an RGB colour in [0, 1]; hue wraps round, the others are clipped."""
    s, v = (min(1.0, max(0.0, float(x))) for x in (saturation, value))
    return colorsys.hsv_to_rgb(float(hue) % 1.0, s, v)


def shaded(color: Color, factor: float) -> Color:
    """Return the colour made darker (factor < 1) or brighter (factor > 1)."""
    red, green, blue = (min(1.0, channel * factor) for channel in color)
    return red, green, blue


def mixed(a: Color, b: Color, share: float) -> Color:
    """Return the colour that lies `share` of the way from `a` to `b`."""
    red, green, blue = (p + share * (q - p) for p, q in zip(a, b, strict=True))
    return red, green, blue


def jitter(rng: np.random.Generator, color: Color, amount: float = 0.06) -> Color:
    """Return the colour with each channel moved by up to `amount`."""
    red, green, blue = (
        float(np.clip(channel + rng.uniform(-amount, amount), 0.0, 1.0)) for channel in color
    )
    return red, green, blue


def noise_field(
    rng: np.random.Generator,
    hw: tuple[int, int],
    cells: int,
    octaves: int,
    squash: float = 1.0,
) -> FloatArray:
    """Return smooth noise (H, W) float32, about zero mean and within [-1, 1].

    Args:
        rng: Source of chance.
        hw: Picture size.
        cells: Bumps across the width in the coarsest octave; each octave doubles it.
        octaves: Number of octaves; each has half the strength of the one before.
        squash: How many times wider than high a bump is.
    """
    height, width = hw
    total = np.zeros(hw, dtype=np.float32)
    weight, weights = 1.0, 0.0
    for octave in range(octaves):
        columns = min(width, cells * 2**octave + 1)
        rows = min(height, max(2, round(squash * columns * height / width)))
        grid = rng.uniform(-1.0, 1.0, size=(rows, columns)).astype(np.float32)
        image = Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC)
        total += np.float32(weight) * np.asarray(image, dtype=np.float32)
        weights += weight
        weight *= 0.5
    noise: FloatArray = np.clip(total * np.float32(1.4 / weights), -1.0, 1.0)
    return noise


def vertical_gradient(top: Color, bottom: Color, hw: tuple[int, int]) -> FloatArray:
    """Return a picture (H, W, 3) that fades from `top` to `bottom`."""
    share = np.linspace(0.0, 1.0, hw[0], dtype=np.float32)[:, None, None]
    rows = np.asarray(top, dtype=np.float32) * (1 - share) + share * np.asarray(
        bottom, dtype=np.float32
    )
    return np.broadcast_to(rows, (*hw, 3)).astype(np.float32)
