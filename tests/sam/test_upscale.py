"""Mask logits back to the pixels of the image file."""

import pytest
import torch

from wps_sam.geometry.frames import SamFrame
from wps_sam.sam.upscale import masks_to_original


@pytest.mark.parametrize("original_hw", [(300, 451), (451, 300), (2000, 1100), (1, 1)])
def test_masks_to_original__a_ramp_stays_a_ramp(original_hw: tuple[int, int]) -> None:
    frame = SamFrame(original_hw)
    centres = (torch.arange(256) + 0.5) * 4
    ramps = torch.stack([centres[None].expand(256, 256), centres[:, None].expand(256, 256)])
    found = masks_to_original(ramps, frame)
    assert found.shape == (2, *original_hw)
    for axis, size, resized in zip((1, 0), original_hw[::-1], frame.resized_hw[::-1], strict=True):
        positions = (torch.arange(size) + 0.5) * resized / size
        expected = positions if axis == 1 else positions[:, None]
        # Bilinear repeats the outermost half cell, 2 of SAM's pixels and half an original one.
        difference = (found[1 - axis] - expected).abs()
        assert difference.max() <= 2.01 + resized / size / 2
        inner = difference[difference.shape[0] // 4 : -difference.shape[0] // 4]
        inner = inner[:, inner.shape[1] // 4 : -inner.shape[1] // 4]
        if inner.numel():
            assert inner.max() < 0.01


def test_masks_to_original__padding_is_cut_off() -> None:
    logits = torch.full((1, 256, 256), -5.0)
    logits[:, :128] = 5.0
    found = masks_to_original(logits, SamFrame((500, 1000)))
    assert (found[:, :-2] > 0).all()


def test_masks_to_original__chunks_and_half_precision() -> None:
    torch.manual_seed(0)
    logits = torch.randn(33, 16, 16)
    frame = SamFrame((20, 30), side=64)
    found = masks_to_original(logits, frame)
    assert torch.equal(found[32:], masks_to_original(logits[32:], frame))
    assert masks_to_original(logits.half(), frame).dtype == torch.float32


def test_masks_to_original__no_masks() -> None:
    assert masks_to_original(torch.zeros(0, 256, 256), SamFrame((20, 30))).shape == (0, 20, 30)
