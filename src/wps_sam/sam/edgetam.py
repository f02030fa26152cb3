"""EdgeTAM (Zhou et al. 2025) for single images: RepViT before SAM 2's heads.

`transformers` takes EdgeTAM's encoder from `timm`, which needs torchvision. Here it is `repvit.py`,
so neither is needed; the heads are those of `transformers`.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from torch import Tensor
from transformers import (
    EdgeTamMaskDecoderConfig,
    EdgeTamPromptEncoderConfig,
    EdgeTamVisionConfig,
    PreTrainedConfig,
)
from transformers.models.edgetam.modeling_edgetam import (
    EdgeTamMaskDecoder,
    EdgeTamPromptEncoder,
    EdgeTamVisionNeck,
)
from transformers.utils.hub import cached_file

from wps_sam.errors import ConfigError
from wps_sam.sam.adapter import Adapter
from wps_sam.sam.pretrained import unreachable
from wps_sam.sam.repvit import RepVit, RepVitShape
from wps_sam.sam.sam2_heads import FrozenSam2Heads, with_fused_attention
from wps_sam.sam.vit_sam import SECOND_NAMES
from wps_sam.sam.weights_file import load_exactly, read_weights

HUB_IDS = {"edgetam": "yonigozlan/EdgeTAM-hf"}
# RepViT-M1 as first published.
SHAPE = RepVitShape((48, 96, 192, 384), (2, 2, 14, 2), (2, 2, 2), normed_centre=True)
_ARCHITECTURE = "repvit_m1"
_WEIGHTS_FILE = "model.safetensors"
_LEVELS = 3
# What serves videos alone, and counters of batch norms.
_UNUSED_NAMES = (
    *SECOND_NAMES,
    r"(memory_|mask_downsample|spatial_perceiver|object_pointer_proj).*",
    r"temporal_positional_encoding_projection_layer\..*",
    "no_memory_positional_encoding|no_object_pointer|occlusion_spatial_embedding_parameter",
    r".*\.num_batches_tracked",
)
_BLOCK = {
    "token_mixer": "token_mixer.0",
    "se": "token_mixer.1",
    "channel_mixer.conv1": "channel_mixer.m.0",
    "channel_mixer.conv2": "channel_mixer.m.2",
}
_STEP = {
    "spatial_downsample": "token_mixer.0",
    "channel_downsample": "token_mixer.2",
    "ffn.conv1": "channel_mixer.m.0",
    "ffn.conv2": "channel_mixer.m.2",
}
_STEM = {"conv1": "0.0", "conv2": "0.2"}
Settings = TypeVar("Settings", bound=PreTrainedConfig)


class EdgeTam(FrozenSam2Heads):
    """EdgeTAM for single images.

    Images come in SAM's frame, as for any SAM here: longer side `image_side`, padded. EdgeTAM
    itself was trained on images stretched to a square.
    """

    def __init__(
        self,
        vision: EdgeTamVisionConfig,
        prompts: EdgeTamPromptEncoderConfig,
        decoder: EdgeTamMaskDecoderConfig,
    ):
        """Build the model with random weights, frozen.

        Args:
            vision: Settings of the encoder; of its trunk, nothing is read.
            prompts: Settings of the prompt encoder.
            decoder: Settings of the mask decoder.
        """
        super().__init__(
            "edgetam",
            prompts,
            EdgeTamPromptEncoder(prompts),
            EdgeTamMaskDecoder(with_fused_attention(decoder)),
        )
        self.trunk = RepVit(SHAPE)
        self.neck = EdgeTamVisionNeck(vision)
        self.freeze()

    def _encode(self, pixels: Tensor) -> Tensor:
        """See FrozenSam."""
        maps, _ = self.neck([cells.permute(0, 2, 3, 1) for cells in self.trunk.stage_maps(pixels)])
        return self._joined(maps[-_LEVELS:][::-1])


def edgetam_name(name: str) -> str:
    """Rename one parameter of EdgeTAM.

    Args:
        name: As in `transformers`, with the encoder's own part as in `timm`, e.g.
            "vision_encoder.backbone.timm_model.stages_1.blocks.0.se.fc1.weight".

    Returns:
        The name in `EdgeTam`; unknown names unchanged.
    """
    name = name.replace("vision_encoder.neck.", "neck.", 1)
    found = re.fullmatch(r"vision_encoder\.backbone\.timm_model\.(.*)", name)
    if not found:
        return name
    if stem := re.fullmatch(r"stem\.(conv\d)\.(.*)", found[1]):
        return f"trunk.features.{_STEM.get(stem[1], stem[1])}.{stem[2]}"
    if not (in_stage := re.fullmatch(r"stages[._](\d)\.(blocks\.\d+|downsample)\.(.*)", found[1])):
        return name
    stage, part, rest = int(in_stage[1]), in_stage[2], in_stage[3]
    first = SHAPE.ends()[stage] - SHAPE.depths[stage] + 1
    if part != "downsample":
        return f"trunk.features.{first + int(part[7:])}.{_renamed(rest, _BLOCK)}"
    if rest.startswith("pre_block."):
        return f"trunk.features.{first - 2}.{_renamed(rest[10:], _BLOCK)}"
    return f"trunk.features.{first - 1}.{_renamed(rest, _STEP)}"


def _renamed(name: str, beginnings: Mapping[str, str]) -> str:
    """Replace the beginning of a name, up to a dot."""
    for old, new in beginnings.items():
        if name.startswith(f"{old}."):
            return new + name[len(old) :]
    return name


def load_pretrained_edgetam(folder_or_id: str) -> EdgeTam:
    """Load an EdgeTAM in the format of `transformers`.

    Args:
        folder_or_id: A local folder with config.json and model.safetensors, or a hub id. Weights
            that serve videos alone are left out.

    Returns:
        The frozen model on the CPU, float32.

    Raises:
        ConfigError: There is no such folder or id, the hub cannot be reached, or the encoder is
            another one.
        CheckpointError: The weights do not fit.
    """
    try:
        settings, _ = PreTrainedConfig.get_config_dict(folder_or_id)
        path = cached_file(folder_or_id, _WEIGHTS_FILE)
    except OSError as error:
        raise ConfigError(unreachable(folder_or_id, error)) from error
    vision = dict(settings.get("vision_config") or {})
    trunk = dict(vision.pop("backbone_config", None) or {}).get("architecture")
    if str(trunk).split(".")[0] != _ARCHITECTURE:
        raise ConfigError(
            f"{folder_or_id}: found an EdgeTAM with encoder {trunk!r} in config.json, expected "
            f"{_ARCHITECTURE!r}. Use the published EdgeTAM ({HUB_IDS['edgetam']})."
        )
    sam = EdgeTam(
        _known(EdgeTamVisionConfig, vision),
        _known(EdgeTamPromptEncoderConfig, settings.get("prompt_encoder_config")),
        _known(EdgeTamMaskDecoderConfig, settings.get("mask_decoder_config")),
    )
    weights = {edgetam_name(name): value for name, value in read_weights(Path(str(path))).items()}
    load_exactly(sam, weights, folder_or_id, ignored=_UNUSED_NAMES)
    return sam


def _known(kind: type[Settings], found: Any) -> Settings:
    """Settings of a part from config.json, which may be those of the video model."""
    names = kind().to_dict().keys() - {"model_type", "backbone_config"}
    settings: Settings = kind(
        **{name: value for name, value in dict(found or {}).items() if name in names}
    )
    return settings


def load_named_edgetam(name: str) -> EdgeTam:
    """Load EdgeTAM from the hub (or its local cache).

    Args:
        name: "edgetam".

    Returns:
        The frozen model on the CPU, float32.

    Raises:
        ConfigError: The hub cannot be reached and nothing is cached.
    """
    return load_pretrained_edgetam(HUB_IDS[name])


ADAPTER = Adapter(
    family="EdgeTAM",
    names=tuple(HUB_IDS),
    load_named=load_named_edgetam,
    # What the hub holds may be the whole video model.
    hub_model_types=("edgetam", "edgetam_video"),
    load_pretrained=load_pretrained_edgetam,
)
