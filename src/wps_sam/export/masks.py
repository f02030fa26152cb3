"""From low-resolution logits to masks and boxes in the original frame, inside the graph.

The twin of `inference.decoding.to_prediction` and `sam.upscale.mask_windows`. A graph has no
windows of a part's own size, so whole masks are enlarged.
"""

import torch
from torch import Tensor

from wps_sam.export.picture import resized_hw
from wps_sam.sam.upscale import enlarging


def enlarged(low_res_logits: Tensor, height: int, width: int, side: int) -> Tensor:
    """Bring logits into the original frame, as `masks_to_original` does.

    Args:
        low_res_logits: (P, h, w) float32 over SAM's whole square.
        height: Of the original picture in pixels, perhaps symbolic.
        width: Likewise.
        side: Side of the SAM frame in pixels.

    Returns:
        (P, height, width) float32.
    """
    resized_height, resized_width = resized_hw(height, width, side)
    rows = enlarging(low_res_logits.shape[1], resized_height, height, side)
    columns = enlarging(low_res_logits.shape[2], resized_width, width, side)
    return torch.matmul(torch.matmul(rows, low_res_logits), columns.T)


def tight_boxes(masks: Tensor) -> Tensor:
    """Tightest boxes around masks, as `geometry.masks.mask_to_box`.

    Args:
        masks: (P, H, W) bool.

    Returns:
        (P, 4) float32, xyxy in the masks' frame, right and bottom exclusive; without meaning where
        a mask is empty.
    """
    sides = []
    for used in (masks.any(1), masks.any(2)):
        place = torch.arange(used.shape[1])
        first = torch.where(used, place, used.shape[1]).amin(1)
        last = torch.where(used, place, -1).amax(1)
        sides.append((first, last + 1))
    (left, right), (top, bottom) = sides
    return torch.stack([left, top, right, bottom], dim=1).float()
