"""The neck that SAM's image encoders end in, whatever they are made of."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from wps_sam.sam.tokens import to_cells, to_tokens

_OUT_CHANNELS = 256
"""Channels of the features of every SAM that has this neck."""


class ChannelNorm(nn.Module):
    """A layer norm over the channels of a channels-last (B, C, H, W) map."""

    def __init__(self, channels: int):
        """Build weight and bias.

        Args:
            channels: C.
        """
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, cells: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        height, width = cells.shape[2:]
        tokens = to_tokens(cells)
        # SAM's neck uses 1e-6, torch's default is 1e-5.
        tokens = functional.layer_norm(tokens, tokens.shape[-1:], self.weight, self.bias, 1e-6)
        return to_cells(tokens, height, width)


class Neck(nn.Sequential):
    """Two convolutions without bias, each with a norm: (B, inside, h, w) -> (B, 256, h, w)."""

    def __init__(self, inside: int):
        """Build the layers.

        Args:
            inside: Channels of the encoder's last map.
        """
        super().__init__(
            nn.Conv2d(inside, _OUT_CHANNELS, 1, bias=False),
            ChannelNorm(_OUT_CHANNELS),
            nn.Conv2d(_OUT_CHANNELS, _OUT_CHANNELS, 3, padding=1, bias=False),
            ChannelNorm(_OUT_CHANNELS),
        )
