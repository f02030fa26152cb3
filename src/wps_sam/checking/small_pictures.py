"""Read image files much reduced, for comparing them and for showing them."""

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image, ImageOps

from wps_sam.images.reading import read_image

_ORDINARY_MODES = ("RGB", "L")
_ORIENTATION = 0x0112
_FIRST_SIDEWAYS = 5


def read_small(path: Path, longest: int, expected_hw: tuple[int, int] | None = None) -> Image.Image:
    """Read an image reduced as far as its file allows without resampling.

    A JPEG is decoded at 1/2, 1/4 or 1/8 of its size, which saves most of the time; other files are
    decoded whole. Damage anywhere in the file is noticed as in `read_image`.

    Args:
        path: The image file.
        longest: Pixels that both sides must keep, if they have them.
        expected_hw: (height, width) that the labels state. The EXIF orientation is left alone where
            it would lead away from it; a file of another size is read all the same.

    Returns:
        RGB or grey picture, turned as `read_image` turns it.

    Raises:
        DataError: The file is missing, damaged, of an unknown kind or too large.
    """
    try:
        with Image.open(path) as image:
            if image.mode in _ORDINARY_MODES:
                turned = _is_turned(image, expected_hw)
                image.draft(image.mode, (longest, longest))
                image.load()
                return ImageOps.exif_transpose(image) if turned else image.copy()
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError):
        pass  # read_image says what is wrong
    return Image.fromarray(read_image(path))


def exif_orientation(image: Image.Image) -> int:
    """EXIF orientation of an opened image: 1 to 8, where 1 is upright and stands for nonsense."""
    # Not image.getexif(): for PNG it decodes all pixels first, to look for tags behind them.
    value = Image.Image.getexif(image).get(_ORIENTATION, 1)
    return value if isinstance(value, int) and value in range(1, 9) else 1


def upright_hw(stored_hw: tuple[int, int], orientation: int) -> tuple[int, int]:
    """(height, width) of an image after its EXIF orientation is applied."""
    height, width = stored_hw
    return (width, height) if orientation >= _FIRST_SIDEWAYS else (height, width)


def _is_turned(image: Image.Image, expected_hw: tuple[int, int] | None) -> bool:
    """Whether `read_image` would apply the EXIF orientation."""
    stored_hw = (image.height, image.width)
    upright = upright_hw(stored_hw, exif_orientation(image))
    return expected_hw is None or upright == expected_hw or stored_hw != expected_hw


@contextmanager
def large_images_allowed() -> Iterator[None]:
    """Keep Pillow from printing a warning about large images, which are a finding of their own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield
