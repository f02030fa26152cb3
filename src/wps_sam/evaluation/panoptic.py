"""Panoptic quality of parts: how many were found, and how well those that were found fit.

After Kirillov, He, Girshick, Rother and Dollar, "Panoptic Segmentation", CVPR 2019. A segment is
one painted part (`wps_sam.evaluation.overlap`), so that segments of one side never overlap. Within
one image and class c:

- A true and a predicted segment match if their IoU is above 0.5; a segment can then have no second
  match. TP_c counts matches, FN_c true segments and FP_c predicted segments without one.
- Ignored pixels are in no area and no intersection. An unmatched predicted segment that lies more
  than half in ignored regions is no FP.
- A segment without a visible pixel is not counted at all: a part that smaller ones cover, or that
  an ignored region covers.

Summed over the data set: SQ_c = sum of the matches' IoU / TP_c, RQ_c = TP_c / (TP_c + FP_c / 2 +
FN_c / 2), PQ_c = SQ_c * RQ_c. SQ_c is 0 where nothing matched.

The means run over the classes with TP_c + FP_c + FN_c > 0, as in the published code (panopticapi).
That is not the set of classes behind mIoU, those with true pixels: a class that is predicted but
never true counts here, with 0.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wps_sam.evaluation.class_rows import ClassRows
from wps_sam.evaluation.metrics import mean_of
from wps_sam.evaluation.overlap import ImageOverlap


@dataclass(frozen=True)
class ClassPanoptic:
    """Panoptic quality of one class over the data set.

    Attributes:
        name: Class name.
        pq: Panoptic quality in 0..1; None where the class has no segment, true or predicted.
        sq: Segmentation quality: mean IoU of the matches, 0 without any; None likewise.
        rq: Recognition quality: the F1 score of finding segments; None likewise.
        tp: Number of matches.
        fp: Number of predicted segments without a match.
        fn: Number of true segments without a match.
    """

    name: str
    pq: float | None
    sq: float | None
    rq: float | None
    tp: int
    fp: int
    fn: int


@dataclass(frozen=True)
class PanopticScores:
    """Panoptic quality over the data set, in 0..1.

    Attributes:
        pq: Mean over the classes that have a segment, true or predicted; None where none has.
        sq: The same mean of segmentation quality.
        rq: The same mean of recognition quality.
        classes: C class scores, in the truth's order.
    """

    pq: float | None
    sq: float | None
    rq: float | None
    classes: tuple[ClassPanoptic, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


class PanopticCounts:
    """Matches and misses of a data set, added image by image.

    Attributes:
        rows: (3, C) true segments, sum of the matches' IoU, and TP + FP / 2 + FN / 2 of each image.
    """

    def __init__(self, num_classes: int) -> None:
        """Start with no image.

        Args:
            num_classes: C, without background.
        """
        self._tp, self._fp, self._fn = np.zeros((3, num_classes), np.int64)
        self.rows = ClassRows(3, num_classes)

    def add(self, overlap: ImageOverlap) -> None:
        """Add one image.

        Args:
            overlap: Pixels by (true part, predicted part), both in the truth's classes.
        """
        true_area = overlap.pixels.sum(axis=1)[1:]
        predicted_area = overlap.pixels.sum(axis=0)[1:]
        iou = _pair_iou(overlap, true_area, predicted_area)
        # Above one half, a row or column holds at most one match.
        rows, columns = np.nonzero(iou > 0.5)
        missed, invented = true_area > 0, predicted_area > 0
        # More ignored than visible pixels: whether it is right is not known.
        invented &= overlap.ignored[1:] <= predicted_area
        missed[rows] = False
        invented[columns] = False
        matched_class = overlap.true_class[rows]
        classes = len(self._tp)
        tp, fn, fp = (
            np.bincount(parts, minlength=classes)
            for parts in (
                matched_class,
                overlap.true_class[missed],
                overlap.predicted_class[invented],
            )
        )
        self._tp += tp
        self._fn += fn
        self._fp += fp
        iou_sum = np.bincount(matched_class, iou[rows, columns], minlength=classes)
        self.rows.add(np.stack([tp + fn, iou_sum, tp + fp / 2 + fn / 2]))

    def scores(self, class_names: Sequence[str]) -> PanopticScores:
        """Derive the scores of the images added so far.

        Args:
            class_names: C names.

        Returns:
            The scores.
        """
        columns = (self.rows.totals[1], self._tp, self._fp, self._fn)
        rows = zip(class_names, *(column.tolist() for column in columns), strict=True)
        classes = tuple(_class_panoptic(*row) for row in rows)
        return PanopticScores(
            pq=mean_of([score.pq for score in classes]),
            sq=mean_of([score.sq for score in classes]),
            rq=mean_of([score.rq for score in classes]),
            classes=classes,
        )


def _pair_iou(
    overlap: ImageOverlap, true_area: NDArray[np.int64], predicted_area: NDArray[np.int64]
) -> NDArray[np.float64]:
    """(T, P) IoU of true and predicted parts, ignored pixels left out; 0 for different classes."""
    both = overlap.pixels[1:, 1:]
    union = true_area[:, None] + predicted_area[None, :] - both
    same_class = overlap.true_class[:, None] == overlap.predicted_class[None, :]
    iou = np.zeros(both.shape, np.float64)
    np.divide(both, union, out=iou, where=same_class & (union > 0))
    return iou


def _class_panoptic(name: str, iou_sum: float, tp: int, fp: int, fn: int) -> ClassPanoptic:
    """Apply the formulas at the top of this file to one class."""
    segments = tp + fp / 2 + fn / 2
    if not segments:
        return ClassPanoptic(name, None, None, None, tp, fp, fn)
    sq = iou_sum / tp if tp else 0.0
    return ClassPanoptic(name, iou_sum / segments, sq, tp / segments, tp, fp, fn)
