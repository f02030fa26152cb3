"""The picture's way into SAM's frame, against Pillow and the frame's own rule."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wps_sam.export.picture import resized_hw, to_sam_frame
from wps_sam.geometry.frames import SamFrame
from wps_sam.sam.preprocess import PIXEL_STD_RGB, preprocess_images

SIDE = 256
SIZES = {
    "enlarged": (60, 100),
    "shrunk a little": (300, 200),
    "shrunk much": (700, 1500),
    "as it is": (200, 256),
    "square": (256, 256),
    "thin": (1000, 3),
    "flat": (1, 77),
    "one pixel": (1, 1),
    "half a pixel left": (2048, 5),
}


@pytest.mark.parametrize("hw", SIZES.values(), ids=SIZES)
def test_to_sam_frame__is_pillows(hw: tuple[int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, (*hw, 3), np.uint8)
    expected = preprocess_images([image], SIDE)
    found = to_sam_frame(torch.from_numpy(image), SIDE)
    assert found.dtype == torch.float32
    gap = (found - expected).abs() * torch.tensor(PIXEL_STD_RGB)[:, None, None]  # grey levels
    assert gap.max() < 1.01  # rounded the other way at most
    # Such sizes put many sums of noise on .5 exactly.
    assert (gap > 0.5).float().mean() < 0.01


def test_to_sam_frame__padding_is_zero_after_normalising() -> None:
    found = to_sam_frame(torch.full((50, 100, 3), 255, dtype=torch.uint8), SIDE)
    assert (found[..., :128, :] > 2).all()
    assert (found[..., 128:, :] == 0).all()


@given(st.integers(1, 20_000), st.integers(1, 20_000), st.sampled_from([256, 1024]))
def test_resized_hw__whole_numbers_round_as_the_frame_does(
    height: int, width: int, side: int
) -> None:
    assert resized_hw(height, width, side) == SamFrame((height, width), side).resized_hw


@pytest.mark.parametrize(("length", "expected"), [(3, 2), (9, 5), (15, 8)])
def test_resized_hw__halves_go_up(length: int, expected: int) -> None:
    # 2048 pixels become 1024, so that 3 become 1.5.
    assert resized_hw(2048, length, 1024) == (1024, expected)
