"""The dense prompter: both stages together, and what it selects."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from wps_sam.prompter.clicks import prompt_with_clicks
from wps_sam.prompter.dense import model as dense_model
from wps_sam.prompter.dense.config import DensePrompterConfig
from wps_sam.prompter.dense.model import DenseOutput, DensePrompter
from wps_sam.prompter.dense.proposals import Proposals, strongest_cells
from wps_sam.prompter.interface import PartTargets
from wps_sam.sam.frozen import FrozenSam

SMALL = DensePrompterConfig(
    width=32,
    context_layers=1,
    heads=2,
    tower_layers=1,
    dropout=0.0,
    second_looks=5,
    training_looks=7,
    detail_width=16,
    refinement_width=24,
    shake=0.1,
    overlap_limit=0.5,
)


def small(embed_hw: tuple[int, int] = (8, 8), config: DensePrompterConfig = SMALL) -> DensePrompter:
    """A prompter for two classes on a grid of half the features' size; SAM frame of side 128."""
    torch.manual_seed(0)
    return DensePrompter(config, 2, embed_dim=8, embed_hw=embed_hw, image_side=128).eval()


@pytest.mark.parametrize(
    ("side", "cells", "looks"), [(8, 16, 5), (7, 16, 5), (2, 1, 1)], ids=["even", "odd", "one"]
)
def test_forward__shapes(side: int, cells: int, looks: int) -> None:
    output = small((side, side))(torch.randn(3, 8, side, side))
    assert output.proposals.class_logits.shape == (3, cells, 2)
    assert output.cells.shape == (3, looks)
    assert output.looked_at.shape == (3, looks, 4)
    assert output.class_logits.shape == (3, looks, 2)
    assert output.boxes_xyxy.shape == (3, looks, 4)
    assert output.probabilities().shape == (3, looks, 2)
    assert (output.boxes_xyxy[..., 2:] > output.boxes_xyxy[..., :2]).all()


def test_forward__images_of_a_batch_do_not_mix() -> None:
    model, features = small(), torch.randn(3, 8, 8, 8)
    together, alone = model(features), model(features[1:2])
    assert together.cells[1:2].tolist() == alone.cells.tolist()
    torch.testing.assert_close(together.class_logits[1:2], alone.class_logits)
    torch.testing.assert_close(together.boxes_xyxy[1:2], alone.boxes_xyxy)


def test_forward__looks_at_the_strongest_cells_boxes_within_the_frame() -> None:
    output = small()(torch.randn(2, 8, 8, 8))
    assert output.cells.tolist() == strongest_cells(output.proposals, 5, 0.5).tolist()
    for image in range(2):
        expected = output.proposals.boxes_xyxy[image, output.cells[image]].clamp(0, 128)
        torch.testing.assert_close(output.looked_at[image], expected)


def test_forward__in_training_each_box_is_looked_at_as_it_is_and_shaken() -> None:
    model = small().train()
    output = model(torch.randn(2, 8, 8, 8))
    assert output.cells.shape == (2, 14)
    assert output.cells[:, :7].tolist() == output.cells[:, 7:].tolist()
    index = output.cells[..., None].expand(-1, -1, 4)
    proposed = output.proposals.boxes_xyxy.gather(1, index).clamp(0, 128)
    torch.testing.assert_close(output.looked_at[:, :7], proposed[:, :7])
    shaken = output.looked_at[:, 7:]
    assert (shaken != proposed[:, 7:]).any(-1).all()
    assert (shaken[..., 2:] >= shaken[..., :2]).all()
    assert (shaken >= 0).all()
    assert (shaken <= 128).all()


def test_forward__without_shaking_both_looks_are_the_same() -> None:
    output = small(config=replace(SMALL, shake=0.0)).train()(torch.randn(1, 8, 8, 8))
    torch.testing.assert_close(output.looked_at[:, :7], output.looked_at[:, 7:])
    torch.testing.assert_close(output.boxes_xyxy[:, :7], output.boxes_xyxy[:, 7:])


def test_forward__shaken_boxes_stay_boxes() -> None:
    output = small(config=replace(SMALL, shake=5.0)).train()(torch.randn(4, 8, 8, 8))
    assert (output.looked_at[..., 2:] >= output.looked_at[..., :2]).all()


def test_forward__second_stage_does_not_move_the_proposed_boxes() -> None:
    model = small()
    output = model(torch.randn(1, 8, 8, 8))
    torch.autograd.backward(output.boxes_xyxy.sum() + output.class_logits.sum())
    assert model.propose.box_head.weight.grad is None
    reduce_weight = model.propose.reduce[0].weight
    assert isinstance(reduce_weight, Tensor)
    assert reduce_weight.grad is not None  # what the cells know of the picture is shared


def test_probabilities__geometric_mean_by_hand() -> None:
    # Two cells; both boxes are of the second cell.
    first = torch.tensor([[[0.5, 0.5], [0.9, 0.1]]]).logit()
    proposals = Proposals(first, torch.zeros(1, 2, 4), torch.zeros(2, 2), torch.zeros(1, 1, 1, 2))
    second = torch.tensor([[[0.4, 0.9], [0.9, 0.4]]]).logit()
    output = DenseOutput(
        proposals, torch.tensor([[1, 1]]), torch.zeros(1, 2, 4), second, torch.zeros(1, 2, 4)
    )
    torch.testing.assert_close(output.probabilities(), torch.tensor([[[0.6, 0.3], [0.9, 0.2]]]))


def test_choose_prompts__keeps_the_choice_with_the_weights(
    toy_sam: FrozenSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []

    def choose(*arguments: object) -> Tensor:
        asked.append(arguments)
        return torch.tensor([False, True])

    def features_of(position: int) -> Tensor:
        return torch.zeros(256, 16, 16)

    monkeypatch.setattr(dense_model, "choose_clicks", choose)
    model, labels = small(), list[PartTargets]()
    assert model.clicked.tolist() == [False, False]
    model.choose_prompts(toy_sam, labels, features_of)
    assert asked == [(toy_sam, labels, features_of, 2)]
    other = small()
    other.load_state_dict(model.state_dict())
    assert other.clicked.tolist() == [False, True]


def claims(rows: list[tuple[list[float], list[float]]]) -> DenseOutput:
    """One image where both stages claim (probability of each class, box)."""
    probabilities, boxes = zip(*rows, strict=True)
    logits, found = torch.tensor([probabilities]).logit(), torch.tensor([boxes])
    count = len(rows)
    proposals = Proposals(logits, found, torch.zeros(count, 2), torch.zeros(1, 1, 1, count))
    return DenseOutput(proposals, torch.arange(count)[None], found, logits, found)


def test_select__best_first_and_equal_to_sams_own_tokens(toy_sam: FrozenSam) -> None:
    output = claims([([0.2, 0.6], [10.0, 10, 40, 40]), ([0.9, 0.1], [60.0, 60, 90, 100])])
    (found,) = small().select(output, toy_sam, 0.3)
    assert found.class_index.tolist() == [0, 1]
    torch.testing.assert_close(found.scores, torch.tensor([0.9, 0.6]))
    torch.testing.assert_close(
        found.boxes_xyxy, torch.tensor([[60.0, 60, 90, 100], [10, 10, 40, 40]])
    )
    torch.testing.assert_close(torch.stack(found.tokens), toy_sam.prompt_boxes(found.boxes_xyxy))


@pytest.mark.parametrize(("threshold", "kept"), [(0.0, 3), (0.4, 2), (0.7, 1), (0.95, 0)])
def test_select__threshold(toy_sam: FrozenSam, threshold: float, kept: int) -> None:
    boxes = [[0.0, 0, 10, 10], [40.0, 0, 50, 10], [80.0, 0, 90, 10]]
    output = claims([([p, 0.01], box) for p, box in zip((0.3, 0.9, 0.6), boxes, strict=True)])
    (found,) = small().select(output, toy_sam, threshold)
    assert len(found) == kept
    assert [tokens.shape for tokens in found.tokens] == [(2, 256)] * kept


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


def test_select__boxes_are_the_second_stages(toy_sam: FrozenSam) -> None:
    output = claims([([0.9, 0.1], [0.0, 0, 50, 50])])
    output = output._replace(boxes_xyxy=torch.tensor([[[10.0, 10, 40, 40]]]))
    (found,) = small().select(output, toy_sam, 0.3)
    assert found.boxes_xyxy.tolist() == [[10, 10, 40, 40]]


def test_select__points_too_for_the_classes_that_want_them(toy_sam: FrozenSam) -> None:
    model = small()
    model.clicked.copy_(torch.tensor([False, True]))
    output = claims([([0.9, 0.1], [10.0, 10, 40, 40]), ([0.1, 0.8], [60.0, 60, 90, 100])])
    (found,) = model.select(output, toy_sam, 0.3)
    assert [tokens.shape for tokens in found.tokens] == [(2, 256), (5, 256)]
    torch.testing.assert_close(found.tokens[0], toy_sam.prompt_boxes(found.boxes_xyxy[:1])[0])
    torch.testing.assert_close(found.tokens[1], prompt_with_clicks(toy_sam, found.boxes_xyxy)[1])
