"""Masks and boxes in the original frame, against the segmenter's way."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from wps_sam.export.masks import enlarged, tight_boxes
from wps_sam.geometry.frames import SamFrame
from wps_sam.geometry.masks import mask_to_box
from wps_sam.sam.upscale import masks_to_original

SIDE = 64


@settings(max_examples=40)
@given(st.integers(1, 150), st.integers(1, 150), st.integers(0, 2**32 - 1))
def test_enlarged__as_two_steps_do(height: int, width: int, seed: int) -> None:
    logits = torch.randn(2, 16, 16, generator=torch.Generator().manual_seed(seed)) * 8
    expected = masks_to_original(logits, SamFrame((height, width), SIDE))
    torch.testing.assert_close(enlarged(logits, height, width, SIDE), expected, atol=1e-4, rtol=0)


def test_enlarged__worked_out_by_hand() -> None:
    # One cell for four pixels: between the centres at 1.5 and 5.5 the logits go from 0 to 8 by 2 a
    # pixel, and beyond them they stay.
    logits = torch.tensor([[[0.0, 8.0], [0.0, 8.0]]])
    row = [0.0, 0.0, 1.0, 3.0, 5.0, 7.0, 8.0, 8.0]
    assert enlarged(logits, 8, 8, 8)[0].tolist() == [row] * 8


@pytest.mark.parametrize("seed", range(3))
def test_tight_boxes__as_of_single_masks(seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    masks = torch.rand(4, 9, 14, generator=random) > 0.95
    masks[:, 4, 5] = True
    assert tight_boxes(masks).tolist() == [mask_to_box(mask.numpy()).tolist() for mask in masks]


def test_tight_boxes__of_none() -> None:
    assert tight_boxes(torch.zeros(0, 5, 6, dtype=torch.bool)).shape == (0, 4)
