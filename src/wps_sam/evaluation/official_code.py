"""The figures the published evaluation script prints: for comparison with that script only.

They are not mIoU and mACC in the usual sense and must not stand beside such numbers. What the
script does, and what is reproduced here:

- Each (image, class) pair that occurs in the truth weighs the same. A class that is predicted but
  absent from the image's truth costs nothing; a class that is not predicted scores 0.
- Masks are compared on the network's square: longest side resized to 1024, centred, padded.
- IoU and F1 are computed for each *row* of the square and averaged over rows, and a row that is
  empty in truth and prediction counts 1. A small part therefore scores near 1 wherever its
  prediction lies: two masks on the same rows that do not touch score 0.90.
- "Accuracy" is the share of all pixels of the square, true negatives included.

What is not reproduced, because it needs more than a file of masks: the script adds up the soft
masks of a class before its threshold (here: the union of the masks); images without any
prediction put its lists out of step (here: they score 0); each GPU reports its own share of the
images (here: all images). The script knows no ignored regions, and here too they change nothing:
a crowd region of the truth is background, so that a prediction in it counts as wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wps_sam.evaluation.parts import ImageParts
from wps_sam.evaluation.runs import Runs

SQUARE_SIDE = 1024
NOTE = (
    "Comparable with the published WPS-SAM evaluation script only: it averages IoU over image "
    "rows, empty rows counting 1, and never penalises a class that is not there."
)


@dataclass(frozen=True)
class OfficialCodeScores:
    """Figures of the published script over (image, true class) pairs, in 0..1.

    Attributes:
        mean_iou: The script's "Mean IoU": row-averaged IoU.
        mean_accuracy: The script's "Mean ACC": binary pixel accuracy over the square.
        mean_f1: The script's "Mean F1": row-averaged F1.
        pairs: Number of pairs.
    """

    mean_iou: float | None
    mean_accuracy: float | None
    mean_f1: float | None
    pairs: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, with the warning beside them."""
        return {
            "note": NOTE,
            "comparable_with_miou": False,
            "mean_iou": self.mean_iou,
            "mean_accuracy": self.mean_accuracy,
            "mean_f1": self.mean_f1,
            "pairs": self.pairs,
        }


class OfficialCodeCounts:
    """Collects the published script's figures image by image."""

    def __init__(self) -> None:
        """Start with no image."""
        self._pairs = 0
        self._sums = np.zeros(3)  # of IoU, accuracy and F1

    def add(self, truth: ImageParts, predicted: ImageParts) -> None:
        """Add one image.

        Args:
            truth: Its true parts; ignored regions play no part.
            predicted: Its predicted parts, same size, same class order.
        """
        predicted_classes = set(predicted.class_index.tolist())
        for class_index in dict.fromkeys(truth.class_index.tolist()):
            self._pairs += 1
            if class_index in predicted_classes:
                self._sums += row_averaged_scores(
                    truth.class_runs(class_index), predicted.class_runs(class_index), truth.hw
                )

    def scores(self) -> OfficialCodeScores:
        """The figures over all images added so far."""
        if not self._pairs:
            return OfficialCodeScores(None, None, None, 0)
        iou, accuracy, f1 = (self._sums / self._pairs).tolist()
        return OfficialCodeScores(iou, accuracy, f1, self._pairs)


def row_averaged_scores(
    truth: Sequence[Runs], predicted: Sequence[Runs], hw: tuple[int, int]
) -> tuple[float, float, float]:
    """Score the masks of one class in one image as the published script does.

    Args:
        truth: Run lengths of the true masks, original frame; their union counts.
        predicted: Run lengths of the predicted masks, likewise.
        hw: (height, width) of the image.

    Returns:
        IoU, accuracy and F1.
    """
    height, width = hw
    scale = SQUARE_SIDE / max(height, width)
    rows = _nearest_source(height, int(height * scale + 0.5))
    columns = _nearest_source(width, int(width * scale + 0.5))
    # How often each original column occurs in the square: a sum over the square's columns is then
    # a weighted sum over the original ones, and no mask is decoded or resized.
    weights = np.bincount(columns, minlength=width + 1).astype(np.float64)
    starts, ends, in_truth, in_prediction = _segments(truth, predicted)
    true_in_row, predicted_in_row, correct_in_row = (
        _row_sums(starts[chosen], ends[chosen], weights, height)[rows]
        for chosen in (in_truth, in_prediction, in_truth & in_prediction)
    )
    padding_rows = SQUARE_SIDE - len(rows)
    both = true_in_row + predicted_in_row
    union = both - correct_in_row
    wrong_pixels = float((union - correct_in_row).sum())
    return (
        _row_mean(correct_in_row, union, padding_rows),
        1 - wrong_pixels / SQUARE_SIDE**2,
        _row_mean(2 * correct_in_row, both, padding_rows),
    )


def _segments(
    truth: Sequence[Runs], predicted: Sequence[Runs]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Cut the image, read down the columns, wherever a mask begins or ends.

    Returns:
        Start and end (exclusive) of each of K segments as flat positions, and whether it lies in
        a true and in a predicted mask; all (K,).
    """
    positions, steps = [], []
    for side, masks in enumerate((truth, predicted)):
        for runs in masks:
            borders = np.cumsum(runs)[: len(runs) // 2 * 2]
            step = np.zeros((len(borders), 2), np.int64)
            step[0::2, side], step[1::2, side] = 1, -1
            positions.append(borders)
            steps.append(step)
    flat = np.concatenate([np.zeros(1, np.int64), *positions])
    order = np.argsort(flat, kind="stable")
    depth = np.cumsum(np.concatenate([np.zeros((1, 2), np.int64), *steps])[order], axis=0)
    inside = depth[:-1] > 0
    return flat[order][:-1], flat[order][1:], inside[:, 0], inside[:, 1]


def _row_sums(
    starts: NDArray[np.int64], ends: NDArray[np.int64], weights: NDArray[np.float64], height: int
) -> NDArray[np.float64]:
    """Weighted number of pixels in each row of segments that run down the columns.

    The sum over the pixels before a flat position (column x, row y) is, for each row, the weight of
    all columns before x, plus the weight of x for the rows above y. A segment is the difference of
    two such sums.

    Args:
        starts: (K,) flat positions in a column-major image.
        ends: (K,) likewise, exclusive.
        weights: (W + 1,) weight of each column, and 0 for the position after the last pixel.
        height: H.

    Returns:
        (H,) sums; whole numbers.
    """
    before = np.concatenate([[0.0], np.cumsum(weights)])
    totals = np.zeros(height)
    for positions, sign in ((ends, 1), (starts, -1)):
        column, row = np.divmod(positions, height)
        above = np.bincount(row, weights=weights[column], minlength=height + 1)
        totals += sign * (before[column].sum() + np.cumsum(above[::-1])[::-1][1:])
    return totals


def _nearest_source(source: int, target: int) -> NDArray[np.int64]:
    """(target,) int64: the nearest pixel of `source` for each pixel after resizing."""
    return ((np.arange(max(target, 1)) + 0.5) * source / max(target, 1)).astype(np.int64)


def _row_mean(part: NDArray[Any], whole: NDArray[Any], padding_rows: int) -> float:
    """Mean of part / whole over rows; empty rows and padding count 1."""
    ratio = np.divide(part, whole, out=np.ones(len(part), np.float64), where=whole > 0)
    return float((ratio.sum() + padding_rows) / (len(part) + padding_rows))
