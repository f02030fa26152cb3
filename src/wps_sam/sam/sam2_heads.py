"""SAM 2's prompt encoder and mask decoder for single images, which EdgeTAM has too."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import (
    EdgeTamMaskDecoderConfig,
    EdgeTamPromptEncoderConfig,
    Sam2MaskDecoderConfig,
    Sam2PromptEncoderConfig,
)

from wps_sam.sam.frozen import DecodedMasks
from wps_sam.sam.heads import SamPrompts, settings_of
from wps_sam.sam.mask_reach import only_in_reach
from wps_sam.sam.position import nearest_position, position_code

# Cells of the two finer maps in a row of one feature cell.
_HALF, _QUARTER = 2, 4


class SharedSam2Image(NamedTuple):
    """What all prompts of one image share.

    Attributes:
        features: (1, D, h, w).
        position: (1, D, h, w), position code of each cell.
        finer: (1, D / 8, 4h, 4w) and (1, D / 4, 2h, 2w), which the decoder adds while upscaling.
    """

    features: Tensor
    position: Tensor
    finer: list[Tensor]


class FrozenSam2Heads(SamPrompts):
    """A FrozenSam whose prompt encoder and mask decoder are SAM 2's; memory is left out.

    Two differences from the first SAM show in the interface and are dealt with here:

    - The decoder adds finer maps of the image while it upscales. They follow the features as
      further channels: D / 4 at 2h x 2w as D, D / 8 at 4h x 4w as 2 D; in all C = 4 D.
    - SAM 2 ends the tokens of a box, too, with its "not a point" code. Here a box has two tokens,
      as for any other SAM, and `decode_shared` adds that code to prompts that end in a box.
    """

    def __init__(
        self,
        name: str,
        prompts: Sam2PromptEncoderConfig | EdgeTamPromptEncoderConfig,
        prompt_encoder: nn.Module,
        mask_decoder: Any,
    ):
        """Take the parts.

        Args:
            name: The backbone's name.
            prompts: Settings of the prompt encoder.
            prompt_encoder: `Sam2PromptEncoder` or EdgeTAM's.
            mask_decoder: `Sam2MaskDecoder` or EdgeTAM's.
        """
        side = settings_of(prompts.image_size, int)
        cells = side // settings_of(prompts.patch_size, int)
        dim = prompts.hidden_size
        finer = dim // 4 * _HALF**2 + dim // 8 * _QUARTER**2
        super().__init__(name, side, (cells, cells), dim, finer_dim=finer)
        self.prompt_encoder = prompt_encoder
        self.mask_decoder = mask_decoder
        # Added to the features of an image that no other frame comes before.
        self.no_memory_embedding = nn.Parameter(torch.zeros(1, 1, dim))

    def _joined(self, maps: Sequence[Tensor]) -> Tensor:
        """Put the neck's maps, (B, D, ...) from 4h x 4w down to h x w, into one tensor."""
        quarter, half, whole = maps
        return torch.cat(
            [
                whole + self.no_memory_embedding.reshape(1, -1, 1, 1),
                functional.pixel_unshuffle(self.mask_decoder.conv_s1(half), _HALF),
                functional.pixel_unshuffle(self.mask_decoder.conv_s0(quarter), _QUARTER),
            ],
            dim=1,
        )

    def _embed_boxes(self, boxes_xyxy: Tensor) -> Tensor:
        """See FrozenSam."""
        return super()._embed_boxes(boxes_xyxy)[:, :2]

    def _label_codes(self) -> tuple[Tensor, Tensor, Tensor]:
        """See FrozenSam."""
        _, foreground, first_corner, second_corner = self.prompt_encoder.point_embed.weight
        return foreground, first_corner, second_corner

    def share(self, features: Tensor) -> SharedSam2Image:
        """See FrozenSam."""
        dim = self.embed_dim
        whole, half, quarter = torch.split(features[None], [dim, dim, 2 * dim], dim=1)
        finer = [
            functional.pixel_shuffle(quarter, _QUARTER),
            functional.pixel_shuffle(half, _HALF),
        ]
        return SharedSam2Image(whole, self.dense_pe(), finer)

    def decode_shared(
        self,
        image: SharedSam2Image,
        tokens: Tensor,
        *,
        multimask: bool,
        reach: Tensor | None = None,
    ) -> DecodedMasks:
        """See FrozenSam. A single mask is SAM 2's own choice: an unstable one gives way."""
        masks, iou = self._decode_everywhere(image, tokens, multimask)
        return DecodedMasks(masks if reach is None else only_in_reach(masks, reach), iou)

    def _decode_everywhere(
        self, image: SharedSam2Image, tokens: Tensor, multimask: bool
    ) -> DecodedMasks:
        """Decode prompts, those that end in a box and others apart."""
        ends_in_box = self._ends_in_box(tokens)
        closing = self.prompt_encoder.not_a_point_embed.weight.expand(len(tokens), 1, -1)
        closed = torch.cat([tokens, closing], dim=1)
        if ends_in_box.all():
            return self._decode_closed(image, closed, multimask)
        if not ends_in_box.any():
            return self._decode_closed(image, tokens, multimask)
        boxes = self._decode_closed(image, closed[ends_in_box], multimask)
        others = self._decode_closed(image, tokens[~ends_in_box], multimask)
        order = ends_in_box.argsort(descending=True, stable=True).argsort()
        return DecodedMasks(*(torch.cat(pair)[order] for pair in zip(boxes, others, strict=True)))

    @torch.no_grad()
    def _ends_in_box(self, tokens: Tensor) -> Tensor:
        """(N,) bool: is the last token (N, T, D) nearer to a box's corner than to "not a point"?

        Of a prompter's tokens, which are only close to codes, there is no telling but by distance.
        """
        last, matrix = tokens[:, -1], self._position_matrix()
        _, _, second_corner = self._label_codes()
        with self._full_precision():
            place = nearest_position(last - second_corner, matrix)
            corner = position_code(place, matrix) + second_corner
        closing = self.prompt_encoder.not_a_point_embed.weight
        to_corner, to_closing = (last - code for code in (corner, closing))
        nearer: Tensor = to_corner.norm(dim=1) < to_closing.norm(dim=1)
        return nearer

    def _decode_closed(
        self, image: SharedSam2Image, tokens: Tensor, multimask: bool
    ) -> DecodedMasks:
        """Decode prompts (N, T, D) that end in "not a point"."""
        masks, iou, *_ = self.mask_decoder(
            image_embeddings=image.features,
            image_positional_embeddings=image.position,
            sparse_prompt_embeddings=tokens[None],
            dense_prompt_embeddings=self.dense_prompt(),
            multimask_output=multimask,
            high_resolution_features=image.finer,
        )
        return DecodedMasks(masks[0], iou[0])


Settings = TypeVar("Settings", Sam2MaskDecoderConfig, EdgeTamMaskDecoderConfig)


def with_fused_attention(settings: Settings) -> Settings:
    """Choose the fused attention kernel for a mask decoder.

    Args:
        settings: Of the mask decoder; not changed.

    Returns:
        The same settings otherwise.
    """
    return type(settings)(**settings.to_dict() | {"attn_implementation": "sdpa"})
