"""How far scores would move with other images: intervals from the spread between images.

The N images are taken as independent draws: frames of one video are not, and their intervals are
too narrow. A class score is a ratio of sums over images, such as IoU = I / U. To first order image
i moves it by the deviation (I_i - IoU U_i) / U, so the score varies as the sum of these does
(linearisation, also called delta method). Two things make this hold for classes in few images:

- An image with the share h of the class's true pixels pulls the score towards itself, and its own
  deviation comes out too small. It is divided by sqrt(1 - h), which for n like images is the
  n / (n - 1) of every textbook variance (HC2 of MacKinnon and White, Journal of Econometrics 29,
  1985).
- A variance from few images is itself uncertain. Student's t takes the place of 1.96, with the
  degrees of freedom by Satterthwaite's rule from the shares h: n - 1 for one class in n like
  images, those of Welch's test for classes in images of their own.

For a mean over classes the deviations of an image are averaged over its classes first, so that an
image that is hard for all of them counts as such. A class that is true in one image alone says
nothing about how it varies: it has no interval, and in a mean it is taken to vary as the other
classes do on average. No interval of a mean is wider than the mean of its classes' intervals, 0 to
1 standing for a class without one.

What has not happened in the images is not in the intervals. Where one part in a hundred is missed
and none of a class's twenty images misses it, the interval of this class is too narrow; with no
spread at all, as in a class that is found nowhere, it has no width. How often intervals hold the
true score is measured in `benchmarks/interval_coverage.json`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from wps_sam.errors import ConfigError, PredictionError
from wps_sam.evaluation.class_rows import ClassRows
from wps_sam.evaluation.image_scores import ImageScores, image_class_iou

# With a single image there is no spread, and the interval would claim certainty.
FEWEST_IMAGES = 2


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
    """Intervals of the scores; None where fewer than two images bear on a score.

    Attributes:
        confidence: How often such an interval should hold the true score, such as 0.95.
        miou: Of the mean IoU over classes, in 0..1; None where no class has true pixels in two
            images.
        macc: Of the mean accuracy over classes, in 0..1; None likewise.
        miou_image_class_pairs: Of the mean IoU over (image, class) pairs, in 0..1.
        class_iou: Class name -> interval of its IoU, in 0..1; None where fewer than two images
            have true pixels of the class.
        rare_classes: Names of the classes that have true pixels in a single image. They have no
            interval, and those of the means rest on the other classes.
        boundary_miou: Of the mean boundary IoU, in 0..1; None where it was not computed.
        pq: Of the mean panoptic quality, in 0..1; None likewise.
    """

    confidence: float
    miou: Interval | None
    macc: Interval | None
    miou_image_class_pairs: Interval | None
    class_iou: Mapping[str, Interval | None]
    rare_classes: tuple[str, ...]
    boundary_miou: Interval | None = None
    pq: Interval | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


class Spread:
    """How far class scores, and their mean, scatter from image to image; added block by block."""

    def __init__(self, images_with_class: NDArray[np.int64]) -> None:
        """Start with no image.

        Args:
            images_with_class: (C,) int64, images in which each class is true; a class of none is in
                no mean.
        """
        self._in_mean = images_with_class > 0
        self._is_known = images_with_class >= FEWEST_IMAGES
        # In the module's notation, with e the deviations and h the shares of one image, the sums
        # over images of e e' / (1 - h), of h^2 and of h^2 (h^2 / (1 - h))'.
        classes = len(images_with_class)
        self._covariance = np.zeros((classes, classes))
        self._squares = np.zeros(classes)
        self._fourth_powers = np.zeros((classes, classes))

    def add(self, deviations: NDArray[np.float64], shares: NDArray[np.float64]) -> None:
        """Add B images.

        Args:
            deviations: (B, C) float64, by how much each image moves the score of each class.
            shares: (B, C) float64 in 0..1, its part of what is true of the class.
        """
        deviations, shares = deviations * self._is_known, shares * self._is_known
        scaled = deviations / np.sqrt(1 - shares)
        self._covariance += scaled.T @ scaled
        self._squares += (shares**2).sum(axis=0)
        self._fourth_powers += (shares**2).T @ (shares**2 / (1 - shares))

    def class_intervals(
        self, scores: NDArray[np.float64], confidence: float, bounds: tuple[float, float] = (0, 1)
    ) -> list[Interval | None]:
        """Intervals of class scores.

        Args:
            scores: (C,) float64.
            confidence: How often they should hold the true score, between 0 and 1.
            bounds: Least and largest score there can be.

        Returns:
            C intervals; None for a class that is true in fewer than two images.
        """
        errors = np.sqrt(np.diagonal(self._covariance))
        freedom = ratios(self._squares**2, np.diagonal(self._fourth_powers))
        columns = (column.tolist() for column in (scores, errors, freedom, self._is_known))
        return [
            _t_interval(score, error, degrees, confidence, bounds) if is_known else None
            for score, error, degrees, is_known in zip(*columns, strict=True)
        ]

    def mean_interval(
        self, scores: NDArray[np.float64], confidence: float, bounds: tuple[float, float] = (0, 1)
    ) -> Interval | None:
        """Interval of the mean score of the classes that are true in any image.

        Args:
            scores: (C,) float64.
            confidence: How often it should hold the true mean, between 0 and 1.
            bounds: Least and largest score there can be.

        Returns:
            The interval; None where no class is true in two images.
        """
        if not self._is_known.any():
            return None
        variances = np.diagonal(self._covariance)
        # A class in a single image has the share 1 there, so its variance is the usual one itself.
        usual = variances.sum() / self._squares.sum()
        variance = self._covariance.sum() + usual * (self._in_mean & ~self._is_known).sum()
        weights = np.nan_to_num(ratios(variances, self._squares))
        spread = weights @ self._fourth_powers @ weights
        freedom = float(variances.sum() ** 2 / spread) if spread > 0 else 1.0
        error = float(np.sqrt(variance)) / int(self._in_mean.sum())
        mean = float(scores[self._in_mean].mean())
        interval = _t_interval(mean, error, freedom, confidence, bounds)
        classes = self.class_intervals(scores, confidence, bounds)
        widest = [
            one or Interval(*bounds)
            for one, used in zip(classes, self._in_mean, strict=True)
            if used
        ]
        return Interval(
            max(interval.low, float(np.mean([one.low for one in widest]))),
            min(interval.high, float(np.mean([one.high for one in widest]))),
        )


def score_intervals(
    rows: ClassRows, class_names: Sequence[str], *, confidence: float = 0.95
) -> Intervals:
    """Estimate how the scores would vary with other images of the same kind.

    Args:
        rows: True, predicted and correct pixels of N images, (3, C) each.
        class_names: C names.
        confidence: How often an interval should hold the true score, between 0 and 1.

    Returns:
        The intervals.

    Raises:
        ConfigError: `confidence` is not between 0 and 1.
    """
    check_confidence(confidence)
    true, _, correct = rows.totals
    iou, accuracy = class_iou(rows.totals), ratios(correct, true)
    of_iou, of_accuracy = Spread(rows.images_with_class), Spread(rows.images_with_class)
    for block in rows.blocks():
        shares = block[0] / np.maximum(true, 1)
        of_iou.add(iou_deviations(block, rows.totals), shares)
        of_accuracy.add(_deviations(block[2], block[0], correct, true), shares)
    with_class = rows.images_with_class.tolist()
    return Intervals(
        confidence=confidence,
        miou=of_iou.mean_interval(iou, confidence),
        macc=of_accuracy.mean_interval(accuracy, confidence),
        miou_image_class_pairs=_pairs_interval(rows, confidence),
        class_iou=dict(zip(class_names, of_iou.class_intervals(iou, confidence), strict=True)),
        rare_classes=tuple(
            name for name, count in zip(class_names, with_class, strict=True) if count == 1
        ),
    )


def mean_iou_interval(rows: ClassRows, *, confidence: float = 0.95) -> Interval | None:
    """Interval of a mean IoU over the classes that are true in any image.

    Args:
        rows: True, predicted and correct pixels of N images, such as those of their bands.
        confidence: How often the interval should hold the true score, between 0 and 1.

    Returns:
        The interval; None where no class is true in two images.
    """
    spread = Spread(rows.images_with_class)
    for block in rows.blocks():
        shares = block[0] / np.maximum(rows.totals[0], 1)
        spread.add(iou_deviations(block, rows.totals), shares)
    return spread.mean_interval(class_iou(rows.totals), confidence)


def pq_interval(rows: ClassRows, *, confidence: float = 0.95) -> Interval | None:
    """Interval of the mean panoptic quality over the classes with a segment, true or predicted.

    Args:
        rows: True segments, sum of the matches' IoU, and TP + FP / 2 + FN / 2 of N images.
        confidence: How often the interval should hold the true score, between 0 and 1.

    Returns:
        The interval; None where no class is true in two images.
    """
    true, iou_sum, segments = rows.totals
    spread = Spread(rows.images_with_class)
    for block in rows.blocks():
        shares = block[0] / np.maximum(true, 1)
        spread.add(_deviations(block[1], block[2], iou_sum, segments), shares)
    interval = spread.mean_interval(ratios(iou_sum, segments), confidence)
    if interval is None:
        return None
    # A class that is predicted but never true has PQ 0, in whatever images it is predicted.
    part = np.count_nonzero(true) / np.count_nonzero(segments)
    return Interval(interval.low * part, interval.high * part)


def share_interval(
    images: ImageScores, oracle: ImageScores, *, confidence: float = 0.95
) -> Interval | None:
    """Estimate how the share of the oracle's mIoU would vary with other images.

    An image moves the share m / o by (deviation of m - share x deviation of o) / o, so that images
    that are hard for both count once.

    Args:
        images: Pixel counts of N images.
        oracle: The oracle's pixel counts of the same images.
        confidence: How often the interval should hold the true share, between 0 and 1.

    Returns:
        Interval of mIoU / oracle mIoU, which may exceed 1; None where no class has true pixels in
        two images or the oracle's mIoU is 0.

    Raises:
        PredictionError: The two cover different images.
        ConfigError: `confidence` is not between 0 and 1.
    """
    check_confidence(confidence)
    if images.file_names != oracle.file_names:
        raise PredictionError(
            "The share of the oracle needs the same images in the same order; found "
            f"{len(images)} images and {len(oracle)} of the oracle with other names. Score both "
            "against one truth file, with the same split and holdout."
        )
    totals, oracle_totals = images.rows.totals, oracle.rows.totals
    miou, oracle_miou = (
        mean_of_defined(class_iou(totals)),
        mean_of_defined(class_iou(oracle_totals)),
    )
    if not oracle_miou > 0:
        return None
    share = miou / oracle_miou
    spread = Spread(images.rows.images_with_class)
    for block, other in zip(images.rows.blocks(), oracle.rows.blocks(), strict=True):
        deviations = iou_deviations(block, totals) - share * iou_deviations(other, oracle_totals)
        spread.add(deviations / oracle_miou, block[0] / np.maximum(totals[0], 1))
    shares = np.full(totals.shape[1], share)
    return spread.mean_interval(shares, confidence, (0, np.inf))


def class_iou(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """IoU of the classes that count in the mean.

    Args:
        pixels: (3, ..., C) true, predicted and correct pixels.

    Returns:
        (..., C) float64 in 0..1; NaN for a class without true pixels.
    """
    true, predicted, correct = pixels
    return np.where(true > 0, ratios(correct, true + predicted - correct), np.nan)


def iou_deviations(block: NDArray[np.float64], totals: NDArray[np.float64]) -> NDArray[np.float64]:
    """By how much each image moves the IoU of each class, to first order.

    Args:
        block: (3, B, C) true, predicted and correct pixels of B images.
        totals: (3, C) the same of all images.

    Returns:
        (B, C) float64; over all images each class adds up to 0.
    """
    true, predicted, correct = block
    union, all_union = true + predicted - correct, totals[0] + totals[1] - totals[2]
    return _deviations(correct, union, totals[2], all_union)


def mean_of_defined(scores: NDArray[np.float64]) -> float:
    """Mean of (C,) scores, NaN left out; NaN where none is defined."""
    defined = scores[~np.isnan(scores)]
    return float(defined.mean()) if len(defined) else np.nan


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


def check_confidence(confidence: float) -> None:
    """Refuse a confidence that gives no interval.

    Args:
        confidence: How often an interval should hold the true score.

    Raises:
        ConfigError: It is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ConfigError(
            f"confidence must be between 0 and 1, such as 0.95 for 95 %; found {confidence}."
        )


def _pairs_interval(rows: ClassRows, confidence: float) -> Interval | None:
    """Interval of the mean IoU over pairs: a ratio of sums, like the IoU of a single class."""
    sums, images = np.zeros((2, 1)), np.zeros(1, np.int64)
    for block in rows.blocks():
        pairs = _image_pairs(block)
        sums += pairs.sum(axis=1)
        images += np.count_nonzero(pairs[1])
    spread = Spread(images)
    for block in rows.blocks():
        iou, count = _image_pairs(block)
        spread.add(_deviations(iou, count, *sums), count / np.maximum(sums[1], 1))
    return spread.mean_interval(ratios(*sums), confidence)


def _image_pairs(block: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, B, 1) sum of the IoU of the classes in each image, and their number."""
    iou, is_pair = image_class_iou(*block)
    return np.stack([iou.sum(axis=1), is_pair.sum(axis=1)])[:, :, None]


def _deviations(
    part: NDArray[np.float64],
    whole: NDArray[np.float64],
    all_part: NDArray[np.float64],
    all_whole: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(B, C) deviations of the ratio of sums: (part - ratio x whole) / all_whole; 0 without any."""
    all_whole = np.where(all_whole > 0, all_whole, 1)
    return (part - all_part / all_whole * whole) / all_whole


def _t_interval(
    score: float, error: float, freedom: float, confidence: float, bounds: tuple[float, float]
) -> Interval:
    """Score and standard error to an interval within bounds; at least 1 degree of freedom."""
    reach = error * float(stdtrit(max(freedom, 1.0), (1 + confidence) / 2))
    return Interval(max(score - reach, bounds[0]), min(score + reach, bounds[1]))
