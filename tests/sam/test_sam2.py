"""A small SAM 2 with random weights against transformers, and its place in the whole program."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import Sam2Config, Sam2Model, Sam2VideoConfig, Sam2VideoModel

from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.errors import ConfigError
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.prompter.build import build_prompter
from wps_sam.prompter.interface import PartTargets
from wps_sam.prompter.query.config import QueryPrompterConfig
from wps_sam.sam.build import load_sam
from wps_sam.sam.frozen import FrozenSam
from wps_sam.sam.mask_reach import cells_in_reach, only_in_reach
from wps_sam.training.data import EmbeddedImages

from .seeded import seeded_input, seeded_weight

# float32 sums in another order: measured 6e-6 on logits of up to 17.
CLOSE = 3e-5
BOXES = torch.tensor([[10.0, 20, 150, 200], [50, 60, 90, 240], [0, 0, 255, 255]])
POINTS = torch.tensor([[[30.0, 40]], [[100, 200]], [[7.5, 90.25]]])
SETTINGS = {
    "vision_config": {
        "backbone_config": {
            "model_type": "sam2_hiera_det_model",
            "hidden_size": 16,
            "image_size": [256, 256],
            "blocks_per_stage": [1, 1, 2, 1],
            "embed_dim_per_stage": [16, 32, 64, 128],
            "num_attention_heads_per_stage": [1, 2, 4, 8],
            "global_attention_blocks": [3],
        },
        "backbone_channel_list": [128, 64, 32, 16],
        "backbone_feature_sizes": [[64, 64], [32, 32], [16, 16]],
    },
    "prompt_encoder_config": {"image_size": 256},
}


def assert_close(found: Tensor, expected: Tensor) -> None:
    assert found.shape == expected.shape
    assert (found - expected).abs().max() < CLOSE


def fill(model: torch.nn.Module) -> None:
    """Give a model weights that its parameters' names decide."""
    weights = {k: seeded_weight(k, tuple(v.shape)) for k, v in model.state_dict().items()}
    position = weights["prompt_encoder.shared_embedding.positional_embedding"]
    weights["shared_image_embedding.positional_embedding"] = position
    model.load_state_dict(weights)
    model.eval()


@pytest.fixture(scope="module")
def model() -> Sam2Model:
    model = Sam2Model(Sam2Config(**SETTINGS))
    fill(model)
    return model


@pytest.fixture(scope="module")
def folder(model: Sam2Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sam2")
    model.save_pretrained(path)
    return path


@pytest.fixture(scope="module")
def sam(folder: Path) -> FrozenSam:
    return load_sam(folder)


@pytest.fixture(scope="module")
def pixels() -> Tensor:
    return seeded_input("sam2", (2, 3, 256, 256))


@pytest.fixture(scope="module")
def features(sam: FrozenSam, pixels: Tensor) -> Tensor:
    return sam.encode(pixels)


def test_facts(sam: FrozenSam) -> None:
    assert (sam.name, sam.image_side, sam.embed_hw) == ("sam2_hiera_16x5", 256, (16, 16))
    # 64 channels at twice and 32 at four times the resolution: 64 * 2 * 2 and 32 * 4 * 4.
    assert (sam.embed_dim, sam.feature_dim) == (256, 256 + 256 + 512)


def test_encode__transformers(model: Sam2Model, pixels: Tensor, features: Tensor) -> None:
    quarter, half, whole = model.get_image_embeddings(pixels)
    assert_close(features[:, :256], whole)
    assert_close(torch.nn.functional.pixel_shuffle(features[:, 256:512], 2), half)
    assert_close(torch.nn.functional.pixel_shuffle(features[:, 512:], 4), quarter)


def test_prompts__transformers(sam: FrozenSam, model: Sam2Model) -> None:
    boxes, dense = model.get_prompt_embeddings(input_boxes=BOXES[None])
    assert_close(sam.prompt_boxes(BOXES), boxes[0, :, :2])
    labels = torch.tensor([[1], [0], [1]])
    points, _ = model.get_prompt_embeddings(input_points=POINTS[None], input_labels=labels[None])
    assert_close(sam.prompt_points(POINTS, labels), points[0])
    assert_close(sam.dense_pe(), model.get_image_wide_positional_embeddings().detach())
    assert_close(sam.dense_prompt(), dense)
    masks = seeded_input("masks", (2, 1, 64, 64))
    _, dense = model.get_prompt_embeddings(input_boxes=BOXES[None], input_masks=masks)
    assert_close(sam.dense_prompt(masks), dense)


def test_decode__within_reach(sam: FrozenSam, features: Tensor) -> None:
    tokens, first = sam.prompt_boxes(BOXES), torch.zeros(len(BOXES), dtype=torch.long)
    anywhere = sam.decode(features, tokens, first)
    near = sam.decode(features, tokens, first, boxes_xyxy=BOXES)
    reach = cells_in_reach(BOXES, sam.embed_hw, sam.image_side)
    assert not reach.all()
    assert torch.equal(near.low_res_logits, only_in_reach(anywhere.low_res_logits, reach))
    assert torch.equal(near.iou, anywhere.iou)


def test_boxes_and_points_from_tokens(sam: FrozenSam) -> None:
    assert_close(sam.boxes_from_tokens(sam.prompt_boxes(BOXES)), BOXES)
    assert_close(sam.points_from_tokens(sam.prompt_points(POINTS)), POINTS[:, 0])


@pytest.mark.parametrize("multimask", [False, True])
@pytest.mark.parametrize("kind", ["box", "point", "both"])
def test_decode__transformers(
    sam: FrozenSam,
    model: Sam2Model,
    pixels: Tensor,
    features: Tensor,
    kind: str,
    multimask: bool,
) -> None:
    boxes, points = sam.prompt_boxes(BOXES), sam.prompt_points(POINTS)
    tokens = {"box": boxes, "point": points, "both": torch.cat([points[:, :-1], boxes], dim=1)}
    given = {}
    if kind != "point":
        given["input_boxes"] = BOXES.expand(2, -1, -1)
    if kind != "box":
        given["input_points"] = POINTS.expand(2, -1, -1, -1)
    with torch.no_grad():
        expected = model(pixels, multimask_output=multimask, **given)
    index = torch.tensor([0, 0, 0, 1, 1, 1])
    found = sam.decode(features, tokens[kind].repeat(2, 1, 1), index, multimask=multimask)
    assert expected.pred_masks.abs().max() > 0.5
    assert_close(found.low_res_logits, expected.pred_masks.flatten(0, 1))
    assert_close(found.iou, expected.iou_scores.flatten(0, 1))


def test_decode__boxes_and_points_of_one_length_in_one_call(
    sam: FrozenSam, features: Tensor
) -> None:
    boxes, points = sam.prompt_boxes(BOXES), sam.prompt_points(POINTS)
    mixed = torch.stack([points[0], boxes[0], points[1], boxes[1], boxes[2], points[2]])
    found = sam.decode_shared(sam.share(features[0]), mixed, multimask=False)
    first = torch.zeros(3, dtype=torch.long)
    by_box, by_point = (sam.decode(features, tokens, first) for tokens in (boxes, points))
    assert (by_box.low_res_logits - by_point.low_res_logits).abs().max() > 100 * CLOSE
    assert_close(found.low_res_logits[[1, 3, 4]], by_box.low_res_logits)
    assert_close(found.low_res_logits[[0, 2, 5]], by_point.low_res_logits)
    assert_close(found.iou[[0, 2, 5]], by_point.iou)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_decode__inexact_tokens_are_told_apart(
    sam: FrozenSam, features: Tensor, noise: float
) -> None:
    """A prompter's tokens are only close to codes; those here differ by 0.3 in each channel."""
    shift = noise * seeded_input("noise", (3, 2, 256))
    shared = sam.share(features[0])
    closing = sam.prompt_points(POINTS)[:, 1:]
    box = sam.prompt_boxes(BOXES) + shift
    found = sam.decode_shared(shared, box, multimask=False)
    closed = sam.decode_shared(shared, torch.cat([box, closing], dim=1), multimask=False)
    assert torch.equal(found.low_res_logits, closed.low_res_logits)
    point = sam.prompt_points(POINTS) + shift
    found = sam.decode_shared(shared, point, multimask=False)
    twice = sam.decode_shared(shared, torch.cat([point, closing], dim=1), multimask=False)
    assert (found.low_res_logits - twice.low_res_logits).abs().max() > CLOSE


def test_decode__no_prompts(sam: FrozenSam, features: Tensor) -> None:
    none = torch.zeros(0, dtype=torch.long)
    found = sam.decode(features, torch.zeros(0, 2, 256), none, multimask=True)
    assert (found.low_res_logits.shape, found.iou.shape) == ((0, 3, 64, 64), (0, 3))


@pytest.mark.parametrize("kind", ["box", "point", "mixed"])
def test_decode__gradient_reaches_tokens(sam: FrozenSam, features: Tensor, kind: str) -> None:
    boxes, points = sam.prompt_boxes(BOXES), sam.prompt_points(POINTS)
    tokens = {"box": boxes, "point": points, "mixed": torch.cat([boxes[:1], points[:2]])}[kind]
    tokens = tokens.clone().requires_grad_()
    masks = sam.decode(features, tokens, torch.zeros(3, dtype=torch.long))
    torch.autograd.backward(masks.low_res_logits.sum())
    assert tokens.grad is not None
    assert (tokens.grad.abs().amax(dim=2) > 0).all()


def test_decode__features_without_the_finer_maps(sam: FrozenSam, features: Tensor) -> None:
    with pytest.raises(
        ConfigError, match=r"expected features \(B, 1024, 16, 16\), tokens \(N, T, 256"
    ):
        sam.decode(features[:, :256], sam.prompt_boxes(BOXES), torch.zeros(3, dtype=torch.long))


def test_load__what_the_hub_holds_is_the_video_model(sam: FrozenSam, tmp_path: Path) -> None:
    video = Sam2VideoModel(Sam2VideoConfig(**SETTINGS))
    fill(video)
    video.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["model_type"] == "sam2_video"
    assert load_sam(tmp_path).fingerprint == sam.fingerprint


def edited(folder: Path, target: Path, edit: Callable[[dict[str, dict[str, int]]], None]) -> Path:
    """A copy of a folder's config.json, changed."""
    config = json.loads((folder / "config.json").read_text())
    edit(config)
    (target / "config.json").write_text(json.dumps(config))
    (target / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    return target


def test_load__other_number_of_maps(folder: Path, tmp_path: Path) -> None:
    def two_levels(config: dict[str, dict[str, int]]) -> None:
        config["vision_config"]["num_feature_levels"] = 2

    with pytest.raises(ConfigError, match="found num_feature_levels 2, expected 3"):
        load_sam(edited(folder, tmp_path, two_levels))


def test_whole_program__a_prompter_sees_the_first_channels_only(
    sam: FrozenSam, tmp_path: Path
) -> None:
    config = QueryPrompterConfig(width=16, heads=2, feedforward=16, num_queries=3)
    prompter = build_prompter(config, 2, sam)
    segmenter = PartSegmenter(sam, prompter, class_names=["a", "b"], score_threshold=0)
    image = np.random.RandomState(0).randint(0, 256, (96, 128, 3)).astype(np.uint8)
    features = sam.encode(sam.preprocess([image]))[0]
    cache = EmbeddingCache(tmp_path, Fingerprint.of(sam))
    cache.write("key", features)
    assert cache.read("key").shape == (1024, 16, 16)
    expected = segmenter.predict(image)
    found = segmenter.predict_features(features, (96, 128))
    assert np.array_equal(found.masks, expected.masks)
    with pytest.raises(ConfigError, match=r"shape \(256, 16, 16\), expected \(1024, 16, 16\)"):
        segmenter.predict_features(features[:256], (96, 128))
    targets = PartTargets(torch.zeros(0).long(), torch.zeros(0, 2, 256), torch.zeros(0, 4))
    learnt_from, _, _ = EmbeddedImages(cache, ["key"], [targets])[0]
    assert torch.equal(learnt_from, cache.read("key")[:256])
