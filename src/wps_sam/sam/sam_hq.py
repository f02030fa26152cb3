"""SAM-HQ (Ke et al. 2023): SAM with a further token that draws finer masks."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from transformers import (
    SamHQConfig,
    SamHQMaskDecoderConfig,
    SamHQModel,
    SamHQPromptEncoderConfig,
    SamHQVisionConfig,
    SamPromptEncoderConfig,
    SamVisionConfig,
)
from transformers.models.sam_hq.modeling_sam_hq import (
    SamHQMaskDecoder,
    SamHQPromptEncoder,
    SamHQVisionEncoder,
)

from wps_sam.errors import ConfigError
from wps_sam.sam.adapter import Adapter
from wps_sam.sam.checkpoint_names import rename_hq
from wps_sam.sam.folded_decoder import SharedImage, attend, share_image
from wps_sam.sam.frozen import DecodedMasks
from wps_sam.sam.heads import SamPrompts, settings_of
from wps_sam.sam.mask_reach import only_in_reach
from wps_sam.sam.pretrained import read_pretrained
from wps_sam.sam.vit_sam import SECOND_NAMES, config_from_shapes
from wps_sam.sam.weights_file import build_with_weights

HUB_IDS = {
    "sam_hq_vit_b": "syscv-community/sam-hq-vit-base",
    "sam_hq_vit_l": "syscv-community/sam-hq-vit-large",
    "sam_hq_vit_h": "syscv-community/sam-hq-vit-huge",
}
_NAME_OF_WIDTH_DEPTH = {
    (768, 12): "sam_hq_vit_b",
    (1024, 24): "sam_hq_vit_l",
    (1280, 32): "sam_hq_vit_h",
}
# Fine maps have four times the resolution of the features.
_FINER = 4


class SharedHqImage(NamedTuple):
    """What all prompts of one image share.

    Attributes:
        coarse: As for SAM.
        fine: (D / 8, 4h, 4w), what the HQ token looks at besides.
    """

    coarse: SharedImage
    fine: Tensor


class SamHq(SamPrompts):
    """SAM-HQ with a plain vision transformer.

    Its decoder fuses the features with what the transformer knew after its first global layer. That
    depends on the image alone, so `encode` does it: D / 8 channels at 4h x 4w, stored as 2 D.
    """

    def __init__(self, config: SamHQConfig):
        """Build the model with random weights, frozen.

        Args:
            config: Settings of the whole model.

        Raises:
            ConfigError: No layer attends to the whole image, so that there is nothing to fuse.
        """
        vision = settings_of(config.vision_config, SamHQVisionConfig)
        prompts = settings_of(config.prompt_encoder_config, SamHQPromptEncoderConfig)
        if not vision.global_attn_indexes:
            raise ConfigError(
                "SAM-HQ configuration: found no global_attn_indexes, expected at least one layer "
                "that attends to the whole image. Use the config.json that came with the weights."
            )
        size = (vision.hidden_size, vision.num_hidden_layers)
        side = settings_of(prompts.image_size, int)
        cells = side // settings_of(prompts.patch_size, int)
        super().__init__(
            _NAME_OF_WIDTH_DEPTH.get(size, f"sam_hq_vit_{size[0]}x{size[1]}"),
            side,
            (cells, cells),
            prompts.hidden_size,
            finer_dim=prompts.hidden_size // 8 * _FINER**2,
        )
        self.prompt_encoder = SamHQPromptEncoder(config)
        self.mask_decoder = SamHQMaskDecoder(_decoder_config(config))
        self.vision_encoder = SamHQVisionEncoder(vision)
        self.freeze()

    def _encode(self, pixels: Tensor) -> Tensor:
        """See FrozenSam."""
        encoded = self.vision_encoder(pixels)
        features: Tensor = encoded.last_hidden_state
        decoder = self.mask_decoder
        early = encoded.intermediate_embeddings[0].permute(0, 3, 1, 2)
        fine = decoder.encoder_conv2(
            decoder.activation(decoder.encoder_norm(decoder.encoder_conv1(features)))
        ) + decoder.compress_vit_conv2(
            decoder.activation(decoder.compress_vit_norm(decoder.compress_vit_conv1(early)))
        )
        return torch.cat([features, functional.pixel_unshuffle(fine, _FINER)], dim=1)

    def share(self, features: Tensor) -> SharedHqImage:
        """See FrozenSam."""
        coarse, fine = features[: self.embed_dim], features[self.embed_dim :]
        transformer = self.mask_decoder.transformer
        return SharedHqImage(
            share_image(transformer, coarse, self.dense_prompt()[0], self.dense_pe()[0]),
            functional.pixel_shuffle(fine, _FINER),
        )

    def decode_shared(
        self,
        image: SharedHqImage,
        tokens: Tensor,
        *,
        multimask: bool,
        reach: Tensor | None = None,
    ) -> DecodedMasks:
        """See FrozenSam. To each of SAM's masks the HQ token's mask is added, as logits.

        The three candidates come in SAM's order; transformers sorts them by `iou`.
        """
        # Not `SamHQMaskDecoder.forward`: in transformers 5.23 it upscales the image's cells as they
        # were before they attended to the tokens, and transposed. The official code, like this,
        # upscales what they are afterwards.
        decoder = self.mask_decoder
        own = torch.cat(
            [decoder.iou_token.weight, decoder.mask_tokens.weight, decoder.hq_token.weight]
        )
        prompt = torch.cat([own.expand(tokens.shape[0], -1, -1), tokens], dim=1)
        queries, cells = attend(decoder.transformer, image.coarse, prompt)
        coarse = torch.unflatten(cells.transpose(1, 2), 2, self.embed_hw)
        coarse = decoder.activation(decoder.upscale_layer_norm(decoder.upscale_conv1(coarse)))
        coarse = decoder.activation(decoder.upscale_conv2(coarse))
        fine = decoder.activation(decoder.mask_norm(decoder.mask_conv1(coarse)))
        fine = decoder.mask_conv2(fine) + image.fine
        plain = len(decoder.output_hypernetworks_mlps)
        chosen = range(1, plain) if multimask else range(1)
        vectors = [decoder.output_hypernetworks_mlps[i](queries[:, 1 + i]) for i in chosen]
        masks = torch.einsum("nmc,nchw->nmhw", torch.stack(vectors, dim=1), coarse)
        added = torch.einsum("nc,nchw->nhw", decoder.hq_mask_mlp(queries[:, 1 + plain]), fine)
        guesses = decoder.iou_prediction_head(queries[:, 0])[:, chosen.start : chosen.stop]
        masks = masks + added[:, None]
        return DecodedMasks(masks if reach is None else only_in_reach(masks, reach), guesses)


def _decoder_config(config: SamHQConfig) -> SamHQMaskDecoderConfig:
    """The mask decoder's settings as the official code has them; see `heads.decoder_config`."""
    settings = settings_of(config.mask_decoder_config, SamHQMaskDecoderConfig).to_dict()
    settings["layer_norm_eps"] = 1e-5
    settings["attn_implementation"] = "sdpa"
    return SamHQMaskDecoderConfig(**settings)


def is_official_sam_hq(names: Collection[str]) -> bool:
    """Whether a checkpoint with these parameter names is an official SAM-HQ with a plain ViT."""
    is_plain_vit = "image_encoder.patch_embed.proj.weight" in names
    return is_plain_vit and "mask_decoder.hf_token.weight" in names


def build_official_sam_hq(weights: Mapping[str, Tensor], source: str) -> SamHq:
    """Build a SAM-HQ from an official checkpoint, of whatever size.

    Args:
        weights: Official parameter name -> float32 tensor.
        source: The file, for messages.

    Returns:
        The frozen model on the CPU.

    Raises:
        CheckpointError: A parameter is missing, unknown or of another shape.
    """
    sam = config_from_shapes(weights, source)
    vision = settings_of(sam.vision_config, SamVisionConfig).to_dict()
    prompts = settings_of(sam.prompt_encoder_config, SamPromptEncoderConfig).to_dict()
    del vision["model_type"], prompts["model_type"]  # SAM-HQ has its own, of the same settings
    config = SamHQConfig(
        vision_config=vision,
        prompt_encoder_config=prompts,
        mask_decoder_config={"vit_dim": vision["hidden_size"]},
    )
    return build_with_weights(
        lambda: SamHq(config), rename_hq(weights), source, ignored=SECOND_NAMES
    )


def load_pretrained_sam_hq(folder_or_id: str) -> SamHq:
    """Load a SAM-HQ in the format of `transformers`.

    Args:
        folder_or_id: A local folder with config.json and weights, or a hub id.

    Returns:
        The frozen model on the CPU, float32.

    Raises:
        ConfigError: There is no such folder or id, or the hub cannot be reached.
        CheckpointError: The weights do not fit the settings.
    """
    config, weights = read_pretrained(SamHQModel, folder_or_id)
    return build_with_weights(lambda: SamHq(config), weights, folder_or_id, ignored=SECOND_NAMES)


def load_named_sam_hq(name: str) -> SamHq:
    """Load "sam_hq_vit_b", "sam_hq_vit_l" or "sam_hq_vit_h" from the hub (or its local cache).

    Args:
        name: One of the three names.

    Returns:
        The frozen model on the CPU, float32.

    Raises:
        ConfigError: The hub cannot be reached and nothing is cached.
    """
    return load_pretrained_sam_hq(HUB_IDS[name])


ADAPTER = Adapter(
    family="SAM-HQ",
    names=tuple(HUB_IDS),
    load_named=load_named_sam_hq,
    recognises=is_official_sam_hq,
    build=build_official_sam_hq,
    hub_model_types=("sam_hq",),
    load_pretrained=load_pretrained_sam_hq,
)
