"""An image, however it is given, as the pixels that SAM is given."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wps_sam.errors import DataError
from wps_sam.images.reading import read_image
from wps_sam.inference.interface import ImageInput


def as_pixels(image: ImageInput, index: int) -> NDArray[np.uint8]:
    """Bring an input to the pixels that SAM is given.

    Args:
        image: A file, a Pillow image or an array.
        index: Its place among the inputs of a call, for messages.

    Returns:
        (H, W, 3) uint8 RGB; of a file, after its EXIF orientation.

    Raises:
        DataError: It cannot be read, or is something else.
    """
    if isinstance(image, str | Path):
        return read_image(image)
    if isinstance(image, Image.Image):
        return _from_pillow(image, index)
    if not isinstance(image, np.ndarray):
        raise DataError(
            f"Image {index} is a {type(image).__name__}; expected a path, a Pillow image or an "
            "array (H, W, 3) uint8 RGB."
        )
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise DataError(
            f"Image {index} is an array of shape {image.shape} and dtype {image.dtype}; expected "
            "(H, W, 3) uint8 RGB with at least one pixel. Channels come last, values from 0 to 255."
        )
    return np.ascontiguousarray(image)


def _from_pillow(image: Image.Image, index: int) -> NDArray[np.uint8]:
    """Convert a Pillow image as it lies in memory, transparent pixels on white."""
    if image.mode == "F" or image.mode.startswith("I"):
        raise DataError(
            f"Image {index} is a Pillow image of mode {image.mode}, which has more than 8 bits; "
            "give its path instead, so that its range is known, or convert it to RGB."
        )
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return np.array(image.convert("RGB"))
