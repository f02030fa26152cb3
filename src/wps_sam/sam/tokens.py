"""An encoder's map as cells (B, C, H, W) channels-last, and as tokens (B, H W, C).

Norms and linear layers take tokens of three axes, not (B, H, W, C): of four axes OpenVINO takes the
second for channels, and copies the map back and forth around every norm.
"""

import torch
from torch import Tensor


def to_tokens(cells: Tensor) -> Tensor:
    """Look at cells as tokens.

    Args:
        cells: (B, C, H, W) float, channels-last.

    Returns:
        (B, H W, C), row by row, of the same memory (cells that lie otherwise are copied).
    """
    return cells.permute(0, 2, 3, 1).flatten(1, 2)


def to_cells(tokens: Tensor, height: int, width: int) -> Tensor:
    """Look at tokens as cells.

    Args:
        tokens: (B, H W, C) float, contiguous, row by row.
        height: H.
        width: W.

    Returns:
        (B, C, H, W) channels-last, of the same memory.
    """
    return torch.unflatten(tokens, 1, (height, width)).permute(0, 3, 1, 2)
