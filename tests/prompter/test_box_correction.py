"""Corrected boxes, by hand."""

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


POINT = [100.0, 60, 100, 60]
OFF_CENTRE = [90.0, 50, 130, 90]
CENTRED = [80.0, 40, 120, 80]


def corrected(learnt: list[float], *parts: tuple[int, float, list[float]]) -> list[float]:
    """What becomes of the box of one part of class 2, with a point at (100, 60)."""
    boxes: Tensor = correct_boxes(target([2], [POINT], [learnt]), found(*parts))
    return [float(value) for value in boxes[0]]


def test_correct_boxes__takes_the_answer_around_the_point() -> None:
    answer = [88.0, 44, 120, 84]  # its middle is (104, 64)
    assert corrected(OFF_CENTRE, (2, 0.5, answer)) == answer


def test_correct_boxes__a_box_with_its_middle_in_the_point_keeps_it_there() -> None:
    # 32 x 40, moved from (104, 64) to (100, 60).
    assert corrected(CENTRED, (2, 0.5, [88.0, 44, 120, 84])) == [84, 40, 116, 80]


def test_correct_boxes__stays_inside_the_frame() -> None:
    wide = [0.0, 44, 216, 84]  # 216 wide around (108, 64)
    assert corrected(CENTRED, (2, 0.5, wide)) == [0, 40, 208, 80]


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
    )
    assert boxes.tolist() == [CENTRED, [88, 44, 120, 84]]


def test_correct_boxes__no_parts() -> None:
    nothing = PartTargets(
        torch.zeros(0, dtype=torch.long),
        torch.zeros(0, 2, 256),
        torch.zeros(0, 4),
        torch.zeros(0, 4),
    )
    assert correct_boxes(nothing, found((2, 0.9, CENTRED))).shape == (0, 4)
