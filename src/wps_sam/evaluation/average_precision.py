"""COCO's average precision (AP) and average recall (AR) of masks.

The scores are those of COCO's own evaluation (Lin et al., "Microsoft COCO", ECCV 2014, and the
evaluation code published with it); the tests hold them against pycocotools and faster-coco-eval.
Two things differ from this package's other scores. Masks are compared whole, as they were
predicted: a part that another one covers is not cut, because COCO lets masks overlap. And a part's
score matters, because precision is followed along falling scores.

Those libraries want the whole data set in memory, some kilobytes for each part. But what is right
is decided within one image. So each image is matched when it is added, and 18 bytes remain of a
predicted part: its score and, for each IoU threshold and size range, whether it is right, wrong or
ignored. They wait in a temporary file; at the end, precision and recall are followed over one class
after the other.

COCO has crowd regions by class: a prediction that lies in one is neither right nor wrong. The
ignored regions of this package have no class; they say that nothing there is scored. So each
counts as a crowd region of every class that has a predicted part in the image. As in COCO, a
prediction is excused at an IoU threshold t only if t or more of its own area lies in one ignored
region.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from wps_sam.errors import PredictionError
from wps_sam.evaluation.metrics import mean_of
from wps_sam.evaluation.parts import ImageParts
from wps_sam.evaluation.runs import Runs, runs_area
from wps_sam.evaluation.scratch import ScratchRows

MAX_DETECTIONS = 100
"""Predictions of one class that count in one image; the best scores stay."""

# Fewest and most pixels of the S = 4 size ranges; a part on a border is in both.
_ALL, _SMALL, _MEDIUM, _LARGE = range(4)
_FEWEST = np.array([0, 0, 32**2, 96**2])
_MOST = np.array([1e5**2, 32**2, 96**2, 1e5**2])

_THRESHOLDS = np.linspace(0.5, 0.95, 10)
_IOU_50, _IOU_75 = 0, 5
_RECALL_LEVELS = np.linspace(0, 1, 101)

_VERDICTS = len(_FEWEST) * len(_THRESHOLDS)
_PART = np.dtype([("falling", "f8"), ("verdicts", "u1", 2 * _VERDICTS // 8)])
"""A predicted part: its negative score, so that a rising sort is a falling one, and two bits for
each verdict: right, ignored."""

_PARTS_AT_ONCE = 256

_Figures = tuple[float | None, ...]
"""One class's figures, in the order of the fields of `AveragePrecision`."""

_UNDEFINED: _Figures = (None,) * 7


@dataclass(frozen=True)
class AveragePrecision:
    """COCO's scores of masks, in 0..1; None where no class has a true part to find.

    Attributes:
        ap: Mean AP over classes and the IoU thresholds 0.5, 0.55, ..., 0.95.
        ap50: The same at IoU 0.5 alone.
        ap75: The same at IoU 0.75 alone.
        ap_small: The same as `ap` over true parts of up to 32 x 32 pixels of the original frame.
        ap_medium: From 32 x 32 to 96 x 96 pixels.
        ap_large: From 96 x 96 pixels.
        ar: Mean share of the true parts found, over classes and the same thresholds as `ap`, with
            at most 100 predictions per image and class.
        classes: Class name -> its `ap`; None where the class has no true part, which is then in
            no mean.
    """

    ap: float | None
    ap50: float | None
    ap75: float | None
    ap_small: float | None
    ap_medium: float | None
    ap_large: float | None
    ar: float | None
    classes: Mapping[str, float | None]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


class AveragePrecisionCounts:
    """What COCO's scores need of a data set, added image by image; memory does not grow with it."""

    def __init__(self, num_classes: int) -> None:
        """Start with no image.

        Args:
            num_classes: C, without background.
        """
        rows = ScratchRows()
        self._classes = [_ClassPredictions(rows, index) for index in range(num_classes)]

    def add(self, truth: ImageParts, predicted: ImageParts) -> None:
        """Add one image.

        Args:
            truth: True parts and ignored regions, original frame.
            predicted: Predicted parts in the truth's classes.

        Raises:
            PredictionError: The two have different sizes.
        """
        if truth.hw != predicted.hw:
            raise PredictionError(
                "Truth and prediction must have one size (height, width) in the original frame; "
                f"found {truth.hw} and {predicted.hw}. Predict the original image files."
            )
        true_out, predicted_out = _out_of_range(truth), _out_of_range(predicted)
        true_rles = _rles(truth.hw, truth.runs)
        predicted_rles = _rles(truth.hw, predicted.runs)
        crowd_rles = _rles(truth.hw, truth.ignored) if predicted_rles else []
        for class_index in np.union1d(truth.class_index, predicted.class_index).tolist():
            true = np.flatnonzero(truth.class_index == class_index)
            found = np.flatnonzero(predicted.class_index == class_index)
            # A stable sort leaves equal scores in the file's order, as COCO does.
            found = found[np.argsort(-predicted.scores[found], kind="stable")][:MAX_DETECTIONS]
            iou = _iou([predicted_rles[i] for i in found], [true_rles[i] for i in true], crowd_rles)
            verdicts = _match(iou, true_out[:, true], predicted_out[:, found])
            self._classes[class_index].add(predicted.scores[found], verdicts, true_out[:, true])

    def scores(self, class_names: Sequence[str]) -> AveragePrecision:
        """Derive the scores of the images added so far.

        Args:
            class_names: C names.

        Returns:
            The scores.
        """
        rows = [predictions.figures() for predictions in self._classes]
        ap, ap50, ap75, ap_small, ap_medium, ap_large, ar = (
            mean_of(row[i] for row in rows) for i in range(len(_UNDEFINED))
        )
        by_class = {name: row[0] for name, row in zip(class_names, rows, strict=True)}
        return AveragePrecision(ap, ap50, ap75, ap_small, ap_medium, ap_large, ar, by_class)


def _out_of_range(parts: ImageParts) -> NDArray[np.bool_]:
    """(S, P) bool: whether each whole mask is too small or too large for each size range."""
    areas = np.array([runs_area(runs) for runs in parts.runs], np.int64)
    out: NDArray[np.bool_] = (areas < _FEWEST[:, None]) | (areas > _MOST[:, None])
    return out


def _rles(hw: tuple[int, int], masks: Sequence[Runs]) -> list[dict[str, Any]]:
    """Compress masks as the mask library wants them."""
    if not masks:
        return []
    rles: list[dict[str, Any]] = coco_mask.frPyObjects(
        [{"size": hw, "counts": runs} for runs in masks], *hw
    )
    return rles


def _iou(
    predicted: Sequence[dict[str, Any]],
    true: Sequence[dict[str, Any]],
    crowd: Sequence[dict[str, Any]],
) -> NDArray[np.float64]:
    """(P, T + ignored regions) IoU; with an ignored region, the share of the predicted mask."""
    columns = [*true, *crowd]
    if not predicted or not columns:
        return np.zeros((len(predicted), len(columns)))
    is_crowd = [0] * len(true) + [1] * len(crowd)
    return np.asarray(coco_mask.iou(list(predicted), columns, is_crowd), np.float64)


def _match(
    iou: NDArray[np.float64], true_out: NDArray[np.bool_], predicted_out: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Give each predicted part of one class in one image its verdicts, as COCO does.

    By falling score each takes the true part of the highest IoU among those that are left, at or
    above the threshold; of equal ones the last. Only where there is none, it may take one that is
    ignored: a true part out of the size range, or an ignored region, which many may take. What
    takes an ignored one is ignored itself; so is what takes nothing and is out of the size range.

    Args:
        iou: (P, T + ignored regions), best score first.
        true_out: (S, T), whether a true part is out of each size range.
        predicted_out: (S, P), likewise.

    Returns:
        (P, 2, S, 10) bool by IoU threshold: right, ignored.
    """
    num_true = true_out.shape[1]
    is_ignored = np.ones((len(_FEWEST), 1, iou.shape[1]), np.bool_)
    is_ignored[:, 0, :num_true] = true_out
    is_left = np.ones((len(_FEWEST), len(_THRESHOLDS), iou.shape[1]), np.bool_)
    verdicts = np.zeros((len(iou), 2, *is_left.shape[:2]), np.bool_)
    verdicts[:, 1] = predicted_out.T[:, :, None]
    for row in np.flatnonzero((iou >= _THRESHOLDS[0]).any(axis=1)):
        fits = is_left & (iou[row] >= _THRESHOLDS[:, None])
        regular = fits & ~is_ignored
        is_regular = regular.any(axis=2)
        chosen = np.where(is_regular[:, :, None], regular, fits)
        # argmax names the first of equal values; reversed, the last.
        taken = iou.shape[1] - 1 - np.where(chosen, iou[row], -1)[:, :, ::-1].argmax(axis=2)
        is_matched = fits.any(axis=2)
        verdicts[row, 0] = is_regular
        verdicts[row, 1] = np.where(is_matched, ~is_regular, verdicts[row, 1])
        sizes, thresholds = np.nonzero(is_matched & (taken < num_true))
        is_left[sizes, thresholds, taken[sizes, thresholds]] = False
    return verdicts


class _ClassPredictions:
    """The predicted parts of one class on disk, and how many true parts there are."""

    def __init__(self, rows: ScratchRows, class_index: int) -> None:
        self._true_parts = np.zeros(len(_FEWEST), np.int64)
        self._rows, self._class_index = rows, class_index
        self._pending = bytearray()

    def add(
        self,
        scores: NDArray[np.float64],
        verdicts: NDArray[np.bool_],
        true_out: NDArray[np.bool_],
    ) -> None:
        """Add one image.

        Args:
            scores: (P,).
            verdicts: (P, 2, S, 10), right and ignored.
            true_out: (S, T), whether a true part is out of each size range.
        """
        self._true_parts += (~true_out).sum(axis=1)
        parts = np.empty(len(scores), _PART)
        parts["falling"] = -scores
        bits = verdicts.reshape(len(scores), 2 * _VERDICTS)
        parts["verdicts"] = np.packbits(bits, axis=1, bitorder="little")
        self._pending += parts.tobytes()
        if len(self._pending) >= _PARTS_AT_ONCE * _PART.itemsize:
            self._rows.append(self._class_index, (bytes(self._pending),))
            self._pending.clear()

    def figures(self) -> _Figures:
        """Follow precision and recall along falling scores.

        Returns:
            AP, AP at IoU 0.5 and 0.75, AP of small, medium and large parts, AR.
        """
        if not self._true_parts[_ALL]:
            return _UNDEFINED
        verdicts = self._sorted_verdicts()
        precision, recall = _curves(verdicts, _ALL, int(self._true_parts[_ALL]))
        sizes = (
            float(_curves(verdicts, size, int(self._true_parts[size]))[0].mean())
            if self._true_parts[size]
            else None
            for size in (_SMALL, _MEDIUM, _LARGE)
        )
        return (
            float(precision.mean()),
            float(precision[_IOU_50].mean()),
            float(precision[_IOU_75].mean()),
            *sizes,
            float(recall.mean()),
        )

    def _sorted_verdicts(self) -> NDArray[np.uint8]:
        """(P, bytes) verdicts by falling score, those of equal scores in the order of adding."""
        stored = (content for (content,) in self._rows.rows(self._class_index))
        parts = np.frombuffer(b"".join([*stored, self._pending]), _PART)
        return parts["verdicts"][np.argsort(parts["falling"], kind="stable")]


def _curves(
    verdicts: NDArray[np.uint8], size: int, true_parts: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(10, 101) precision by IoU threshold and recall level, and (10,) recall reached."""
    recall = np.arange(1, true_parts + 1) / true_parts
    needed = np.searchsorted(recall, _RECALL_LEVELS)
    del recall
    precision = np.zeros((len(_THRESHOLDS), len(_RECALL_LEVELS)))
    reached = np.zeros(len(_THRESHOLDS))
    for threshold in range(len(_THRESHOLDS)):
        bit = size * len(_THRESHOLDS) + threshold
        is_right, is_ignored = _bit(verdicts, bit), _bit(verdicts, _VERDICTS + bit)
        # Position of each right prediction among those that count, from 1.
        ranks = np.cumsum(~is_ignored, dtype=np.int32)[is_right]
        precision[threshold] = _precision_at(ranks, needed)
        reached[threshold] = len(ranks) / true_parts
    return precision, reached


def _bit(verdicts: NDArray[np.uint8], bit: int) -> NDArray[np.bool_]:
    """(P,) bool, one bit of each part's verdicts."""
    byte, place = divmod(bit, 8)
    return (verdicts[:, byte] & (1 << place)).astype(np.bool_)


def _precision_at(ranks: NDArray[np.int32], needed: NDArray[np.intp]) -> NDArray[np.float64]:
    """The highest precision at or beyond each recall level; 0 beyond the recall reached.

    Args:
        ranks: (K,) position of each right prediction by falling score, from 1.
        needed: (101,) index of the right prediction with which each level is reached.

    Returns:
        (101,) precision.
    """
    precision = np.zeros(len(needed))
    starts = needed[needed < len(ranks)]
    if len(starts):
        # Precision rises only with a right prediction, so that the others need no look.
        rising = np.arange(1, len(ranks) + 1, dtype=np.float64)
        rising /= ranks
        best = np.maximum.reduceat(rising, starts)
        precision[: len(starts)] = np.maximum.accumulate(best[::-1])[::-1]
    return precision
