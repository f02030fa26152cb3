"""The published script's figures, row averaging included."""

import numpy as np
import pytest
from numpy.typing import NDArray

from wps_sam.evaluation.official_code import OfficialCodeCounts, row_averaged_scores
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


def test_only_true_classes_count_and_missed_ones_score_0() -> None:
    hw = (SIDE, SIDE)
    mask = box(0, 0, 10, 10, hw)
    official = OfficialCodeCounts()
    official.add(parts({0: mask, 1: mask}, hw), parts({0: mask, 2: mask}, hw))
    scores = official.scores()
    assert scores.pairs == 2
    assert scores.mean_iou == scores.mean_accuracy == scores.mean_f1 == 0.5


def test_no_truth_gives_no_figure() -> None:
    official = OfficialCodeCounts()
    official.add(parts({}, (4, 4)), parts({}, (4, 4)))
    assert official.scores().mean_iou is None
    assert "row" in official.scores().to_dict()["note"]
