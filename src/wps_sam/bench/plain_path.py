"""The path of the published code, written here as the reference that ours is compared with.

Every image is encoded by an encoder without this library's optimisations, each part is decoded in
a call of its own with the decoder of `transformers`, and each part's logits are enlarged to SAM's
full square, cut, and resized to the image.
"""

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from wps_sam.bench.plain_encoder import PlainTinyViT
from wps_sam.bench.stages import PathName, PredictionPath
from wps_sam.geometry.frames import SamFrame
from wps_sam.geometry.masks import mask_to_box
from wps_sam.inference.prediction import PartPrediction
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.prompter.interface import PartPrompts
from wps_sam.sam.frozen import FrozenSam
from wps_sam.sam.heads import FrozenSamHeads
from wps_sam.sam.mobile_sam import MobileSam


class PlainPath(PredictionPath):
    """Encode plainly, decode part by part, enlarge part by part."""

    name: ClassVar[PathName] = "plain"

    def __init__(self, segmenter: PartSegmenter) -> None:
        """Build the plain encoder, if the run's SAM is one that has a faster one here.

        Args:
            segmenter: The run; its weights are used.
        """
        super().__init__(segmenter)
        self._encoder = plain_encoder(segmenter.sam)

    def encode(self, pixels: Tensor) -> Tensor:
        """See PredictionPath."""
        return self._encoder(pixels)

    def decode(self, features: Tensor, prompts: PartPrompts) -> Tensor:
        """See PredictionPath."""
        sam = self.segmenter.sam
        masks = [decode_part(sam, features, tokens) for tokens in prompts.tokens]
        side = 4 * sam.embed_hw[0], 4 * sam.embed_hw[1]
        return torch.stack(masks) if masks else features.new_zeros(0, *side)

    def to_prediction(
        self, low_res_logits: Tensor, prompts: PartPrompts, original_hw: tuple[int, int]
    ) -> PartPrediction:
        """See PredictionPath."""
        frame = SamFrame(original_hw, self.segmenter.sam.image_side)
        masks = np.zeros((len(low_res_logits), *original_hw), np.bool_)
        for part, logits in enumerate(low_res_logits):
            masks[part] = (enlarge(logits, frame) > 0).cpu().numpy()
        kept = masks.any(axis=(1, 2))
        masks = masks[kept]
        boxes = [mask_to_box(mask) for mask in masks]
        return PartPrediction(
            masks=masks,
            class_index=prompts.class_index.cpu().numpy()[kept],
            class_names=self.segmenter.class_names,
            scores=prompts.scores.float().cpu().numpy()[kept],
            boxes_xyxy=np.array(boxes, np.float32).reshape(-1, 4),
            dropped_empty=int(np.count_nonzero(~kept)),
        )


def plain_encoder(sam: FrozenSam) -> Callable[[Tensor], Tensor]:
    """The encoder of a SAM without what this library does to make it fast.

    Args:
        sam: Any; only MobileSAM's encoder is written anew here.

    Returns:
        (B, 3, side, side) float32 -> (B, C, h, w) float32; the SAM's own `encode` for others.
    """
    if not isinstance(sam, MobileSam):
        return sam.encode
    encoder = PlainTinyViT()
    encoder.load_state_dict(sam.image_encoder.state_dict())
    return encoder.requires_grad_(False).to(sam.device)


def decode_part(sam: FrozenSam, features: Tensor, tokens: Tensor) -> Tensor:
    """Decode one part, everything about the image worked out anew.

    Args:
        sam: Its decoder is used as `transformers` has it, if it is the first SAM's; of others
            `decode`, with one prompt a call.
        features: (1, C, h, w) float32.
        tokens: (T, D) float32.

    Returns:
        (4h, 4w) float32 logits over SAM's square.
    """
    # A subclass with a decoder of its own (SAM-HQ) would give other masks without it.
    if (
        not isinstance(sam, FrozenSamHeads)
        or type(sam).decode_shared is not FrozenSamHeads.decode_shared
    ):
        first = torch.zeros(1, dtype=torch.long, device=sam.device)
        return sam.decode(features, tokens[None], first).low_res_logits[0, 0]
    masks: Tensor = sam.mask_decoder(
        image_embeddings=features,
        image_positional_embeddings=sam.dense_pe(),
        sparse_prompt_embeddings=tokens[None, None],
        dense_prompt_embeddings=sam.dense_prompt(),
        multimask_output=False,
    )[0]
    return masks[0, 0, 0]


def enlarge(low_res_logits: Tensor, frame: SamFrame) -> Tensor:
    """Bring one mask to the original frame by way of SAM's full square.

    Args:
        low_res_logits: (4h, 4w) float over SAM's square.
        frame: How the image sits in it.

    Returns:
        (H, W) float logits, original frame; a pixel is in the mask where > 0.
    """
    square = functional.interpolate(
        low_res_logits[None, None], (frame.side, frame.side), mode="bilinear", align_corners=False
    )
    height, width = frame.resized_hw
    picture = square[..., :height, :width]
    return functional.interpolate(picture, frame.original_hw, mode="bilinear", align_corners=False)[
        0, 0
    ]
