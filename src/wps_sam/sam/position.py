"""Where in the frame a SAM position code points to: the inverse of SAM's random Fourier code."""

import math

import torch
from torch import Tensor

# A code changes over about 1 / (2 pi |frequency|). SAM draws its frequencies from a unit normal,
# for a frame two units wide, so 64 steps put several starting points on every peak.
_GRID_STEPS = 64
# Gauss-Newton converges quadratically; from half a grid step 8 rounds reach float32's accuracy.
_ROUNDS = 8


def position_code(positions: Tensor, frequencies: Tensor) -> Tensor:
    """Encode positions as SAM does.

    Args:
        positions: (..., 2) float32, (x, y) as fractions of the frame, 0..1.
        frequencies: (2, D / 2) float32, the checkpoint's random matrix.

    Returns:
        (..., D) float32: sines, then cosines.
    """
    angles = 2 * math.pi * ((2 * positions - 1) @ frequencies)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def cell_codes(height: int, width: int, frequencies: Tensor) -> Tensor:
    """Encode the centres of a feature map's cells.

    Args:
        height: Cells from top to bottom, h.
        width: Cells from left to right, w.
        frequencies: (2, D / 2) float32, the checkpoint's random matrix.

    Returns:
        (1, D, h, w) float32.
    """
    y = (torch.arange(height, device=frequencies.device) + 0.5) / height
    x = (torch.arange(width, device=frequencies.device) + 0.5) / width
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
    return position_code(grid, frequencies).permute(2, 0, 1)[None]


def nearest_position(codes: Tensor, frequencies: Tensor) -> Tensor:
    """Find the positions whose codes are nearest to the given ones.

    All position codes have the same length, so the nearest in the least-squares sense has the
    largest inner product: the best point of a coarse grid, refined by Gauss-Newton within one grid
    step. The normal matrix is the same everywhere because sin^2 + cos^2 = 1.

    Args:
        codes: (N, D) float32, position codes, possibly inexact.
        frequencies: (2, D / 2) float32, the checkpoint's random matrix.

    Returns:
        (N, 2) float32, (x, y) as fractions of the frame, 0..1.
    """
    line = torch.linspace(0, 1, _GRID_STEPS + 1, device=codes.device)
    grid = torch.cartesian_prod(line, line)
    start = grid[(codes @ position_code(grid, frequencies).T).argmax(dim=1)]
    # d angle / d position: the frame 0..1 is mapped to -1..1, hence 4 pi instead of 2 pi.
    slopes = 4 * math.pi * frequencies
    normal_inverse = torch.linalg.inv(slopes @ slopes.T)
    positions = start
    for _ in range(_ROUNDS):
        sines, cosines = position_code(positions, frequencies).chunk(2, dim=-1)
        code_sines, code_cosines = codes.chunk(2, dim=-1)
        # J^T (code - position code); the position code itself is orthogonal to its own derivative.
        descent = (code_sines * cosines - code_cosines * sines) @ slopes.T
        step = descent @ normal_inverse
        positions = torch.clamp(positions + step, start - 1 / _GRID_STEPS, start + 1 / _GRID_STEPS)
    return positions.clamp(0, 1)
