"""The first SAM (ViT-B, ViT-L, ViT-H and relatives such as SlimSAM) through `transformers`."""

import re
from collections.abc import Collection, Mapping

from torch import Tensor
from transformers import SamConfig, SamModel, SamPromptEncoderConfig, SamVisionConfig
from transformers.models.sam.modeling_sam import SamVisionEncoder

from wps_sam.errors import CheckpointError
from wps_sam.sam.adapter import Adapter
from wps_sam.sam.checkpoint_names import rename_vit
from wps_sam.sam.heads import FrozenSamHeads, settings_of
from wps_sam.sam.pretrained import read_pretrained
from wps_sam.sam.weights_file import build_with_weights

HUB_IDS = {
    "sam_vit_b": "facebook/sam-vit-base",
    "sam_vit_l": "facebook/sam-vit-large",
    "sam_vit_h": "facebook/sam-vit-huge",
}
_NAME_OF_WIDTH_DEPTH = {(768, 12): "sam_vit_b", (1024, 24): "sam_vit_l", (1280, 32): "sam_vit_h"}
# Models in transformers keep a second name for the prompt encoder's position matrix.
SECOND_NAMES = (r"shared_image_embedding\.positional_embedding",)
_FIRST_BLOCK = "image_encoder.blocks.0."


class VitSam(FrozenSamHeads):
    """SAM with a plain vision transformer."""

    def __init__(self, config: SamConfig):
        """Build the model with random weights, frozen.

        Args:
            config: Settings of the whole SAM.
        """
        vision = settings_of(config.vision_config, SamVisionConfig)
        size = (vision.hidden_size, vision.num_hidden_layers)
        super().__init__(_NAME_OF_WIDTH_DEPTH.get(size, f"sam_vit_{size[0]}x{size[1]}"), config)
        self.vision_encoder = SamVisionEncoder(vision)
        self.freeze()

    def _encode(self, pixels: Tensor) -> Tensor:
        """See FrozenSam."""
        features: Tensor = self.vision_encoder(pixels).last_hidden_state
        return features


def is_official_vit(names: Collection[str]) -> bool:
    """Whether a checkpoint with these parameter names is an official ViT SAM."""
    is_plain_vit = "image_encoder.patch_embed.proj.weight" in names
    # SAM-HQ and SAM-Med2D, say, are a ViT SAM with further parts that must not be dropped.
    return is_plain_vit and "mask_decoder.hf_token.weight" not in names


def config_from_shapes(weights: Mapping[str, Tensor], source: str) -> SamConfig:
    """Infer a ViT SAM's settings from its official checkpoint.

    Args:
        weights: Official parameter name -> tensor.
        source: The file, for messages.

    Returns:
        The settings of the whole SAM.

    Raises:
        CheckpointError: A parameter that tells a size is missing.
    """
    try:
        patch_weight = weights["image_encoder.patch_embed.proj.weight"]
        cells = weights["image_encoder.pos_embed"].shape[1]
        head_width = weights[f"{_FIRST_BLOCK}attn.rel_pos_h"].shape[1]
        mlp_dim = weights[f"{_FIRST_BLOCK}mlp.lin1.weight"].shape[0]
        neck_dim = weights["image_encoder.neck.0.weight"].shape[0]
    except KeyError as error:
        raise CheckpointError(
            f"{source}: found a ViT SAM without {error.args[0]}, which tells the encoder's size; "
            "expected every parameter of the official checkpoint. Download the file again."
        ) from error
    width, _, patch, _ = patch_weight.shape
    spans = _relative_spans(weights)
    global_layers = [layer for layer, span in spans.items() if span == cells]
    windows = [span for span in spans.values() if span != cells]
    vision = SamVisionConfig(
        hidden_size=width,
        output_channels=neck_dim,
        num_hidden_layers=len(spans),
        num_attention_heads=width // head_width,
        image_size=cells * patch,
        patch_size=patch,
        mlp_dim=mlp_dim,
        window_size=windows[0] if windows else cells,
        global_attn_indexes=global_layers,
    )
    prompts = SamPromptEncoderConfig(
        image_size=cells * patch, patch_size=patch, hidden_size=neck_dim
    )
    return SamConfig(vision_config=vision, prompt_encoder_config=prompts)


def _relative_spans(weights: Mapping[str, Tensor]) -> dict[int, int]:
    """Layer -> cells its attention spans: a table of 2n - 1 offsets belongs to n cells."""
    spans = {}
    for name, tensor in weights.items():
        if found := re.fullmatch(r"image_encoder\.blocks\.(\d+)\.attn\.rel_pos_h", name):
            spans[int(found[1])] = (tensor.shape[0] + 1) // 2
    return dict(sorted(spans.items()))


def build_official_vit(weights: Mapping[str, Tensor], source: str) -> VitSam:
    """Build a ViT SAM from an official checkpoint, of whatever size.

    Args:
        weights: Official parameter name -> float32 tensor.
        source: The file, for messages.

    Returns:
        The frozen model on the CPU.

    Raises:
        CheckpointError: A parameter is missing, unknown or of another shape.
    """
    config = config_from_shapes(weights, source)
    return build_with_weights(
        lambda: VitSam(config), rename_vit(weights), source, ignored=SECOND_NAMES
    )


def load_pretrained_vit(folder_or_id: str) -> VitSam:
    """Load a ViT SAM in the format of `transformers`.

    Args:
        folder_or_id: A local folder with config.json and weights, or a hub id.

    Returns:
        The frozen model on the CPU, float32.

    Raises:
        ConfigError: There is no such folder or id, or the hub cannot be reached.
        CheckpointError: The weights do not fit the settings.
    """
    config, weights = read_pretrained(SamModel, folder_or_id)
    return build_with_weights(lambda: VitSam(config), weights, folder_or_id, ignored=SECOND_NAMES)


def load_named_vit(name: str) -> VitSam:
    """Load "sam_vit_b", "sam_vit_l" or "sam_vit_h" from the hub (or its local cache).

    Args:
        name: One of the three names.

    Returns:
        The frozen model on the CPU, float32.

    Raises:
        ConfigError: The hub cannot be reached and nothing is cached.
    """
    return load_pretrained_vit(HUB_IDS[name])


ADAPTER = Adapter(
    family="SAM ViT",
    names=tuple(HUB_IDS),
    load_named=load_named_vit,
    recognises=is_official_vit,
    build=build_official_vit,
    hub_model_types=("sam",),
    load_pretrained=load_pretrained_vit,
)
