"""Boxes around SAM's own masks, and how well they fit other boxes."""

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


def paired_iou(a: Tensor, b: Tensor) -> Tensor:
    """IoU of paired boxes (..., 4) xyxy -> (...); 0 where neither has an area."""
    left_top = torch.maximum(a[..., :2], b[..., :2])
    right_bottom = torch.minimum(a[..., 2:], b[..., 2:])
    intersection = (right_bottom - left_top).clamp(min=0).prod(-1)
    area_a, area_b = ((box[..., 2:] - box[..., :2]).clamp(min=0).prod(-1) for box in (a, b))
    return intersection / (area_a + area_b - intersection).clamp(min=1e-6)
