"""Parameter names: official SAM (`sam_vit_b_01ec64.pth`, `mobile_sam.pt`) to `transformers`.

The parts are the same modules in both; only what they are called differs.
"""

import re
from collections.abc import Mapping

from torch import Tensor

_MLP = {"layers.0": "proj_in", "layers.1": "layers.0", "layers.2": "proj_out"}
_MASK_DOWNSCALING = {
    "0": "conv1",
    "1": "layer_norm1",
    "3": "conv2",
    "4": "layer_norm2",
    "6": "conv3",
}
_UPSCALING = {"0": "upscale_conv1", "1": "upscale_layer_norm", "3": "upscale_conv2"}
_HQ_CONVOLUTIONS = {
    "compress_vit_feat": {
        "0": "compress_vit_conv1",
        "1": "compress_vit_norm",
        "3": "compress_vit_conv2",
    },
    "embedding_encoder": {"0": "encoder_conv1", "1": "encoder_norm", "3": "encoder_conv2"},
    "embedding_maskfeature": {"0": "mask_conv1", "1": "mask_norm", "3": "mask_conv2"},
}
_NECK = {"0": "conv1", "1": "layer_norm1", "2": "conv2", "3": "layer_norm2"}
_POSITION = "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"


def heads_name(name: str) -> str:
    """Rename one parameter of the prompt encoder or mask decoder.

    Args:
        name: Official name, e.g. "mask_decoder.output_upscaling.0.weight".

    Returns:
        The name in `transformers`; other names unchanged.
    """
    if name == _POSITION:
        return "prompt_encoder.shared_embedding.positional_embedding"
    name = name.replace("prompt_encoder.point_embeddings.", "prompt_encoder.point_embed.")
    name = _renumbered(
        name, "prompt_encoder.mask_downscaling.", "prompt_encoder.mask_embed.", _MASK_DOWNSCALING
    )
    name = _renumbered(name, "mask_decoder.output_upscaling.", "mask_decoder.", _UPSCALING)
    name = re.sub(
        r"^(mask_decoder\.(?:iou_prediction_head|output_hypernetworks_mlps\.\d+)\.)(layers\.\d)",
        lambda found: found[1] + _MLP[found[2]],
        name,
    )
    name = re.sub(r"^(mask_decoder\.transformer\.layers\.\d+\.)norm(\d)", r"\1layer_norm\2", name)
    return name.replace("transformer.norm_final_attn.", "transformer.layer_norm_final_attn.")


def vit_name(name: str) -> str:
    """Rename one parameter of a ViT SAM, encoder included.

    Args:
        name: Official name, e.g. "image_encoder.blocks.0.norm1.weight".

    Returns:
        The name in `transformers`' `SamModel`; unknown names unchanged.
    """
    if not name.startswith("image_encoder."):
        return heads_name(name)
    name = _renumbered(name, "image_encoder.neck.", "image_encoder.neck.", _NECK)
    name = name.replace("image_encoder.patch_embed.proj.", "image_encoder.patch_embed.projection.")
    name = re.sub(
        r"^image_encoder\.blocks\.(\d+)\.norm(\d)", r"image_encoder.blocks.\1.layer_norm\2", name
    )
    name = name.replace("image_encoder.blocks.", "image_encoder.layers.")
    return name.replace("image_encoder.", "vision_encoder.", 1)


def hq_name(name: str) -> str:
    """Rename one parameter of a ViT SAM-HQ (`sam_hq_vit_b.pth`), encoder included.

    Args:
        name: Official name, e.g. "mask_decoder.compress_vit_feat.0.weight".

    Returns:
        The name in `transformers`' `SamHQModel`; unknown names unchanged.
    """
    name = name.replace("mask_decoder.hf_token.", "mask_decoder.hq_token.")
    for official, numbers in _HQ_CONVOLUTIONS.items():
        name = _renumbered(name, f"mask_decoder.{official}.", "mask_decoder.", numbers)
    if found := re.fullmatch(r"mask_decoder\.hf_mlp\.(layers\.\d)(.*)", name):
        return f"mask_decoder.hq_mask_mlp.{_MLP[found[1]]}{found[2]}"
    return vit_name(name)


def rename_hq(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename a whole official ViT SAM-HQ checkpoint."""
    return {hq_name(name): tensor for name, tensor in weights.items()}


def rename_heads(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename prompt encoder and mask decoder; the image encoder keeps its names (MobileSAM)."""
    return {heads_name(name): tensor for name, tensor in weights.items()}


def rename_vit(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename a whole official ViT checkpoint."""
    return {vit_name(name): tensor for name, tensor in weights.items()}


def _renumbered(name: str, prefix: str, new_prefix: str, numbers: Mapping[str, str]) -> str:
    """Replace `prefix` + number by `new_prefix` + word."""
    if not name.startswith(prefix):
        return name
    number, _, rest = name[len(prefix) :].partition(".")
    return f"{new_prefix}{numbers[number]}.{rest}" if number in numbers else name
