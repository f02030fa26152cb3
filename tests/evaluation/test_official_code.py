"""The published script's figures, row averaging included."""

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from wps_sam.evaluation.official_code import (
    OfficialCodeCounts,
    OfficialCodeScores,
    row_averaged_scores,
)
from wps_sam.evaluation.parts import ImageParts
from wps_sam.evaluation.runs import rle_to_runs
from wps_sam.geometry.masks import mask_to_rle

SIDE = 1024


def box(top: int, left: int, height: int, width: int, hw: tuple[int, int]) -> NDArray[np.bool_]:
    mask = np.zeros(hw, dtype=bool)
    mask[top : top + height, left : left + width] = True
    return mask


def score(truth: NDArray[np.bool_], predicted: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Score one mask against one mask."""
    runs = [rle_to_runs(mask_to_rle(mask), mask.shape) for mask in (truth, predicted)]
    return row_averaged_scores(runs[:1], runs[1:], (truth.shape[0], truth.shape[1]))


def parts(masks: dict[int, NDArray[np.bool_]], hw: tuple[int, int]) -> ImageParts:
    return ImageParts(
        hw,
        np.array(list(masks), np.int64),
        tuple(rle_to_runs(mask_to_rle(mask), hw) for mask in masks.values()),
        np.zeros(len(masks)),
    )


def official(*images: tuple[ImageParts, ImageParts]) -> OfficialCodeScores:
    counts = OfficialCodeCounts()
    for truth, predicted in images:
        counts.add(truth, predicted)
    return counts.scores()


def test_disjoint_masks_on_the_same_rows_score_090() -> None:
    hw = (SIDE, SIDE)
    iou, accuracy, f1 = score(box(100, 100, 100, 100, hw), box(100, 400, 100, 100, hw))
    assert iou == 924 / 1024
    assert f"{iou:.4f}" == "0.9023"
    assert f1 == 924 / 1024
    assert accuracy == 1 - 20000 / SIDE**2


def test_rows_are_averaged() -> None:
    hw = (SIDE, SIDE)
    # 100 rows of IoU 50 / 150, the other 924 rows are empty.
    iou, _, f1 = score(box(100, 100, 100, 100, hw), box(100, 150, 100, 100, hw))
    assert iou == pytest.approx((924 + 100 / 3) / 1024, abs=1e-9)
    assert f1 == pytest.approx((924 + 100 / 2) / 1024, abs=1e-9)


def test_small_and_oblong_images_are_scaled_to_the_square() -> None:
    hw = (64, 128)  # scaled by 8 to 512 x 1024; 512 rows of padding
    truth, predicted = box(8, 8, 16, 16, hw), box(8, 16, 16, 16, hw)
    iou, accuracy, _ = score(truth, predicted)
    assert iou == pytest.approx((1024 - 128 + 128 / 3) / 1024, abs=1e-9)
    assert accuracy == pytest.approx(1 - 2 * 8 * 16 * 64 / SIDE**2, abs=1e-9)


def test_agrees_with_a_resized_picture() -> None:
    rng = np.random.default_rng(3)
    hw = (37, 53)
    truth, predicted = rng.random((2, *hw)) < 0.4
    truth[20:] = False
    predicted[20:30] = False
    height = int(37 * SIDE / 53 + 0.5)
    rows = ((np.arange(height) + 0.5) * 37 / height).astype(int)
    columns = ((np.arange(SIDE) + 0.5) * 53 / SIDE).astype(int)
    square = np.zeros((2, SIDE, SIDE), dtype=bool)
    square[:, :height] = np.stack([truth, predicted])[:, rows][:, :, columns]
    both, either = (square[0] & square[1]).sum(1), (square[0] | square[1]).sum(1)
    row_iou = np.where(either == 0, 1.0, both / np.maximum(either, 1))
    iou, accuracy, _ = score(truth, predicted)
    assert iou == pytest.approx(row_iou.mean(), abs=1e-9)
    assert accuracy == pytest.approx((square[0] == square[1]).mean(), abs=1e-9)


def test_masks_of_a_class_are_united() -> None:
    hw = (32, 32)
    top, bottom, overlap = (
        rle_to_runs(mask_to_rle(mask), hw)
        for mask in (box(0, 0, 8, 8, hw), box(8, 0, 8, 8, hw), box(4, 0, 8, 8, hw))
    )
    whole = rle_to_runs(mask_to_rle(box(0, 0, 16, 8, hw)), hw)
    assert row_averaged_scores([top, overlap, bottom], [whole], hw) == (1, 1, 1)
    assert row_averaged_scores([top, overlap, bottom], [top], hw) == row_averaged_scores(
        [whole], [top], hw
    )


def test_nothing_against_nothing_scores_1_as_in_the_script() -> None:
    nothing = np.array([16 * 16])
    assert row_averaged_scores([nothing], [nothing], (16, 16)) == (1, 1, 1)


FRAME = (SIDE, SIDE)


def test_only_true_classes_count_and_missed_ones_score_0() -> None:
    mask = box(0, 0, 10, 10, FRAME)
    scores = official((parts({0: mask, 1: mask}, FRAME), parts({0: mask, 2: mask}, FRAME)))
    assert scores.pairs == 2
    assert scores.mean_iou == scores.mean_accuracy == scores.mean_f1 == 0.5


def test_no_truth_gives_no_figure() -> None:
    scores = official((parts({}, (4, 4)), parts({}, (4, 4))))
    assert scores == OfficialCodeScores(None, None, None, 0)
    assert "row" in scores.to_dict()["note"]


def test_image_without_parts_adds_no_pair() -> None:
    # The first image gives one pair of IoU 924 / 1024, see above; neither an empty second image
    # nor an invention in it changes that.
    truth, predicted = box(100, 100, 100, 100, FRAME), box(100, 400, 100, 100, FRAME)
    first = parts({0: truth}, FRAME), parts({0: predicted}, FRAME)
    nothing = parts({}, FRAME)
    alone = official(first)
    assert (alone.mean_iou, alone.pairs) == (924 / 1024, 1)
    assert official(first, (nothing, nothing)) == alone
    assert official(first, (nothing, parts({0: truth}, FRAME))) == alone
    # A missed part is a pair that scores 0.
    assert official(first, (parts({0: truth}, FRAME), nothing)).mean_iou == 924 / 2048


def test_overlapping_parts_are_not_cut() -> None:
    # The small part lies on the large one: painted, it would take 50 of its 100 rows from it.
    large, small = box(0, 0, 100, 100, FRAME), box(0, 0, 50, 100, FRAME)
    masks = parts({0: large, 1: small}, FRAME)
    assert official((masks, masks)).mean_iou == 1
    # Only the large part is predicted, as both: rows 50 to 99 of class 1 have IoU 0.
    scores = official((masks, parts({0: large, 1: large}, FRAME)))
    assert scores.mean_iou == pytest.approx((1 + 974 / 1024) / 2, abs=1e-12)
    assert scores.mean_accuracy == pytest.approx((1 + 1 - 5000 / SIDE**2) / 2, abs=1e-12)


def test_swapped_classes() -> None:
    # Two parts of 100 rows, one below the other, under each other's name: for each class 100 rows
    # are missed and 100 invented, the other 824 are empty.
    top, bottom = box(0, 0, 100, 100, FRAME), box(100, 0, 100, 100, FRAME)
    scores = official((parts({0: top, 1: bottom}, FRAME), parts({0: bottom, 1: top}, FRAME)))
    assert scores.mean_iou == pytest.approx(824 / 1024, abs=1e-12)
    assert scores.mean_f1 == pytest.approx(824 / 1024, abs=1e-12)
    assert scores.mean_accuracy == pytest.approx(1 - 20000 / SIDE**2, abs=1e-12)


def test_crowd_regions_change_nothing() -> None:
    # Half of the prediction's 100 rows lies in a crowd region, and counts as wrong all the same.
    truth, predicted = box(0, 0, 50, 100, FRAME), box(0, 0, 100, 100, FRAME)
    crowd = rle_to_runs(mask_to_rle(box(50, 0, 50, 100, FRAME)), FRAME)
    plain = parts({0: truth}, FRAME)
    crowded = ImageParts(FRAME, plain.class_index, plain.runs, plain.scores, (crowd,))
    scores = official((crowded, parts({0: predicted}, FRAME)))
    assert scores.mean_iou == pytest.approx(974 / 1024, abs=1e-12)
    assert scores == official((plain, parts({0: predicted}, FRAME)))


def test_memory_does_not_grow_with_the_pairs() -> None:
    mask = box(0, 0, 2, 2, (4, 4))
    truth, nothing = parts(dict.fromkeys(range(40), mask), (4, 4)), parts({}, (4, 4))
    counts = OfficialCodeCounts()
    counts.add(truth, nothing)
    tracemalloc.start()
    try:
        for _ in range(200):
            counts.add(truth, nothing)
        kept = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert counts.scores().pairs == 201 * 40
    assert kept < 10_000
