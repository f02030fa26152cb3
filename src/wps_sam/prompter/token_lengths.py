"""Prompts of different length: SAM decodes those of one length together, without padding."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor


def same_length(prompts: Sequence[Tensor]) -> Iterator[tuple[list[int], Tensor]]:
    """Group prompts that SAM can decode together without padding.

    Args:
        prompts: P prompts (T_p, 256).

    Yields:
        Positions of the prompts of one length, and these prompts (N, T, 256).
    """
    for length in sorted({len(tokens) for tokens in prompts}):
        rows = [row for row, tokens in enumerate(prompts) if len(tokens) == length]
        yield rows, torch.stack([prompts[row] for row in rows])
