"""SAM 2 and SAM 2.1 (Ravi et al. 2024) for single images, through `transformers`."""

from torch import Tensor
from transformers import (
    Sam2Config,
    Sam2HieraDetConfig,
    Sam2MaskDecoderConfig,
    Sam2Model,
    Sam2PromptEncoderConfig,
    Sam2VisionConfig,
    Sam2VisionModel,
)
from transformers.models.sam2.modeling_sam2 import Sam2MaskDecoder, Sam2PromptEncoder

from wps_sam.errors import ConfigError
from wps_sam.sam.adapter import Adapter
from wps_sam.sam.heads import settings_of
from wps_sam.sam.pretrained import read_pretrained
from wps_sam.sam.sam2_heads import FrozenSam2Heads, with_fused_attention
from wps_sam.sam.vit_sam import SECOND_NAMES
from wps_sam.sam.weights_file import build_with_weights

HUB_IDS = {
    "sam2.1_hiera_tiny": "facebook/sam2.1-hiera-tiny",
    "sam2.1_hiera_small": "facebook/sam2.1-hiera-small",
    "sam2.1_hiera_base_plus": "facebook/sam2.1-hiera-base-plus",
    "sam2.1_hiera_large": "facebook/sam2.1-hiera-large",
}
# By width and depth; SAM 2 and SAM 2.1 differ in their weights only.
_NAME_OF_SIZE = {
    (96, 12): "sam2_hiera_tiny",
    (96, 16): "sam2_hiera_small",
    (112, 24): "sam2_hiera_base_plus",
    (144, 48): "sam2_hiera_large",
}
_LEVELS = 3


class Sam2(FrozenSam2Heads):
    """SAM 2 with its Hiera encoder, for single images.

    Images come in SAM's frame, as for any SAM here: longer side `image_side`, padded. SAM 2 itself
    was trained on images stretched to a square.
    """

    def __init__(self, config: Sam2Config):
        """Build the model with random weights, frozen.

        Args:
            config: Settings of the whole model.

        Raises:
            ConfigError: The encoder does not give the three maps that the decoder needs.
        """
        vision = settings_of(config.vision_config, Sam2VisionConfig)
        trunk = settings_of(vision.backbone_config, Sam2HieraDetConfig)
        prompts = settings_of(config.prompt_encoder_config, Sam2PromptEncoderConfig)
        decoder = settings_of(config.mask_decoder_config, Sam2MaskDecoderConfig)
        if vision.num_feature_levels != _LEVELS:
            raise ConfigError(
                f"SAM 2 configuration: found num_feature_levels {vision.num_feature_levels}, "
                f"expected {_LEVELS}. Use the config.json that came with the weights."
            )
        size = (trunk.hidden_size, sum(trunk.blocks_per_stage or ()))
        super().__init__(
            _NAME_OF_SIZE.get(size, f"sam2_hiera_{size[0]}x{size[1]}"),
            prompts,
            Sam2PromptEncoder(prompts),
            Sam2MaskDecoder(with_fused_attention(decoder)),
        )
        self.vision_encoder = Sam2VisionModel(vision)
        self.freeze()

    def _encode(self, pixels: Tensor) -> Tensor:
        """See FrozenSam."""
        return self._joined(self.vision_encoder(pixels).fpn_hidden_states)


def load_pretrained_sam2(folder_or_id: str) -> Sam2:
    """Load a SAM 2 or SAM 2.1 in the format of `transformers`.

    Args:
        folder_or_id: A local folder with config.json and weights, or a hub id. Weights that serve
            videos alone are left out.

    Returns:
        The frozen model on the CPU, float32.

    Raises:
        ConfigError: There is no such folder or id, or the hub cannot be reached.
        CheckpointError: The weights do not fit the settings.
    """
    config, weights = read_pretrained(Sam2Model, folder_or_id)
    return build_with_weights(lambda: Sam2(config), weights, folder_or_id, ignored=SECOND_NAMES)


def load_named_sam2(name: str) -> Sam2:
    """Load a SAM 2.1 from the hub (or its local cache).

    Args:
        name: A key of `HUB_IDS`.

    Returns:
        The frozen model on the CPU, float32.

    Raises:
        ConfigError: The hub cannot be reached and nothing is cached.
    """
    return load_pretrained_sam2(HUB_IDS[name])


ADAPTER = Adapter(
    family="SAM 2",
    names=tuple(HUB_IDS),
    load_named=load_named_sam2,
    # What the hub holds is the whole video model.
    hub_model_types=("sam2", "sam2_video"),
    load_pretrained=load_pretrained_sam2,
)
