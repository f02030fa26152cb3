"""From an image array to the pixels SAM's encoder reads."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from wps_sam.errors import DataError
from wps_sam.geometry.frames import SamFrame

# SAM's pixel statistics (those of ImageNet), RGB, on the 0..255 scale.
PIXEL_MEAN_RGB = (123.675, 116.28, 103.53)
PIXEL_STD_RGB = (58.395, 57.12, 57.375)

_CPU = torch.device("cpu")


def preprocess_images(
    images: Sequence[NDArray[np.uint8]], side: int, device: torch.device = _CPU
) -> Tensor:
    """Resize, normalise and pad images into the SAM frame.

    Args:
        images: B arrays (H, W, 3) uint8, RGB, original frame; sizes may differ.
        side: Side of the SAM frame in pixels.
        device: Where the result goes. Bytes travel there, a quarter of what floats would be, from
            memory that a GPU can read by itself.

    Returns:
        (B, 3, side, side) float32. The resized image lies at the top left; the padding is zero
        *after* normalisation, i.e. the mean colour, as in the official code.

    Raises:
        DataError: An array has another shape or dtype.
    """
    pixels = torch.zeros((len(images), 3, side, side), device=device)
    mean, std = _statistics(device)
    for index, image in enumerate(images):
        resized = torch.from_numpy(resize_longest_side(image, side, record=f"image {index}"))
        if device.type == "cuda":
            resized = resized.pin_memory().to(device, non_blocking=True)
        else:
            resized = resized.to(device)
        height, width = resized.shape[:2]
        pixels[index, :, :height, :width] = ((resized - mean) / std).permute(2, 0, 1)
    return pixels


@cache  # a copy to a GPU from ordinary memory waits for all that the GPU still has to do
def _statistics(device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation, (3,) float32 each."""
    with torch.inference_mode(mode=False):
        mean = torch.tensor(PIXEL_MEAN_RGB, device=device)
        return mean, torch.tensor(PIXEL_STD_RGB, device=device)


def resize_longest_side(
    image: NDArray[np.uint8], side: int, *, record: str = "image"
) -> NDArray[np.uint8]:
    """Resize so that the longest side has `side` pixels, as the official SAM does.

    Pillow's bilinear filter: it averages over the covered area when shrinking (antialias) and
    rounds to uint8; torch's `interpolate` does neither.

    Args:
        image: (H, W, 3) uint8, RGB, original frame.
        side: Length of the longest side afterwards, in pixels.
        record: What to call the image in an error.

    Returns:
        (h, w, 3) uint8 with (h, w) = `SamFrame((H, W), side).resized_hw`; the caller's own copy.

    Raises:
        DataError: The array has another shape or dtype, or no pixels.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise DataError(
            f"{record}: found an array of shape {image.shape} and dtype {image.dtype}, expected "
            "(height, width, 3) uint8 RGB. Read files with wps_sam.images.read_image."
        )
    height, width = SamFrame((image.shape[0], image.shape[1]), side).resized_hw
    resized = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
    return np.array(resized)
