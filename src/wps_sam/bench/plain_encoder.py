"""MobileSAM's image encoder written down plainly: the reference that `bench` compares speed with.

The same network from the same weights as `sam/tiny_vit.py`, without what makes that one fast: maps
lie channel by channel in memory (NCHW), every convolution is followed by its own batch norm, the
attention bias is gathered on each call, attention is two products and a softmax, and every
activation gets fresh memory. After the papers (TinyViT, Wu et al. 2022; MobileSAM, Zhang et al.
2023). Dims: B images, C channels, (H, W) cells.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional


class _Stage(NamedTuple):
    """Width, number of blocks, heads, side of the window in cells; stride of the step after it."""

    width: int
    depth: int
    heads: int
    window: int
    stride: int


_CONV_WIDTH = 64
_STAGES = (_Stage(128, 2, 4, 7, 2), _Stage(160, 6, 5, 14, 1), _Stage(320, 2, 10, 7, 0))
_OUT_CHANNELS = 256


class _ConvNorm(nn.Module):
    """A convolution without bias, then a batch norm."""

    def __init__(
        self, inside: int, outside: int, kernel: int = 1, stride: int = 1, groups: int = 1
    ) -> None:
        """Build both layers."""
        super().__init__()
        self.c = nn.Conv2d(inside, outside, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(outside)

    def forward(self, cells: Tensor) -> Tensor:
        """(B, inside, H, W) -> (B, outside, H / stride, W / stride)."""
        normed: Tensor = self.bn(self.c(cells))
        return normed


class _Bottleneck(nn.Module):
    """Widen, look at 3x3 cells per channel, narrow, add the input."""

    def __init__(self, width: int) -> None:
        """Build the three convolutions."""
        super().__init__()
        self.conv1 = _ConvNorm(width, 4 * width)
        self.conv2 = _ConvNorm(4 * width, 4 * width, 3, groups=4 * width)
        self.conv3 = _ConvNorm(4 * width, width)

    def forward(self, cells: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        hidden = functional.gelu(self.conv1(cells))
        hidden = functional.gelu(self.conv2(hidden))
        return functional.gelu(self.conv3(hidden) + cells)


class _Merge(nn.Module):
    """The step to the next stage's width."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        """Build the three convolutions."""
        super().__init__()
        self.conv1 = _ConvNorm(inside, outside)
        self.conv2 = _ConvNorm(outside, outside, 3, stride, groups=outside)
        self.conv3 = _ConvNorm(outside, outside)

    def forward(self, cells: Tensor) -> Tensor:
        """(B, inside, H, W) -> (B, outside, H / stride, W / stride)."""
        hidden = functional.gelu(self.conv1(cells))
        merged: Tensor = self.conv3(functional.gelu(self.conv2(hidden)))
        return merged


class _Attention(nn.Module):
    """Attention among the cells of each window."""

    offset_index: Tensor

    def __init__(self, width: int, heads: int, window: int) -> None:
        """Build the projections and the table of offsets."""
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.attention_biases = nn.Parameter(torch.zeros(heads, window * window))
        cells = torch.cartesian_prod(torch.arange(window), torch.arange(window))
        offsets = (cells[:, None] - cells[None]).abs()  # (cells, cells, 2): rows, columns
        self.register_buffer(
            "offset_index", offsets[..., 0] * window + offsets[..., 1], persistent=False
        )

    def forward(self, windows: Tensor) -> Tensor:
        """(windows, cells, C) -> the same."""
        count, cells, width = windows.shape
        qkv = self.qkv(self.norm(windows)).view(count, cells, self.heads, -1)
        query, key, value = (part.transpose(1, 2) for part in qkv.chunk(3, dim=3))
        scores = query @ key.transpose(2, 3) * (width // self.heads) ** -0.5
        weights = (scores + self.attention_biases[:, self.offset_index]).softmax(dim=3)
        mixed: Tensor = self.proj((weights @ value).transpose(1, 2).reshape(count, cells, width))
        return mixed


class _Mlp(nn.Module):
    """Norm, widen, gelu, narrow."""

    def __init__(self, width: int) -> None:
        """Build both layers."""
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, H W, C) -> the same."""
        narrowed: Tensor = self.fc2(functional.gelu(self.fc1(self.norm(tokens))))
        return narrowed


class _Block(nn.Module):
    """Window attention, a 3x3 convolution per channel, and an MLP."""

    def __init__(self, stage: _Stage) -> None:
        """Build the three parts."""
        super().__init__()
        self.window = stage.window
        self.attn = _Attention(stage.width, stage.heads, stage.window)
        self.mlp = _Mlp(stage.width)
        self.local_conv = _ConvNorm(stage.width, stage.width, 3, groups=stage.width)

    def forward(self, cells: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        shape = cells.shape
        tokens = cells.permute(0, 2, 3, 1)
        tokens = (tokens + self._attend(tokens)).permute(0, 3, 1, 2).contiguous()
        tokens = self.local_conv(tokens).flatten(2).transpose(1, 2)
        mixed: Tensor = tokens + self.mlp(tokens)
        return mixed.transpose(1, 2).reshape(shape)

    def _attend(self, tokens: Tensor) -> Tensor:
        """(B, H, W, C) -> the same: cut into windows, attend inside each, put together."""
        batch, height, width, channels = tokens.shape
        side = self.window
        below, right = -height % side, -width % side
        padded = functional.pad(tokens, (0, 0, 0, right, 0, below))
        rows, columns = (height + below) // side, (width + right) // side
        split = padded.reshape(batch, rows, side, columns, side, channels).transpose(2, 3)
        mixed = self.attn(split.reshape(batch * rows * columns, side * side, channels))
        joined = mixed.view(batch, rows, columns, side, side, channels).transpose(2, 3)
        whole: Tensor = joined.reshape(batch, rows * side, columns * side, channels)
        return whole[:, :height, :width]


class _ChannelNorm(nn.Module):
    """A layer norm over the channels of a map."""

    def __init__(self, channels: int) -> None:
        """Build weight and bias."""
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, cells: Tensor) -> Tensor:
        """(B, C, H, W) -> the same."""
        centred = cells - cells.mean(dim=1, keepdim=True)
        variance = centred.square().mean(dim=1, keepdim=True)
        normed = centred / torch.sqrt(variance + 1e-6)
        return normed * self.weight[:, None, None] + self.bias[:, None, None]


class _Blocks(nn.Module):
    """A stage: its blocks, then the step to the next one if there is one."""

    def __init__(self, blocks: list[nn.Module], downsample: nn.Module | None) -> None:
        """Keep the parts under the checkpoint's names."""
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.downsample = downsample

    def forward(self, cells: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H', W')."""
        for block in self.blocks:
            cells = block(cells)
        return cells if self.downsample is None else self.downsample(cells)


class PlainTinyViT(nn.Module):
    """The whole encoder. Its `state_dict` has the names of MobileSAM's checkpoint."""

    def __init__(self) -> None:
        """Build the encoder with random weights, in evaluation mode."""
        super().__init__()
        stem = nn.Sequential(
            _ConvNorm(3, _CONV_WIDTH // 2, 3, 2),
            nn.GELU(),
            _ConvNorm(_CONV_WIDTH // 2, _CONV_WIDTH, 3, 2),
        )
        self.patch_embed = nn.ModuleDict({"seq": stem})  # the checkpoint's name
        bottlenecks: list[nn.Module] = [_Bottleneck(_CONV_WIDTH) for _ in range(2)]
        layers = [_Blocks(bottlenecks, _Merge(_CONV_WIDTH, _STAGES[0].width, 2))]
        for stage, after in zip(_STAGES, (*_STAGES[1:], None), strict=True):
            step = None if after is None else _Merge(stage.width, after.width, stage.stride)
            layers.append(_Blocks([_Block(stage) for _ in range(stage.depth)], step))
        self.layers = nn.ModuleList(layers)
        self.neck = nn.Sequential(
            nn.Conv2d(_STAGES[-1].width, _OUT_CHANNELS, 1, bias=False),
            _ChannelNorm(_OUT_CHANNELS),
            nn.Conv2d(_OUT_CHANNELS, _OUT_CHANNELS, 3, padding=1, bias=False),
            _ChannelNorm(_OUT_CHANNELS),
        )
        self.eval()

    def forward(self, pixels: Tensor) -> Tensor:
        """Encode images.

        Args:
            pixels: (B, 3, S, S) float, normalised, SAM frame; S a multiple of 16.

        Returns:
            (B, 256, S / 16, S / 16) float.
        """
        cells = self.patch_embed["seq"](pixels.contiguous())
        for layer in self.layers:
            cells = layer(cells)
        features: Tensor = self.neck(cells)
        return features
