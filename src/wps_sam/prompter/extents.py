"""Boxes around SAM's own masks."""

import torch
from torch import Tensor


def mask_extents(masks: Tensor, image_side: int) -> Tensor:
    """Boxes around masks.

    Args:
        masks: (..., h, w) bool, over SAM's whole square.
        image_side: Side of that square in pixels.

    Returns:
        (..., 4) float32, xyxy, SAM frame; all zero where a mask is empty.
    """
    sides = []
    for used in (masks.any(-2), masks.any(-1)):
        cell = image_side / used.shape[-1]
        cells = torch.arange(used.shape[-1], device=masks.device)
        first = torch.where(used, cells, len(cells)).amin(-1) * cell
        last = (torch.where(used, cells, -1).amax(-1) + 1) * cell
        sides.append((first, last))
    (left, right), (top, bottom) = sides
    boxes = torch.stack([left, top, right, bottom], dim=-1).float()
    return torch.where(masks.any(-1).any(-1)[..., None], boxes, 0.0)
