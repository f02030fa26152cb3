"""Encoder and mask decoder that compute in bfloat16 where the processor can, for OpenVINO.

The file says of each number that it is a bfloat16, so OpenVINO computes in it even where all else
is to be in float32. A processor without bfloat16 computes in float32 instead.
"""

from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from wps_sam.export.graph import MaskDecoding
from wps_sam.export.pieces import convert_encoder
from wps_sam.sam.folded_decoder import SharedImage, decode_prompts
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
    """Write an encoder; an `EncoderWriter` for `write_pieces`."""
    return convert_encoder(Bfloat16Encoder(sam), sam, folder)


class Bfloat16Decoding(MaskDecoding):
    """The mask decoder of the first SAM's family with weights, cells and tokens in bfloat16.

    Prompts and position codes are computed in float32 before.
    """

    def __init__(self, sam: FrozenSam) -> None:
        """Copy a SAM's mask decoder.

        Args:
            sam: Of the first SAM's family, as all that can be exported.
        """
        super().__init__(sam)
        self.decoder = deepcopy(sam.mask_decoder).to(torch.bfloat16)

    def forward(self, image: SharedImage, tokens: Tensor, reach: Tensor | None) -> Tensor:
        """See MaskDecoding."""
        coarse = SharedImage(*(part.to(torch.bfloat16) for part in image))
        prompts, hw = tokens.to(torch.bfloat16), self.sam.embed_hw
        logits, _ = decode_prompts(self.decoder, coarse, prompts, hw, multimask=False, reach=reach)
        return logits[:, 0].float()
