"""A small SAM-HQ with official parameter names against the official code and transformers."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import SamHQConfig, SamHQModel

from wps_sam.errors import CheckpointError, ConfigError
from wps_sam.sam.build import load_sam
from wps_sam.sam.checkpoint_names import hq_name, rename_hq
from wps_sam.sam.frozen import FrozenSam
from wps_sam.sam.mask_reach import cells_in_reach, only_in_reach
from wps_sam.sam.sam_hq import SamHq

from .seeded import Golden, read_golden, seeded_input, seeded_weights

# float32 sums in another order: measured 4e-6 on logits of up to 11.
CLOSE = 3e-5
FIRST = torch.zeros(2, dtype=torch.long)


def assert_close(found: Tensor, expected: Tensor) -> None:
    assert found.shape == expected.shape
    assert (found - expected).abs().max() < CLOSE


@pytest.fixture(scope="module")
def golden() -> Golden:
    return read_golden("sam_hq_toy")


@pytest.fixture(scope="module")
def weights(golden: Golden) -> dict[str, Tensor]:
    return seeded_weights(golden.shapes)


@pytest.fixture(scope="module")
def file(weights: dict[str, Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("official") / "sam_hq_toy.pth"
    torch.save(weights, path)
    return path


@pytest.fixture(scope="module")
def sam(file: Path) -> FrozenSam:
    return load_sam(file)


@pytest.fixture(scope="module")
def features(sam: FrozenSam) -> Tensor:
    return sam.encode(seeded_input("sam_hq", (1, 3, 256, 256)))


@pytest.fixture(scope="module")
def model(weights: dict[str, Tensor]) -> SamHQModel:
    """The same weights in transformers, with the epsilon of the official decoder."""
    vision = {
        "hidden_size": 48,
        "num_hidden_layers": 4,
        "num_attention_heads": 3,
        "image_size": 256,
        "mlp_dim": 192,
        "window_size": 7,
        "global_attn_indexes": [1, 3],
    }
    config = SamHQConfig(
        vision_config=vision,
        prompt_encoder_config={"image_size": 256, "image_embedding_size": 16},
        mask_decoder_config={"vit_dim": 48, "layer_norm_eps": 1e-5},
    )
    renamed = rename_hq(weights)
    position = renamed["prompt_encoder.shared_embedding.positional_embedding"]
    renamed["shared_image_embedding.positional_embedding"] = position
    model = SamHQModel(config)
    model.load_state_dict(renamed)
    return model.eval()


def prompt(sam: FrozenSam, golden: Golden, kind: str) -> Tensor:
    if kind == "box":
        return sam.prompt_boxes(golden["boxes"])
    return sam.prompt_points(golden["points"])


def test_facts(sam: FrozenSam) -> None:
    assert (sam.name, sam.image_side, sam.embed_hw) == ("sam_hq_vit_48x4", 256, (16, 16))
    # 32 channels at four times the resolution are 32 * 4 * 4 behind each cell.
    assert (sam.embed_dim, sam.feature_dim) == (256, 256 + 512)


def test_encode__official(sam: FrozenSam, golden: Golden, features: Tensor) -> None:
    assert_close(sam.for_prompter(features)[:, ::4], golden["features_every_4th_channel"])
    fine = torch.nn.functional.pixel_shuffle(features[:, 256:], 4)
    assert_close(fine[:, ::4], golden["fine_every_4th_channel"])


@pytest.mark.parametrize("count", ["single", "multi"])
@pytest.mark.parametrize("kind", ["box", "point"])
def test_decode__official(
    sam: FrozenSam, golden: Golden, features: Tensor, kind: str, count: str
) -> None:
    tokens = prompt(sam, golden, kind)
    assert_close(tokens, golden[f"{kind}_tokens"])
    masks = sam.decode(features, tokens, FIRST, multimask=count == "multi")
    assert_close(masks.low_res_logits, golden[f"{kind}_{count}"])
    assert_close(masks.iou, golden[f"{kind}_iou_{count}"])
    if count == "multi":
        best = masks.iou.argmax(dim=1)
        kept = masks.low_res_logits[torch.arange(2), best][:, None]
        assert_close(kept, golden[f"{kind}_best"])


def test_transformers__features_tokens_and_iou(
    sam: FrozenSam, golden: Golden, features: Tensor, model: SamHQModel
) -> None:
    """Not masks: see the comment in `sam_hq.py`."""
    pixels = seeded_input("sam_hq", (1, 3, 256, 256))
    with torch.no_grad():
        out = model(pixels, input_boxes=golden["boxes"][None], multimask_output=False)
        tokens, _ = model.get_prompt_embeddings(input_boxes=golden["boxes"][None])
        expected, _ = model.get_image_embeddings(pixels)
    assert_close(sam.for_prompter(features), expected)
    assert_close(sam.prompt_boxes(golden["boxes"]), tokens[0])
    assert_close(sam.decode(features, tokens[0], FIRST).iou, out.iou_scores[0])
    assert_close(sam.dense_pe(), model.get_image_wide_positional_embeddings().detach())


def test_boxes_from_tokens(sam: FrozenSam, golden: Golden) -> None:
    assert_close(sam.boxes_from_tokens(sam.prompt_boxes(golden["boxes"])), golden["boxes"])


def test_decode__within_reach(sam: FrozenSam, golden: Golden, features: Tensor) -> None:
    masks = sam.decode(features, prompt(sam, golden, "box"), FIRST, boxes_xyxy=golden["boxes"])
    reach = cells_in_reach(golden["boxes"], sam.embed_hw, sam.image_side)
    assert not reach.all()
    assert_close(masks.low_res_logits, only_in_reach(golden["box_single"], reach))
    assert_close(masks.iou, golden["box_iou_single"])


def test_decode__gradient_reaches_tokens(sam: FrozenSam, golden: Golden, features: Tensor) -> None:
    tokens = sam.prompt_boxes(golden["boxes"]).requires_grad_()
    torch.autograd.backward(sam.decode(features, tokens, FIRST).low_res_logits.sum())
    assert tokens.grad is not None
    assert (tokens.grad.abs().amax(dim=2) > 0).all()


def test_load__folder_is_the_same_model(
    sam: FrozenSam, model: SamHQModel, tmp_path: Path, golden: Golden, features: Tensor
) -> None:
    model.config.mask_decoder_config.layer_norm_eps = (
        1e-6  # as published; the official code differs
    )
    model.save_pretrained(tmp_path)
    loaded = load_sam(tmp_path)
    assert loaded.fingerprint == sam.fingerprint
    masks = loaded.decode(features, golden["box_tokens"], FIRST)
    assert_close(masks.low_res_logits, golden["box_single"])


@pytest.mark.parametrize(
    ("dropped", "message"),
    [
        ("mask_decoder.hf_mlp.layers.1.bias", "missing mask_decoder.hq_mask_mlp.layers.0.bias"),
        ("image_encoder.pos_embed", "without image_encoder.pos_embed, which tells the encoder"),
    ],
)
def test_load__incomplete_file(
    weights: dict[str, Tensor], tmp_path: Path, dropped: str, message: str
) -> None:
    path = tmp_path / "sam_hq.pth"
    torch.save({name: value for name, value in weights.items() if name != dropped}, path)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_sam(path)
    assert str(path) in str(caught.value)


def test_load__without_global_attention() -> None:
    config = SamHQConfig(vision_config={"global_attn_indexes": []})
    with pytest.raises(ConfigError, match="found no global_attn_indexes, expected at least one"):
        SamHq(config)


@pytest.mark.parametrize(
    ("official", "expected"),
    [
        ("mask_decoder.hf_token.weight", "mask_decoder.hq_token.weight"),
        ("mask_decoder.hf_mlp.layers.2.bias", "mask_decoder.hq_mask_mlp.proj_out.bias"),
        ("mask_decoder.compress_vit_feat.3.weight", "mask_decoder.compress_vit_conv2.weight"),
        ("mask_decoder.embedding_encoder.1.bias", "mask_decoder.encoder_norm.bias"),
        ("mask_decoder.embedding_maskfeature.0.bias", "mask_decoder.mask_conv1.bias"),
        ("image_encoder.neck.0.weight", "vision_encoder.neck.conv1.weight"),
    ],
)
def test_hq_name(official: str, expected: str) -> None:
    assert hq_name(official) == expected
