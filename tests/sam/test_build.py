"""Every way `load_sam` can be asked for something it cannot give, and what it says then."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from wps_sam.errors import CheckpointError, ConfigError
from wps_sam.sam.build import ADAPTERS, SAM_NAMES, load_sam


class Tag:
    """Something a training script might have pickled beside the weights."""


def message_of(error: type[Exception], source: str | Path) -> str:
    with pytest.raises(error) as caught:
        load_sam(source)
    return str(caught.value)


def test_load_sam__unknown_name_lists_the_choices() -> None:
    message = message_of(ConfigError, "mobile_smm")
    assert message.startswith("'mobile_smm' is neither a known SAM nor a file or folder")
    assert all(name in message for name in SAM_NAMES)
    vits = {f"{family}_vit_{size}" for family in ("sam", "sam_hq") for size in "blh"}
    hieras = {f"sam2.1_hiera_{size}" for size in ("tiny", "small", "base_plus", "large")}
    assert set(SAM_NAMES) == {"mobile_sam", "edgetam"} | vits | hieras


def test_load_sam__missing_file(tmp_path: Path) -> None:
    message = message_of(ConfigError, tmp_path / "sam_vit_b_01ec64.pth")
    assert f"{tmp_path}/sam_vit_b_01ec64.pth: no such file of SAM weights" in message
    assert "load_sam('mobile_sam')" in message


def test_load_sam__other_ending(tmp_path: Path) -> None:
    path = tmp_path / "sam.onnx"
    path.write_bytes(b"x")
    message = message_of(ConfigError, path)
    assert f"{path}: found the ending '.onnx', expected one of .safetensors, .pth" in message


@pytest.mark.parametrize("ending", [".safetensors", ".pth"])
@pytest.mark.parametrize("kept", [0, 5, 4000], ids=["empty", "header_cut", "data_cut"])
def test_load_sam__truncated(
    toy_weights_path: Path, tmp_path: Path, ending: str, kept: int
) -> None:
    path = tmp_path / f"sam{ending}"
    if ending == ".safetensors":
        content = toy_weights_path.read_bytes()
    else:
        torch.save(load_file(toy_weights_path), path)
        content = path.read_bytes()
    path.write_bytes(content[:kept])
    message = message_of(CheckpointError, path)
    assert f"{path}: found {kept} bytes that cannot be read as" in message
    assert "its download was cut off. Download it again" in message


def test_load_sam__pickled_objects_are_refused(toy_weights_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "sam.pth"
    torch.save({**load_file(toy_weights_path), "tag": Tag()}, path)
    message = message_of(CheckpointError, path)
    assert f"{path}: found pickled objects besides tensors" in message
    assert "the file was not loaded. Expected a plain state_dict" in message


def test_load_sam__numbers_beside_tensors(tmp_path: Path) -> None:
    path = tmp_path / "sam.pth"
    torch.save({"weight": torch.ones(2), "epoch": 3}, path)
    message = message_of(CheckpointError, path)
    assert f"{path}: found a dict holding an int under 'epoch', expected only tensors" in message


def test_load_sam__other_architecture(tmp_path: Path) -> None:
    path = tmp_path / "resnet.safetensors"
    save_file({"layer1.conv.weight": torch.ones(2, 2)}, path)
    message = message_of(CheckpointError, path)
    assert f"{path}: found 1 parameters (layer1.conv.weight) of an architecture" in message
    assert "expected the official names of MobileSAM, SAM ViT, SAM-HQ, RepViT-SAM." in message


def test_load_sam__sam_hq_is_not_taken_for_sam(toy_weights_path: Path, tmp_path: Path) -> None:
    path = tmp_path / "sam_hq_vit_b.pth"
    weights = load_file(toy_weights_path)
    weights["mask_decoder.hf_token.weight"] = torch.ones(1, 256)
    torch.save(weights, path)
    message = message_of(CheckpointError, path)
    assert message.startswith(f"{path}: the weights do not fit SamHq")


def test_load_sam__small_sam_hq_is_not_taken_for_mobile_sam(tmp_path: Path) -> None:
    # sam_hq_vit_tiny.pth: SAM-HQ's decoder behind MobileSAM's encoder.
    path = tmp_path / "sam_hq_vit_tiny.pth"
    first = "image_encoder.patch_embed.seq.0.c.weight"
    torch.save({first: torch.ones(1), "mask_decoder.hf_token.weight": torch.ones(1, 256)}, path)
    assert "architecture that is not supported" in message_of(CheckpointError, path)


@pytest.mark.parametrize("part", ["patch_embed.proj.weight", "body.stem.conv1.c.weight"])
def test_load_sam__official_file_of_sam2_or_edgetam(tmp_path: Path, part: str) -> None:
    path = tmp_path / "sam2.1_hiera_tiny.pt"
    torch.save({"model": {f"image_encoder.trunk.{part}": torch.ones(2)}}, path)
    message = message_of(CheckpointError, path)
    assert f"{path}: found an official file of SAM 2 or EdgeTAM, expected the same" in message
    assert "Give one of sam2.1_hiera_tiny, " in message
    assert ", edgetam, which come from the hub, or a folder with config.json" in message


@pytest.mark.parametrize(
    ("family", "names"),
    [
        ("MobileSAM", {"image_encoder.patch_embed.seq.0.c.weight"}),
        ("SAM ViT", {"image_encoder.patch_embed.proj.weight"}),
        (
            "SAM-HQ",
            {"image_encoder.patch_embed.proj.weight", "mask_decoder.hf_token.weight"},
        ),
        ("RepViT-SAM", {"image_encoder.features.0.0.c.weight"}),
    ],
)
def test_adapters__one_family_claims_a_checkpoint(family: str, names: set[str]) -> None:
    assert [adapter.family for adapter in ADAPTERS if adapter.recognises(names)] == [family]


def test_adapters__one_family_claims_a_model_type_or_a_name() -> None:
    kinds = [kind for adapter in ADAPTERS for kind in adapter.hub_model_types]
    assert kinds == ["sam", "sam_hq", "sam2", "sam2_video", "edgetam", "edgetam_video"]
    names = [name for adapter in ADAPTERS for name in adapter.names]
    assert len(names) == len(set(names))
    assert all((adapter.load_named is None) == (not adapter.names) for adapter in ADAPTERS)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("drop", "missing mask_decoder.iou_token.weight"),
        ("add", "unexpected mask_decoder.extra"),
        ("shape", "mask_decoder.iou_token.weight of shape (2, 256) instead of (1, 256)"),
    ],
)
def test_load_sam__wrong_parameters_are_named(
    toy_weights_path: Path, tmp_path: Path, change: str, expected: str
) -> None:
    weights = load_file(toy_weights_path)
    if change == "drop":
        del weights["mask_decoder.iou_token.weight"]
    elif change == "add":
        weights["mask_decoder.extra"] = torch.ones(1)
    else:
        weights["mask_decoder.iou_token.weight"] = torch.ones(2, 256)
    path = tmp_path / "sam.safetensors"
    save_file(weights, path)
    message = message_of(CheckpointError, path)
    assert message.startswith(f"{path}: the weights do not fit VitSam")
    assert expected in message


def test_load_sam__many_wrong_parameters_are_counted(
    toy_weights_path: Path, tmp_path: Path
) -> None:
    weights = load_file(toy_weights_path)
    path = tmp_path / "sam.safetensors"
    save_file({key: value for key, value in weights.items() if "mask_decoder" not in key}, path)
    assert "and 116 more" in message_of(CheckpointError, path)


def test_load_sam__folder_without_config(tmp_path: Path) -> None:
    message = message_of(ConfigError, tmp_path)
    assert f"{tmp_path}: found a folder without config.json" in message


def test_load_sam__folder_with_broken_config(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    assert f"{tmp_path}: its config.json cannot be read" in message_of(ConfigError, tmp_path)


def test_load_sam__folder_of_another_model(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "sam3"}))
    message = message_of(ConfigError, tmp_path)
    assert "found model_type 'sam3' in config.json, expected one of ['sam', 'sam_hq'" in message
    assert "Supported families: SAM ViT, SAM-HQ, SAM 2, EdgeTAM." in message
