"""Decoding prompts of several images at once, also where they differ in length."""

from typing import Any

import pytest
import torch
from torch import Tensor

from wps_sam.inference.decoding import MaskChoice, decode_tokens
from wps_sam.prompter.clicks import prompt_with_clicks
from wps_sam.sam.frozen import FrozenSam
from wps_sam.sam.mask_reach import cells_in_reach, only_in_reach

BOXES = torch.tensor([[40.0, 60, 120, 140], [0.0, 0, 20, 200], [100.0, 10, 250, 90]])


@pytest.fixture
def features() -> Tensor:
    """Of three images."""
    return torch.randn(3, 256, 16, 16, generator=torch.Generator().manual_seed(0))


def prompts(sam: FrozenSam) -> list[list[Tensor]]:
    """Of three images: a box, the same with points, three points; nothing; points, a box."""
    boxes, clicked = sam.prompt_boxes(BOXES), prompt_with_clicks(sam, BOXES)
    points = sam.prompt_points(torch.tensor([[[30.0, 40], [50, 60], [200, 100]]]))[0]
    return [[boxes[0], clicked[0], points], [], [clicked[1], boxes[2]]]


@pytest.mark.parametrize("choice", ["single", "best-of-3"])
def test_decode__mixed_lengths_give_what_each_gives_alone(
    toy_sam: FrozenSam, features: Tensor, choice: MaskChoice
) -> None:
    asked = prompts(toy_sam)
    found = decode_tokens(toy_sam, features, asked, choice)
    assert [len(parts.iou) for parts in found] == [3, 0, 2]
    for image, of_image in enumerate(asked):
        assert found[image].low_res_logits.shape == (len(of_image), 64, 64)
        for row, tokens in enumerate(of_image):
            alone = toy_sam.decode(
                features[image : image + 1], tokens[None], torch.tensor([0]), choice == "best-of-3"
            )
            best = int(alone.iou[0].argmax())
            torch.testing.assert_close(
                found[image].low_res_logits[row],
                alone.low_res_logits[0, best],
                atol=1e-4,
                rtol=1e-4,
            )
            torch.testing.assert_close(found[image].iou[row], alone.iou[0, best])


def test_decode__prompts_of_one_length_share_a_call(
    toy_sam: FrozenSam, features: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode, calls = toy_sam.decode, list[tuple[list[int], list[int]]]()

    def counted(features: Tensor, tokens: Tensor, image_index: Tensor, *more: Any) -> object:
        calls.append((list(tokens.shape[:2]), image_index.tolist()))
        return decode(features, tokens, image_index, *more)

    monkeypatch.setattr(toy_sam, "decode", counted)
    decode_tokens(toy_sam, features, prompts(toy_sam))
    assert calls == [([2, 2], [0, 2]), ([1, 4], [0]), ([2, 5], [0, 2])]


def test_decode__boxes_follow_their_prompts(toy_sam: FrozenSam, features: Tensor) -> None:
    of_images = prompts(toy_sam)
    # Another place for each prompt, in the order of the images.
    corner = torch.arange(sum(map(len, of_images)))[:, None] * torch.tensor([16.0, 24.0])
    boxes = torch.split(torch.cat([corner, corner + 32], dim=1), [len(one) for one in of_images])
    anywhere = decode_tokens(toy_sam, features, of_images)
    near = decode_tokens(toy_sam, features, of_images, boxes=boxes)
    for found, whole, of_image in zip(near, anywhere, boxes, strict=True):
        reach = cells_in_reach(of_image, toy_sam.embed_hw, toy_sam.image_side)
        assert not reach.flatten(1).all(1).any()
        expected = only_in_reach(whole.low_res_logits[:, None], reach)[:, 0]
        torch.testing.assert_close(found.low_res_logits, expected, atol=1e-4, rtol=1e-4)
        assert torch.equal(found.iou, whole.iou)


def test_decode__nothing_to_decode(toy_sam: FrozenSam, features: Tensor) -> None:
    found = decode_tokens(toy_sam, features, [[], [], []])
    assert [parts.low_res_logits.shape for parts in found] == [(0, 64, 64)] * 3
    assert [parts.iou.shape for parts in found] == [(0,)] * 3
