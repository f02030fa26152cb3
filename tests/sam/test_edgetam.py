"""EdgeTAM against transformers with timm's encoder; neither timm nor torchvision is needed here."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from wps_sam.errors import CheckpointError, ConfigError
from wps_sam.sam.build import load_sam
from wps_sam.sam.edgetam import edgetam_name
from wps_sam.sam.frozen import FrozenSam

from .seeded import GOLDENS, Golden, read_golden, seeded_input, seeded_weights

# float32 sums in another order: measured 4e-6 on logits of up to 4.
CLOSE = 3e-5
TRUNK = "vision_encoder.backbone.timm_model"
CONFIG = GOLDENS / "edgetam_config.json"


def assert_close(found: Tensor, expected: Tensor) -> None:
    assert found.shape == expected.shape
    assert (found - expected).abs().max() < CLOSE


@pytest.fixture(scope="module")
def golden() -> Golden:
    return read_golden("edgetam")


@pytest.fixture(scope="module")
def folder(golden: Golden, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the hub holds: the image model's weights, and some that serve videos alone."""
    path = tmp_path_factory.mktemp("edgetam")
    (path / "config.json").write_text(CONFIG.read_text())
    video = {
        "memory_attention.layers.0.linear1.weight": torch.ones(1),
        "spatial_perceiver.latents": torch.ones(1),
        "no_object_pointer": torch.ones(1),
        f"{TRUNK}.stem.conv1.bn.num_batches_tracked": torch.tensor(1),
    }
    save_file(seeded_weights(golden.shapes) | video, path / "model.safetensors")
    return path


@pytest.fixture(scope="module")
def sam(folder: Path) -> FrozenSam:
    return load_sam(folder)


@pytest.fixture(scope="module")
def features(sam: FrozenSam) -> Tensor:
    return sam.encode(seeded_input("edgetam", (1, 3, 256, 256)))


def test_facts(sam: FrozenSam) -> None:
    facts = (sam.name, sam.image_side, sam.embed_hw, sam.embed_dim, sam.feature_dim)
    assert facts == ("edgetam", 256, (16, 16), 256, 1024)


def test_encode__transformers(features: Tensor, golden: Golden) -> None:
    assert_close(features[:, :256:4], golden["features_every_4th_channel"])
    half = torch.nn.functional.pixel_shuffle(features[:, 256:512], 2)
    assert_close(half[:, ::8], golden["half_every_8th_channel"])
    quarter = torch.nn.functional.pixel_shuffle(features[:, 512:], 4)
    assert_close(quarter[:, ::8], golden["quarter_every_8th_channel"])


@pytest.mark.parametrize("count", ["single", "multi"])
@pytest.mark.parametrize("kind", ["box", "point"])
def test_decode__transformers(
    sam: FrozenSam, golden: Golden, features: Tensor, kind: str, count: str
) -> None:
    is_box = kind == "box"
    tokens = sam.prompt_boxes(golden["boxes"]) if is_box else sam.prompt_points(golden["points"])
    index = torch.zeros(2, dtype=torch.long)
    masks = sam.decode(features, tokens, index, multimask=count == "multi")
    assert_close(masks.low_res_logits, golden[f"{kind}_{count}"])
    assert_close(masks.iou, golden[f"{kind}_iou_{count}"])


def test_positions(sam: FrozenSam, golden: Golden) -> None:
    boxes, points = golden["boxes"], golden["points"]
    assert_close(sam.boxes_from_tokens(sam.prompt_boxes(boxes)), boxes)
    assert_close(sam.points_from_tokens(sam.prompt_points(points)), points[:, 0])
    # A cell of 16 x 16 pixels has the code of its centre, which lies between pixels 7 and 8.
    centre = sam.prompt_points(torch.tensor([[[7.5, 23.5]]]))[0, 0] - sam._label_codes()[0]
    assert_close(sam.dense_pe()[0, :, 1, 0], centre)


def test_decode__gradient_reaches_tokens(sam: FrozenSam, golden: Golden, features: Tensor) -> None:
    tokens = sam.prompt_boxes(golden["boxes"]).requires_grad_()
    masks = sam.decode(features, tokens, torch.zeros(2, dtype=torch.long))
    torch.autograd.backward(masks.low_res_logits.sum())
    assert tokens.grad is not None
    assert (tokens.grad.abs().amax(dim=2) > 0).all()


def with_config(folder: Path, target: Path, model_type: str, architecture: str) -> Path:
    """A folder with the same weights and another config.json."""
    config = json.loads(CONFIG.read_text())
    config["model_type"] = model_type
    config["vision_config"]["backbone_config"]["architecture"] = architecture
    (target / "config.json").write_text(json.dumps(config))
    (target / "model.safetensors").symlink_to(folder / "model.safetensors")
    return target


def test_load__what_the_hub_holds_may_be_the_video_model(
    sam: FrozenSam, folder: Path, tmp_path: Path
) -> None:
    path = with_config(folder, tmp_path, "edgetam_video", "repvit_m1.dist_in1k")
    assert load_sam(path).fingerprint == sam.fingerprint


@pytest.mark.parametrize("architecture", ["repvit_m1_1.dist_450e_in1k", "resnet50"])
def test_load__another_encoder(folder: Path, tmp_path: Path, architecture: str) -> None:
    path = with_config(folder, tmp_path, "edgetam", architecture)
    with pytest.raises(ConfigError) as caught:
        load_sam(path)
    expected = (
        f"found an EdgeTAM with encoder '{architecture}' in config.json, expected 'repvit_m1'"
    )
    assert f"{tmp_path}: {expected}" in str(caught.value)


def test_load__folder_without_weights(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(CONFIG.read_text())
    with pytest.raises(ConfigError, match="cannot be loaded as a folder or hub id") as caught:
        load_sam(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_load__wrong_parameters_are_named(golden: Golden, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(CONFIG.read_text())
    weights = {f"{TRUNK}.stages_0.blocks.7.se.fc1.bias": torch.ones(1)}
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError) as caught:
        load_sam(tmp_path)
    # The first stage has blocks 0 and 1; its first is number 1 behind the stem.
    assert "unexpected trunk.features.8.token_mixer.1.fc1.bias" in str(caught.value)
    assert f"and {len(golden.shapes) - 1 - 4} more" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (f"{TRUNK}.stem.conv2.c.weight", "trunk.features.0.2.c.weight"),
        (
            f"{TRUNK}.stages_0.blocks.1.channel_mixer.conv2.bn.bias",
            "trunk.features.2.channel_mixer.m.2.bn.bias",
        ),
        # Stage 0 ends at 2; then come the block before the step, the step, and stage 1.
        (
            f"{TRUNK}.stages_1.downsample.pre_block.token_mixer.conv1.c.weight",
            "trunk.features.3.token_mixer.0.conv1.c.weight",
        ),
        (
            f"{TRUNK}.stages_1.downsample.channel_downsample.c.weight",
            "trunk.features.4.token_mixer.2.c.weight",
        ),
        (f"{TRUNK}.stages_1.blocks.0.se.fc2.bias", "trunk.features.5.token_mixer.1.fc2.bias"),
        ("vision_encoder.neck.convs.0.weight", "neck.convs.0.weight"),
        (f"{TRUNK}.head.weight", f"{TRUNK}.head.weight"),
        ("mask_decoder.conv_s0.weight", "mask_decoder.conv_s0.weight"),
    ],
)
def test_edgetam_name(name: str, expected: str) -> None:
    assert edgetam_name(name) == expected
