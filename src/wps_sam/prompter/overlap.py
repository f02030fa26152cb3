"""How much boxes overlap, with gradients; boxes are xyxy, and leading axes broadcast."""

import torch
from torch import Tensor

_LEAST_AREA = 1e-6


def iou(a: Tensor, b: Tensor) -> Tensor:
    """IoU of boxes (..., 4) with boxes (..., 4) in one frame -> (...); 0 where none has an area."""
    intersection, union = _intersection_and_union(a, b)
    return intersection / union.clamp(min=_LEAST_AREA)


def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """GIoU (Rezatofighi et al., CVPR 2019, eq. 1) of boxes (..., 4) with (..., 4) -> (...)."""
    intersection, union = _intersection_and_union(a, b)
    left_top = torch.minimum(a[..., :2], b[..., :2])
    right_bottom = torch.maximum(a[..., 2:], b[..., 2:])
    hull = (right_bottom - left_top).prod(-1)
    return intersection / union.clamp(min=_LEAST_AREA) - (hull - union) / hull.clamp(
        min=_LEAST_AREA
    )


def _intersection_and_union(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Areas (...)."""
    left_top = torch.maximum(a[..., :2], b[..., :2])
    right_bottom = torch.minimum(a[..., 2:], b[..., 2:])
    intersection = (right_bottom - left_top).clamp(min=0).prod(-1)
    area_a, area_b = ((box[..., 2:] - box[..., :2]).clamp(min=0).prod(-1) for box in (a, b))
    return intersection, area_a + area_b - intersection
