"""SAM's prompt encoder and mask decoder, shared by every backbone of the first SAM's family."""

from typing import Any, TypeVar

import torch
from torch import Tensor
from transformers import SamConfig, SamMaskDecoderConfig, SamPromptEncoderConfig
from transformers.models.sam.modeling_sam import SamMaskDecoder, SamPromptEncoder

from wps_sam.errors import ConfigError
from wps_sam.sam.folded_decoder import SharedImage, decode_prompts, share_image
from wps_sam.sam.frozen import DecodedMasks, FrozenSam
from wps_sam.sam.position import cell_codes

Settings = TypeVar("Settings")


def settings_of(part: object, kind: type[Settings]) -> Settings:
    """Narrow one part of a `SamConfig`: a dict, or a pair for a side, is allowed there, not here.

    Args:
        part: E.g. `config.vision_config`.
        kind: The class it has to be.

    Returns:
        The part itself.

    Raises:
        ConfigError: It is something else.
    """
    if not isinstance(part, kind):
        raise ConfigError(
            f"SAM configuration: found {type(part).__name__}, expected {kind.__name__}. "
            "Load the configuration with SamConfig.from_pretrained."
        )
    return part


def decoder_config(config: SamConfig) -> SamMaskDecoderConfig:
    """The mask decoder's settings as the official code has them.

    Args:
        config: Settings of a whole SAM; not changed.

    Returns:
        The decoder's part with the official norm epsilon and the fused attention kernel.
    """
    settings = settings_of(config.mask_decoder_config, SamMaskDecoderConfig).to_dict()
    # The official decoder's norms use torch's default; transformers' configuration says 1e-6.
    settings["layer_norm_eps"] = 1e-5
    settings["attn_implementation"] = "sdpa"
    return SamMaskDecoderConfig(**settings)


class SamPrompts(FrozenSam):
    """A FrozenSam that takes prompts as the first SAM does.

    Attributes:
        prompt_encoder: `SamPromptEncoder`, or another of the same parts.
    """

    prompt_encoder: Any  # the classes in transformers have no common base that names their parts

    def _embed_boxes(self, boxes_xyxy: Tensor) -> Tensor:
        """See FrozenSam."""
        tokens, _ = self.prompt_encoder(None, None, boxes_xyxy[None], None)
        return torch.as_tensor(tokens)[0]

    def _embed_points(self, points_xy: Tensor, point_labels: Tensor) -> Tensor:
        """See FrozenSam."""
        tokens, _ = self.prompt_encoder(points_xy[None], point_labels[None], None, None)
        return torch.as_tensor(tokens)[0]

    @torch.no_grad()
    def dense_pe(self) -> Tensor:
        """See FrozenSam. A cell's position is its centre."""
        with self._full_precision():
            return cell_codes(*self.embed_hw, self._position_matrix())

    @torch.no_grad()
    def dense_prompt(self, mask_logits: Tensor | None = None) -> Tensor:
        """See FrozenSam."""
        if mask_logits is None:
            code: Tensor = self.prompt_encoder.no_mask_embed.weight
            return code.reshape(1, -1, 1, 1).expand(1, -1, *self.embed_hw)
        with self._full_precision():
            dense: Tensor = self.prompt_encoder.mask_embed(mask_logits.to(self.device).float())
        return dense

    def _position_matrix(self) -> Tensor:
        """See FrozenSam."""
        return torch.as_tensor(self.prompt_encoder.shared_embedding.positional_embedding)

    def _label_codes(self) -> tuple[Tensor, Tensor, Tensor]:
        """See FrozenSam."""
        _, foreground, first_corner, second_corner = [
            torch.as_tensor(code.weight)[0] for code in self.prompt_encoder.point_embed
        ]
        return foreground, first_corner, second_corner


class FrozenSamHeads(SamPrompts):
    """A FrozenSam whose prompt encoder and mask decoder are those of the first SAM."""

    def __init__(self, name: str, config: SamConfig):
        """Build prompt encoder and mask decoder with random weights.

        Args:
            name: The backbone's name.
            config: Settings of a whole SAM.
        """
        prompts = settings_of(config.prompt_encoder_config, SamPromptEncoderConfig)
        side = settings_of(prompts.image_size, int)
        cells = side // settings_of(prompts.patch_size, int)
        super().__init__(name, side, (cells, cells), prompts.hidden_size)
        self.prompt_encoder = SamPromptEncoder(config)
        self.mask_decoder = SamMaskDecoder(decoder_config(config))

    def share(self, features: Tensor) -> SharedImage:
        """See FrozenSam."""
        transformer = self.mask_decoder.transformer
        return share_image(transformer, features, self.dense_prompt()[0], self.dense_pe()[0])

    def decode_shared(
        self,
        image: SharedImage,
        tokens: Tensor,
        *,
        multimask: bool,
        reach: Tensor | None = None,
    ) -> DecodedMasks:
        """See FrozenSam."""
        decoder, hw = self.mask_decoder, self.embed_hw
        return DecodedMasks(
            *decode_prompts(decoder, image, tokens, hw, multimask=multimask, reach=reach)
        )
