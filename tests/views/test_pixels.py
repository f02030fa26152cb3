"""Pixels of views, by hand and against Pillow."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from wps_sam.views.pixels import view_pixels
from wps_sam.views.view import MIRRORED, PLAIN, View

NOISE = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)


def one(*rgb: int) -> NDArray[np.uint8]:
    """One pixel."""
    return np.array([[rgb]], np.uint8)


def test_plain__changes_nothing() -> None:
    seen = view_pixels(NOISE, PLAIN)
    assert np.array_equal(seen, NOISE)
    assert np.shares_memory(seen, NOISE)


def test_mirror_and_crop__against_pillow() -> None:
    mirrored = np.asarray(ImageOps.mirror(Image.fromarray(NOISE)))
    assert np.array_equal(view_pixels(NOISE, MIRRORED), mirrored)
    # In pixels 5, 3, 15, 9; cropped first, then mirrored.
    view = View(left=0.25, top=0.25, right=0.75, bottom=0.75, mirrored=True)
    expected = np.asarray(ImageOps.mirror(Image.fromarray(NOISE).crop((5, 3, 15, 9))))
    assert np.array_equal(view_pixels(NOISE, view), expected)


def test_brightness__by_hand() -> None:
    assert view_pixels(one(100, 50, 200), View(brightness=0.5)).tolist() == [[[50, 25, 100]]]
    assert view_pixels(one(100, 50, 200), View(brightness=2.0)).tolist() == [[[200, 100, 255]]]


def test_contrast__by_hand() -> None:
    # Around the mean grey, 100.
    pixels = np.array([[[0] * 3, [200] * 3]], np.uint8)
    assert view_pixels(pixels, View(contrast=0.5)).tolist() == [[[50] * 3, [150] * 3]]


def test_contrast__goes_by_what_the_crop_shows() -> None:
    pixels = np.array([[[60] * 3, [100] * 3, [255] * 3, [255] * 3]], np.uint8)
    seen = view_pixels(pixels, View(right=0.5, contrast=0.5))
    assert seen.tolist() == [[[70] * 3, [90] * 3]]  # around 80


def test_saturation__by_hand() -> None:
    # Red 255 is as light as grey 76 (0.299 of it); half way between the two.
    assert view_pixels(one(255, 0, 0), View(saturation=0.0)).tolist() == [[[76] * 3]]
    assert view_pixels(one(255, 0, 0), View(saturation=0.5)).tolist() == [[[165, 38, 38]]]


def test_colours__brightness_before_contrast() -> None:
    # 200 and 250 become 255 and 255, so that no contrast is left.
    pixels = np.array([[[200] * 3, [250] * 3]], np.uint8)
    seen = view_pixels(pixels, View(brightness=2.0, contrast=0.5))
    assert seen.tolist() == [[[255] * 3, [255] * 3]]
