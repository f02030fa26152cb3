"""Where in the picture a part's mask can lie, when the box it was asked for is known.

SAM's masks spill over the box they are prompted with, but not far: of 2,623 labelled parts of cars
at most 2 in 10,000 mask pixels lie outside of `cells_in_reach`, of 334 parts of people, animals and
things at most 2 in 100,000 (`benchmarks/mask_reach.json`). A part's reach is 15 % and 5 % of the
picture on average. Only these cells are upscaled; attention looks at all of them.
"""

import torch
from torch import Tensor

OUTSIDE = -20.0
"""The logit where no mask is looked for: about what SAM says far from a part."""

_SPILL = 0.25
"""Of the box's sides, on each side."""

_SPILL_CELLS = 1
"""Besides, on each side: small boxes are known no better than to a cell."""


def cells_in_reach(boxes_xyxy: Tensor, embed_hw: tuple[int, int], image_side: int) -> Tensor:
    """Find the cells that the masks of boxes may reach.

    Args:
        boxes_xyxy: (N, 4) float, SAM frame; any two opposite corners.
        embed_hw: (h, w) of SAM's features.
        image_side: Side of the SAM frame in pixels.

    Returns:
        (N, h, w) bool; at least one cell of each box is True if the box touches the frame.
    """
    corners = boxes_xyxy.reshape(-1, 2, 2)
    low, high = corners.amin(1), corners.amax(1)
    spill = _SPILL * (high - low)
    in_columns, in_rows = (
        _between((low - spill)[:, axis], (high + spill)[:, axis], cells, image_side)
        for axis, cells in ((0, embed_hw[1]), (1, embed_hw[0]))
    )
    return in_rows[:, :, None] & in_columns[:, None]


def _between(first: Tensor, last: Tensor, cells: int, image_side: int) -> Tensor:
    """(N,) pixels of the SAM frame, twice -> (N, cells) bool along one axis."""
    cell = image_side / cells
    place = torch.arange(cells, device=first.device)
    begins = (first / cell).floor() - _SPILL_CELLS
    ends = (last / cell).ceil() + _SPILL_CELLS
    # Not "place >= begins": an exported graph has one such comparison, that of the scores.
    return (begins[:, None] <= place) & (place < ends[:, None])


def only_in_reach(low_res_logits: Tensor, reach: Tensor) -> Tensor:
    """Take masks away where no mask is looked for.

    Args:
        low_res_logits: (N, M, 4h, 4w) float.
        reach: (N, h, w) bool.

    Returns:
        (N, M, 4h, 4w) float, `OUTSIDE` in the pixels of all other cells.
    """
    quarters = reach.repeat_interleave(4, 1).repeat_interleave(4, 2)
    return torch.where(quarters[:, None], low_res_logits, OUTSIDE)
