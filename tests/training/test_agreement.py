"""Box agreement by hand."""

import numpy as np
import pytest
import torch

from wps_sam.prompter.interface import PartPrompts, PartTargets
from wps_sam.training.agreement import BoxAgreement, greedy_pairs


def found(classes: list[int], boxes: list[list[float]]) -> PartPrompts:
    """Predicted parts."""
    count = len(classes)
    return PartPrompts(
        torch.tensor(classes, dtype=torch.long),
        torch.ones(count),
        torch.zeros(count, 2, 4).unbind(),
        torch.tensor(boxes).reshape(-1, 4),
    )


def labelled(classes: list[int], boxes: list[list[float]]) -> PartTargets:
    """Labelled parts."""
    return PartTargets(
        torch.tensor(classes, dtype=torch.long),
        torch.zeros(len(classes), 2, 4),
        torch.tensor(boxes).reshape(-1, 4),
    )


SQUARE = [0.0, 0.0, 10.0, 10.0]


@pytest.mark.parametrize(
    ("classes", "boxes", "expected"),
    [
        ([0], [SQUARE], 1.0),
        ([], [], 0.0),
        ([1], [SQUARE], 0.0),
        ([0, 0], [SQUARE, SQUARE], 2 / 3),
        ([0], [[0.0, 0.0, 10.0, 5.0]], 0.5),
    ],
    ids=["perfect", "missed", "wrong class", "duplicate", "half the box"],
)
def test_agreement__one_label(
    classes: list[int], boxes: list[list[float]], expected: float
) -> None:
    score = BoxAgreement("box")
    score.add(found(classes, boxes), labelled([0], [SQUARE]))
    assert score.score() == pytest.approx(expected)


def test_agreement__sums_over_images_and_empty_is_perfect() -> None:
    score = BoxAgreement("box")
    score.add(found([], []), labelled([], []))
    assert score.score() == 1
    score.add(found([0], [SQUARE]), labelled([], []))
    score.add(found([0], [SQUARE]), labelled([0], [SQUARE]))
    assert score.score() == pytest.approx(2 * 1 / 3)


def test_agreement__points_lose_by_distance() -> None:
    score = BoxAgreement("point")
    score.add(found([0], [[16.0, 0, 16, 0]]), labelled([0], [[0.0, 0, 0, 0]]))
    assert score.score() == pytest.approx(1 - 16 / 64)


def test_agreement__mixed_each_label_by_what_it_is() -> None:
    score = BoxAgreement("mixed")
    # A box and a point of one class. The first prediction is half the box; the second a box whose
    # centre is 16 pixels from the point.
    predicted = found([0, 0], [[0.0, 0, 10, 5], [90.0, 90, 110, 142]])
    score.add(predicted, labelled([0, 0], [SQUARE, [100.0, 100, 100, 100]]))
    assert score.score() == pytest.approx(2 * (0.5 + 0.75) / 4)


def test_agreement__mixed_a_point_is_no_box() -> None:
    score = BoxAgreement("mixed")
    score.add(found([0], [[5.0, 5, 5, 5]]), labelled([0], [SQUARE]))
    assert score.score() == 0


def test_greedy_pairs__most_similar_first() -> None:
    assert greedy_pairs(np.array([[0.9, 0.8], [0.7, 0.1]])) == pytest.approx(0.9 + 0.1)
