"""Official parameter names and those of transformers."""

from pathlib import Path

import pytest

from wps_sam.sam.checkpoint_names import heads_name, rename_vit, vit_name
from wps_sam.sam.weights_file import read_weights


@pytest.mark.parametrize(
    ("official", "expected"),
    [
        ("image_encoder.pos_embed", "vision_encoder.pos_embed"),
        ("image_encoder.patch_embed.proj.bias", "vision_encoder.patch_embed.projection.bias"),
        ("image_encoder.blocks.11.norm2.weight", "vision_encoder.layers.11.layer_norm2.weight"),
        ("image_encoder.blocks.0.mlp.lin1.weight", "vision_encoder.layers.0.mlp.lin1.weight"),
        ("image_encoder.neck.3.bias", "vision_encoder.neck.layer_norm2.bias"),
        (
            "mask_decoder.output_hypernetworks_mlps.2.layers.2.bias",
            "mask_decoder.output_hypernetworks_mlps.2.proj_out.bias",
        ),
        (
            "mask_decoder.transformer.layers.1.norm4.weight",
            "mask_decoder.transformer.layers.1.layer_norm4.weight",
        ),
    ],
)
def test_vit_name(official: str, expected: str) -> None:
    assert vit_name(official) == expected


def test_heads_name__leaves_the_encoder_alone() -> None:
    assert heads_name("image_encoder.neck.0.weight") == "image_encoder.neck.0.weight"


def test_rename_vit__no_two_names_collide(toy_weights_path: Path) -> None:
    weights = read_weights(toy_weights_path)
    assert len(rename_vit(weights)) == len(weights)
