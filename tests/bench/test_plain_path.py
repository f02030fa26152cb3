"""The plain path against hand computation and against the fast one."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from wps_sam.bench.own_path import OwnPath
from wps_sam.bench.plain_path import PlainPath, decode_part, enlarge
from wps_sam.geometry.frames import SamFrame
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.prompter.interface import PartPrompts
from wps_sam.sam.frozen import DecodedMasks, FrozenSam
from wps_sam.sam.heads import FrozenSamHeads
from wps_sam.sam.upscale import masks_to_original
from wps_sam.sam.vit_sam import VitSam


@pytest.fixture
def features(toy_sam: FrozenSam) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return toy_sam.encode(torch.randn(1, 3, 256, 256, generator=generator))


def prompts_of(segmenter: PartSegmenter, features: Tensor) -> PartPrompts:
    return segmenter.prompter.select(features, segmenter.sam, 0.25)[0]


@torch.inference_mode()
def test_decode__one_call_a_part(
    segmenter: PartSegmenter, features: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(segmenter.sam, FrozenSamHeads)
    calls: list[dict[str, Any]] = []
    segmenter.sam.mask_decoder.register_forward_pre_hook(
        lambda module, words, more: calls.append(more), with_kwargs=True
    )
    prompts = prompts_of(segmenter, features)
    found = PlainPath(segmenter).decode(features, prompts)
    assert [call["sparse_prompt_embeddings"].shape for call in calls] == [(1, 1, 2, 256)] * 3
    monkeypatch.setattr(segmenter.sam.mask_decoder, "_forward_pre_hooks", {})
    expected = OwnPath(segmenter).decode(features, prompts)
    assert found.shape == (3, 64, 64)
    assert (found - expected).abs().max() < 1e-4 * expected.abs().max()


def test_decode__no_part(segmenter: PartSegmenter, features: Tensor) -> None:
    none = PartPrompts(torch.zeros(0, dtype=torch.long), torch.zeros(0), (), torch.zeros(0, 4))
    assert PlainPath(segmenter).decode(features, none).shape == (0, 64, 64)


class OtherDecoder(VitSam):
    """A decoder of its own, as SAM-HQ has: what transformers' first one says is not its mask."""

    def decode_shared(
        self, image: Any, tokens: Tensor, *, multimask: bool, reach: Tensor | None = None
    ) -> DecodedMasks:
        assert len(tokens) == 1
        return DecodedMasks(torch.full((1, 1, 64, 64), 7.0), torch.ones(1, 1))


def test_decode__a_sam_with_another_decoder(
    segmenter: PartSegmenter, toy_sam: FrozenSam, features: Tensor
) -> None:
    other = copy.copy(toy_sam)
    other.__class__ = OtherDecoder
    masks = decode_part(other, features, prompts_of(segmenter, features).tokens[0])
    assert torch.equal(masks, torch.full((64, 64), 7.0))


def test_enlarge__by_hand() -> None:
    # Two columns become four, whose centres lie at -1/4, 1/4, 3/4 and 5/4 of the two; outside, the
    # nearest counts. So a row from -1 to 1 is -1, -1/2, 1/2, 1. Rows go the same way, from 0 to 4
    # more; the picture, half as tall as wide, is the upper two of four.
    logits = torch.tensor([[-1.0, 1.0], [3.0, 5.0]])
    found = enlarge(logits, SamFrame((2, 4), side=4))
    assert torch.equal(found, torch.tensor([[-1.0, -0.5, 0.5, 1.0], [0.0, 0.5, 1.5, 2.0]]))


@pytest.mark.parametrize("hw", [(60, 90), (300, 200), (256, 256)])
def test_enlarge__as_ours(hw: tuple[int, int]) -> None:
    logits = torch.randn(1, 64, 64, generator=torch.Generator().manual_seed(1))
    frame = SamFrame(hw, side=256)
    assert torch.allclose(enlarge(logits[0], frame), masks_to_original(logits, frame)[0], atol=1e-5)


def test_to_prediction__empty_masks_are_dropped_and_counted(
    segmenter: PartSegmenter, features: Tensor
) -> None:
    logits = torch.full((3, 64, 64), -1.0)
    logits[0, :8, :8] = 1
    logits[2] = 1
    prompts = prompts_of(segmenter, features)
    found = PlainPath(segmenter).to_prediction(logits, prompts, (128, 256))
    assert found.dropped_empty == 1
    assert found.class_index.tolist() == [1, 1]
    assert found.scores.tolist() == pytest.approx([0.9, 0.7])
    # Cells of 4 pixels: 8 of them are 32 pixels, and the upper half of the square is the picture.
    assert found.boxes_xyxy.tolist() == [[0, 0, 32, 32], [0, 0, 256, 128]]
    assert np.array_equal(found.masks[1], np.ones((128, 256), bool))
