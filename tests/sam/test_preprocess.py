"""Images into the SAM frame: size, filter, statistics, padding."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from wps_sam.errors import DataError
from wps_sam.sam.frozen import FrozenSam
from wps_sam.sam.preprocess import preprocess_images, resize_longest_side


def plain(height: int, width: int, value: int = 0) -> NDArray[np.uint8]:
    return np.full((height, width, 3), value, dtype=np.uint8)


def test_preprocess__normalises_then_pads_with_zeros() -> None:
    pixels = preprocess_images([plain(50, 100, 255)], side=64)
    white = [
        (255 - mean) / std for mean, std in ((123.675, 58.395), (116.28, 57.12), (103.53, 57.375))
    ]
    assert pixels.shape == (1, 3, 64, 64)
    assert torch.allclose(pixels[0, :, :32], torch.tensor(white)[:, None, None].expand(3, 32, 64))
    assert (pixels[0, :, 32:] == 0).all()


def test_preprocess__keeps_red_first() -> None:
    image = plain(4, 4)
    image[..., 0] = 255
    pixels = preprocess_images([image], side=4)
    assert pixels[0, 0].min() > 0 > pixels[0, 1].max()


def test_preprocess__sizes_in_one_batch(toy_sam: FrozenSam) -> None:
    pixels = toy_sam.preprocess([plain(300, 100, 9), plain(1, 1, 9), plain(256, 256, 9)])
    filled = (pixels != 0).all(dim=1)
    extents = [(int(mask[:, 0].sum()), int(mask[0].sum())) for mask in filled]
    assert extents == [(256, 85), (256, 256), (256, 256)]


def test_preprocess__no_images() -> None:
    assert preprocess_images([], side=64).shape == (0, 3, 64, 64)


@pytest.mark.parametrize("name", ["chelsea", "coffee"])
def test_resize__golden_size(mobile_golden: dict[str, NDArray[np.generic]], name: str) -> None:
    image = np.asarray(mobile_golden[f"{name}_image"], dtype=np.uint8)
    expected = mobile_golden[f"{name}_resized_hw"].tolist()
    assert list(resize_longest_side(image, 1024).shape[:2]) == expected


def test_resize__shrinking_averages() -> None:
    # One white column in four: without antialiasing, shrinking by four never touches it.
    image = plain(256, 256)
    image[:, ::4] = 255
    resized = resize_longest_side(image, 64)[:, 4:-4].astype(int)
    assert abs(resized - 255 / 4).max() < 2


def test_resize__leaves_its_input_alone() -> None:
    image = plain(8, 8, 7)
    resized = resize_longest_side(image, 8)
    resized[:] = 0
    assert (image == 7).all()


@pytest.mark.parametrize(
    ("image", "found"),
    [
        (np.zeros((4, 4), dtype=np.uint8), r"shape \(4, 4\) and dtype uint8"),
        (np.zeros((4, 4, 4), dtype=np.uint8), r"shape \(4, 4, 4\) and dtype uint8"),
        (np.zeros((4, 4, 3), dtype=np.float32), r"shape \(4, 4, 3\) and dtype float32"),
        (np.zeros((0, 4, 3), dtype=np.uint8), r"shape \(0, 4, 3\) and dtype uint8"),
    ],
    ids=["grey", "rgba", "float", "empty"],
)
def test_preprocess__wrong_array(image: NDArray[np.uint8], found: str) -> None:
    with pytest.raises(
        DataError, match=rf"image 1: found an array of {found}, expected .*uint8 RGB"
    ):
        preprocess_images([plain(2, 2), image], side=8)
