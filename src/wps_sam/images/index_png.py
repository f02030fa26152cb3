"""Read PNGs whose pixels are class numbers, not colours.

These are masks: only `wps_sam.evaluation` may keep the pixels; readers of labels take boxes off
them at once.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wps_sam.errors import DataError

LabelPixels = NDArray[np.unsignedinteger[Any]]
"""(H, W) uint8, uint16 or uint32, original frame: each pixel's value as stored."""

_INDEX_MODES = ("1", "L", "P", "I", "I;16", "I;16B")
_STRETCHED = {"L;2": 85, "L;4": 17}  # Pillow spreads 2 and 4 bits of grey over 0 to 255


def index_png_hw(path: Path) -> tuple[int, int]:
    """Size of a label map from its header.

    Args:
        path: The PNG.

    Returns:
        (height, width) in pixels.

    Raises:
        DataError: It is missing, no PNG, or has colours instead of class numbers.
    """
    with _opened(path) as image:
        return image.height, image.width


def read_index_png(path: Path) -> LabelPixels:
    """Read the numbers of a label map as they are stored; a palette is passed over.

    Args:
        path: The PNG: grey with 1 to 16 bits, or with a palette.

    Returns:
        (H, W) uint8, uint16 or uint32.

    Raises:
        DataError: It is missing, damaged, no PNG, or has colours instead of class numbers.
    """
    with _opened(path) as image:
        stretched = _STRETCHED.get(_raw_mode(image), 1)
        try:
            pixels = np.asarray(image)
        except Exception as error:  # Pillow raises nearly anything where a file is damaged
            raise _damaged(path, error) from error
    if pixels.dtype.kind == "i":
        return pixels.astype(np.uint32)
    unsigned: LabelPixels = pixels.astype(np.uint16 if pixels.dtype.itemsize == 2 else np.uint8)
    return unsigned // stretched if stretched > 1 else unsigned


def _opened(path: Path) -> Image.Image:
    """Open a PNG and check that its pixels can be class numbers."""
    try:
        image = Image.open(path, formats=["PNG"])
    except FileNotFoundError as error:
        raise DataError(
            f"Label map {path} does not exist. Put it there, or remove its image."
        ) from (error)
    except Image.DecompressionBombError as error:
        raise DataError(
            f"Label map {path} is too large: {error}. Make image and map smaller."
        ) from (error)
    except Exception as error:  # Pillow raises nearly anything where a file is damaged
        raise _damaged(path, error) from error
    if image.mode not in _INDEX_MODES:
        image.close()
        raise DataError(
            f"Label map {path} is a colour image (mode {image.mode}); expected a PNG with one "
            "number a pixel: grey with 8 or 16 bits, or a palette. Turn its colours into class "
            "numbers first; a picture for viewing is no label map."
        )
    return image


def _raw_mode(image: Image.Image) -> str:
    """How the file stores its pixels, such as L;4; "" if Pillow does not say."""
    tiles = getattr(image, "tile", ())  # only files have it, not every image
    arguments = tiles[0][3] if tiles else ""
    return arguments if isinstance(arguments, str) else ""


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(
        f"Label map {path} cannot be read as PNG: {error}. Copy or export it again; JPEG and other "
        "formats that change pixels cannot hold class numbers."
    )
