"""Write a prediction as pictures: the label map and the overlay."""

from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wps_sam.files import write_atomically
from wps_sam.inference.drawing import draw_overlay
from wps_sam.inference.prediction import PartPrediction
from wps_sam.writing.label_map import encode_label_map

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
    content = encode_label_map(prediction.semantic, len(prediction.class_names))
    return _save(content, path)


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
    buffer = BytesIO()
    Image.fromarray(draw_overlay(image, prediction)).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return _save(buffer.getvalue(), path)


def _save(content: bytes, path: Path) -> Path:
    """Write at once or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)
    return path
