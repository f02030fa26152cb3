"""From the decoder's low-resolution masks to the pixels of the image file.

The official way enlarges to SAM's square, cuts the padding off and resizes to the picture. All of
it is linear, and separate for rows and columns: so each is a matrix, and one product with both goes
all the way, for as few pixels as are wanted.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from wps_sam.geometry.frames import SamFrame

# One mask takes 4 MB at side 1024; 32 at a time keep the intermediate square below 150 MB.
_MASKS_PER_CHUNK = 32


class MaskWindow(NamedTuple):
    """A mask inside a window of the original frame; outside it there is none of it.

    Attributes:
        mask: (h, w) bool; may have no pixel, and h or w may be 0.
        top: Row of the window's first pixel.
        left: Column of it.
    """

    mask: Tensor
    top: int
    left: int


def mask_windows(low_res_logits: Tensor, frame: SamFrame) -> Iterator[MaskWindow]:
    """Enlarge masks one after the other, each only where it can be.

    A sample between cells is above 0 only if one of these cells is. So the window holds all pixels
    that look at a cell above 0, and what `masks_to_original` gives outside it is 0 or less.

    Args:
        low_res_logits: (N, h, w) float, logits over SAM's whole square; N = 0 is legal.
        frame: How the image sits in the SAM square.

    Yields:
        N windows. Rounding apart, their pixels are where `masks_to_original` is > 0.
    """
    _, height, width = low_res_logits.shape
    side, device = frame.side, low_res_logits.device
    (resized_height, resized_width), (rows, columns) = frame.resized_hw, frame.original_hw
    by_row = _enlarging(height, resized_height, rows, side).to(device)
    by_column = _enlarging(width, resized_width, columns, side).to(device)
    for logits in low_res_logits.float():
        top, bottom = _extent(by_row[:, (logits > 0).any(1)].any(1))
        left, right = _extent(by_column[:, (logits > 0).any(0)].any(1))
        seen_rows, seen_columns = by_row[top:bottom], by_column[left:right]
        y, x = (slice(*_extent(seen.any(0))) for seen in (seen_rows, seen_columns))
        enlarged = seen_rows[:, y] @ logits[y, x] @ seen_columns[:, x].T
        yield MaskWindow(enlarged > 0, top, left)


def enlarging(cells: int, resized: int, original: int, side: int) -> Tensor:
    """The matrix that brings one axis of a mask from SAM's square to the picture.

    Args:
        cells: Of the low-resolution mask along this axis.
        resized: Pixels of the picture in SAM's square.
        original: Pixels of the picture itself.
        side: Pixels of SAM's square.

    Returns:
        (original, cells) float32: bilinear to the square, without its padding, bilinear to the
        picture. No weight is negative and each row adds up to 1. Sizes may be symbolic.
    """
    to_square = _bilinear(torch.eye(cells), torch.arange(side), cells, side)
    return _bilinear(to_square, torch.arange(original), resized, original)


@lru_cache(maxsize=8)
def _enlarging(cells: int, resized: int, original: int, side: int) -> Tensor:
    """The same matrix again for photographs of one size; at most 4 MB each for 12 megapixels."""
    with torch.inference_mode(False):
        return enlarging(cells, resized, original, side)


def _bilinear(values: Tensor, places: Tensor, found: int, wanted: int) -> Tensor:
    """Bilinear samples of the first `found` rows of `values` at the centres of `wanted` pixels.

    The equation of `interpolate(..., align_corners=False)`, in units of 1 / (2 wanted) rows.
    """
    position = ((2 * places + 1) * found - wanted).clamp(min=0)
    before = torch.div(position, 2 * wanted, rounding_mode="floor")
    share = ((position - 2 * wanted * before).float() / (2 * wanted))[:, None]
    after = (before + 1).clamp(max=found - 1)
    return values[before] * (1 - share) + values[after] * share


def _extent(used: Tensor) -> tuple[int, int]:
    """(n,) bool -> the first place in use and the one after the last; 0, 0 where there is none."""
    places = used.nonzero()
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, 0)


def masks_to_original(low_res_logits: Tensor, frame: SamFrame) -> Tensor:
    """Upscale mask logits to the original frame, as the official SAM does.

    Bilinear to the full SAM square, cut the padding off, bilinear to the original size.

    Args:
        low_res_logits: (N, h, w) float, logits over SAM's whole square; N = 0 is legal.
        frame: How the image sits in the SAM square.

    Returns:
        (N, H, W) float32 logits in the original frame; a pixel is in the mask where > 0.
    """
    height, width = frame.original_hw
    resized_height, resized_width = frame.resized_hw
    upscaled = []
    for chunk in torch.split(low_res_logits.float(), _MASKS_PER_CHUNK):
        if not len(chunk):
            continue
        square = functional.interpolate(
            chunk[:, None], size=(frame.side, frame.side), mode="bilinear", align_corners=False
        )
        picture = square[..., :resized_height, :resized_width]
        upscaled.append(
            functional.interpolate(
                picture, size=(height, width), mode="bilinear", align_corners=False
            )[:, 0]
        )
    if not upscaled:
        return low_res_logits.new_zeros((0, height, width), dtype=torch.float32)
    return upscaled[0] if len(upscaled) == 1 else torch.cat(upscaled)  # no copy of one chunk
