"""Class scores and their means from integer pixel counts.

Definitions, for class c with T_c true pixels, P_c predicted pixels and I_c pixels that are both,
each summed over the whole data set at original resolution:

- IoU of a class: I_c / (T_c + P_c - I_c).
- accuracy of a class: I_c / T_c, the share of its true pixels that were found.
- mIoU and mACC: the mean over the classes that have true pixels. A class that is predicted but
  never true has IoU 0; it is named in `classes_only_predicted` and enters only
  `miou_true_or_predicted_classes`.
- pixel accuracy: correct pixels / scored pixels, background included.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wps_sam.evaluation.confusion import Counts

BACKGROUND_NAME = "background"


@dataclass(frozen=True)
class ClassScore:
    """Scores of one class over the data set.

    Attributes:
        name: Class name; `background` for everything that is no part.
        iou: Intersection over union; None where the class is neither true nor predicted.
        accuracy: Share of the true pixels found (recall); None where the class is never true.
        precision: Share of the predicted pixels that are right; None where never predicted.
        true_pixels: T_c.
        predicted_pixels: P_c.
        correct_pixels: I_c.
    """

    name: str
    iou: float | None
    accuracy: float | None
    precision: float | None
    true_pixels: int
    predicted_pixels: int
    correct_pixels: int


@dataclass(frozen=True)
class ClassMeans:
    """Means over classes, in 0..1; None where no class has a true pixel.

    Attributes:
        miou: Mean IoU over the part classes that have true pixels, without background.
        macc: Mean accuracy over the same classes.
        miou_with_background: The same with background as one more class.
        macc_with_background: The same with background as one more class.
        miou_true_or_predicted_classes: Mean IoU over part classes that are true or predicted, so
            that a class invented by the model counts 0.
        pixel_accuracy: Correct pixels / scored pixels, background included.
        classes_in_mean: Number of part classes that have true pixels.
        classes_only_predicted: Names of the part classes predicted but never true (IoU 0).
        classes_absent: Names of the part classes neither true nor predicted.
    """

    miou: float | None
    macc: float | None
    miou_with_background: float | None
    macc_with_background: float | None
    miou_true_or_predicted_classes: float | None
    pixel_accuracy: float | None
    classes_in_mean: int
    classes_only_predicted: tuple[str, ...]
    classes_absent: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def class_scores(counts: Counts, class_names: Sequence[str]) -> tuple[ClassScore, ...]:
    """Score each class, background first.

    Args:
        counts: (C + 1, C + 1) int64, rows truth, columns prediction, 0 background.
        class_names: C names.

    Returns:
        C + 1 scores; index 0 is background.
    """
    correct = np.diagonal(counts)
    true, predicted = counts.sum(axis=1), counts.sum(axis=0)
    union = true + predicted - correct
    rows = zip(
        (BACKGROUND_NAME, *class_names),
        _ratios(correct, union),
        _ratios(correct, true),
        _ratios(correct, predicted),
        true.tolist(),
        predicted.tolist(),
        correct.tolist(),
        strict=True,
    )
    return tuple(ClassScore(*row) for row in rows)


def class_means(scores: Sequence[ClassScore]) -> ClassMeans:
    """Average class scores by the rules at the top of this file.

    Args:
        scores: C + 1 scores, background first, from `class_scores`.

    Returns:
        The means, each under its own name.
    """
    present = [score for score in scores if score.true_pixels]
    parts = [score for score in scores[1:] if score.true_pixels]
    scored_pixels = sum(score.true_pixels for score in scores)
    correct_pixels = sum(score.correct_pixels for score in scores)
    invented = [score for score in scores[1:] if score.predicted_pixels and not score.true_pixels]
    return ClassMeans(
        miou=mean_of([score.iou for score in parts]),
        macc=mean_of([score.accuracy for score in parts]),
        miou_with_background=mean_of([score.iou for score in present]),
        macc_with_background=mean_of([score.accuracy for score in present]),
        miou_true_or_predicted_classes=mean_of([score.iou for score in (*parts, *invented)]),
        pixel_accuracy=correct_pixels / scored_pixels if scored_pixels else None,
        classes_in_mean=len(parts),
        classes_only_predicted=tuple(score.name for score in invented),
        classes_absent=tuple(score.name for score in scores[1:] if score.iou is None),
    )


def mean_of(values: Iterable[float | None]) -> float | None:
    """Mean of the values that are defined; None where there is none."""
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None


def _ratios(part: NDArray[np.int64], whole: NDArray[np.int64]) -> list[float | None]:
    """Element-wise part / whole; None where whole is 0."""
    pairs = zip(part.tolist(), whole.tolist(), strict=True)
    return [above / below if below else None for above, below in pairs]
