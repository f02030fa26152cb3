"""The dense loss: GIoU by hand, and what a perfect prediction costs."""

from dataclasses import replace

import pytest
import torch

from wps_sam.prompter.dense.config import DenseCriterionConfig
from wps_sam.prompter.dense.loss import DenseCriterion, generalised_iou
from wps_sam.prompter.dense.model import DenseOutput
from wps_sam.prompter.interface import PartTargets


def test_generalised_iou__by_hand() -> None:
    a = torch.tensor([[0.0, 0, 2, 2], [0.0, 0, 1, 1], [0.0, 0, 2, 2]])
    b = torch.tensor([[0.0, 0, 2, 2], [3.0, 0, 4, 1], [1.0, 1, 3, 3]])
    # Equal; apart (union 2 in a hull of 4); overlap 1 of union 7 in a hull of 9.
    expected = torch.tensor([1.0, 0 - 2 / 4, 1 / 7 - 2 / 9])
    torch.testing.assert_close(generalised_iou(a, b), expected)


def perfect(box: list[float], wrong_class: bool = False) -> DenseOutput:
    """One cell that is certain of class 0 (or 1) and gives the box."""
    logits = torch.tensor([[[-20.0, 20.0]]]) if wrong_class else torch.tensor([[[20.0, -20.0]]])
    return DenseOutput(logits, torch.tensor([[box]]), torch.tensor([[5.0, 5.0]]))


TARGET = PartTargets(torch.tensor([0]), torch.zeros(1, 2, 4), torch.tensor([[0.0, 0, 10, 10]]))


def test_loss__perfect_prediction_costs_nothing() -> None:
    criterion = DenseCriterion(DenseCriterionConfig(), image_side=100)
    assert criterion(perfect([0, 0, 10, 10]), [TARGET]).total.item() == pytest.approx(0, abs=1e-4)


def test_loss__wrong_class_and_wrong_box_cost() -> None:
    criterion = DenseCriterion(DenseCriterionConfig(), image_side=100)
    assert criterion(perfect([0, 0, 10, 10], wrong_class=True), [TARGET]).terms["class"] > 1
    terms = criterion(perfect([0, 0, 10, 5]), [TARGET]).terms
    # The cell's grade is its IoU, 1/2; grades below 1 in sum are divided by 1.
    assert terms["giou"].item() == pytest.approx((1 - 0.5) * 0.5)
    assert terms["l1"].item() == pytest.approx(5 / 4 / 100 * 0.5)


def test_loss__no_parts_anywhere_is_finite_and_learns() -> None:
    criterion = DenseCriterion(DenseCriterionConfig(), image_side=100)
    empty = PartTargets(torch.zeros(0, dtype=torch.long), torch.zeros(0, 2, 4), torch.zeros(0, 4))
    output = perfect([0, 0, 10, 10])
    logits = output.class_logits.clone().requires_grad_()
    total = criterion(output._replace(class_logits=logits), [empty]).total
    torch.autograd.backward(total)
    assert torch.isfinite(total)
    assert logits.grad is not None
    assert logits.grad[0, 0, 0] > 0


def test_loss__points_learn_their_pseudo_boxes() -> None:
    criterion = DenseCriterion(DenseCriterionConfig(), image_side=100)
    point = replace(
        TARGET, boxes_xyxy=torch.tensor([[5.0, 5, 5, 5]]), pseudo_xyxy=TARGET.boxes_xyxy
    )
    criterion.check(point, "a.jpg")
    assert criterion(perfect([0, 0, 10, 10]), [point]).total.item() == pytest.approx(0, abs=1e-4)
