"""Which cells and boxes learn which part, on grids small enough to work out by hand."""

import pytest
import torch

from wps_sam.prompter.dense.assignment import (
    assign_cells,
    match_boxes,
    pad_targets,
)
from wps_sam.prompter.dense.config import DenseCriterionConfig
from wps_sam.prompter.dense.proposals import Proposals
from wps_sam.prompter.interface import PartTargets

CENTERS = torch.tensor([[5.0, 5.0], [15.0, 5.0], [25.0, 5.0], [35.0, 5.0]])


def parts(classes: list[int], boxes: list[list[float]]) -> PartTargets:
    """Targets without tokens, which the dense prompter does not use."""
    count = len(classes)
    return PartTargets(
        torch.tensor(classes, dtype=torch.long),
        torch.zeros(count, 2, 4),
        torch.tensor(boxes).reshape(-1, 4),
    )


def proposals(probability: float, boxes: list[list[float]]) -> Proposals:
    """Every cell gives both classes the same probability."""
    logits = torch.logit(torch.tensor(probability)).expand(1, 4, 2).clone()
    return Proposals(logits, torch.tensor([boxes]), CENTERS, torch.zeros(1, 1, 1, 4))


def test_assign__best_fit_is_asked_for_its_iou_and_others_for_less() -> None:
    config = DenseCriterionConfig(top_cells=2, align_class=1.0, align_box=1.0)
    target = parts([1], [[0, 0, 20, 10]])
    # Cell 0 fits exactly (IoU 1), cell 1 half (IoU 1/2), cells 2 and 3 lie outside.
    boxes = [[0.0, 0, 20, 10], [10.0, 0, 20, 10], [0.0, 0, 20, 10], [0.0, 0, 20, 10]]
    found = assign_cells(proposals(0.5, boxes), pad_targets([target], CENTERS.device), config)
    torch.testing.assert_close(found.weight, torch.tensor([[1.0, 0.5, 0.0, 0.0]]))
    torch.testing.assert_close(found.class_target[0, :, 1], found.weight[0])
    assert found.class_target[0, :, 0].sum() == 0


def test_assign__only_the_top_cells() -> None:
    config = DenseCriterionConfig(top_cells=1, align_class=1.0, align_box=1.0)
    boxes = [[10.0, 0, 20, 10], [0.0, 0, 20, 10], [0.0, 0, 20, 10], [0.0, 0, 20, 10]]
    padded = pad_targets([parts([0], [[0, 0, 20, 10]])], CENTERS.device)
    assert (assign_cells(proposals(0.5, boxes), padded, config).weight > 0).tolist() == [
        [False, True, False, False]
    ]


def test_assign__part_smaller_than_a_cell_takes_the_nearest() -> None:
    padded = pad_targets([parts([0], [[31, 1, 32, 2]])], CENTERS.device)
    boxes = [[0.0, 0, 10, 10]] * 4
    weight = assign_cells(proposals(0.5, boxes), padded, DenseCriterionConfig()).weight
    assert (weight > 0).tolist() == [[False, False, False, True]]


def test_assign__a_cell_learns_one_part() -> None:
    config = DenseCriterionConfig(top_cells=4, align_class=1.0, align_box=1.0)
    both = parts([0, 1], [[0, 0, 20, 10], [0, 0, 40, 10]])
    boxes = [[0.0, 0, 20, 10], [0.0, 0, 40, 10], [0.0, 0, 40, 10], [0.0, 0, 40, 10]]
    found = assign_cells(proposals(0.5, boxes), pad_targets([both], CENTERS.device), config)
    assert found.part.tolist() == [[0, 1, 1, 1]]
    assert ((found.class_target > 0).sum(-1) == 1).all()


def test_assign__image_without_parts_beside_one_with() -> None:
    padded = pad_targets([parts([], []), parts([1], [[0, 0, 20, 10]])], CENTERS.device)
    one = proposals(0.5, [[0.0, 0, 20, 10]] * 4)
    two = one._replace(
        class_logits=one.class_logits.repeat(2, 1, 1), boxes_xyxy=one.boxes_xyxy.repeat(2, 1, 1)
    )
    weight = assign_cells(two, padded, DenseCriterionConfig()).weight
    assert weight[0].sum() == 0
    assert weight[1].sum() > 0


LOOKED_AT = torch.tensor([[[0.0, 0, 20, 5], [0, 0, 40, 10], [30, 0, 40, 10], [50, 50, 60, 60]]])


@pytest.mark.parametrize(
    ("least_iou", "matched"),
    # IoU with the nearest part: 100 / 200; 1; 100 / 400; 0.
    [(0.2, [1, 1, 1, 0]), (0.5, [1, 1, 0, 0]), (0.6, [0, 1, 0, 0])],
)
def test_match_boxes__by_hand(least_iou: float, matched: list[int]) -> None:
    padded = pad_targets([parts([0, 1], [[0, 0, 20, 10], [0, 0, 40, 10]])], CENTERS.device)
    part, has_part = match_boxes(LOOKED_AT, padded, least_iou)
    assert part[0, :3].tolist() == [0, 1, 1]
    assert has_part.int().tolist() == [matched]


def test_match_boxes__image_without_parts_beside_one_with() -> None:
    # The padding's boxes are of zero size at the corner, where a box of the image is too.
    padded = pad_targets([parts([], []), parts([1], [[0, 0, 40, 10]])], CENTERS.device)
    looked_at = torch.cat([torch.zeros_like(LOOKED_AT), LOOKED_AT])
    part, has_part = match_boxes(looked_at, padded, 0.4)
    assert has_part.tolist() == [[False] * 4, [False, True, False, False]]
    assert part.tolist() == [[0] * 4, [0] * 4]
