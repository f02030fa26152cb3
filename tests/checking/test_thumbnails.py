"""Small pictures: what they show and where the boxes are."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from wps_sam.checking.findings import Box, Picture
from wps_sam.checking.thumbnails import LONGEST_SIDE, Thumbnail, thumbnail

GREY = (90, 90, 90)


def pixels(found: Thumbnail) -> NDArray[np.int64]:
    """(H, W, 3) pixels of a thumbnail."""
    data = base64.b64decode(found.address.removeprefix("data:image/jpeg;base64,"))
    array = np.asarray(Image.open(io.BytesIO(data))).astype(np.int64)
    assert array.shape == (found.height, found.width, 3)
    return array


def red_extent(array: NDArray[np.int64]) -> tuple[int, int, int, int]:
    """Extent of what is red."""
    rows, columns = np.nonzero((array[..., 0] > 180) & (array[..., 1] < 110))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


@pytest.mark.parametrize(("width", "height"), [(900, 600), (60, 40)])
def test_whole_image_with_a_large_box(tmp_path: Path, width: int, height: int) -> None:
    """A box over the middle two thirds, at 50 and 250 of 300 and at 40 and 160 of 200."""
    Image.new("RGB", (width, height), GREY).save(tmp_path / "a.jpg")
    box = (width / 6, height / 5, width / 6 * 5, height / 5 * 4)
    found = thumbnail(Picture(tmp_path / "a.jpg", "a.jpg", (box,), hw=(height, width)))
    assert (found.width, found.height) == (LONGEST_SIDE, 200)
    assert red_extent(pixels(found)) == pytest.approx((50, 40, 250, 160), abs=3)


def test_small_box_is_shown_large(tmp_path: Path) -> None:
    """30 % of 1000 pixels are seen, so 300: every pixel once, the box in the middle."""
    Image.new("RGB", (1000, 800), GREY).save(tmp_path / "a.png")
    found = thumbnail(Picture(tmp_path / "a.png", "a.png", ((500, 400, 520, 430),)))
    assert (found.width, found.height) == (300, 300)
    assert red_extent(pixels(found)) == pytest.approx((140, 135, 160, 165), abs=3)


@pytest.mark.parametrize(
    "box",
    [
        (0.0, 0.0, 1.0, 1.0),
        (999.9, 799.9, 1000.0, 800.0),
        (-1e30, -1e30, 1e30, 1e30),
        (5e8, 5e8, 6e8, 6e8),
        (3.0, 3.0, 3.0, 3.0),
        (-300.0, 0.0, 5.0, 5.0),
    ],
    ids=str,
)
def test_any_box(tmp_path: Path, box: Box) -> None:
    Image.new("RGB", (1000, 800), GREY).save(tmp_path / "a.png")
    found = thumbnail(Picture(tmp_path / "a.png", "a.png", (box,), (box,)))
    assert max(found.width, found.height) == LONGEST_SIDE


def test_extreme_shapes(tmp_path: Path) -> None:
    Image.new("L", (2000, 1)).save(tmp_path / "a.png")
    found = thumbnail(Picture(tmp_path / "a.png", "a.png", ((5, 0, 6, 1),)))
    assert (found.width, found.height) == (300, 1)


def test_image_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("no image")
    found = thumbnail(Picture(tmp_path / "a.jpg", "a.jpg"))
    assert found.address == ""
    assert "not a kind of image" in found.problem
