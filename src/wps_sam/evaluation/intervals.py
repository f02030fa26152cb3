"""How far scores would move with other images: Bayesian bootstrap intervals over images.

The N images get random weights, Dirichlet(1, ..., 1) times N, their weighted pixel counts are
summed and scored, and this is repeated; an interval runs between two percentiles of the scores
(Rubin, The Bayesian Bootstrap, Annals of Statistics 9, 1981). The images are taken as independent:
frames of one video are not, and their intervals are too narrow.

No weight is 0, so every class that has true pixels is in every mean. Drawing images with
replacement would now and then draw none with a rare class, and the mean over the remaining classes,
often the easier ones, would shift upward.

Few images tell little about their own spread, however they are weighted. The weighted mean of n
values has the variance s^2 (n - 1) / (n (n + 1)), so a 95 % interval of a class in n images holds
the true score with the chance P(|t| < 1.96 sqrt((n - 1) / (n + 1))), t being Student's with n - 1
degrees of freedom and the values normal: 70 % for 3 images, 89 % for 10 and 94 % for 50. The
classes in fewer than 10 images are named with the intervals; those of their IoU, and of means in
which such classes weigh much, are too narrow.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from wps_sam.errors import ConfigError, PredictionError
from wps_sam.evaluation.image_scores import Column, ImageScores

# Weights held at a time (16 MiB), so that memory does not grow with images x resamples.
_WEIGHTS_PER_BLOCK = 1 << 21
# With a single image every resample is the same, and the interval would claim certainty.
FEWEST_IMAGES = 2
# Below, a 95 % interval holds the true score in less than 89 % of cases (see the module).
_RARE_BELOW = 10


@dataclass(frozen=True)
class Interval:
    """A range of scores.

    Attributes:
        low: Lower end, in the unit of the score.
        high: Upper end.
    """

    low: float
    high: float


@dataclass(frozen=True)
class Intervals:
    """Bayesian bootstrap intervals; None where fewer than two images bear on a score.

    Attributes:
        confidence: Share of the resampled scores within an interval, such as 0.95.
        resamples: Number of resampled data sets.
        seed: Of the random numbers.
        miou: Of the mean IoU over classes, in 0..1; None where no class has true pixels in two
            images.
        macc: Of the mean accuracy over classes, in 0..1; None likewise.
        miou_image_class_pairs: Of the mean IoU over (image, class) pairs, in 0..1.
        class_iou: Class name -> interval of its IoU, in 0..1; None where fewer than two images
            have true pixels of the class.
        rare_classes: Names of the classes that have true pixels in 1 to 9 images: their intervals,
            and those of means in which they weigh much, are too narrow.
    """

    confidence: float
    resamples: int
    seed: int
    miou: Interval | None
    macc: Interval | None
    miou_image_class_pairs: Interval | None
    class_iou: Mapping[str, Interval | None]
    rare_classes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def bootstrap_intervals(
    images: ImageScores,
    class_names: Sequence[str],
    *,
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Intervals:
    """Estimate how the scores would vary with other images of the same kind.

    Args:
        images: Pixel counts of N images.
        class_names: C names.
        resamples: Number of resampled data sets.
        seed: Same seed, same intervals.
        confidence: Share of the resampled scores within an interval, between 0 and 1.

    Returns:
        The intervals.

    Raises:
        ConfigError: `resamples` is below 1 or `confidence` not between 0 and 1.
    """
    check_resampling(resamples, confidence)
    true, *others = (
        images.table(name) for name in ("true_pixels", "predicted_pixels", "correct_pixels")
    )
    iou_sums, pairs = image_iou_sums(images)
    tables = [true, *others, csr_array(np.stack([iou_sums, pairs], axis=1))]
    *pixels, pair_sums = resampled_sums(tables, resamples, image_weights(len(images), seed))
    iou, accuracy = true_class_iou(*pixels), ratios(pixels[2], pixels[0])
    with_class = images_with_class(true)
    behind_means = int(with_class.max(initial=0))

    def interval(scores: NDArray[np.float64], images_behind: int) -> Interval | None:
        enough = images_behind >= FEWEST_IMAGES
        return percentile_interval(scores, confidence) if enough else None

    return Intervals(
        confidence=confidence,
        resamples=resamples,
        seed=seed,
        miou=interval(mean_over_classes(iou), behind_means),
        macc=interval(mean_over_classes(accuracy), behind_means),
        miou_image_class_pairs=interval(
            ratios(pair_sums[:, 0], pair_sums[:, 1]), int(np.count_nonzero(pairs))
        ),
        class_iou={
            name: interval(scores, behind)
            for name, scores, behind in zip(class_names, iou.T, with_class.tolist(), strict=True)
        },
        rare_classes=tuple(
            name
            for name, images_behind in zip(class_names, with_class.tolist(), strict=True)
            if 0 < images_behind < _RARE_BELOW
        ),
    )


def share_interval(
    images: ImageScores,
    oracle: ImageScores,
    *,
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Interval | None:
    """Estimate how the share of the oracle's mIoU would vary with other images.

    Both mIoU are taken under the same weights, so that images that are hard for both count once.

    Args:
        images: Pixel counts of N images.
        oracle: The oracle's pixel counts of the same images.
        resamples: Number of resampled data sets.
        seed: Same seed, same interval.
        confidence: Share of the resampled shares within the interval, between 0 and 1.

    Returns:
        Interval of mIoU / oracle mIoU, which may exceed 1; None where no class has true pixels in
        two images or the oracle's mIoU is 0.

    Raises:
        PredictionError: The two cover different images.
        ConfigError: `resamples` is below 1 or `confidence` not between 0 and 1.
    """
    check_resampling(resamples, confidence)
    if images.file_names != oracle.file_names:
        raise PredictionError(
            "The share of the oracle needs the same images in the same order; found "
            f"{len(images)} images and {len(oracle)} of the oracle with other names. Score both "
            "against one truth file, with the same split and holdout."
        )
    columns: tuple[Column, ...] = ("true_pixels", "predicted_pixels", "correct_pixels")
    tables = [scores.table(name) for scores in (images, oracle) for name in columns]
    if images_with_class(tables[0]).max(initial=0) < FEWEST_IMAGES:
        return None
    sums = resampled_sums(tables, resamples, image_weights(len(images), seed))
    miou, oracle_miou = (mean_over_classes(true_class_iou(*part)) for part in (sums[:3], sums[3:]))
    return percentile_interval(ratios(miou, oracle_miou), confidence)


def resampled_sums(
    tables: Sequence[csr_array], resamples: int, draw: Callable[[], NDArray[Any]]
) -> list[NDArray[np.float64]]:
    """Sum the rows of tables under random weights, block by block.

    Args:
        tables: (N, K) sparse each; one row per image.
        resamples: R.
        draw: Returns the next (N,) weights.

    Returns:
        For each table (R, K) float64: row r is the sum of the images' rows, weighted by the r-th
        draw, which is the same for all tables. With whole weights, sums are exact below 2^53.
    """
    count = tables[0].shape[0]
    sums = [np.empty((resamples, table.shape[1])) for table in tables]
    per_block = max(1, _WEIGHTS_PER_BLOCK // max(1, count))
    for start in range(0, resamples, per_block):
        weights = np.empty((count, min(per_block, resamples - start)))
        for index in range(weights.shape[1]):
            weights[:, index] = draw()
        for table, table_sums in zip(tables, sums, strict=True):
            table_sums[start : start + per_block] = (table.T @ weights).T
    return sums


def image_weights(count: int, seed: int) -> Callable[[], NDArray[np.float64]]:
    """Weigh images at random, again and again.

    Args:
        count: N.
        seed: Of the random numbers.

    Returns:
        A function that returns (N,) float64: N times a draw from Dirichlet(1, ..., 1), above 0.
    """
    rng = np.random.default_rng(seed)

    def draw() -> NDArray[np.float64]:
        # Exponentials divided by their sum are Dirichlet(1, ..., 1).
        weights = rng.standard_exponential(count)
        weights /= weights.sum()
        weights *= count
        return weights

    return draw


def true_class_iou(
    true: NDArray[np.float64], predicted: NDArray[np.float64], correct: NDArray[np.float64]
) -> NDArray[np.float64]:
    """IoU of the classes that count in the mean.

    Args:
        true: (..., C) true pixels.
        predicted: (..., C) predicted pixels.
        correct: (..., C) pixels that are both.

    Returns:
        (..., C) float64 in 0..1; NaN for a class without true pixels.
    """
    return np.where(true > 0, ratios(correct, true + predicted - correct), np.nan)


def mean_over_classes(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over the last axis of the scores that are defined.

    Args:
        scores: (..., C) float64, NaN where undefined.

    Returns:
        (...) float64; NaN where no score is defined.
    """
    defined = ~np.isnan(scores)
    return ratios(np.where(defined, scores, 0.0).sum(axis=-1), defined.sum(axis=-1))


def image_iou_sums(images: ImageScores) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Sum the class IoU within each image.

    Args:
        images: Pixel counts of N images.

    Returns:
        (N,) float64 sum over the classes true or predicted in the image, and (N,) int64 their
        number.
    """
    true, predicted, correct = (
        images.table(name) for name in ("true_pixels", "predicted_pixels", "correct_pixels")
    )
    pairs = np.diff(true.indptr)
    iou = correct.data / (true.data + predicted.data - correct.data)
    image_index = np.repeat(np.arange(len(images)), pairs)
    sums = np.bincount(image_index, weights=iou, minlength=len(images))
    return sums.astype(np.float64, copy=False), pairs


def images_with_class(true: csr_array) -> NDArray[np.int64]:
    """Count the images in which each class is true.

    Args:
        true: (N, C) true pixels.

    Returns:
        (C,) int64.
    """
    return np.bincount(true.indices[true.data > 0], minlength=true.shape[1])


def percentile_interval(scores: NDArray[np.float64], confidence: float) -> Interval | None:
    """Cut equal shares off both ends of resampled scores.

    Args:
        scores: (R,) float64, NaN where undefined.
        confidence: Share to keep, between 0 and 1.

    Returns:
        The interval of the defined scores; None where there is none.
    """
    defined = scores[~np.isnan(scores)]
    if not len(defined):
        return None
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(low), float(high))


def check_resampling(resamples: int, confidence: float) -> None:
    """Refuse settings that give no interval.

    Args:
        resamples: Number of resampled data sets.
        confidence: Share of the resampled scores within an interval.

    Raises:
        ConfigError: `resamples` is below 1 or `confidence` not between 0 and 1.
    """
    if resamples < 1:
        raise ConfigError(f"resamples must be 1 or more, such as 1000; found {resamples}.")
    if not 0 < confidence < 1:
        raise ConfigError(
            f"confidence must be between 0 and 1, such as 0.95 for 95 %; found {confidence}."
        )


def ratios(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """Element-wise part / whole; NaN where whole is 0.

    Args:
        part: Any shape.
        whole: The same shape, 0 or more.

    Returns:
        float64 of that shape.
    """
    result = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=result, where=np.asarray(whole) > 0)
    return result
