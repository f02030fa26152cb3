"""A view: a crop of a photograph, perhaps mirrored, perhaps in other colours."""

import hashlib
import math
from dataclasses import asdict, dataclass

import numpy as np

SMALLEST_CROP, LARGEST_CROP = 0.55, 0.95
"""Sides of a crop, in sides of the photograph."""

_PIXELS_VERSION = 1  # raise when `view_pixels` makes other pixels of the same view
_ASPECT = 0.15  # a crop's sides differ from the photograph's shape by up to exp(0.15)
_COLOUR = 0.3  # brightness, contrast and saturation change by up to exp(0.3)


@dataclass(frozen=True)
class View:
    """What is done to a photograph, in this order: crop, mirror, brightness, contrast, saturation.

    Attributes:
        left: Left edge of the crop, in widths of the photograph, 0..1.
        top: Its top edge, in heights of the photograph.
        right: Its right edge, in widths.
        bottom: Its bottom edge, in heights.
        mirrored: Left and right are swapped.
        brightness: Factor as in `PIL.ImageEnhance`; 1 changes nothing.
        contrast: The same.
        saturation: The same.
    """

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0
    mirrored: bool = False
    brightness: float = 1.0
    contrast: float = 1.0
    saturation: float = 1.0

    def crop_xyxy(self, hw: tuple[int, int]) -> tuple[int, int, int, int]:
        """The crop in whole pixels.

        Args:
            hw: (height, width) of the photograph.

        Returns:
            x1, y1, x2, y2 in the original frame, at least one pixel wide and high.
        """
        height, width = hw
        x1 = min(int(self.left * width), width - 1)
        y1 = min(int(self.top * height), height - 1)
        x2 = max(x1 + 1, min(width, round(self.right * width)))
        y2 = max(y1 + 1, min(height, round(self.bottom * height)))
        return x1, y1, x2, y2

    def code(self) -> str:
        """Sixteen hex digits that name this view; "" for the photograph as it is."""
        if self == PLAIN:
            return ""
        text = repr([_PIXELS_VERSION, *sorted(asdict(self).items())])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


PLAIN = View()
"""The photograph as it is."""

MIRRORED = View(mirrored=True)
"""The photograph with left and right swapped."""


def view_number(number: int, photograph: str, *, may_mirror: bool) -> View:
    """One of a photograph's views; the same each time, so that its embedding is found again.

    Args:
        number: 0 is the photograph as it is. Then, if it may be mirrored, 1 is its mirror image and
            half of the crops that follow are mirrored too.
        photograph: What names the photograph's content, such as a hash.
        may_mirror: Whether the classes allow to mirror it.

    Returns:
        The view.
    """
    if number == 0:
        return PLAIN
    if number == 1 and may_mirror:
        return MIRRORED
    seed = hashlib.sha256(f"{photograph} view {number}".encode()).digest()
    return _random_crop(np.random.default_rng(list(seed)), may_mirror and number % 2 == 1)


def _random_crop(random: np.random.Generator, mirrored: bool) -> View:
    """A crop of random size, shape, place and colours."""
    side = random.uniform(SMALLEST_CROP, LARGEST_CROP)
    aspect = math.exp(random.uniform(-_ASPECT, _ASPECT))
    width, height = min(1.0, side * aspect), min(1.0, side / aspect)
    left, top = random.uniform(0, 1 - width), random.uniform(0, 1 - height)
    brightness, contrast, saturation = np.exp(random.uniform(-_COLOUR, _COLOUR, 3)).tolist()
    return View(left, top, left + width, top + height, mirrored, brightness, contrast, saturation)
