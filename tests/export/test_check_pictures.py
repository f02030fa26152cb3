"""Pictures to check on."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wps_sam.errors import ConfigError, DataError
from wps_sam.export.check_pictures import drawn_pictures, own_files, read_pictures


def test_drawn__wide_tall_and_small() -> None:
    assert [picture.image.shape for picture in drawn_pictures()] == [
        (480, 640, 3),
        (1100, 700, 3),
        (96, 128, 3),
    ]


@pytest.mark.usefixtures("exact_sizes")
def test_drawn__always_the_same() -> None:
    for a, b in zip(drawn_pictures(), drawn_pictures(), strict=True):
        assert a.name == b.name
        assert np.array_equal(a.image, b.image)


def test_own__all_images_by_name(tmp_path: Path) -> None:
    for name, width in (("b.png", 5), ("a.png", 7)):
        Image.new("RGB", (width, 4)).save(tmp_path / name)
    found = [
        (picture.name, picture.image.shape)
        for picture in read_pictures(own_files("--check-images", tmp_path))
    ]
    assert found == [("a.png", (4, 7, 3)), ("b.png", (4, 5, 3))]


def test_own__no_folder_or_nothing_in_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--check-images .*gone is not a folder. Give a folder"):
        own_files("--check-images", tmp_path / "gone")
    with pytest.raises(DataError, match="No image found"):
        own_files("--check-images", tmp_path)
