"""Facts of image files, against hashlib, imagehash and Pillow."""

import hashlib
from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image, ImageOps

from checking.data_sets import photo
from wps_sam.checking.image_facts import look_at_image, look_at_images
from wps_sam.checking.small_pictures import read_small
from wps_sam.errors import DataError

ORIENTATION = 0x0112


def save_turned(path: Path, orientation: int) -> None:
    """A picture with red on its left half, stored with an orientation."""
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[:, :30, 0] = 255
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(pixels).save(path, exif=exif)


def test_facts__of_an_ordinary_photograph(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    image = photo(3)
    image.save(path)
    facts = look_at_image(path)
    assert facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert facts.stored_hw == facts.upright_hw == (96, 128)
    assert (facts.mode, facts.orientation) == ("RGB", 1)
    for found, expected in (
        (facts.perceptual_hash, image),
        (facts.mirrored_hash, ImageOps.mirror(image)),
    ):
        hexadecimal = str(imagehash.phash(expected.convert("L")))
        # imagehash itself resizes the mirrored image, which may round one bit differently.
        assert (found ^ int(hexadecimal, 16)).bit_count() <= 2


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_facts__orientation_is_applied(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    save_turned(path, 6)  # the camera was turned a quarter: the left side is the upper one
    facts = look_at_image(path)
    assert (facts.stored_hw, facts.upright_hw, facts.orientation) == ((40, 60), (60, 40), 6)
    assert facts.thumbnail[:14].mean() > 60
    assert facts.thumbnail[18:].mean() < 10


def test_read_small__orientation_left_alone_where_labels_are_older(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    save_turned(path, 6)
    assert read_small(path, 600).size == (40, 60)
    assert read_small(path, 600, expected_hw=(60, 40)).size == (40, 60)
    assert read_small(path, 600, expected_hw=(40, 60)).size == (60, 40)
    assert read_small(path, 600, expected_hw=(7, 7)).size == (40, 60)


def test_read_small__reduces_a_jpeg(tmp_path: Path) -> None:
    photo(1, (800, 600)).save(tmp_path / "a.jpg")
    assert read_small(tmp_path / "a.jpg", 100).size == (200, 150)  # JPEG knows halves only


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "CMYK", "1", "I;16"])
def test_facts__other_modes(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.tif" if mode in ("CMYK", "I;16") else "a.png")
    image = photo(3)
    if mode == "I;16":
        values = np.asarray(image.convert("L")).astype(np.uint16) * 257
        Image.fromarray(values).save(path)
    else:
        image.convert(mode).save(path)
    facts = look_at_image(path)
    assert facts.mode == mode
    assert facts.thumbnail.std() > 10


def test_look_at_images__a_broken_file_is_an_error_value(tmp_path: Path) -> None:
    good, cut, text = (tmp_path / name for name in ("a.jpg", "b.jpg", "c.jpg"))
    photo(1).save(good)
    cut.write_bytes(good.read_bytes()[:-200])
    text.write_text("not an image")
    found = dict(look_at_images([good, cut, text, tmp_path / "d.jpg"]))
    assert not isinstance(found[good], DataError)
    for path, words in ((cut, "is damaged"), (text, "not a kind"), (tmp_path / "d.jpg", "exist")):
        assert isinstance(found[path], DataError)
        assert words in str(found[path])
        assert path.name in str(found[path])
