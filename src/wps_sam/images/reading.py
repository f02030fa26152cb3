"""Find image files and read them as 8-bit RGB, whatever they are inside.

Every problem of a file is a `DataError` that names the file and what to do about it.
"""

import glob
import hashlib
import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from wps_sam.errors import DataError

IMAGE_SUFFIXES = (
    *(".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png"),
    *(".ppm", ".tif", ".tiff", ".webp"),
)
"""Endings, in lower case, that count as an image when a folder or a glob is searched."""

_EXIF_ORIENTATION = 0x0112
_TURN_BY_ORIENTATION = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_FIRST_SIDEWAYS_ORIENTATION = 5

_SIXTEEN_BIT_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N")
_TO_EIGHT_BIT = 257  # 65535 / 255


@dataclass(frozen=True)
class ImageFile:
    """One image found by `list_images`.

    Attributes:
        path: Where the file is.
        name: Its path relative to the folder that was searched, with forward slashes; the bare
            file name if the file itself was given. Unique within one list.
    """

    path: Path
    name: str


def read_image(path: str | Path, expected_hw: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """Read an image file as RGB.

    Grey, palette and CMYK are converted; transparent pixels are laid on white; 16-bit grey is
    divided by 257, which maps its full range onto 8 bits. The EXIF orientation is applied, except
    when `expected_hw` is given and fits only the untouched pixels: then the labels were made on
    those. Of several frames the first is read.

    Args:
        path: The image file.
        expected_hw: (height, width) stated by the label file, or None if nothing is known.

    Returns:
        (H, W, 3) uint8 RGB, C-contiguous, original frame.

    Raises:
        DataError: The file is missing, damaged, of an unknown kind or too large, or its size is
            not `expected_hw`.
    """
    path = Path(path)
    with _opened(path) as image:
        orientation = _orientation(image)
        turn = _needs_turn(path, image, orientation, expected_hw)
        image.load()
        rgb = _as_rgb(path, image)
        if turn:
            rgb = rgb.transpose(_TURN_BY_ORIENTATION[orientation])
        return np.array(rgb, np.uint8, order="C")


def image_size(path: str | Path) -> tuple[int, int]:
    """Read an image's size from its header, without decoding pixels.

    Args:
        path: The image file.

    Returns:
        (height, width) after the EXIF orientation, as `read_image(path)` would give.

    Raises:
        DataError: The file is missing or no image.
    """
    with _opened(Path(path)) as image:
        return _oriented_hw(image, _orientation(image))


def content_hash(path: str | Path) -> str:
    """Identify a file by its bytes.

    Args:
        path: Any file.

    Returns:
        SHA-256 as 64 hexadecimal digits.

    Raises:
        DataError: The file is missing or cannot be read.
    """
    path = Path(path)
    try:
        status = path.stat()
        return _hash_of(path, status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise DataError(_cannot_open(path, error)) from error


@lru_cache(maxsize=100_000)  # a photograph is asked for once a view
def _hash_of(path: Path, modified_ns: int, size: int) -> str:
    """Hash a file that was last changed at a time and has a size."""
    del modified_ns, size  # part of the key only
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def list_images(sources: Sequence[str | Path]) -> list[ImageFile]:
    """Find the images that files, folders and glob patterns stand for.

    Folders are searched with all their sub-folders; hidden files and folders, `._*` and `__MACOSX`
    are passed over. A file that is named by itself is taken whatever its ending. A file reached
    twice is listed once.

    Args:
        sources: Files, folders, and patterns such as `photos/**/*.jpg`.

    Returns:
        The images in the order of the sources, sorted by path within each source.

    Raises:
        DataError: A source yields no image, or two different images would have the same name.
    """
    found: dict[str, ImageFile] = {}
    paths_by_name: dict[str, Path] = {}
    for source in sources:
        for image in _images_of(source):
            real_path = os.path.realpath(image.path)
            if real_path in found:
                continue
            other = paths_by_name.setdefault(image.name, image.path)
            if other != image.path:
                raise DataError(
                    f"Two images would have the same name {image.name!r}: {other} and "
                    f"{image.path}. Results are filed under this name: give the folder that holds "
                    "both, or run them one after the other."
                )
            found[real_path] = image
    if not found:
        raise DataError("No image was given: name at least one image file, folder or pattern.")
    return list(found.values())


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open an image and turn whatever goes wrong until it is closed into a DataError."""
    try:
        with Image.open(path) as image:
            yield image
    except Image.DecompressionBombError as error:
        raise DataError(
            f"Image {path} is too large: {error}. Make it smaller first, for example to 4000 "
            "pixels on its longer side; SAM sees 1024."
        ) from error
    except UnidentifiedImageError as error:
        raise DataError(
            f"Image {path} ({path.stat().st_size} bytes) is not a kind of image that can be read: "
            "expected JPEG, PNG, TIFF, WebP, BMP or similar. Open it in an image viewer to see "
            "what it is, and save it as PNG or JPEG."
        ) from error
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise DataError(_cannot_open(path, error)) from error
        raise DataError(
            f"Image {path} is damaged: {error}. Copy or download the file again, or remove it and "
            "its record."
        ) from error


def _cannot_open(path: Path, error: OSError) -> str:
    """Say that the system refuses to open a file."""
    if isinstance(error, FileNotFoundError):
        return f"File {path} does not exist. Check the spelling and the folder it is relative to."
    if isinstance(error, IsADirectoryError):
        return f"{path} is a folder, expected a file."
    return f"File {path} cannot be read: {error.strerror or error}. Check its permissions."


def _orientation(image: Image.Image) -> int:
    """EXIF orientation of an image: 1 to 8, where 1 is upright and stands for nonsense too."""
    # Not image.getexif(): for PNG it decodes all pixels first, to look for tags behind them.
    value = Image.Image.getexif(image).get(_EXIF_ORIENTATION, 1)
    return value if isinstance(value, int) and value in _TURN_BY_ORIENTATION else 1


def _oriented_hw(image: Image.Image, orientation: int) -> tuple[int, int]:
    """(height, width) after the orientation is applied."""
    if orientation >= _FIRST_SIDEWAYS_ORIENTATION:
        return image.width, image.height
    return image.height, image.width


def _needs_turn(
    path: Path, image: Image.Image, orientation: int, expected_hw: tuple[int, int] | None
) -> bool:
    """Decide whether to apply the orientation, or raise DataError if no size fits."""
    stored_hw, oriented_hw = (image.height, image.width), _oriented_hw(image, orientation)
    if expected_hw is None or oriented_hw == tuple(expected_hw):
        return orientation != 1
    if stored_hw == tuple(expected_hw):
        return False
    turned = ""
    if oriented_hw != stored_hw:
        turned = f" ({oriented_hw[0]} x {oriented_hw[1]} after its EXIF orientation)"
    raise DataError(
        f"Image {path} is {stored_hw[0]} x {stored_hw[1]} (height x width){turned}, but its label "
        f"record says {expected_hw[0]} x {expected_hw[1]}. The labels belong to another version of "
        "this image: use the image they were made on, or correct the record's height and width."
    )


def _as_rgb(path: Path, image: Image.Image) -> Image.Image:
    """Convert any mode to 8-bit RGB, laying transparency on white."""
    if image.mode in _SIXTEEN_BIT_MODES:
        return _sixteen_bit_as_rgb(path, image)
    if image.mode == "F":
        raise DataError(
            f"Image {path} holds floating-point values, whose white is not defined. Save it with 8 "
            "or 16 bits a channel."
        )
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _sixteen_bit_as_rgb(path: Path, image: Image.Image) -> Image.Image:
    """Scale 16-bit grey to 8 bits. Pillow itself would clip everything above 255 to white."""
    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise DataError(
            f"Image {path} holds values from {values.min()} to {values.max()}; expected 16-bit "
            "values from 0 to 65535. Save it with 8 or 16 bits a channel."
        )
    grey = ((values + _TO_EIGHT_BIT // 2) // _TO_EIGHT_BIT).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


def _images_of(source: str | Path) -> list[ImageFile]:
    """Images of one file, folder or pattern, sorted; DataError if there is none."""
    path = Path(source)
    if path.is_file():
        return [ImageFile(path, path.name)]
    if path.is_dir():
        images = _search(path, path)
        looked_for = f"files ending in {', '.join(IMAGE_SUFFIXES)} in folder {path}"
    elif glob.has_magic(str(source)):
        images = _search_pattern(str(source))
        looked_for = f"pattern {source}"
    else:
        raise DataError(
            f"{source} does not exist: expected an image file, a folder, or a pattern such as "
            "'photos/*.jpg' in quotes. Check the spelling and the folder it is relative to."
        )
    if not images:
        raise DataError(
            f"No image found: looked for {looked_for}. Check that the images are there and have "
            "one of these endings: " + ", ".join(IMAGE_SUFFIXES) + "."
        )
    return images


def _search(folder: Path, root: Path) -> list[ImageFile]:
    """Images below `folder`, sorted by path, with names relative to `root`."""
    found, visited = [], set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        # A link to a parent folder would be followed for ever.
        if (real_parent := os.path.realpath(parent)) in visited:
            folders.clear()
            continue
        visited.add(real_parent)
        folders[:] = sorted(name for name in folders if not _is_junk(name))
        found += [Path(parent, name) for name in files if _is_image_name(name)]
    return [ImageFile(path, path.relative_to(root).as_posix()) for path in sorted(found)]


def _search_pattern(pattern: str) -> list[ImageFile]:
    """Images that a glob pattern matches; folders it matches are searched."""
    # Names are relative to the part of the pattern before the first wildcard.
    parts = Path(pattern).parts
    first_wild = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    root = Path(*parts[:first_wild])
    images: dict[Path, ImageFile] = {}
    for match in root.glob("/".join(parts[first_wild:])):
        name = match.relative_to(root)
        if any(_is_junk(part) for part in name.parts):
            continue
        if match.is_dir():
            images.update((image.path, image) for image in _search(match, root))
        elif _is_image_name(match.name):
            images[match] = ImageFile(match, name.as_posix())
    return [images[path] for path in sorted(images)]


def _is_junk(name: str) -> bool:
    """Whether a file or folder name is hidden or left behind by an archiver."""
    return name.startswith(".") or name == "__MACOSX"


def _is_image_name(name: str) -> bool:
    """Whether a file name looks like an image's."""
    return not _is_junk(name) and name.lower().endswith(IMAGE_SUFFIXES)
