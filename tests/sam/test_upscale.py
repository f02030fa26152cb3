"""Mask logits back to the pixels of the image file."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from wps_sam.geometry.frames import SamFrame
from wps_sam.sam.upscale import MaskWindow, enlarging, mask_windows, masks_to_original


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


def whole(windows: list[MaskWindow], hw: tuple[int, int]) -> Tensor:
    """(N, H, W) bool: windows put back in their place."""
    masks = torch.zeros(len(windows), *hw, dtype=torch.bool)
    for mask, (window, top, left) in zip(masks, windows, strict=True):
        mask[top : top + window.shape[0], left : left + window.shape[1]] = window
    return masks


def blobs(seed: int) -> Tensor:
    """(4, 32, 32): smooth random logits, few cells above 0, then noise, then nothing above 0."""
    noise = torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(seed))
    smooth = torch.nn.functional.avg_pool2d(noise, 5, 1, 2, count_include_pad=False)
    return torch.stack([smooth[0], smooth[1] - 0.4, noise[2], -noise[0].abs() - 0.1])


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 999), height=st.integers(1, 300), width=st.integers(1, 300))
def test_mask_windows__same_pixels_as_the_official_way(seed: int, height: int, width: int) -> None:
    logits, frame = blobs(seed), SamFrame((height, width), side=128)
    official = masks_to_original(logits, frame)
    found = whole(list(mask_windows(logits, frame)), (height, width))
    near_the_edge = official.abs() < 1e-5  # there rounding decides
    assert ((found == (official > 0)) | near_the_edge).all()
    assert not found[3].any()


def test_mask_windows__no_larger_than_what_looks_at_the_mask() -> None:
    logits = torch.full((2, 256, 256), -1.0)
    logits[0, 100:110, 20:40] = 1.0
    logits[1, 200:, :] = 1.0  # below a picture twice as wide as high: in the padding
    (mask, top, left), in_padding = mask_windows(logits, SamFrame((2000, 4000)))
    # A cell is 15.625 pixels of the picture and is looked at from a cell's width beside it.
    assert (top, left) == pytest.approx((99.5 * 15.625, 19.5 * 15.625), abs=4)
    assert mask.shape == pytest.approx((11 * 15.625, 21 * 15.625), abs=8)
    assert in_padding.mask.numel() == 0


def test_mask_windows__no_masks_and_half_precision() -> None:
    frame = SamFrame((20, 30), side=64)
    assert list(mask_windows(torch.zeros(0, 16, 16), frame)) == []
    logits = torch.randn(2, 16, 16).half()
    found = whole(list(mask_windows(logits, frame)), frame.original_hw)
    assert torch.equal(found, whole(list(mask_windows(logits.float(), frame)), frame.original_hw))


def test_enlarging__a_flat_mask_stays_flat() -> None:
    matrix = enlarging(16, 48, 75, 64)
    assert matrix.shape == (75, 16)
    assert (matrix >= 0).all()
    torch.testing.assert_close(matrix.sum(1), torch.ones(75))
