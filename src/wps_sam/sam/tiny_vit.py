"""TinyViT-5M as MobileSAM uses it: the image encoder that runs on a laptop.

Written for this project after the papers (TinyViT, Wu et al. 2022; MobileSAM, Zhang et al. 2023).
Parameter names are those of the MobileSAM checkpoint.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from wps_sam.sam.neck import Neck
from wps_sam.sam.tiny_vit_layers import (
    ConvNorm,
    Derived,
    Gelu,
    WindowAttention,
    gelu_in_place,
)
from wps_sam.sam.tokens import to_cells, to_tokens


class Stage(NamedTuple):
    """One attention stage: width, number of blocks, heads, window side in cells."""

    width: int
    depth: int
    heads: int
    window: int


_CONV_WIDTH, _CONV_DEPTH = 64, 2
_STAGES = (Stage(128, 2, 4, 7), Stage(160, 6, 5, 14), Stage(320, 2, 10, 7))
_EXPAND = 4


class InvertedBottleneck(nn.Module):
    """Widen, look at 3x3 cells per channel, narrow, add the input (MBConv)."""

    def __init__(self, width: int):
        """Build the three convolutions.

        Args:
            width: Channels in and out.
        """
        super().__init__()
        hidden = width * _EXPAND
        self.conv1 = ConvNorm(width, hidden)
        self.conv2 = ConvNorm(hidden, hidden, kernel=3, groups=hidden)
        self.conv3 = ConvNorm(hidden, width)

    def forward(self, cells: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        hidden = gelu_in_place(self.conv1(cells))
        hidden = gelu_in_place(self.conv2(hidden))
        return gelu_in_place(self.conv3(hidden).add_(cells))


class Downsample(nn.Module):
    """Change the width and, with stride 2, halve the resolution (patch merging)."""

    def __init__(self, inside: int, outside: int, stride: int):
        """Build the three convolutions.

        Args:
            inside: Input channels.
            outside: Output channels.
            stride: 2 to halve, 1 to keep the resolution.
        """
        super().__init__()
        self.conv1 = ConvNorm(inside, outside)
        self.conv2 = ConvNorm(outside, outside, kernel=3, stride=stride, groups=outside)
        self.conv3 = ConvNorm(outside, outside)

    def forward(self, cells: Tensor) -> Tensor:
        """(B, inside, H, W) -> (B, outside, H / stride, W / stride)."""
        hidden = gelu_in_place(self.conv1(cells))
        hidden = gelu_in_place(self.conv2(hidden))
        merged: Tensor = self.conv3(hidden)
        return merged


class Mlp(nn.Module):
    """Norm, widen, gelu, narrow."""

    def __init__(self, width: int):
        """Build both layers.

        Args:
            width: Channels in and out.
        """
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, width * _EXPAND)
        self.fc2 = nn.Linear(width * _EXPAND, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(..., C) -> (..., C)."""
        narrowed: Tensor = self.fc2(gelu_in_place(self.fc1(self.norm(tokens))))
        return narrowed


class WindowBlock(nn.Module):
    """Window attention, a 3x3 convolution per channel, and an MLP."""

    def __init__(self, stage: Stage):
        """Build the three parts.

        Args:
            stage: Width, heads and window of the stage this block is in.
        """
        super().__init__()
        self.attn = WindowAttention(stage.width, stage.heads, stage.window)
        self.mlp = Mlp(stage.width)
        self.local_conv = ConvNorm(stage.width, stage.width, kernel=3, groups=stage.width)

    def forward(self, cells: Tensor) -> Tensor:
        """(B, C, H, W) channels-last -> the same."""
        height, width = cells.shape[2:]
        tokens = to_tokens(cells)
        tokens = tokens + self.attn(tokens, height, width)
        tokens = to_tokens(self.local_conv(to_cells(tokens, height, width)))
        return to_cells(tokens + self.mlp(tokens), height, width)


class Blocks(nn.Module):
    """A stage: its blocks, then the step down to the next stage if there is one."""

    def __init__(self, blocks: list[nn.Module], downsample: nn.Module | None):
        """Keep the parts under the checkpoint's names.

        Args:
            blocks: The stage's blocks in order.
            downsample: The step to the next stage's width, or None in the last stage.
        """
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.downsample = downsample

    def forward(self, cells: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H', W')."""
        for block in self.blocks:
            cells = block(cells)
        if self.downsample is not None:
            cells = self.downsample(cells)
        return cells


class PatchEmbed(nn.Module):
    """Two strided convolutions: one cell for 4x4 pixels."""

    def __init__(self, width: int):
        """Build the stem.

        Args:
            width: Output channels.
        """
        super().__init__()
        self.seq = nn.Sequential(
            ConvNorm(3, width // 2, kernel=3, stride=2),
            Gelu(),
            ConvNorm(width // 2, width, kernel=3, stride=2),
        )

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, width, S / 4, S / 4)."""
        cells: Tensor = self.seq(pixels)
        return cells


class TinyViT(nn.Module):
    """The whole encoder: a quarter, an eighth, a sixteenth of the side, then SAM's neck."""

    def __init__(self) -> None:
        """Build the encoder with random weights."""
        super().__init__()
        self.patch_embed = PatchEmbed(_CONV_WIDTH)
        bottlenecks: list[nn.Module] = [InvertedBottleneck(_CONV_WIDTH) for _ in range(_CONV_DEPTH)]
        layers = [Blocks(bottlenecks, Downsample(_CONV_WIDTH, _STAGES[0].width, stride=2))]
        for index, stage in enumerate(_STAGES):
            downsample = None
            if index + 1 < len(_STAGES):
                # MobileSAM keeps 1/16 for the last stage, so that features have SAM's size.
                stride = 2 if index == 0 else 1
                downsample = Downsample(stage.width, _STAGES[index + 1].width, stride)
            blocks: list[nn.Module] = [WindowBlock(stage) for _ in range(stage.depth)]
            layers.append(Blocks(blocks, downsample))
        self.layers = nn.ModuleList(layers)
        self.neck = Neck(_STAGES[-1].width)
        for module in self.modules():
            if isinstance(module, Derived):
                module.derive()

    def forward(self, pixels: Tensor) -> Tensor:
        """Encode images.

        Args:
            pixels: (B, 3, S, S) float, normalised, S a multiple of 16.

        Returns:
            (B, 256, S / 16, S / 16) float, contiguous.
        """
        cells = self.patch_embed(pixels.contiguous(memory_format=torch.channels_last))
        for layer in self.layers:
            cells = layer(cells)
        features: Tensor = self.neck(cells)
        return features.contiguous()
