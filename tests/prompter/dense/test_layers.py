"""The small pieces of the dense prompter."""

import math

import pytest
import torch
from torch import nn

from wps_sam.prompter.dense.layers import bias_of, convolution, sine_position


def test_sine_position__against_a_double_loop() -> None:
    height, width, channels = 3, 5, 16
    found = sine_position(height, width, channels)
    assert found.shape == (1, 15, 16)
    for row in range(height):
        for column in range(width):
            y, x = (row + 0.5) / height, (column + 0.5) / width
            expected = []
            for place in (y, x):
                angles = [place * 2 * math.pi / 10000 ** (k / 4) for k in range(channels // 4)]
                expected += [math.sin(a) for a in angles] + [math.cos(a) for a in angles]
            cell = found[0, row * width + column]
            torch.testing.assert_close(cell, torch.tensor(expected), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("size", "stride", "side"), [(3, 1, 7), (1, 1, 7), (3, 2, 4)], ids=["3x3", "1x1", "half"]
)
def test_convolution__shapes(size: int, stride: int, side: int) -> None:
    layer = convolution(8, 32, size=size, stride=stride)
    assert layer(torch.zeros(2, 8, 7, 7)).shape == (2, 32, side, side)


def test_bias_of__there_or_not() -> None:
    layer = nn.Conv2d(2, 3, 1)
    assert bias_of(layer) is layer.bias
    with pytest.raises(AttributeError, match="without a bias"):
        bias_of(nn.Conv2d(2, 3, 1, bias=False))
