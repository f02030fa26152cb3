"""Corrected boxes, by hand."""

import pytest
import torch
from torch import Tensor

from wps_sam.prompter.box_correction import correct_boxes
from wps_sam.prompter.interface import PartPrompts, PartTargets


def target(classes: list[int], places: list[list[float]], learnt: list[list[float]]) -> PartTargets:
    """Labelled parts; a place is a box, or a point as a box of zero size."""
    return PartTargets(
        torch.tensor(classes),
        torch.zeros(len(classes), 2, 256),
        torch.tensor(places),
        torch.tensor(learnt),
    )


def found(*parts: tuple[int, float, list[float]]) -> PartPrompts:
    """Class, score and box of parts."""
    classes, scores, boxes = zip(*parts, strict=True) if parts else ((), (), ())
    return PartPrompts(
        torch.tensor(classes, dtype=torch.long),
        torch.tensor(scores),
        tuple(torch.zeros(2, 256) for _ in parts),
        torch.tensor(boxes).reshape(-1, 4),
    )


SIDE = 256
POINT = [100.0, 60, 100, 60]
OFF_CENTRE = [90.0, 50, 130, 90]
CENTRED = [80.0, 40, 120, 80]


def corrected(learnt: list[float], *parts: tuple[int, float, list[float]]) -> list[float]:
    """What becomes of the box of one part of class 2, with a point at (100, 60)."""
    boxes: Tensor = correct_boxes(target([2], [POINT], [learnt]), found(*parts), SIDE)
    return [float(value) for value in boxes[0]]


def test_correct_boxes__takes_the_answer_around_the_point() -> None:
    answer = [88.0, 44, 120, 84]  # its middle is (104, 64)
    assert corrected(OFF_CENTRE, (2, 0.5, answer)) == answer


def test_correct_boxes__a_box_with_its_middle_in_the_point_keeps_it_there() -> None:
    # 32 x 40, moved from (104, 64) to (100, 60).
    assert corrected(CENTRED, (2, 0.5, [88.0, 44, 120, 84])) == [84, 40, 116, 80]


@pytest.mark.parametrize(("x", "left", "right"), [(30.0, 0, 60), (226.0, 196, 256)])
def test_correct_boxes__a_centred_box_stays_centred_inside_the_frame(
    x: float, left: float, right: float
) -> None:
    learnt = [x - 20, 40, x + 20, 80]
    one = target([2], [[x, 60, x, 60]], [learnt])
    wide = [x - 42, 40, x + 38, 80]
    assert correct_boxes(one, found((2, 0.5, wide)), SIDE).tolist() == [[left, 40, right, 80]]


@pytest.mark.parametrize(("x", "left", "right"), [(10.0, 0, 40), (246.0, 216, 256)])
def test_correct_boxes__another_box_is_cut_off_at_the_border(
    x: float, left: float, right: float
) -> None:
    one = target([2], [[x, 60, x, 60]], [[x - 4, 40, x + 8, 80]])
    wide = [min(left, x - 30), 40, max(right, x + 30), 80]
    assert correct_boxes(one, found((2, 0.5, wide)), SIDE).tolist() == [[left, 40, right, 80]]


def test_correct_boxes__score_counts_as_much_as_how_central_the_point_is() -> None:
    # The point is 0.75 of a half width from the middle of the first, 0.25 from the second's.
    far, near = [65.0, 52, 105, 72], [85.0, 52, 125, 72]
    assert corrected(OFF_CENTRE, (2, 0.9, far), (2, 0.4, near)) == near
    assert corrected(OFF_CENTRE, (2, 0.9, far), (2, 0.2, near)) == far


def test_correct_boxes__other_classes_and_other_places_do_not_count() -> None:
    elsewhere = (2, 0.9, [101.0, 52, 140, 72])
    other_class = (1, 0.9, CENTRED)
    assert corrected(OFF_CENTRE, elsewhere, other_class) == OFF_CENTRE
    assert corrected(OFF_CENTRE) == OFF_CENTRE


def test_correct_boxes__labelled_boxes_stay() -> None:
    boxes = correct_boxes(
        target([0, 2], [CENTRED, POINT], [CENTRED, OFF_CENTRE]),
        found((0, 0.9, [70.0, 30, 130, 90]), (2, 0.9, [88.0, 44, 120, 84])),
        SIDE,
    )
    assert boxes.tolist() == [CENTRED, [88, 44, 120, 84]]


def test_correct_boxes__no_parts() -> None:
    nothing = PartTargets(
        torch.zeros(0, dtype=torch.long),
        torch.zeros(0, 2, 256),
        torch.zeros(0, 4),
        torch.zeros(0, 4),
    )
    assert correct_boxes(nothing, found((2, 0.9, CENTRED)), SIDE).shape == (0, 4)


def test_correct_boxes__an_answer_goes_to_one_part() -> None:
    # Both points lie in the first answer; the second point alone also lies in the second.
    both = target([2, 2], [POINT, [140.0, 60, 140, 60]], [OFF_CENTRE, [120.0, 50, 150, 90]])
    wide, right = [80.0, 40, 150, 80], [120.0, 40, 152, 84]
    boxes = correct_boxes(both, found((2, 0.9, wide), (2, 0.5, right)), SIDE)
    assert boxes.tolist() == [wide, right]
    boxes = correct_boxes(both, found((2, 0.9, wide)), SIDE)
    assert boxes.tolist() == [wide, [120, 50, 150, 90]]


def test_correct_boxes__an_answer_that_is_a_labelled_box_is_taken() -> None:
    labelled = [60.0, 20, 140, 100]
    boxes = correct_boxes(
        target([2, 2], [labelled, POINT], [labelled, OFF_CENTRE]), found((2, 0.9, labelled)), SIDE
    )
    assert boxes.tolist() == [labelled, OFF_CENTRE]


def test_correct_boxes__an_answer_without_a_size_is_two_pixels_wide() -> None:
    assert corrected(OFF_CENTRE, (2, 0.9, [100.0, 50, 100, 70])) == [99, 50, 101, 70]
