"""Small pieces that both stages are built of."""

import torch
from torch import Tensor, nn


def convolution(width_in: int, width_out: int, *, size: int = 3, stride: int = 1) -> nn.Sequential:
    """A convolution with norm and GELU: (B, width_in, h, w) -> (B, width_out, h', w')."""
    return nn.Sequential(
        nn.Conv2d(width_in, width_out, size, stride=stride, padding=size // 2, bias=False),
        nn.GroupNorm(16, width_out),
        nn.GELU(),
    )


def sine_position(height: int, width: int, channels: int) -> Tensor:
    """Fixed sine position encoding (Vaswani et al. 2017, over y and x as in DETR).

    Returns:
        (1, height * width, channels) float32.
    """
    quarter = channels // 4
    frequency = 10000 ** (-torch.arange(quarter) / quarter) * 2 * torch.pi
    y = (torch.arange(height) + 0.5)[:, None] / height * frequency
    x = (torch.arange(width) + 0.5)[:, None] / width * frequency
    y = torch.cat([y.sin(), y.cos()], dim=1)[:, None].expand(-1, width, -1)
    x = torch.cat([x.sin(), x.cos()], dim=1)[None].expand(height, -1, -1)
    return torch.cat([y, x], dim=2).reshape(1, height * width, channels)


def bias_of(layer: nn.Conv2d) -> Tensor:
    """Bias of a layer that is known to have one."""
    if layer.bias is None:
        raise AttributeError("this convolution was built without a bias")
    return layer.bias
