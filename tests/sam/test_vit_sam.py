"""A small ViT SAM with official parameter names against the official code."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import SamModel

from wps_sam.errors import CheckpointError, ConfigError
from wps_sam.sam.build import load_sam
from wps_sam.sam.checkpoint_names import rename_vit
from wps_sam.sam.frozen import FrozenSam
from wps_sam.sam.heads import settings_of
from wps_sam.sam.vit_sam import config_from_shapes
from wps_sam.sam.weights_file import read_weights

Golden = dict[str, Tensor]
# float32 sums in another order: measured 8e-6 on features (up to 4.5), 5e-7 elsewhere.
CLOSE = 3e-5


def assert_close(found: Tensor, expected: Tensor) -> None:
    assert found.shape == expected.shape
    assert (found - expected).abs().max() < CLOSE


@pytest.fixture(scope="module")
def features(toy_sam: FrozenSam, toy_golden: Golden) -> Tensor:
    return toy_sam.encode(toy_golden["image"])


@pytest.fixture(scope="module")
def folder(toy_weights_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy SAM in the format of transformers."""
    weights = rename_vit(read_weights(toy_weights_path))
    position = weights["prompt_encoder.shared_embedding.positional_embedding"]
    weights["shared_image_embedding.positional_embedding"] = position
    model = SamModel(config_from_shapes(read_weights(toy_weights_path), "toy"))
    model.load_state_dict(weights)
    path = tmp_path_factory.mktemp("transformers_format")
    model.save_pretrained(path)
    return path


def test_facts__from_shapes(toy_sam: FrozenSam) -> None:
    facts = (toy_sam.name, toy_sam.image_side, toy_sam.embed_hw, toy_sam.embed_dim)
    assert facts == ("sam_vit_48x4", 256, (16, 16), 256)


def test_config_from_shapes__windows_and_heads(toy_weights_path: Path) -> None:
    vision = config_from_shapes(read_weights(toy_weights_path), "toy").vision_config
    found = (vision.num_attention_heads, vision.window_size, list(vision.global_attn_indexes))
    assert found == (3, 7, [1, 3])


def test_encode__official(features: Tensor, toy_golden: Golden) -> None:
    assert_close(features, toy_golden["features"])


@pytest.mark.parametrize("kind", ["box", "point"])
def test_prompt__official(toy_sam: FrozenSam, toy_golden: Golden, kind: str) -> None:
    tokens = (
        toy_sam.prompt_boxes(toy_golden["boxes"])
        if kind == "box"
        else toy_sam.prompt_points(toy_golden["points"])
    )
    assert_close(tokens, toy_golden[f"{kind}_tokens"])


def test_dense_pe__official(toy_sam: FrozenSam, toy_golden: Golden) -> None:
    assert_close(toy_sam.dense_pe(), toy_golden["dense_pe"])


def test_dense_prompt__official(toy_sam: FrozenSam, toy_golden: Golden) -> None:
    assert_close(toy_sam.dense_prompt(), toy_golden["no_mask_dense"])
    found = toy_sam.dense_prompt(toy_golden["mask_input"])
    assert found.shape == (3, 256, 16, 16)
    assert_close(found[:, ::4], toy_golden["mask_dense_every_4th_channel"])


@pytest.mark.parametrize("count", ["single", "multi"])
@pytest.mark.parametrize("kind", ["box", "point"])
def test_decode__official(toy_sam: FrozenSam, toy_golden: Golden, kind: str, count: str) -> None:
    # The golden's prompts all belong to the first image.
    index = torch.zeros(3, dtype=torch.long)
    masks = toy_sam.decode(
        toy_golden["features"], toy_golden[f"{kind}_tokens"], index, multimask=count == "multi"
    )
    assert_close(masks.low_res_logits, toy_golden[f"{kind}_masks_{count}"])
    assert_close(masks.iou, toy_golden[f"{kind}_iou_{count}"])


def test_load__pth_folder_and_safetensors_are_one_model(
    toy_sam: FrozenSam, toy_weights_path: Path, folder: Path, tmp_path: Path
) -> None:
    path = tmp_path / "sam_vit_toy.pth"
    torch.save(load_file(toy_weights_path), path)
    wrapped = tmp_path / "wrapped.pt"
    torch.save({"model": load_file(toy_weights_path), "epoch": 3}, wrapped)
    prints = {load_sam(source).fingerprint for source in (path, wrapped, folder)}
    assert prints == {toy_sam.fingerprint}


def test_load__folder_decodes_like_the_official_code(folder: Path, toy_golden: Golden) -> None:
    # transformers' own configuration has another epsilon in the decoder's norms than official SAM.
    index = torch.zeros(3, dtype=torch.long)
    masks = load_sam(folder).decode(toy_golden["features"], toy_golden["box_tokens"], index)
    assert (masks.low_res_logits - toy_golden["box_masks_single"]).abs().max() < 1e-6


def changed_folder(folder: Path, target: Path, changes: dict[str, Tensor | None]) -> Path:
    weights: dict[str, Tensor | None] = {**load_file(folder / "model.safetensors"), **changes}
    kept = {name: tensor for name, tensor in weights.items() if tensor is not None}
    save_file(kept, target / "model.safetensors", metadata={"format": "pt"})
    (target / "config.json").write_text((folder / "config.json").read_text())
    return target


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mask_decoder.iou_token.weight": None}, "missing mask_decoder.iou_token.weight"),
        ({"mask_decoder.hf_token.weight": torch.ones(1)}, "unexpected mask_decoder.hf_token"),
        ({"mask_decoder.iou_token.weight": torch.ones(2, 256)}, "its shapes are not those of"),
    ],
    ids=["missing", "unexpected", "shape"],
)
def test_load__folder_that_does_not_fit(
    folder: Path, tmp_path: Path, changes: dict[str, Tensor | None], message: str
) -> None:
    with pytest.raises(CheckpointError, match=message) as caught:
        load_sam(changed_folder(folder, tmp_path, changes))
    assert str(tmp_path) in str(caught.value)


def test_load__folder_without_weights(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    with pytest.raises(ConfigError, match="cannot be loaded as a folder or hub id"):
        load_sam(tmp_path)


def test_load__vit_without_position_table(toy_weights_path: Path, tmp_path: Path) -> None:
    weights = load_file(toy_weights_path)
    del weights["image_encoder.pos_embed"]
    path = tmp_path / "sam.safetensors"
    save_file(weights, path)
    with pytest.raises(CheckpointError, match=r"without image_encoder.pos_embed, which tells the"):
        load_sam(path)


def test_settings_of__oblong_side() -> None:
    with pytest.raises(ConfigError, match="found tuple, expected int"):
        settings_of((1024, 512), int)
