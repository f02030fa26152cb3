"""What the checks want to know of each image file; each is opened and decoded once."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from wps_sam.checking.small_pictures import (
    exif_orientation,
    large_images_allowed,
    read_small,
    upright_hw,
)
from wps_sam.errors import DataError
from wps_sam.images.reading import content_hash

THUMBNAIL_SIDE = 32
"""Pixels. The perceptual hash is made from a grey thumbnail of this size."""

_DECODED_SIDE = 64
_MOST_THREADS = 4  # decoding runs outside Python's lock; more threads only fight over the disk
_AT_A_TIME = 256


@dataclass(frozen=True, eq=False)
class ImageFacts:
    """One readable image file.

    Attributes:
        stored_hw: (height, width) of the stored pixels.
        orientation: EXIF orientation, 1 (upright) to 8.
        mode: Pillow's name for the kind of pixels, such as "RGB" or "CMYK".
        sha256: Of the file's bytes, 64 hexadecimal digits.
        thumbnail: (32, 32) uint8, grey, upright, whatever the aspect ratio.
        perceptual_hash: 64 bits: the signs of the thumbnail's lowest 8 x 8 cosine coefficients
            against their median (pHash, Zauner 2010, as `imagehash.phash`).
        mirrored_hash: The same of the thumbnail mirrored left to right.
    """

    stored_hw: tuple[int, int]
    orientation: int
    mode: str
    sha256: str
    thumbnail: NDArray[np.uint8]
    perceptual_hash: int
    mirrored_hash: int

    @property
    def upright_hw(self) -> tuple[int, int]:
        """(height, width) after the orientation is applied, as `read_image` gives it."""
        return upright_hw(self.stored_hw, self.orientation)


def look_at_images(paths: Iterable[Path]) -> Iterator[tuple[Path, ImageFacts | DataError]]:
    """Look at image files, a few at a time.

    Args:
        paths: Image files.

    Yields:
        Each path, in order, with its facts or with the reason why it cannot be read.
    """
    waiting = list(paths)
    threads = max(1, min(_MOST_THREADS, os.cpu_count() or 1))
    with large_images_allowed(), ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(waiting), _AT_A_TIME):
            chunk = waiting[start : start + _AT_A_TIME]
            yield from zip(chunk, pool.map(_facts_or_error, chunk), strict=True)


def look_at_image(path: Path) -> ImageFacts:
    """Look at one image file.

    Args:
        path: The image file.

    Returns:
        Its facts.

    Raises:
        DataError: The file is missing, damaged, of an unknown kind or too large.
    """
    grey = read_small(path, _DECODED_SIDE).convert("L")
    grey = grey.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    with Image.open(path) as image:  # the header only
        stored_hw, mode = (image.height, image.width), image.mode
        orientation = exif_orientation(image)
    return ImageFacts(
        stored_hw=stored_hw,
        orientation=orientation,
        mode=mode,
        sha256=content_hash(path),
        thumbnail=np.asarray(grey, np.uint8),
        perceptual_hash=_hash(grey),
        mirrored_hash=_hash(ImageOps.mirror(grey)),
    )


def _facts_or_error(path: Path) -> ImageFacts | DataError:
    """Facts of an image file, or why it cannot be read."""
    try:
        return look_at_image(path)
    except DataError as error:
        return error


def _hash(grey: Image.Image) -> int:
    """Perceptual hash as a whole number below 2 to the 64."""
    bits = imagehash.phash(grey).hash.ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")
