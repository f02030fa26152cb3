"""Write a prediction as pictures: the label map and the overlay."""

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

from wps_sam.files import write_atomically
from wps_sam.images.palette import class_colors
from wps_sam.inference.drawing import draw_overlay
from wps_sam.inference.prediction import PartPrediction

_MOST_PALETTE_CLASSES = 255
_JPEG_QUALITY = 90


def save_semantic(prediction: PartPrediction, path: Path) -> Path:
    """Write the label map as PNG: pixel 0 is background and k is class k - 1.

    Up to 255 classes it is an indexed PNG whose palette shows the classes' colours; beyond, a
    16-bit grey one, which has no palette.

    Args:
        prediction: Parts of one image.
        path: The file to write; its folder is made.

    Returns:
        The path.
    """
    picture = Image.fromarray(prediction.semantic)
    num_classes = len(prediction.class_names)
    if num_classes <= _MOST_PALETTE_CLASSES:
        picture.putpalette([0, 0, 0, *_palette(num_classes)])
    return _save(picture, path, "PNG")


def save_overlay(prediction: PartPrediction, image: NDArray[np.uint8], path: Path) -> Path:
    """Write the overlay as JPEG.

    Args:
        prediction: Parts of one image.
        image: (H, W, 3) uint8 RGB, original frame.
        path: The file to write; its folder is made.

    Returns:
        The path.

    Raises:
        DataError: The image has another size than the masks.
    """
    picture = Image.fromarray(draw_overlay(image, prediction))
    return _save(picture, path, "JPEG", quality=_JPEG_QUALITY)


def _palette(num_classes: int) -> list[int]:
    """Red, green and blue of each class, one after the other."""
    return [channel for color in class_colors(num_classes) for channel in _rgb(color)]


def _rgb(color: str) -> tuple[int, ...]:
    """(red, green, blue) of a `#rrggbb` colour."""
    return ImageColor.getrgb(color)[:3]


def _save(picture: Image.Image, path: Path, kind: str, **options: int) -> Path:
    """Encode in memory, then write at once or not at all."""
    buffer = BytesIO()
    picture.save(buffer, kind, **options)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, buffer.getvalue())
    return path
