"""From low-resolution logits to masks and boxes in the original frame, inside the graph.

The twin of `inference.decoding.to_prediction` and `sam.upscale.masks_to_original`. Enlarging to
SAM's square, cutting the padding off and resizing to the picture are all linear, and separate for
rows and columns; so each is a matrix, and their product enlarges in one step.
"""

import torch
from torch import Tensor

from wps_sam.export.picture import resized_hw


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
    rows = _enlarging(low_res_logits.shape[1], resized_height, height, side)
    columns = _enlarging(low_res_logits.shape[2], resized_width, width, side)
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


def _enlarging(cells: int, resized: int, original: int, side: int) -> Tensor:
    """(original, cells) float32: to SAM's square, without its padding, to the original size."""
    to_square = _bilinear(torch.eye(cells), torch.arange(side), cells, side)
    return _bilinear(to_square, torch.arange(original), resized, original)


def _bilinear(values: Tensor, places: Tensor, found: int, wanted: int) -> Tensor:
    """Bilinear samples of the first `found` rows of `values` at the centres of `wanted` pixels.

    The equation of `interpolate(..., align_corners=False)`, in units of 1 / (2 wanted) rows.
    """
    position = ((2 * places + 1) * found - wanted).clamp(min=0)
    before = torch.div(position, 2 * wanted, rounding_mode="floor")
    share = ((position - 2 * wanted * before).float() / (2 * wanted))[:, None]
    after = (before + 1).clamp(max=found - 1)
    return values[before] * (1 - share) + values[after] * share
