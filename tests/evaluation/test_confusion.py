"""Counting pixels: by hand, against torchmetrics, in blocks, and on bad input."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_confusion_matrix,
    multiclass_jaccard_index,
)

from wps_sam.errors import PredictionError
from wps_sam.evaluation import confusion
from wps_sam.evaluation.confusion import ConfusionCounts, count_pixels
from wps_sam.evaluation.metrics import class_means, class_scores


def test_counts_by_hand() -> None:
    truth = np.array([[0, 1, 1], [2, 2, 0]])
    predicted = np.array([[0, 1, 2], [2, 0, 1]])
    assert count_pixels(truth, predicted, 2).tolist() == [[1, 1, 0], [0, 1, 1], [1, 0, 1]]


def test_ignored_pixels_are_not_counted() -> None:
    truth, predicted = np.array([[0, 1], [1, 1]]), np.array([[1, 1], [0, 0]])
    counts = ConfusionCounts(1)
    counts.add(truth, predicted, ignore=np.array([[True, False], [False, True]]))
    assert counts.matrix.tolist() == [[0, 0], [1, 1]]
    assert counts.ignored_pixels == 2


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_order_does_not_matter(order: Any) -> None:
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 4, (2, 7, 5))
    ignore = rng.random((7, 5)) < 0.3
    expected = count_pixels(truth, predicted, 3, ignore)
    turned = [np.asarray(a, order=order) for a in (truth.astype(np.uint8), predicted)]
    assert (count_pixels(turned[0], turned[1], 3, np.asarray(ignore, order="F")) == expected).all()


def test_large_images_are_counted_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 4, (2, 31, 17), np.uint8)
    ignore = rng.random((31, 17)) < 0.3
    whole = count_pixels(truth, predicted, 3, ignore)
    monkeypatch.setattr(confusion, "_PIXELS_PER_BLOCK", 100)
    assert (count_pixels(truth, predicted, 3, ignore) == whole).all()
    assert whole.sum() == np.count_nonzero(~ignore)


def test_many_classes_do_not_overflow_small_integers() -> None:
    truth = np.full((2, 2), 255, np.uint8)
    counts = count_pixels(truth, truth, 255)
    assert counts[255, 255] == 4
    assert counts.sum() == 4


def test_merge_adds_shards() -> None:
    first, second = ConfusionCounts(1), ConfusionCounts(1)
    first.add(np.array([[0, 1]]), np.array([[0, 0]]))
    second.add(np.array([[1, 1]]), np.array([[1, 0]]), np.array([[False, True]]))
    first.merge(second)
    assert first.matrix.tolist() == [[1, 0], [1, 1]]
    assert first.ignored_pixels == 1
    with pytest.raises(PredictionError, match="counts over 2 classes to counts over 1"):
        first.merge(ConfusionCounts(2))


def test_bad_maps_are_refused() -> None:
    good = np.zeros((2, 3), int)
    with pytest.raises(PredictionError, match=r"one shape.*\(2, 3\), \(3, 2\).*Upscale"):
        count_pixels(good, good.T, 1)
    with pytest.raises(PredictionError, match=r"predicted label map must hold 0.*to 1.*0 to 2"):
        count_pixels(good, good + np.array([0, 1, 2]), 1)
    with pytest.raises(PredictionError, match=r"truth label map must hold 0.*-1 to -1"):
        count_pixels(good - 1, good, 1)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 12), st.integers(1, 12))
def test_agrees_with_torchmetrics(seed: int, classes: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes + 1, (height, width))
    predicted = np.where(
        rng.random((height, width)) < 0.6, truth, rng.integers(0, classes + 1, (height, width))
    )
    counts = count_pixels(truth, predicted, classes)
    pair = torch.from_numpy(predicted), torch.from_numpy(truth)
    side = classes + 1
    assert (counts == multiclass_confusion_matrix(*pair, num_classes=side).numpy()).all()
    scores = class_scores(counts, [f"class {i}" for i in range(classes)])
    iou = multiclass_jaccard_index(*pair, num_classes=side, average="none")
    recall = multiclass_accuracy(*pair, num_classes=side, average="none")
    matrix = multiclass_confusion_matrix(*pair, num_classes=side).double()
    exact = matrix.diag() / (matrix.sum(0) + matrix.sum(1) - matrix.diag())
    exact_recall = matrix.diag() / matrix.sum(1)
    present = [i for i in range(side) if (truth == i).any()]
    for i in present:
        # torchmetrics divides in float32: its ratios to within that, its counts to 1e-9.
        assert scores[i].iou == pytest.approx(float(iou[i]), abs=1e-6)
        assert scores[i].iou == pytest.approx(float(exact[i]), abs=1e-9)
        assert scores[i].accuracy == pytest.approx(float(recall[i]), abs=1e-6)
        assert scores[i].accuracy == pytest.approx(float(exact_recall[i]), abs=1e-9)
    means = class_means(scores)
    assert means.miou_with_background == pytest.approx(float(exact[present].mean()), abs=1e-9)
    parts = [i for i in present if i]
    if parts:
        assert means.miou == pytest.approx(float(exact[parts].mean()), abs=1e-9)
    assert means.pixel_accuracy == pytest.approx(float(matrix.diag().sum() / matrix.sum()), 1e-9)
