"""Suppression without a loop over data, against the prompter's own."""

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from wps_sam.export.suppression import boxes_that_stay
from wps_sam.prompter.dense.suppression import suppress_overlaps
from wps_sam.prompter.overlap import iou

LIMIT = 0.45


@given(st.integers(0, 2**32 - 1), st.integers(1, 25), st.integers(1, 3))
def test_boxes_that_stay__as_the_prompters(seed: int, count: int, classes: int) -> None:
    random = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=random) * 40
    boxes = torch.cat([corner, corner + torch.rand(count, 2, generator=random) * 60], dim=1)
    class_index = torch.randint(classes, (count,), generator=random)
    scores = torch.linspace(1, 0.1, count)
    assume(not ((iou(boxes[:, None], boxes) - LIMIT).abs() < 1e-5).any())
    stays = boxes_that_stay(boxes, class_index, LIMIT)
    expected = suppress_overlaps(boxes, scores, class_index, LIMIT)
    assert torch.nonzero(stays).squeeze(1).tolist() == expected.tolist()


@pytest.mark.parametrize("count", [2, 3, 7, 8])
def test_boxes_that_stay__a_long_chain(count: int) -> None:
    # Neighbours 10 wide and 3 apart: IoU 7 / 13 = 0.54; of those 6 apart: 4 / 16 = 0.25. So each
    # second box goes, and what stays of the last depends on all before it.
    left = torch.arange(count) * 3.0
    boxes = torch.stack([left, torch.zeros(count), left + 10, torch.full((count,), 5.0)], dim=1)
    stays = boxes_that_stay(boxes, torch.zeros(count, dtype=torch.long), LIMIT)
    assert stays.tolist() == [place % 2 == 0 for place in range(count)]


def test_boxes_that_stay__other_classes_and_boxes_without_area() -> None:
    box = [0.0, 0.0, 10.0, 10.0]
    boxes = torch.tensor([box, box, box, [5.0, 5.0, 5.0, 5.0], [5.0, 5.0, 5.0, 5.0]])
    stays = boxes_that_stay(boxes, torch.tensor([0, 1, 0, 0, 0]), LIMIT)
    assert stays.tolist() == [True, True, False, True, True]
