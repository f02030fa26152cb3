"""Is one prediction better than another? Paired comparison on the same images.

Images differ much more in difficulty than two models do, so both tests keep each image's two
results together:

- interval: Bayesian bootstrap over images, in which the images' weights are the same for both;
- p-value: permutation test. If the two were equally good, each image's two results could as well be
  swapped. They are, and the difference of the data-set-level mIoU is computed anew. Up to 13 images
  are swapped in all 2^N ways, and p = number of differences at least as large / 2^N, the observed
  one included. More images are swapped at random: p = (1 + number of differences at least as large)
  / (1 + permutations), which is never 0 (Phipson and Smyth, Permutation p-values should never be
  zero, 2010).
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import product, zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from wps_sam.errors import ConfigError, PredictionError
from wps_sam.evaluation.image_scores import ImageScores
from wps_sam.evaluation.intervals import (
    FEWEST_IMAGES,
    Interval,
    check_resampling,
    image_iou_sums,
    image_weights,
    images_with_class,
    mean_over_classes,
    percentile_interval,
    ratios,
    resampled_sums,
    true_class_iou,
)
from wps_sam.evaluation.result import Evaluation

# Equal differences come out of different sums, so they may differ in the last digits.
_TIE = 1e-12
# 2^13 = 8192 swaps cost as much as the random ones do by default.
_MOST_IMAGES_ENUMERATED = 13
_REMEDY = "Evaluate both prediction files against one truth file, with the same split and holdout."


@dataclass(frozen=True)
class ClassDifference:
    """IoU of one class in two predictions, in 0..1.

    Attributes:
        name: Class name.
        first_iou: IoU in the first; None where the class has no true pixels.
        second_iou: IoU in the second; None likewise.
        difference: Second minus first; None likewise.
        interval: Paired bootstrap interval of the difference; None where fewer than two images
            have true pixels of the class.
    """

    name: str
    first_iou: float | None
    second_iou: float | None
    difference: float | None
    interval: Interval | None


@dataclass(frozen=True)
class Comparison:
    """Two predictions of the same images.

    Attributes:
        first_miou: mIoU of the first, in 0..1.
        second_miou: mIoU of the second, in 0..1.
        difference: Second minus first: above 0 where the second is better.
        interval: Paired bootstrap interval of the difference; None where no class has true pixels
            in two images.
        p_value: Of the two-sided paired permutation test.
        confidence: Of the intervals, such as 0.95.
        resamples: Number of resampled data sets behind the intervals.
        permutations: Number of swaps behind the p-value.
        is_exact: Whether these are all the 2^N swaps there are, not a random part of them.
        seed: Of the random numbers.
        classes: C differences, in class order.
        images_better: Images whose own mean IoU is higher in the second. An image without any part,
            true or predicted, has 1 here: nothing was to be found and nothing was invented.
        images_worse: Images where it is lower in the second.
        images_equal: All other images.
    """

    first_miou: float
    second_miou: float
    difference: float
    interval: Interval | None
    p_value: float
    confidence: float
    resamples: int
    permutations: int
    is_exact: bool
    seed: int
    classes: tuple[ClassDifference, ...]
    images_better: int
    images_worse: int
    images_equal: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _Pair:
    """Pixels of N images by class, (N, C) sparse int64 each, of two predictions."""

    true: csr_array
    first_predicted: csr_array
    first_correct: csr_array
    second_predicted: csr_array
    second_correct: csr_array

    @property
    def tables(self) -> list[csr_array]:
        """All five, truth first."""
        return list(vars(self).values())


def compare(
    first: Evaluation,
    second: Evaluation,
    *,
    resamples: int = 1000,
    permutations: int = 10_000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Comparison:
    """Compare two predictions of the same images.

    Args:
        first: Scores of one prediction file.
        second: Scores of another against the same truth.
        resamples: Number of resampled data sets behind the intervals.
        permutations: Number of random swaps behind the p-value, whose smallest value is
            1 / (1 + permutations). Up to 13 images are swapped in all ways instead.
        seed: Same seed, same result.
        confidence: Share of the resampled differences within an interval, between 0 and 1.

    Returns:
        The differences, second minus first.

    Raises:
        PredictionError: The two have different classes, images or true pixels, or no image has a
            true part.
        ConfigError: `resamples` or `permutations` is below 1, or `confidence` not between 0 and 1.
    """
    check_resampling(resamples, confidence)
    if permutations < 1:
        raise ConfigError(f"permutations must be 1 or more, such as 10000; found {permutations}.")
    pair = _paired_tables(first, second)
    observed = _class_iou([table.sum(axis=0) for table in pair.tables])
    count = len(first.images)
    drawn = _class_iou(resampled_sums(pair.tables, resamples, image_weights(count, seed)))
    first_miou, second_miou = (float(mean_over_classes(iou)) for iou in observed)
    drawn_miou = [mean_over_classes(iou) for iou in drawn]
    behind = int(images_with_class(pair.true).max())
    is_exact = count <= _MOST_IMAGES_ENUMERATED
    permutations = 2**count if is_exact else permutations
    draw = _all_swaps(count) if is_exact else _random_swaps(count, seed)
    as_large = _count_as_large(pair, second_miou - first_miou, permutations, draw)
    gains = image_gains(first.images, second.images)
    better, worse = int(np.count_nonzero(gains > 0)), int(np.count_nonzero(gains < 0))
    return Comparison(
        first_miou=first_miou,
        second_miou=second_miou,
        difference=second_miou - first_miou,
        interval=_interval(drawn_miou[1] - drawn_miou[0], behind, confidence),
        # Among all swaps is the observed difference; to random ones it is added.
        p_value=as_large / permutations if is_exact else (1 + as_large) / (1 + permutations),
        confidence=confidence,
        resamples=resamples,
        permutations=permutations,
        is_exact=is_exact,
        seed=seed,
        classes=_class_differences(first.class_names, pair, observed, drawn, confidence),
        images_better=better,
        images_worse=worse,
        images_equal=count - better - worse,
    )


def image_gains(first: ImageScores, second: ImageScores) -> NDArray[np.float64]:
    """Subtract the images' own mean IoU. An image without any part, true or predicted, has 1.

    Args:
        first: Pixel counts of N images.
        second: Other pixel counts of the same images.

    Returns:
        (N,) float64 in -1..1, second minus first; 0 where they differ by rounding alone.
    """
    # Without a part, nothing was to be found and nothing was invented.
    first_miou, second_miou = (
        np.nan_to_num(ratios(*image_iou_sums(images)), nan=1.0) for images in (first, second)
    )
    gains = second_miou - first_miou
    return np.where(np.abs(gains) > _TIE, gains, 0.0)


def _paired_tables(first: Evaluation, second: Evaluation) -> _Pair:
    """Check that two evaluations have one truth and take their pixel counts."""
    _refuse_other_names("classes", first.class_names, second.class_names)
    _refuse_other_names("images", first.images.file_names, second.images.file_names)
    true, other_true = (scores.images.table("true_pixels") for scores in (first, second))
    differing = np.flatnonzero(abs(true - other_true).sum(axis=1))
    if len(differing):
        raise PredictionError(
            f"The two evaluations have different true pixels in {len(differing)} images, such as "
            f"{first.images.file_names[differing[0]]}. {_REMEDY}"
        )
    if not true.sum():
        raise PredictionError(
            f"None of the {len(first.images)} images has a true part, so there is no mIoU to "
            "compare. Give a truth file with masks of parts."
        )
    return _Pair(
        true,
        first.images.table("predicted_pixels"),
        first.images.table("correct_pixels"),
        second.images.table("predicted_pixels"),
        second.images.table("correct_pixels"),
    )


def _refuse_other_names(what: str, first: Sequence[str], second: Sequence[str]) -> None:
    """Raise PredictionError, naming the first difference, unless the names agree in order."""
    for number, (name, other) in enumerate(zip_longest(first, second), start=1):
        if name != other:
            raise PredictionError(
                f"The two evaluations must have the same {what} in the same order; found "
                f"{len(first)} and {len(second)}. Number {number} is {name or 'missing'} in the "
                f"first and {other or 'missing'} in the second. {_REMEDY}"
            )


def _class_iou(sums: Sequence[NDArray[Any]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(..., C) IoU of both predictions from sums of `_Pair.tables`; NaN without true pixels."""
    true, first_predicted, first_correct, second_predicted, second_correct = sums
    return (
        true_class_iou(true, first_predicted, first_correct),
        true_class_iou(true, second_predicted, second_correct),
    )


def _class_differences(
    class_names: Sequence[str],
    pair: _Pair,
    observed: Sequence[NDArray[np.float64]],
    drawn: Sequence[NDArray[np.float64]],
    confidence: float,
) -> tuple[ClassDifference, ...]:
    """Difference of each class, from (C,) observed and (R, C) drawn IoU."""
    behind = images_with_class(pair.true).tolist()
    rows = zip(class_names, *observed, (drawn[1] - drawn[0]).T, behind, strict=True)
    return tuple(
        ClassDifference(
            name,
            _or_none(first_iou),
            _or_none(second_iou),
            _or_none(second_iou - first_iou),
            _interval(differences, images_behind, confidence),
        )
        for name, first_iou, second_iou, differences, images_behind in rows
    )


def _interval(
    differences: NDArray[np.float64], images_behind: int, confidence: float
) -> Interval | None:
    """Interval of (R,) differences; None where too few images bear on them."""
    return percentile_interval(differences, confidence) if images_behind >= FEWEST_IMAGES else None


def _count_as_large(
    pair: _Pair, difference: float, permutations: int, draw: Callable[[], NDArray[np.int64]]
) -> int:
    """Count the swaps, (N,) of 0 and 1 each, whose difference of mIoU is at least as large."""
    # Swapping an image moves its pixels from one sum to the other; the truth stays.
    moves = [
        pair.second_predicted - pair.first_predicted,
        pair.second_correct - pair.first_correct,
    ]
    predicted, correct = resampled_sums(moves, permutations, draw)
    true, *sums = (table.sum(axis=0) for table in pair.tables)
    swapped = _class_iou(
        [true, sums[0] + predicted, sums[1] + correct, sums[2] - predicted, sums[3] - correct]
    )
    differences = mean_over_classes(swapped[1]) - mean_over_classes(swapped[0])
    return int(np.count_nonzero(np.abs(differences) >= abs(difference) - _TIE))


def _all_swaps(count: int) -> Callable[[], NDArray[np.int64]]:
    """Each way to swap images, one after the other: (N,) of 0 and 1, 2^N times."""
    swaps = product((0, 1), repeat=count)
    return lambda: np.array(next(swaps))


def _random_swaps(count: int, seed: int) -> Callable[[], NDArray[np.int64]]:
    """Swap each image or not, by chance: (N,) of 0 and 1, again and again."""
    # Other random numbers than the intervals'.
    rng = np.random.default_rng((seed, 1))
    return lambda: rng.integers(0, 2, count)


def _or_none(score: float) -> float | None:
    """A plain number; None for NaN."""
    return None if np.isnan(score) else float(score)
