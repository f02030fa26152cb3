"""Boundary IoU: by hand, and against the per-mask definition with scipy's erosion."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, gaussian_filter

from wps_sam.errors import PredictionError
from wps_sam.evaluation import boundary
from wps_sam.evaluation.boundary import BoundaryCounts, band_width, inner_band


def square(side: int, top: int, left: int, size: int, value: int = 1) -> NDArray[np.uint8]:
    """A filled square of `size` in an image of `side` x `side`."""
    labels = np.zeros((side, side), np.uint8)
    labels[top : top + size, left : left + size] = value
    return labels


def reference_band(mask: NDArray[np.bool_], distance: int) -> NDArray[np.bool_]:
    """The published definition: the mask less its erosion, zeros around the image."""
    eroded = binary_erosion(mask, np.ones((3, 3)), iterations=distance, border_value=0)
    return np.asarray(mask & ~eroded)


def blobs(rng: np.random.Generator, hw: tuple[int, int], classes: int) -> NDArray[Any]:
    """Smooth regions of some classes and background."""
    layers = gaussian_filter(rng.standard_normal((classes + 1, *hw)), (0, 2, 2))
    return np.asarray(layers.argmax(axis=0).astype(np.uint8))


def test_width_is_two_percent_of_the_diagonal() -> None:
    assert band_width((10, 10)) == 1
    assert band_width((30, 40)) == 1
    assert band_width((300, 400)) == 10
    assert band_width((600, 450)) == 15
    # The published code rounds as Python does: 0.02 * 125 = 2.5 becomes 2, 0.02 * 175 = 3.5 is 4.
    assert band_width((75, 100)) == 2
    assert band_width((105, 140)) == 4


def test_band_by_hand() -> None:
    # d is 1: a square of 4 loses its inner 2 x 2; the one in the corner too, as the outside of the
    # image is another label.
    band = inner_band(square(10, 3, 3, 4))
    assert band[3:7, 3:7].tolist() == [[1, 1, 1, 1], [1, 0, 0, 1], [1, 0, 0, 1], [1, 1, 1, 1]]
    assert band.sum() == 12
    assert inner_band(square(10, 0, 0, 4)).sum() == 12
    assert inner_band(np.full((10, 10), 7, np.uint8)).astype(bool).sum() == 36


def test_band_of_touching_classes() -> None:
    labels = np.repeat(np.array([[1, 1, 1, 2, 2, 2]], np.uint8), 6, axis=0)
    # Of 6 x 3 pixels each, the 4 in the middle column away from the image's edge are interior.
    assert inner_band(labels)[2].tolist() == [1, 0, 1, 2, 0, 2]
    assert np.bincount(inner_band(labels).ravel()).tolist() == [8, 14, 14]


def test_scores_by_hand() -> None:
    # Squares of 4 at columns 0-3 and 2-5 have bands of 12; they share the top and the bottom row in
    # columns 2 and 3, which is 4 pixels: the inner columns cross the interiors.
    counts = BoundaryCounts(2)
    counts.add(square(10, 3, 0, 4), square(10, 3, 2, 4))
    scores = counts.scores(["wheel", "door"])
    assert scores.class_boundary_iou == {"wheel": 4 / 20, "door": None}
    assert scores.boundary_miou == 4 / 20
    # A second image: wheel perfect, door invented. Counts are summed before the ratio.
    counts.add(square(10, 3, 0, 4), np.maximum(square(10, 3, 0, 4), square(10, 8, 8, 2, value=2)))
    scores = counts.scores(["wheel", "door"])
    assert scores.class_boundary_iou == {"wheel": 16 / 32, "door": 0}
    assert scores.boundary_miou == 0.5
    assert scores.to_dict() == {
        "boundary_miou": 0.5,
        "class_boundary_iou": {"wheel": 0.5, "door": 0},
    }


def test_wrong_class_is_no_match() -> None:
    counts = BoundaryCounts(2)
    counts.add(square(10, 3, 3, 4), square(10, 3, 3, 4, value=2))
    assert counts.scores(["a", "b"]).class_boundary_iou == {"a": 0, "b": 0}


def test_no_part_at_all() -> None:
    counts = BoundaryCounts(1)
    counts.add(np.zeros((5, 5), np.uint8), np.zeros((5, 5), np.uint8))
    assert counts.scores(["a"]).boundary_miou is None


def test_ignored_pixels_leave_the_counts_and_keep_the_band() -> None:
    # The prediction lacks the corner (3, 3), so that (4, 4) joins its band: 12 band pixels on
    # either side, 11 of them shared. Ignoring the corner leaves 11 true ones and adds no other.
    truth, predicted = square(10, 3, 3, 4), square(10, 3, 3, 4)
    predicted[3, 3] = 0
    plain = BoundaryCounts(1)
    plain.add(truth, predicted)
    assert plain.scores(["a"]).boundary_miou == 11 / 13
    counts = BoundaryCounts(1)
    ignore = np.zeros((10, 10), bool)
    ignore[3, 3] = True
    counts.add(truth, predicted, ignore)
    assert counts.scores(["a"]).boundary_miou == 11 / 12
    everything = BoundaryCounts(1)
    everything.add(truth, predicted, np.ones((10, 10), bool))
    assert everything.scores(["a"]).boundary_miou is None


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 40), st.integers(1, 6), st.booleans()
)
def test_agrees_with_the_definition_per_mask(
    seed: int, height: int, width: int, distance: int, with_ignored: bool
) -> None:
    rng = np.random.default_rng(seed)
    truth, predicted = (blobs(rng, (height, width), 3) for _ in range(2))
    scored = rng.random((height, width)) < 0.8 if with_ignored else np.ones((height, width), bool)
    counts = BoundaryCounts(3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boundary, "band_width", lambda hw: distance)
        counts.add(truth, predicted, ~scored if with_ignored else None)
    found = counts.scores(["a", "b", "c"]).class_boundary_iou
    for label, iou in enumerate(found.values(), start=1):
        true_band = reference_band(truth == label, distance) & scored
        predicted_band = reference_band(predicted == label, distance) & scored
        union = np.count_nonzero(true_band | predicted_band)
        both = np.count_nonzero(true_band & predicted_band)
        assert iou == (both / union if union else None)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_memory_order_and_width_of_labels_do_not_matter(dtype: Any) -> None:
    rng = np.random.default_rng(3)
    truth, predicted = (blobs(rng, (150, 230), 4) for _ in range(2))
    ignore = rng.random((150, 230)) < 0.1
    expected = BoundaryCounts(4)
    expected.add(truth, predicted, ignore)
    names = ["a", "b", "c", "d"]
    layouts: list[Callable[[NDArray[Any]], NDArray[Any]]] = [
        np.ascontiguousarray,
        np.asfortranarray,
        lambda array: np.repeat(array, 2, axis=1)[:, ::2],
    ]
    for first in layouts:
        for second in layouts:
            counts = BoundaryCounts(4)
            counts.add(first(truth.astype(dtype)), second(predicted.astype(dtype)), first(ignore))
            assert counts.scores(names) == expected.scores(names)


def test_labels_above_255() -> None:
    labels = np.zeros((20, 20), np.uint16)
    labels[:10], labels[10:] = 256, 512  # equal in their low bytes
    assert np.count_nonzero(inner_band(labels)) == 20 * 20 - 2 * (8 * 18)
    counts = BoundaryCounts(600)
    counts.add(labels, labels)
    assert counts.scores([str(k) for k in range(600)]).boundary_miou == 1


def test_bad_maps_are_refused() -> None:
    labels = np.ones((4, 5), np.uint8)
    with pytest.raises(PredictionError, match=r"one shape.*\(4, 5\), \(5, 4\).*original image"):
        BoundaryCounts(1).add(labels, labels.T)
    with pytest.raises(PredictionError, match=r"found \(4, 5\), \(4, 5\), \(1, 5\)"):
        BoundaryCounts(1).add(labels, labels, np.zeros((1, 5), bool))
    with pytest.raises(PredictionError, match=r"truth label map must hold 0.*to 1 "):
        BoundaryCounts(1).add(labels * 2, labels)
