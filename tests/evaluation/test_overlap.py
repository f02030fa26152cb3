"""The table of overlapping parts, against counts made by hand and pixel by pixel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wps_sam.errors import PredictionError
from wps_sam.evaluation.confusion import count_pixels
from wps_sam.evaluation.overlap import overlap_parts
from wps_sam.evaluation.parts import ImageParts
from wps_sam.evaluation.runs import rle_to_runs
from wps_sam.geometry.masks import mask_to_rle


def parts(
    masks: list[list[list[int]]], classes: list[int], ignored: list[list[list[int]]] | None = None
) -> ImageParts:
    """Parts of an image from 0/1 rows."""
    arrays = [np.array(mask) for mask in [*masks, *(ignored or [])]]
    hw = (int(arrays[0].shape[0]), int(arrays[0].shape[1]))
    runs = [rle_to_runs(mask_to_rle(array), hw) for array in arrays]
    return ImageParts(
        hw,
        np.array(classes, np.int64),
        tuple(runs[: len(masks)]),
        np.zeros(len(masks)),
        tuple(runs[len(masks) :]),
    )


def test_table_by_hand() -> None:
    # A door of class 1 with a handle of class 0 on it; the prediction misses the handle and calls
    # half of the door class 2.
    truth = parts([[[1, 1, 1, 1]], [[0, 0, 0, 1]]], [1, 0])
    predicted = parts([[[1, 1, 0, 0]], [[0, 0, 1, 0]]], [1, 2])
    table = overlap_parts(truth, predicted)
    assert table.pixels.tolist() == [[0, 0, 0], [0, 2, 1], [1, 0, 0]]
    assert table.class_counts(3).tolist() == [
        [0, 0, 0, 0],
        [1, 0, 0, 0],
        [0, 0, 2, 1],
        [0, 0, 0, 0],
    ]


def test_ignored_pixels_are_counted_apart() -> None:
    truth = parts([[[1, 1, 0, 0]]], [0], ignored=[[[0, 1, 1, 0]]])
    predicted = parts([[[1, 1, 1, 0]]], [0])
    table = overlap_parts(truth, predicted)
    assert table.pixels.tolist() == [[1, 0], [0, 1]]
    assert table.ignored.tolist() == [0, 2]
    assert table.ignored_pixels == 2


def test_sizes_must_agree() -> None:
    with pytest.raises(PredictionError, match=r"found \(1, 2\) and \(1, 3\)"):
        overlap_parts(parts([[[1, 1]]], [0]), parts([[[1, 1, 1]]], [0]))


@given(st.integers(0, 10_000))
def test_class_counts_are_those_of_the_label_maps(seed: int) -> None:
    rng = np.random.default_rng(seed)

    def some(with_ignored: bool) -> ImageParts:
        masks = rng.random((rng.integers(1, 6), 7, 5)) < 0.4
        ignored = [(rng.random((7, 5)) < 0.2).tolist()] if with_ignored else None
        return parts(masks.tolist(), rng.integers(0, 3, len(masks)).tolist(), ignored)

    truth, predicted = some(True), some(False)
    expected = count_pixels(truth.label_map(3), predicted.label_map(3), 3, truth.ignore_mask())
    assert (overlap_parts(truth, predicted).class_counts(3) == expected).all()
