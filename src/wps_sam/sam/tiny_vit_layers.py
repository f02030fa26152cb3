"""The layers of TinyViT that are faster here than written down plainly.

Activations stay channels-last from end to end, so no layer copies them into another order; batch
norms are folded into their convolutions; attention biases are gathered once. Everything is for
evaluation only.
"""

import abc
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


def gelu_in_place(cells: Tensor) -> Tensor:
    """Apply GELU over its input: fresh memory for the widest map (64 MB) costs more than GELU.

    Args:
        cells: Any shape, float; overwritten.

    Returns:
        The same tensor.
    """
    overwritten: Tensor = torch.ops.aten.gelu_(cells)
    return overwritten


class Derived(nn.Module, abc.ABC):
    """A layer that computes tensors from its weights, anew whenever weights are loaded."""

    def __init__(self) -> None:
        """Arrange for `derive` to follow every `load_state_dict`."""
        super().__init__()
        self.register_load_state_dict_post_hook(_derive_again)  # type: ignore[no-untyped-call]  # torch has no annotation

    @abc.abstractmethod
    def derive(self) -> None:
        """Compute them from the weights as they are now."""


class Gelu(nn.Module):
    """GELU inside an `nn.Sequential`; overwrites its input."""

    def forward(self, cells: Tensor) -> Tensor:
        """Any shape -> the same."""
        return gelu_in_place(cells)


class NormStatistics(nn.Module):
    """The weights of a batch norm in evaluation mode; `ConvNorm` folds them into its convolution.

    torch's own BatchNorm2d would add a counter of batches, which MobileSAM's file does not hold.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int):
        """Start as the identity.

        Args:
            channels: Channels normalised.
        """
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def scale_and_shift(self) -> tuple[Tensor, Tensor]:
        """(channels,) each: the norm is `x * scale + shift`."""
        # 1e-5 is the epsilon MobileSAM was trained with.
        scale = self.weight * torch.rsqrt(self.running_var + 1e-5)
        return scale, self.bias - self.running_mean * scale


class ConvNorm(Derived):
    """A convolution without bias and a batch norm, run as the one convolution they amount to."""

    fused_weight: Tensor
    fused_bias: Tensor

    def __init__(
        self, inside: int, outside: int, kernel: int = 1, stride: int = 1, groups: int = 1
    ):
        """Build both layers; `derive` runs again whenever weights are loaded.

        Args:
            inside: Input channels.
            outside: Output channels.
            kernel: Side of the kernel.
            stride: Step in cells.
            groups: Channel groups.
        """
        super().__init__()
        self.c = nn.Conv2d(inside, outside, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = NormStatistics(outside)
        self.register_buffer("fused_weight", torch.empty(0), persistent=False)
        self.register_buffer("fused_bias", torch.empty(0), persistent=False)

    @torch.no_grad()
    def derive(self) -> None:
        """Fold the norm's scale and shift into the convolution's weight and bias."""
        scale, self.fused_bias = self.bn.scale_and_shift()
        weight = self.c.weight * scale[:, None, None, None]
        self.fused_weight = weight.contiguous(memory_format=torch.channels_last)

    def forward(self, cells: Tensor) -> Tensor:
        """(B, inside, H, W) -> (B, outside, H / stride, W / stride)."""
        conv = self.c
        return functional.conv2d(
            cells,
            self.fused_weight,
            self.fused_bias,
            conv.stride,
            conv.padding,
            groups=conv.groups,
        )


class WindowAttention(Derived):
    """Attention among the cells of a window, with a learned bias per offset."""

    bias: Tensor
    offset_index: Tensor

    def __init__(self, width: int, heads: int, window: int):
        """Build the projections; `derive` runs again whenever weights are loaded.

        Args:
            width: Channels C.
            heads: Attention heads; each sees C / heads channels.
            window: Side of the window in cells.
        """
        super().__init__()
        self.heads = heads
        self.window = window
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.attention_biases = nn.Parameter(torch.zeros(heads, window * window))
        self.register_buffer("offset_index", _offset_index(window), persistent=False)
        self.register_buffer("bias", torch.empty(0), persistent=False)

    @torch.no_grad()
    def derive(self) -> None:
        """Spread the bias of each offset over all pairs of cells: (1, heads, cells, cells)."""
        self.bias = self.attention_biases[:, self.offset_index][None].contiguous()

    def forward(self, tokens: Tensor, height: int, width: int) -> Tensor:
        """(B, H W, C), row by row -> the same, each window on its own; `height` H, `width` W."""
        batch, _, channels = tokens.shape
        side = self.window
        rows, columns = -(-height // side), -(-width // side)
        # MobileSAM pads right and bottom, before the norm, and does not mask the padding. Before
        # and after of each axis, the last one first: channels, columns, rows.
        missing = (0, 0, 0, columns * side - width, 0, rows * side - height)
        padded = functional.pad(torch.unflatten(tokens, 1, (height, width)), missing).flatten(1, 2)
        windows = self.qkv(self.norm(padded)).view(
            batch, rows, side, columns, side, self.heads, 3, channels // self.heads
        )
        windows = windows.permute(6, 0, 1, 3, 5, 2, 4, 7)
        query, key, value = windows.reshape(
            3, batch * rows * columns, self.heads, side * side, channels // self.heads
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=self.bias)
        mixed = mixed.view(batch, rows, columns, self.heads, side, side, channels // self.heads)
        mixed = mixed.permute(0, 1, 4, 2, 5, 3, 6)
        mixed = mixed.reshape(batch, rows * side, columns * side, channels)[:, :height, :width]
        projected: Tensor = self.proj(mixed.flatten(1, 2))
        return projected


def _offset_index(window: int) -> Tensor:
    """(cells, cells) long: the column of `attention_biases` for each pair of a window's cells.

    Columns are numbered row by row over the absolute offsets (|dy|, |dx|).
    """
    line = torch.arange(window)
    distance = (line[:, None] - line[None, :]).abs()
    pairs = distance[:, None, :, None] * window + distance[None, :, None, :]
    return pairs.reshape(window * window, window * window)


def _derive_again(layer: Derived, keys: Any) -> None:
    """After weights were loaded: nothing computed from the old ones may stay."""
    del keys
    layer.derive()
