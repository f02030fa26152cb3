"""RepViT: the convolutional encoder of RepViT-SAM and of EdgeTAM.

Written for this project after the paper (Wang et al. 2024). Parameter names are those of
RepViT-SAM's checkpoint. Batch norms, and the three branches of the depthwise mixer, are run as the
one convolution they amount to.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from wps_sam.sam.tiny_vit_layers import ConvNorm, Derived, Gelu, NormStatistics

_EXPAND = 2
# Squeezed channels: a quarter, rounded to a multiple of 8.
_SQUEEZE, _MULTIPLE = 4, 8


class RepVitShape(NamedTuple):
    """How large a RepViT is.

    Attributes:
        widths: Channels of each stage.
        depths: Blocks of each stage, without the two parts that lead to the next stage.
        strides: Step from each stage to the next, one fewer than stages.
        normed_centre: Whether the mixer's 1x1 branch has a norm of its own, and the sum none.
    """

    widths: tuple[int, ...]
    depths: tuple[int, ...]
    strides: tuple[int, ...]
    normed_centre: bool

    def ends(self) -> tuple[int, ...]:
        """Where each stage ends: positions in `RepVit.features`, the stem being the first."""
        ends, position = [], 0
        for depth in self.depths:
            ends.append(position + depth)
            position += depth + 2
        return tuple(ends)


class Squeeze(nn.Module):
    """Weigh channels by what the whole map has in them (squeeze and excitation)."""

    def __init__(self, width: int):
        """Build both layers.

        Args:
            width: Channels in and out.
        """
        super().__init__()
        hidden = max(_MULTIPLE, (width // _SQUEEZE + _MULTIPLE // 2) // _MULTIPLE * _MULTIPLE)
        self.fc1 = nn.Conv2d(width, hidden, 1)
        self.fc2 = nn.Conv2d(hidden, width, 1)

    def forward(self, cells: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        whole = functional.relu(self.fc1(cells.mean((2, 3), keepdim=True)))
        weight: Tensor = self.fc2(whole).sigmoid()
        return cells * weight


class DepthwiseMixer(Derived):
    """A 3x3 and a 1x1 convolution per channel and the input itself, added up, and a norm."""

    fused_weight: Tensor
    fused_bias: Tensor

    def __init__(self, width: int, *, normed_centre: bool):
        """Build the branches; `derive` runs again whenever weights are loaded.

        Args:
            width: Channels.
            normed_centre: The 1x1 branch is normed, not the sum.
        """
        super().__init__()
        self.conv = ConvNorm(width, width, kernel=3, groups=width)
        self.conv1: ConvNorm | nn.Conv2d
        self.bn: NormStatistics | None = None
        if normed_centre:
            self.conv1 = ConvNorm(width, width, groups=width)
        else:
            self.conv1 = nn.Conv2d(width, width, 1, groups=width)
            self.bn = NormStatistics(width)
        self.register_buffer("fused_weight", torch.empty(0), persistent=False)
        self.register_buffer("fused_bias", torch.empty(0), persistent=False)

    @torch.no_grad()
    def derive(self) -> None:
        """Add the branches up in one 3x3 kernel: 1x1 and the identity only have a centre."""
        self.conv.derive()
        if isinstance(self.conv1, ConvNorm):
            self.conv1.derive()
            centre, bias = self.conv1.fused_weight, self.conv1.fused_bias
        else:
            centre, bias = self.conv1.weight, torch.as_tensor(self.conv1.bias)
        kernel = self.conv.fused_weight + functional.pad(centre + 1, (1, 1, 1, 1))
        bias = self.conv.fused_bias + bias
        if self.bn is not None:
            scale, shift = self.bn.scale_and_shift()
            kernel, bias = kernel * scale[:, None, None, None], bias * scale + shift
        self.fused_weight, self.fused_bias = kernel, bias

    def forward(self, cells: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        weight, bias = self.fused_weight, self.fused_bias
        return functional.conv2d(cells, weight, bias, padding=1, groups=cells.shape[1])


class ChannelMixer(nn.Module):
    """Widen, gelu, narrow, add the input."""

    def __init__(self, width: int):
        """Build both layers.

        Args:
            width: Channels in and out.
        """
        super().__init__()
        hidden = width * _EXPAND
        self.m = nn.Sequential(ConvNorm(width, hidden), Gelu(), ConvNorm(hidden, width))

    def forward(self, cells: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        mixed: Tensor = self.m(cells)
        return mixed.add_(cells)


class Block(nn.Module):
    """Mix cells channel by channel, then channels cell by cell."""

    def __init__(self, width: int, *, squeezed: bool, normed_centre: bool):
        """Build the mixers.

        Args:
            width: Channels in and out.
            squeezed: Whether channels are weighed in between.
            normed_centre: See `DepthwiseMixer`.
        """
        super().__init__()
        mixer = DepthwiseMixer(width, normed_centre=normed_centre)
        self.token_mixer = nn.Sequential(mixer, Squeeze(width) if squeezed else nn.Identity())
        self.channel_mixer = ChannelMixer(width)

    def forward(self, cells: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        mixed: Tensor = self.channel_mixer(self.token_mixer(cells))
        return mixed


class Step(nn.Module):
    """The way to the next stage: another resolution, another width."""

    def __init__(self, inside: int, outside: int, stride: int):
        """Build the mixers.

        Args:
            inside: Input channels.
            outside: Output channels.
            stride: 2 to halve, 1 to keep the resolution.
        """
        super().__init__()
        down = ConvNorm(inside, inside, kernel=3, stride=stride, groups=inside)
        self.token_mixer = nn.Sequential(down, nn.Identity(), ConvNorm(inside, outside))
        self.channel_mixer = ChannelMixer(outside)

    def forward(self, cells: Tensor) -> Tensor:
        """(B, inside, H, W) -> (B, outside, H / stride, W / stride)."""
        mixed: Tensor = self.channel_mixer(self.token_mixer(cells))
        return mixed


class RepVit(nn.Module):
    """The encoder without a neck: a quarter of the side, and further down at each step.

    A stage is `depth` blocks of which every other one, from the first, weighs channels; before the
    next stage come a block that does not, and the step.
    """

    def __init__(self, shape: RepVitShape):
        """Build the encoder with random weights.

        Args:
            shape: Its size.
        """
        super().__init__()
        first = shape.widths[0]
        stem: list[nn.Module] = [
            ConvNorm(3, first // 2, kernel=3, stride=2),
            Gelu(),
            ConvNorm(first // 2, first, kernel=3, stride=2),
        ]
        parts: list[nn.Module] = [nn.Sequential(*stem)]
        for stage, (width, depth) in enumerate(zip(shape.widths, shape.depths, strict=True)):
            if stage:
                before = shape.widths[stage - 1]
                parts.append(Block(before, squeezed=False, normed_centre=shape.normed_centre))
                parts.append(Step(before, width, shape.strides[stage - 1]))
            parts += [
                Block(width, squeezed=block % 2 == 0, normed_centre=shape.normed_centre)
                for block in range(depth)
            ]
        self.features = nn.ModuleList(parts)
        self._ends = shape.ends()
        for module in self.modules():
            if isinstance(module, Derived):
                module.derive()

    def stage_maps(self, pixels: Tensor) -> list[Tensor]:
        """Encode images.

        Args:
            pixels: (B, 3, S, S) float32, normalised, S a multiple of all strides.

        Returns:
            What each stage ends with, (B, width, side, side) channels-last, finest first.
        """
        cells = pixels.contiguous(memory_format=torch.channels_last)
        found = []
        for position, part in enumerate(self.features):
            cells = part(cells)
            if position in self._ends:
                found.append(cells)
        return found
