"""The dense prompter: its grid, its boxes, its position code, and what it selects."""

import math
from dataclasses import replace

import pytest
import torch

from wps_sam.prompter.dense.config import DensePrompterConfig
from wps_sam.prompter.dense.model import DenseOutput, DensePrompter, sine_position
from wps_sam.sam.frozen import FrozenSam

SMALL = replace(DensePrompterConfig(), width=32)


def small(embed_hw: tuple[int, int] = (8, 8)) -> DensePrompter:
    """A prompter for two classes on a grid of half the features' size; SAM frame of side 128."""
    torch.manual_seed(0)
    return DensePrompter(SMALL, 2, embed_dim=8, embed_hw=embed_hw, image_side=128).eval()


@pytest.mark.parametrize(("side", "cells"), [(8, 16), (7, 16), (2, 1)], ids=["even", "odd", "one"])
def test_forward__shapes(side: int, cells: int) -> None:
    output = small((side, side))(torch.randn(3, 8, side, side))
    assert output.class_logits.shape == (3, cells, 2)
    assert output.boxes_xyxy.shape == (3, cells, 4)
    assert output.cell_centers.shape == (cells, 2)
    assert (output.boxes_xyxy[..., 2:] > output.boxes_xyxy[..., :2]).all()


def test_forward__images_of_a_batch_do_not_mix() -> None:
    model, features = small(), torch.randn(3, 8, 8, 8)
    together, alone = model(features), model(features[1:2])
    torch.testing.assert_close(together.class_logits[1:2], alone.class_logits)
    torch.testing.assert_close(together.boxes_xyxy[1:2], alone.boxes_xyxy)


def test_forward__cell_centres_by_hand() -> None:
    # 4 x 4 cells of 32 pixels, row by row.
    centers = small()(torch.randn(1, 8, 8, 8)).cell_centers
    assert centers[:5].tolist() == [[16, 16], [48, 16], [80, 16], [112, 16], [16, 48]]
    assert centers[-1].tolist() == [112, 112]


def test_forward__classes_start_out_rare() -> None:
    probability = small()(torch.randn(1, 8, 8, 8)).class_logits.sigmoid()
    assert probability.mean().item() == pytest.approx(0.018, abs=0.01)


def test_forward__boxes_from_a_known_head() -> None:
    model = small()
    reach = [0.5, 1.0, 1.5, 2.0]  # left, top, right, bottom, in cells of 32 pixels
    with torch.no_grad():
        model.box_head.weight.zero_()
        # The head's output goes through softplus, log(1 + e^x), which this inverts.
        model.box_head.bias.copy_(torch.tensor([math.log(math.exp(r) - 1) for r in reach]))  # type: ignore[union-attr]
        boxes = model(torch.randn(1, 8, 8, 8)).boxes_xyxy
    expected = torch.tensor([[16.0 - 16, 16 - 32, 16 + 48, 16 + 64], [32.0, -16, 96, 80]])
    torch.testing.assert_close(boxes[0, :2], expected, atol=1e-3, rtol=0)


def test_sine_position__against_a_double_loop() -> None:
    height, width, channels = 3, 5, 16
    found = sine_position(height, width, channels)
    assert found.shape == (1, 15, 16)
    for row in range(height):
        for column in range(width):
            y, x = (row + 0.5) / height, (column + 0.5) / width
            expected = []
            for place in (y, x):
                angles = [place * 2 * math.pi / 10000 ** (k / 4) for k in range(channels // 4)]
                expected += [math.sin(a) for a in angles] + [math.cos(a) for a in angles]
            cell = found[0, row * width + column]
            torch.testing.assert_close(cell, torch.tensor(expected), atol=1e-5, rtol=1e-5)


def claims(rows: list[tuple[list[float], list[float]]]) -> DenseOutput:
    """One image whose cells claim (probability of each class, box)."""
    probabilities, boxes = zip(*rows, strict=True)
    centers = torch.zeros(len(rows), 2)
    return DenseOutput(torch.tensor([probabilities]).logit(), torch.tensor([boxes]), centers)


def test_select__best_first_and_equal_to_sams_own_tokens(toy_sam: FrozenSam) -> None:
    output = claims([([0.2, 0.6], [10.0, 10, 40, 40]), ([0.9, 0.1], [60.0, 60, 90, 100])])
    (found,) = small().select(output, toy_sam, 0.3)
    assert found.class_index.tolist() == [0, 1]
    torch.testing.assert_close(found.scores, torch.tensor([0.9, 0.6]))
    torch.testing.assert_close(
        found.boxes_xyxy, torch.tensor([[60.0, 60, 90, 100], [10, 10, 40, 40]])
    )
    torch.testing.assert_close(found.tokens, toy_sam.prompt_boxes(found.boxes_xyxy))


@pytest.mark.parametrize(("threshold", "kept"), [(0.0, 3), (0.4, 2), (0.7, 1), (0.95, 0)])
def test_select__threshold(toy_sam: FrozenSam, threshold: float, kept: int) -> None:
    boxes = [[0.0, 0, 10, 10], [40.0, 0, 50, 10], [80.0, 0, 90, 10]]
    output = claims([([p, 0.01], box) for p, box in zip((0.3, 0.9, 0.6), boxes, strict=True)])
    (found,) = small().select(output, toy_sam, threshold)
    assert len(found) == kept
    assert found.tokens.shape == (kept, 2, 256)


def test_select__boxes_stay_within_the_frame(toy_sam: FrozenSam) -> None:
    output = claims([([0.9, 0.1], [-20.0, 30, 140, 128.5])])
    (found,) = small().select(output, toy_sam, 0.3)
    assert found.boxes_xyxy.tolist() == [[0, 30, 128, 128]]


def test_select__one_claim_a_part(toy_sam: FrozenSam) -> None:
    # The second overlaps the first by 0.9 and has its class; the third has another class.
    output = claims(
        [
            ([0.9, 0.1], [0.0, 0, 100, 100]),
            ([0.8, 0.1], [0.0, 0, 100, 90]),
            ([0.1, 0.7], [0.0, 0, 100, 100]),
            ([0.6, 0.1], [0.0, 0, 100, 20]),
        ]
    )
    (found,) = small().select(output, toy_sam, 0.3)
    torch.testing.assert_close(found.scores, torch.tensor([0.9, 0.7, 0.6]))
