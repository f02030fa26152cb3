"""Prompts to tokens and back, and one decode call that serves the prompts of several images."""

import pytest
import torch
from torch import Tensor

from wps_sam.errors import ConfigError
from wps_sam.sam.frozen import FrozenSam

Golden = dict[str, Tensor]


def prompts(golden: Golden) -> tuple[Tensor, Tensor, Tensor]:
    """Features of two images, six prompts, and their images in a mixed order."""
    tokens = torch.cat([golden["box_tokens"], golden["point_tokens"]])
    return golden["features"], tokens, torch.tensor([0, 1, 1, 0, 1, 0])


def test_encode_and_prompts__carry_no_gradient(toy_sam: FrozenSam, toy_golden: Golden) -> None:
    pixels = toy_golden["image"].clone().requires_grad_()
    boxes = toy_golden["boxes"].clone().requires_grad_()
    points = toy_golden["points"].clone().requires_grad_()
    outputs = [
        toy_sam.encode(pixels),
        toy_sam.prompt_boxes(boxes),
        toy_sam.prompt_points(points),
        toy_sam.dense_pe(),
        toy_sam.dense_prompt(),
    ]
    assert not any(output.requires_grad for output in outputs)


def test_decode__two_images_in_one_call(toy_sam: FrozenSam, toy_golden: Golden) -> None:
    features, tokens, image_index = prompts(toy_golden)
    together = toy_sam.decode(features, tokens, image_index, multimask=True)
    for position in range(6):
        image = int(image_index[position])
        alone = toy_sam.decode(
            features[image : image + 1],
            tokens[position : position + 1],
            torch.zeros(1, dtype=torch.long),
            multimask=True,
        )
        # The batch size may change the order of float32 sums, nothing else.
        difference = together.low_res_logits[position] - alone.low_res_logits[0]
        assert difference.abs().max() < 1e-5
        assert (together.iou[position] - alone.iou[0]).abs().max() < 1e-5


@pytest.mark.parametrize("has_boxes", [False, True])
def test_decode__chunks_do_not_show(
    toy_sam: FrozenSam, toy_golden: Golden, monkeypatch: pytest.MonkeyPatch, has_boxes: bool
) -> None:
    features, tokens, image_index = prompts(toy_golden)
    corner = torch.arange(6.0)[:, None] * torch.tensor([20.0, 30.0])
    boxes = torch.cat([corner, corner + 40], dim=1) if has_boxes else None

    def run() -> tuple[Tensor, Tensor]:
        learned = tokens.clone().requires_grad_()
        masks = toy_sam.decode(features, learned, image_index, boxes_xyxy=boxes)
        masks.low_res_logits.square().sum().backward()  # type: ignore[no-untyped-call]  # torch
        assert learned.grad is not None
        return masks.low_res_logits.detach(), learned.grad

    whole, whole_gradient = run()
    monkeypatch.setattr(FrozenSam, "max_prompts_per_chunk", 4)
    chunked, chunked_gradient = run()
    assert (whole - chunked).abs().max() < 1e-5
    # Gradients of a sum over 4096 logits reach about 10.
    assert (whole_gradient - chunked_gradient).abs().max() < 1e-3
    assert whole_gradient.abs().max() > 0


@pytest.mark.parametrize(("multimask", "masks"), [(False, 1), (True, 3)])
def test_decode__no_prompts(
    toy_sam: FrozenSam, toy_golden: Golden, multimask: bool, masks: int
) -> None:
    none = torch.zeros(0, dtype=torch.long)
    decoded = toy_sam.decode(toy_golden["features"], torch.zeros(0, 2, 256), none, multimask)
    assert decoded.low_res_logits.shape == (0, masks, 64, 64)
    assert decoded.iou.shape == (0, masks)


def test_decode__half_precision_features(toy_sam: FrozenSam, toy_golden: Golden) -> None:
    features, tokens, image_index = prompts(toy_golden)
    decoded = toy_sam.decode(features.half(), tokens, image_index)
    assert decoded.low_res_logits.dtype == torch.float32


def test_empty_batches(toy_sam: FrozenSam) -> None:
    assert toy_sam.encode(torch.zeros(0, 3, 256, 256)).shape == (0, 256, 16, 16)
    assert toy_sam.prompt_boxes(torch.zeros(0, 4)).shape == (0, 2, 256)
    assert toy_sam.prompt_points(torch.zeros(0, 2, 2)).shape == (0, 3, 256)
    assert toy_sam.boxes_from_tokens(torch.zeros(0, 2, 256)).shape == (0, 4)


def test_prompts__full_precision_under_autocast(toy_sam: FrozenSam, toy_golden: Golden) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        boxes = toy_sam.prompt_boxes(toy_golden["boxes"])
        points = toy_sam.prompt_points(toy_golden["points"])
        dense_pe = toy_sam.dense_pe()
    assert torch.equal(boxes, toy_golden["box_tokens"])
    assert torch.equal(points, toy_golden["point_tokens"])
    assert torch.equal(dense_pe, toy_golden["dense_pe"])


def test_prompt_points__labels(toy_sam: FrozenSam, toy_golden: Golden) -> None:
    points = toy_golden["points"]
    foreground = toy_sam.prompt_points(points, torch.ones(3, 1, dtype=torch.long))
    background = toy_sam.prompt_points(points, torch.zeros(3, 1, dtype=torch.long))
    assert torch.equal(foreground, toy_golden["point_tokens"])
    assert not torch.equal(background[:, 0], foreground[:, 0])
    assert torch.equal(background[:, 1], foreground[:, 1])


def test_boxes_from_tokens__round_trip(toy_sam: FrozenSam, mobile_sam: FrozenSam) -> None:
    torch.manual_seed(0)
    for sam in (toy_sam, mobile_sam):
        boxes = torch.rand(200, 4) * (sam.image_side - 0.5)
        found = sam.boxes_from_tokens(sam.prompt_boxes(boxes))
        assert (found - boxes).abs().max() < 0.01 * sam.image_side / 1024 + 1e-3


def test_boxes_from_tokens__far_edge(mobile_sam: FrozenSam) -> None:
    # SAM codes x + 0.5, so a box's far edge at 1024 lies half a pixel outside what is searched.
    boxes = torch.tensor([[0.0, 0.0, 1024.0, 1024.0]])
    found = mobile_sam.boxes_from_tokens(mobile_sam.prompt_boxes(boxes))
    assert (found - boxes).abs().max() <= 0.51


def test_boxes_from_tokens__noisy(mobile_sam: FrozenSam) -> None:
    torch.manual_seed(0)
    boxes = torch.rand(50, 4) * 1000
    tokens = mobile_sam.prompt_boxes(boxes)
    noisy = tokens + 0.2 * torch.randn_like(tokens)
    found = mobile_sam.boxes_from_tokens(noisy)
    assert (found - boxes).abs().max() < 16
    nearest = (mobile_sam.prompt_boxes(found) - noisy).square().sum()
    assert nearest <= (tokens - noisy).square().sum()


def test_points_from_tokens__round_trip(toy_sam: FrozenSam, toy_golden: Golden) -> None:
    found = toy_sam.points_from_tokens(toy_golden["point_tokens"])
    assert (found - toy_golden["points"][:, 0]).abs().max() < 0.01


def test_encode__wrong_side(toy_sam: FrozenSam) -> None:
    message = (
        r"sam_vit_48x4.encode: found pixels of shape \(1, 3, 9, 9\), expected \(B, 3, 256, 256\)"
    )
    with pytest.raises(ConfigError, match=message):
        toy_sam.encode(torch.zeros(1, 3, 9, 9))


def test_prompt_boxes__wrong_shape(toy_sam: FrozenSam) -> None:
    with pytest.raises(ConfigError, match=r"prompt_boxes: found shape \(4,\), expected \(P, 4\)"):
        toy_sam.prompt_boxes(torch.zeros(4))


def test_prompt_points__wrong_shape(toy_sam: FrozenSam) -> None:
    with pytest.raises(
        ConfigError, match=r"prompt_points: found shape \(3, 2\), expected \(P, K, 2"
    ):
        toy_sam.prompt_points(torch.zeros(3, 2))
    with pytest.raises(
        ConfigError, match=r"labels of shape \(3,\) for points of shape \(3, 1, 2\)"
    ):
        toy_sam.prompt_points(torch.zeros(3, 1, 2), torch.ones(3))


def test_decode__wrong_input(toy_sam: FrozenSam, toy_golden: Golden) -> None:
    features, tokens, image_index = prompts(toy_golden)
    with pytest.raises(
        ConfigError, match=r"image_index \(5,\), expected features \(B, 256, 16, 16"
    ):
        toy_sam.decode(features, tokens, image_index[:5])
    with pytest.raises(ConfigError, match=r"boxes_xyxy \(5, 4\) for 6 prompts, expected \(6, 4\)"):
        toy_sam.decode(features, tokens, image_index, boxes_xyxy=torch.zeros(5, 4))
    with pytest.raises(ConfigError, match="found image_index 0 to 1 for 1 images, expected 0 to 0"):
        toy_sam.decode(features[:1], tokens, image_index)


def test_for_prompter__all_channels_where_none_is_for_the_decoder_alone(toy_sam: FrozenSam) -> None:
    features = torch.zeros(2, 256, 16, 16)
    assert toy_sam.feature_dim == toy_sam.embed_dim == 256
    assert toy_sam.for_prompter(features) is features
