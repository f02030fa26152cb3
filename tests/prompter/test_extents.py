"""Boxes around low-resolution masks by hand."""

import torch

from wps_sam.prompter.extents import mask_extents


def test_mask_extents__by_hand() -> None:
    masks = torch.zeros(3, 8, 8, dtype=torch.bool)
    masks[0, 2, 3] = True
    masks[1, 1:4, 5:8] = True
    masks[1, 6, 0] = True  # a speck widens the box
    masks[2] = True
    # Cells of 32 / 8 = 4 pixels.
    expected = [[12.0, 8, 16, 12], [0, 4, 32, 28], [0, 0, 32, 32]]
    found = mask_extents(masks, 32)
    assert found.tolist() == expected
    assert found.dtype == torch.float32


def test_mask_extents__empty_masks_are_zero() -> None:
    masks = torch.zeros(2, 3, 4, 4, dtype=torch.bool)
    masks[1, 2, 0, 3] = True
    found = mask_extents(masks, 8)
    assert found.shape == (2, 3, 4)
    assert found[1, 2].tolist() == [6, 0, 8, 2]
    assert found.sum().item() == 16
    assert mask_extents(masks[:0], 8).shape == (0, 3, 4)
