"""An encoder that computes in bfloat16 where the processor can, for OpenVINO."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from wps_sam.export.pieces import convert_encoder
from wps_sam.sam.frozen import FrozenSam


class Bfloat16Encoder(nn.Module):
    """SAM's encoder with weights and maps in bfloat16."""

    def __init__(self, sam: FrozenSam) -> None:
        """Copy a SAM."""
        super().__init__()
        self.sam = deepcopy(sam).to(torch.bfloat16)

    def forward(self, pixels: Tensor) -> Tensor:
        """(1, 3, side, side) float32 -> (1, D, h, w) float32."""
        return self.sam.encode(pixels.to(torch.bfloat16))


def bfloat16_encoder(sam: FrozenSam, folder: Path) -> Any:
    """Write an encoder; an `EncoderWriter` for `write_pieces`.

    The file says of each number that it is a bfloat16, so OpenVINO computes in it even where all
    else is to be in float32. A processor without bfloat16 computes in float32 instead.
    """
    return convert_encoder(Bfloat16Encoder(sam), sam, folder)
