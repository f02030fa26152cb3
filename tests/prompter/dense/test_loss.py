"""The dense loss: GIoU and both stages by hand, and what a perfect prediction costs."""

import math
from dataclasses import replace

import pytest
import torch

from wps_sam.prompter.dense.config import DenseCriterionConfig
from wps_sam.prompter.dense.loss import DenseCriterion
from wps_sam.prompter.dense.model import DenseOutput
from wps_sam.prompter.dense.proposals import Proposals
from wps_sam.prompter.interface import PartTargets

CONFIG = DenseCriterionConfig(
    top_cells=4,
    align_class=0.5,
    align_box=4.0,
    second_iou=0.4,
    loss_class=1.0,
    loss_giou=2.0,
    loss_l1=5.0,
)


def output(
    box: list[float], wrong_class: bool = False, second_box: list[float] | None = None
) -> DenseOutput:
    """One cell that both stages are certain is of class 0 (or 1), and whose box both give."""
    logits = torch.tensor([[[-20.0, 20.0]]]) if wrong_class else torch.tensor([[[20.0, -20.0]]])
    boxes = torch.tensor([[box]])
    proposals = Proposals(logits, boxes, torch.tensor([[5.0, 5.0]]), torch.zeros(1, 1, 1, 1))
    refined = boxes if second_box is None else torch.tensor([[second_box]])
    return DenseOutput(proposals, torch.zeros(1, 1, dtype=torch.long), boxes, logits, refined)


TARGET = PartTargets(torch.tensor([0]), torch.zeros(1, 2, 4), torch.tensor([[0.0, 0, 10, 10]]))
CRITERION = DenseCriterion(CONFIG, image_side=100)


def test_loss__perfect_prediction_costs_nothing() -> None:
    assert CRITERION(output([0, 0, 10, 10]), [TARGET]).total.item() == pytest.approx(0, abs=1e-4)


def test_loss__wrong_class_and_wrong_box_cost() -> None:
    terms = CRITERION(output([0, 0, 10, 10], wrong_class=True), [TARGET]).terms
    assert terms["class"] > 1
    assert terms["second_class"] > 1
    terms = CRITERION(output([0, 0, 10, 5]), [TARGET]).terms
    # The cell's grade is its IoU, 1/2; grades below 1 in sum are divided by 1.
    assert terms["giou"].item() == pytest.approx((1 - 0.5) * 0.5)
    assert terms["l1"].item() == pytest.approx(5 / 4 / 100 * 0.5)
    assert terms["second_giou"].item() == pytest.approx((1 - 0.5) * 0.5)


def test_loss__second_stage_is_graded_by_its_own_box() -> None:
    # Looked at was half the part; what came of it covers 8/10.
    terms = CRITERION(output([0, 0, 10, 5], second_box=[0, 0, 10, 8]), [TARGET]).terms
    assert terms["second_giou"].item() == pytest.approx((1 - 0.8) * 0.8)
    assert terms["giou"].item() == pytest.approx((1 - 0.5) * 0.5)


def test_loss__second_stage_by_hand() -> None:
    # The first box has IoU 1/2 with the part and is corrected to 0.8; the second has none.
    logits = torch.zeros(1, 2, 2)  # probability 1/2 everywhere
    two = output([0, 0, 10, 5])._replace(
        cells=torch.zeros(1, 2, dtype=torch.long),
        looked_at=torch.tensor([[[0.0, 0, 10, 5], [50.0, 50, 60, 60]]]),
        class_logits=logits,
        boxes_xyxy=torch.tensor([[[0.0, 0, 10, 8], [0.0, 0, 10, 10]]]),
    )
    terms = CRITERION(two, [TARGET]).terms
    # Cross-entropy of probability 1/2 is log 2 whatever is asked. It counts 0.8 where 0.8 is asked,
    # and 0.75 * (1/2)^2 in the three places where nothing is.
    expected = (0.8 + 3 * 0.75 / 4) * math.log(2)
    assert terms["second_class"].item() == pytest.approx(expected)
    assert terms["second_giou"].item() == pytest.approx((1 - 0.8) * 0.8)


def test_loss__second_stage_learns_nothing_from_boxes_far_off() -> None:
    terms = CRITERION(output([0, 0, 10, 3.9], second_box=[0, 0, 10, 10]), [TARGET]).terms
    assert terms["second_giou"].item() == 0  # 0.39 < 0.4
    # It is certain of class 0, where nothing is: 0.75 * 1 * log(1 + e^20).
    assert terms["second_class"].item() == pytest.approx(0.75 * 20, rel=1e-4)


def test_loss__total_is_the_weighted_sum() -> None:
    found = CRITERION(output([0, 0, 10, 5], wrong_class=True), [TARGET])
    terms = {name: term.item() for name, term in found.terms.items()}
    expected = (
        1.0 * (terms["class"] + terms["second_class"])
        + 2.0 * (terms["giou"] + terms["second_giou"])
        + 5.0 * terms["l1"]
    )
    assert found.total.item() == pytest.approx(expected, rel=1e-5)


def test_loss__no_parts_anywhere_is_finite_and_learns() -> None:
    empty = PartTargets(torch.zeros(0, dtype=torch.long), torch.zeros(0, 2, 4), torch.zeros(0, 4))
    plain = output([0, 0, 10, 10])
    first, second = (plain.class_logits.clone().requires_grad_() for _ in range(2))
    claimed = plain._replace(
        proposals=plain.proposals._replace(class_logits=first), class_logits=second
    )
    total = CRITERION(claimed, [empty]).total
    torch.autograd.backward(total)
    assert torch.isfinite(total)
    for logits in (first, second):
        assert logits.grad is not None
        assert logits.grad[0, 0, 0] > 0


def test_loss__points_learn_their_pseudo_boxes() -> None:
    point = replace(
        TARGET, boxes_xyxy=torch.tensor([[5.0, 5, 5, 5]]), pseudo_xyxy=TARGET.boxes_xyxy
    )
    CRITERION.check(point, "a.jpg")
    assert CRITERION(output([0, 0, 10, 10]), [point]).total.item() == pytest.approx(0, abs=1e-4)
