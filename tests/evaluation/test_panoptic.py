"""Panoptic quality: by hand on tables of pixels, and against torchmetrics on painted parts."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.detection import PanopticQuality

from wps_sam.evaluation.overlap import ImageOverlap, overlap_parts
from wps_sam.evaluation.panoptic import ClassPanoptic, PanopticCounts, PanopticScores
from wps_sam.evaluation.parts import ImageParts
from wps_sam.evaluation.runs import rle_to_runs
from wps_sam.geometry.masks import mask_to_rle

NAMES = ("wheel", "door", "lamp")


def table(
    true: list[int], predicted: list[int], pixels: list[list[int]], ignored: list[int] | None = None
) -> ImageOverlap:
    """Pixels by (true part, predicted part), background first, and the parts' classes."""
    return ImageOverlap(
        np.array(true, np.int64),
        np.array(predicted, np.int64),
        np.array(pixels, np.int64),
        np.array(ignored or [0] * (len(predicted) + 1), np.int64),
    )


def scores(*images: ImageOverlap) -> PanopticScores:
    counts = PanopticCounts(len(NAMES))
    for image in images:
        counts.add(image)
    return counts.scores(NAMES)


def test_perfect() -> None:
    result = scores(table([0, 1], [1, 0], [[50, 0, 0], [0, 0, 20], [0, 30, 0]]))
    assert (result.pq, result.sq, result.rq) == (1, 1, 1)
    assert result.classes[0] == ClassPanoptic("wheel", 1, 1, 1, 1, 0, 0)
    assert result.classes[2] == ClassPanoptic("lamp", None, None, None, 0, 0, 0)


def test_two_images_by_hand() -> None:
    # Image 1: a wheel of 10 and one of 8 against a wheel of 6 within the first, IoU 0.6; the
    # second is missed. Image 2: a wheel of 4 found exactly, and a wheel and a door of 2 invented.
    first = table([0, 0], [0], [[82, 0], [4, 6], [8, 0]])
    second = table([0], [0, 0, 1], [[90, 0, 2, 2], [0, 4, 0, 0]])
    result = scores(first, second)
    # Wheel: TP 2, FP 1, FN 1, so SQ = 1.6 / 2, RQ = 2 / 3 and PQ = 1.6 / 3. Door: all 0.
    wheel, door, _ = result.classes
    assert (wheel.tp, wheel.fp, wheel.fn) == (2, 1, 1)
    assert wheel.pq == pytest.approx(1.6 / 3, abs=1e-12)
    assert (wheel.sq, wheel.rq) == (0.8, 2 / 3)
    assert door == ClassPanoptic("door", 0, 0, 0, 0, 1, 0)
    # The invented class counts in the means; the absent one does not.
    assert result.pq == pytest.approx(0.8 / 3, abs=1e-12)
    assert result.sq == pytest.approx(0.4, abs=1e-12)
    assert result.rq == pytest.approx(1 / 3, abs=1e-12)
    assert result.to_dict()["classes"][1]["fp"] == 1


def test_iou_of_exactly_one_half_is_no_match() -> None:
    assert scores(table([0], [0], [[96, 0], [2, 2]])).classes[0].fn == 1
    # 501 of 1001: just above.
    assert scores(table([0], [0], [[9, 0], [500, 501]])).classes[0].tp == 1


def test_one_true_part_predicted_twice() -> None:
    # The painted prediction is cut in two: 6 and 4 of the 10 pixels.
    wheel = scores(table([0], [0, 0], [[90, 0, 0], [0, 6, 4]])).classes[0]
    assert (wheel.tp, wheel.fp, wheel.fn) == (1, 1, 0)
    assert wheel.pq == 0.6 / 1.5


def test_swapped_classes_match_nothing() -> None:
    result = scores(table([0, 1], [1, 0], [[60, 0, 0], [0, 20, 0], [0, 0, 20]]))
    assert result.pq == 0
    assert [(c.tp, c.fp, c.fn) for c in result.classes] == [(0, 1, 1), (0, 1, 1), (0, 0, 0)]


def test_image_without_parts() -> None:
    nothing = table([], [], [[100]])
    result = scores(nothing)
    assert (result.pq, result.sq, result.rq) == (None, None, None)
    result = scores(nothing, table([], [0], [[90, 10]]), table([0], [], [[90], [10]]))
    assert result.classes[0] == ClassPanoptic("wheel", 0, 0, 0, 0, 1, 1)


def test_segments_without_a_visible_pixel_do_not_count() -> None:
    # The second true and the second predicted wheel are covered: no pixel anywhere.
    result = scores(table([0, 0], [0, 0], [[90, 0, 0], [0, 10, 0], [0, 0, 0]]))
    assert result.classes[0] == ClassPanoptic("wheel", 1, 1, 1, 1, 0, 0)


@pytest.mark.parametrize(("ignored", "alarms"), [(5, 1), (6, 0), (1000, 0)])
def test_prediction_mostly_in_ignored_regions_is_no_false_positive(
    ignored: int, alarms: int
) -> None:
    # 5 pixels outside; exactly half is not yet "more than half".
    result = scores(table([1], [0, 1], [[80, 5, 0], [0, 0, 10]], [0, ignored, 0]))
    assert result.classes[0].fp == alarms


def test_prediction_wholly_in_ignored_regions() -> None:
    assert scores(table([], [0], [[80, 0]], [0, 20])).pq is None


def test_ignored_pixels_are_in_no_area() -> None:
    # What is left of the prediction agrees with the truth, however much of it is ignored.
    assert scores(table([0], [0], [[80, 0], [0, 10]], [0, 10])).pq == 1


@pytest.fixture
def double_precision() -> Iterator[None]:
    """The metric divides in torch's default type."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


def random_parts(rng: np.random.Generator, like: ImageParts | None = None) -> ImageParts:
    """A few boxes; with `like`, shifted copies of some of its boxes among them."""
    hw = (12, 10)
    masks = []
    for _ in range(rng.integers(0, 5)):
        mask = np.zeros(hw, np.uint8)
        top, left = rng.integers(0, 9), rng.integers(0, 7)
        mask[top : top + rng.integers(2, 8), left : left + rng.integers(2, 8)] = 1
        masks.append(mask)
    runs = [rle_to_runs(mask_to_rle(mask), hw) for mask in masks]
    classes = rng.integers(0, 3, len(runs)).tolist()
    if like is not None:
        kept = np.flatnonzero(rng.random(len(like.runs)) < 0.8)
        runs += [like.runs[i] for i in kept]
        classes += like.class_index[kept].tolist()
    return ImageParts(hw, np.array(classes, np.int64), tuple(runs), rng.random(len(runs)))


def colors(parts: ImageParts) -> torch.Tensor:
    """(1, H, W, 2): class and part number of each pixel; background is class 3."""
    painted = parts.part_map().astype(np.int64)
    classes = np.concatenate([[3], parts.class_index])[painted]
    return torch.from_numpy(np.stack([classes, painted], axis=-1)[None])


@pytest.mark.usefixtures("double_precision")
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_agrees_with_torchmetrics(seed: int, with_ignored: bool) -> None:
    rng = np.random.default_rng(seed)
    counts = PanopticCounts(3)
    metric = PanopticQuality(
        things={0, 1, 2}, stuffs={3}, return_sq_and_rq=True, return_per_class=True
    )
    for _ in range(4):
        truth = random_parts(rng)
        predicted = random_parts(rng, truth)
        target = colors(truth)
        if with_ignored:
            ignored = random_parts(rng).runs
            truth = ImageParts(truth.hw, truth.class_index, truth.runs, truth.scores, ignored)
            mask = truth.ignore_mask()
            if mask is not None:
                target[0][torch.from_numpy(mask.copy())] = 77  # a class it does not know: void
        counts.add(overlap_parts(truth, predicted))
        metric.update(colors(predicted), target)
    found = counts.scores(NAMES)
    # Its per-class row is PQ, SQ, RQ; undefined is 0. Its means would contain the background.
    expected = metric.compute()[:3].numpy()
    rows = [[c.pq or 0, c.sq or 0, c.rq or 0] for c in found.classes]
    assert np.abs(np.array(rows) - expected).max() < 1e-9
    totals = np.array([[c.tp, c.fp, c.fn] for c in found.classes])
    states = (metric.true_positives, metric.false_positives, metric.false_negatives)
    assert (totals == torch.stack(states, dim=1)[:3].numpy()).all()
    defined = expected[totals.sum(axis=1) > 0]
    if len(defined):
        means = [found.pq, found.sq, found.rq]
        assert means == pytest.approx(defined.mean(axis=0).tolist(), abs=1e-9)
