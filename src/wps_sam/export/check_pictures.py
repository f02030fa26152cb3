"""Pictures that an exported file is checked on."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wps_sam.errors import ConfigError
from wps_sam.images.reading import ImageFile, list_images, read_image
from wps_sam.toy import ToyConfig, draw_toy_scene

SIZES_HW = {"landscape": (480, 640), "portrait": (1100, 700), "small": (96, 128)}
"""Smaller and larger than SAM's 1024, wider and taller than the other."""


class CheckPicture(NamedTuple):
    """A picture, (H, W, 3) uint8 RGB, and what to call it in a report."""

    name: str
    image: NDArray[np.uint8]


def drawn_pictures() -> Iterator[CheckPicture]:
    """One drawn picture of each of `SIZES_HW`, always the same."""
    for name, (height, width) in SIZES_HW.items():
        config = ToyConfig(train=1, height=height, width=width)
        yield CheckPicture(f"drawn {name}", draw_toy_scene(config, "train", 0).image)


def own_files(option: str, folder: Path) -> list[ImageFile]:
    """Find the user's own pictures.

    Args:
        option: Which option named the folder, for messages.
        folder: All images below it are taken, in the order of their names.

    Returns:
        The files, not read yet.

    Raises:
        ConfigError: There is no such folder.
        DataError: There is no image in it.
    """
    if not folder.is_dir():
        raise ConfigError(
            f"{option} {folder} is not a folder. Give a folder that holds a few photographs "
            "such as the model is meant for."
        )
    return list_images([folder])


def read_pictures(files: Iterable[ImageFile]) -> Iterator[CheckPicture]:
    """Read pictures when their turn comes.

    Args:
        files: Of `own_files`.

    Raises:
        DataError: One cannot be read.
    """
    return (CheckPicture(file.name, read_image(file.path)) for file in files)
