"""Is one prediction better than another? Paired comparison on the same images.

Images differ much more in difficulty than two models do, so both tests keep each image's two
results together:

- interval: the spread between images of what each adds to the difference
  (`wps_sam.evaluation.intervals`);
- p-value: permutation test. If the two were equally good, each image's two results could as well be
  swapped. They are, and the difference of the data-set-level mIoU is computed anew. Up to 13 images
  are swapped in all 2^N ways, and p = number of differences at least as large / 2^N, the observed
  one included. More images are swapped at random: p = (1 + number of differences at least as large)
  / (1 + permutations), which is never 0 (Phipson and Smyth, Permutation p-values should never be
  zero, 2010). A thousand swaps are made at a time, one block of images after the other, so that
  memory grows with neither; the random numbers depend on the seed and these fixed sizes alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wps_sam.errors import ConfigError, PredictionError
from wps_sam.evaluation.class_rows import ClassRows
from wps_sam.evaluation.image_scores import ImageScores, image_class_iou
from wps_sam.evaluation.intervals import (
    Interval,
    Spread,
    check_confidence,
    class_iou,
    iou_deviations,
)
from wps_sam.evaluation.result import Evaluation

# Equal differences come out of different sums, so they may differ in the last digits.
_TIE = 1e-12
# 2^13 = 8192 swaps cost as much as the random ones do by default.
_MOST_IMAGES_ENUMERATED = 13
_SWAPS_AT_A_TIME = 1000
# Of a difference of scores.
_BOUNDS = (-1.0, 1.0)
_REMEDY = "Evaluate both prediction files against one truth file, with the same split and holdout."


@dataclass(frozen=True)
class ClassDifference:
    """IoU of one class in two predictions, in 0..1.

    Attributes:
        name: Class name.
        first_iou: IoU in the first; None where the class has no true pixels.
        second_iou: IoU in the second; None likewise.
        difference: Second minus first; None likewise.
        interval: Paired interval of the difference; None where fewer than two images have true
            pixels of the class.
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
        interval: Paired interval of the difference; None where no class has true pixels in two
            images.
        p_value: Of the two-sided paired permutation test.
        confidence: Of the intervals, such as 0.95.
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


def compare(
    first: Evaluation,
    second: Evaluation,
    *,
    permutations: int = 10_000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Comparison:
    """Compare two predictions of the same images.

    Args:
        first: Scores of one prediction file.
        second: Scores of another against the same truth.
        permutations: Number of random swaps behind the p-value, whose smallest value is
            1 / (1 + permutations). Up to 13 images are swapped in all ways instead.
        seed: Same seed, same result.
        confidence: How often an interval should hold the true difference, between 0 and 1.

    Returns:
        The differences, second minus first.

    Raises:
        PredictionError: The two have different classes, images or true pixels, or no image has a
            true part.
        ConfigError: `permutations` is below 1, or `confidence` not between 0 and 1.
    """
    check_confidence(confidence)
    if permutations < 1:
        raise ConfigError(f"permutations must be 1 or more, such as 10000; found {permutations}.")
    _refuse_other_truth(first, second)
    pair = (first.images.rows, second.images.rows)
    first_iou, second_iou = (class_iou(rows.totals) for rows in pair)
    first_miou, second_miou = float(np.nanmean(first_iou)), float(np.nanmean(second_iou))
    gains = second_iou - first_iou
    spread = _difference_spread(*pair)
    count = len(first.images)
    is_exact = count <= _MOST_IMAGES_ENUMERATED
    permutations = 2**count if is_exact else permutations
    as_large = _count_as_large(*pair, second_miou - first_miou, permutations, seed)
    by_image = image_gains(first.images, second.images)
    better, worse = int(np.count_nonzero(by_image > 0)), int(np.count_nonzero(by_image < 0))
    return Comparison(
        first_miou=first_miou,
        second_miou=second_miou,
        difference=second_miou - first_miou,
        interval=spread.mean_interval(gains, confidence, _BOUNDS),
        # Among all swaps is the observed difference; to random ones it is added.
        p_value=as_large / permutations if is_exact else (1 + as_large) / (1 + permutations),
        confidence=confidence,
        permutations=permutations,
        is_exact=is_exact,
        seed=seed,
        classes=_class_differences(
            first.class_names,
            first_iou,
            second_iou,
            spread.class_intervals(gains, confidence, _BOUNDS),
        ),
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
    first_miou, second_miou = (_image_miou(images.rows) for images in (first, second))
    gains = second_miou - first_miou
    return np.where(np.abs(gains) > _TIE, gains, 0.0)


def _image_miou(rows: ClassRows) -> NDArray[np.float64]:
    """(N,) mean IoU of each image."""
    found = [np.zeros(0)]
    for block in rows.blocks():
        iou, occurs = image_class_iou(*block)
        pairs = occurs.sum(axis=1)
        # Without a part, nothing was to be found and nothing was invented.
        found.append(np.where(pairs > 0, iou.sum(axis=1) / np.maximum(pairs, 1), 1.0))
    return np.concatenate(found)


def _refuse_other_truth(first: Evaluation, second: Evaluation) -> None:
    """Raise PredictionError unless two evaluations have one truth, and it has parts."""
    _refuse_other_names("classes", first.class_names, second.class_names)
    _refuse_other_names("images", first.images.file_names, second.images.file_names)
    differing = _other_truth(first.images.rows, second.images.rows)
    if differing:
        raise PredictionError(
            f"The two evaluations have different true pixels in {len(differing)} images, such as "
            f"{first.images.file_names[differing[0]]}. {_REMEDY}"
        )
    if not first.images.rows.totals[0].any():
        raise PredictionError(
            f"None of the {len(first.images)} images has a true part, so there is no mIoU to "
            "compare. Give a truth file with masks of parts."
        )


def _other_truth(first: ClassRows, second: ClassRows) -> list[int]:
    """Numbers of the images whose true pixels differ."""
    differing: list[int] = []
    start = 0
    for (true, *_), (other, *_) in zip(first.blocks(), second.blocks(), strict=True):
        differing += (start + np.flatnonzero((true != other).any(axis=1))).tolist()
        start += len(true)
    return differing


def _refuse_other_names(what: str, first: Sequence[str], second: Sequence[str]) -> None:
    """Raise PredictionError, naming the first difference, unless the names agree in order."""
    for number, (name, other) in enumerate(zip_longest(first, second), start=1):
        if name != other:
            raise PredictionError(
                f"The two evaluations must have the same {what} in the same order; found "
                f"{len(first)} and {len(second)}. Number {number} is {name or 'missing'} in the "
                f"first and {other or 'missing'} in the second. {_REMEDY}"
            )


def _difference_spread(first: ClassRows, second: ClassRows) -> Spread:
    """How far the difference of the IoU, second minus first, scatters from image to image."""
    spread = Spread(first.images_with_class)
    true = np.maximum(first.totals[0], 1)
    for block, other in zip(first.blocks(), second.blocks(), strict=True):
        deviations = iou_deviations(other, second.totals) - iou_deviations(block, first.totals)
        spread.add(deviations, block[0] / true)
    return spread


def _class_differences(
    class_names: Sequence[str],
    first_iou: NDArray[np.float64],
    second_iou: NDArray[np.float64],
    intervals: Sequence[Interval | None],
) -> tuple[ClassDifference, ...]:
    """Difference of each class from (C,) IoU."""
    rows = zip(class_names, first_iou.tolist(), second_iou.tolist(), intervals, strict=True)
    return tuple(
        ClassDifference(name, _or_none(one), _or_none(two), _or_none(two - one), interval)
        for name, one, two, interval in rows
    )


def _count_as_large(
    first: ClassRows, second: ClassRows, difference: float, permutations: int, seed: int
) -> int:
    """Count the swaps whose difference of mIoU is at least as large; all 2^N of few images."""
    as_large = 0
    for start in range(0, permutations, _SWAPS_AT_A_TIME):
        numbers = np.arange(start, min(start + _SWAPS_AT_A_TIME, permutations))
        draw = _swaps(len(first), numbers, seed)
        # Swapping an image moves its pixels from one sum to the other; the truth stays.
        moved = np.zeros((3, len(numbers), first.num_classes))
        for block, other in zip(first.blocks(), second.blocks(), strict=True):
            moved += draw(block.shape[1]) @ (other - block)
        swapped_first = class_iou(first.totals[:, None] + moved)
        swapped_second = class_iou(second.totals[:, None] - moved)
        differences = np.nanmean(swapped_second, axis=1) - np.nanmean(swapped_first, axis=1)
        as_large += int(np.count_nonzero(np.abs(differences) >= abs(difference) - _TIE))
    return as_large


def _swaps(
    count: int, numbers: NDArray[np.int64], seed: int
) -> Callable[[int], NDArray[np.float64]]:
    """The swaps with these R numbers: for the next B images, (R, B) of 0 and 1."""
    if count <= _MOST_IMAGES_ENUMERATED:  # all in one block; bit i of the number swaps image i
        bits = (numbers[:, None] >> np.arange(count)) & 1
        return lambda images: bits[:, :images].astype(np.float64)
    rng = np.random.default_rng((seed, int(numbers[0])))
    return lambda images: rng.integers(0, 2, (len(numbers), images)).astype(np.float64)


def _or_none(score: float) -> float | None:
    """A plain number; None for NaN."""
    return None if np.isnan(score) else float(score)
