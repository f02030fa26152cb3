"""One colour for each class, the same in every picture of a report."""

import math

import numpy as np

_GOLDEN_ANGLE = 2 * math.pi * 0.618033988749895
_FIRST_HUE = 4.6
# Lightness and chroma of OKLCH take turns, so that classes with similar hues still differ.
_LIGHTNESS = (0.62, 0.78, 0.50)
_CHROMA = (0.17, 0.13, 0.14)

# Björn Ottosson's OKLab: from lightness and two colour axes to cone responses, and from their cubes
# to linear sRGB.
_OKLAB_TO_CONES = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
_CONES_TO_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def class_colors(num_classes: int) -> list[str]:
    """Pick colours that stay apart for any number of classes.

    Consecutive classes are a golden-ratio turn of the hue circle apart, so that no two of the first
    few dozen share a hue. OKLCH keeps all of them about equally strong to the eye.

    Args:
        num_classes: C.

    Returns:
        C colours as `#rrggbb`.
    """
    return [
        _oklch_to_hex(_LIGHTNESS[i % 3], _CHROMA[i % 3], _FIRST_HUE + i * _GOLDEN_ANGLE)
        for i in range(num_classes)
    ]


def _oklch_to_hex(lightness: float, chroma: float, hue: float) -> str:
    """Convert an OKLCH colour (hue in radians) to sRGB; what sRGB lacks is clipped."""
    lab = np.array([lightness, chroma * math.cos(hue), chroma * math.sin(hue)])
    linear = np.clip(_CONES_TO_RGB @ (_OKLAB_TO_CONES @ lab) ** 3, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in encoded)
