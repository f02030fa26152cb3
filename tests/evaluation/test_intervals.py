"""Intervals: by hand, against scipy, and whether they hold the true score."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from wps_sam.errors import ConfigError, PredictionError
from wps_sam.evaluation.class_rows import ClassRows
from wps_sam.evaluation.image_scores import ImageScores
from wps_sam.evaluation.intervals import (
    Interval,
    Intervals,
    mean_iou_interval,
    pq_interval,
    score_intervals,
    share_interval,
)

NAMES = ("wheel", "door")
Pixels = Mapping[int, tuple[int, int, int]]


def scores_of(images: Sequence[Pixels], classes: int = 2) -> ImageScores:
    """Images from class index -> (true, predicted, correct) pixels."""
    result = ImageScores(classes)
    for number, pixels in enumerate(images):
        counts = np.zeros((classes + 1, classes + 1), np.int64)
        for index, (true, predicted, correct) in pixels.items():
            counts[index + 1, index + 1] = correct
            counts[index + 1, 0] = true - correct
            counts[0, index + 1] = predicted - correct
        result.add(f"{number}.jpg", counts)
    return result


def is_close(interval: Interval | None, low: float, high: float) -> bool:
    assert interval is not None
    return [interval.low, interval.high] == pytest.approx([low, high], abs=1e-12)


def intervals_of(images: ImageScores, confidence: float = 0.95) -> Intervals:
    return score_intervals(images.rows, NAMES, confidence=confidence)


def shares_found(shares: NDArray[np.float64], index: int = 0) -> list[Pixels]:
    """Images of 1,000,000 true pixels, of which a share is found and nothing else predicted."""
    found = np.round(1_000_000 * shares).astype(int).tolist()
    return [{index: (1_000_000, correct, correct)} for correct in found]


# In images with equally many true pixels and nothing wrongly predicted, the IoU is the plain mean
# of the shares found, and its interval is Student's.
@given(st.integers(0, 10_000), st.integers(2, 30), st.floats(0.05, 0.98))
def test_like_images_give_students_interval(seed: int, count: int, confidence: float) -> None:
    shares = np.random.default_rng(seed).uniform(0.4, 0.6, count).round(6)
    low, high = stats.t.interval(confidence, count - 1, shares.mean(), stats.sem(shares))
    result = intervals_of(scores_of(shares_found(shares)), confidence)
    for interval in (
        result.class_iou["wheel"],
        result.miou,
        result.macc,
        result.miou_image_class_pairs,
    ):
        assert is_close(interval, max(low, 0), min(high, 1))


# Two classes in images of their own: (a + b) / 2 is half the difference of a and -b, whose interval
# is that of Welch's test.
@given(st.integers(0, 10_000), st.integers(2, 12), st.integers(8, 40))
def test_classes_in_other_images_give_welchs_interval(seed: int, few: int, many: int) -> None:
    rng = np.random.default_rng(seed)
    wheel = rng.uniform(0.49, 0.51, few).round(6)
    door = rng.uniform(0.3, 0.7, many).round(6)
    welch = stats.ttest_ind(wheel, -door, equal_var=False).confidence_interval(0.95)
    images = scores_of([*shares_found(wheel), *shares_found(door, 1)])
    assert is_close(intervals_of(images).miou, welch.low / 2, welch.high / 2)


def test_uneven_images_give_the_hc2_error_of_a_regression() -> None:
    # The IoU is the slope of correct over true pixels in a regression through the origin with
    # weights 1 / true, and MacKinnon and White's HC2 gives the slope's standard error.
    rng = np.random.default_rng(0)
    true = rng.integers(100, 1000, 12)
    correct = (true * rng.uniform(0.4, 0.6, 12)).astype(int)
    rows = zip(true.tolist(), correct.tolist(), strict=True)
    images = scores_of([{0: (t, c, c)} for t, c in rows])
    x, y = np.sqrt(true)[:, None], correct / np.sqrt(true)
    inverse = np.linalg.inv(x.T @ x)
    hat = x @ inverse @ x.T
    residuals = y - hat @ y
    leverage = np.diagonal(hat)
    meat = x.T @ np.diag(residuals**2 / (1 - leverage)) @ x
    error = np.sqrt(inverse @ meat @ inverse).item()
    freedom = (leverage**2).sum() ** 2 / (leverage**4 / (1 - leverage)).sum()
    assert 5 < freedom < 11
    reach = stats.t(freedom).ppf(0.975) * error
    slope = correct.sum() / true.sum()
    assert is_close(intervals_of(images).class_iou["wheel"], slope - reach, slope + reach)


def test_two_images_by_hand() -> None:
    # Pixels 10/10 and 5/35: IoU 15/45 = 1/3, deviations +-(10 - 10/3)/45 = +-4/27. Shares of the
    # true pixels 1/4 and 3/4: variance (4/27)^2 (4/3 + 4) = 256/2187. Less than 1 degree of freedom
    # counts as 1, for which t of 0.6 is tan(pi/10).
    images = scores_of([{0: (10, 10, 10)}, {0: (30, 10, 5)}])
    result = intervals_of(images, confidence=0.2)
    reach = np.tan(np.pi / 10) * np.sqrt(256 / 2187)
    assert is_close(result.class_iou["wheel"], 1 / 3 - reach, 1 / 3 + reach)
    assert is_close(result.miou, 1 / 3 - reach, 1 / 3 + reach)
    # Accuracy 10/10 and 5/30: 15/40 = 3/8, deviations +-(10 - 30/8)/40 = +-5/32.
    reach = np.tan(np.pi / 10) * 5 / 32 * np.sqrt(4 / 3 + 4)
    assert is_close(result.macc, 3 / 8 - reach, 3 / 8 + reach)
    # Pairs: mean 4/7 of 1 and 1/7, which is Student's again with the standard error 3/7.
    reach = np.tan(np.pi / 10) * 3 / 7
    assert is_close(result.miou_image_class_pairs, 4 / 7 - reach, 4 / 7 + reach)
    assert result.class_iou["door"] is None
    # At 95 %, two images tell nothing.
    assert intervals_of(images).miou == Interval(0, 1)


def test_class_in_one_image_varies_as_the_others() -> None:
    # Wheels: 4 images with the shares 0.4, 0.5, 0.5 and 0.6; variance of one image 0.02/3, of
    # their mean a quarter of it. The door's one image adds 0.02/3. 3 degrees of freedom.
    shares = np.array([0.4, 0.5, 0.5, 0.6])
    images = scores_of([*shares_found(shares), *shares_found(np.array([0.5]), 1)])
    result = intervals_of(images)
    error = np.sqrt(0.02 / 3 / 4 + 0.02 / 3) / 2
    reach = stats.t(3).ppf(0.975) * error
    assert is_close(result.miou, 0.5 - reach, 0.5 + reach)
    assert result.class_iou["door"] is None
    assert result.rare_classes == ("door",)
    assert json.loads(json.dumps(result.to_dict()))["rare_classes"] == ["door"]


def test_mean_is_no_less_certain_than_its_classes() -> None:
    # Wheel: 0.4 and 0.6, standard error 0.1, 1 degree of freedom, t 12.7: nothing is known, 0 to 1.
    # Door: 0.5 in all images, and known. The mean of the two lies between 0.25 and 0.75, although
    # 12.7 x 0.1 / 2 is more.
    images = scores_of([*shares_found(np.array([0.4, 0.6])), *shares_found(np.full(9, 0.5), 1)])
    assert is_close(intervals_of(images).miou, 0.25, 0.75)


def test_images_hard_for_all_classes_widen_the_mean() -> None:
    # Two classes that vary together are as uncertain as one, apart from each other less.
    shares = np.linspace(0.4, 0.6, 8).round(6)
    together = [
        {0: wheel[0], 1: door[1]}
        for wheel, door in zip(shares_found(shares), shares_found(shares, 1), strict=True)
    ]
    result = intervals_of(scores_of(together))
    assert result.miou == result.class_iou["wheel"] == result.class_iou["door"]
    against = [
        {0: wheel[0], 1: door[1]}
        for wheel, door in zip(shares_found(shares), shares_found(shares[::-1], 1), strict=True)
    ]
    assert is_close(intervals_of(scores_of(against)).miou, 0.5, 0.5)


def test_rare_class_is_in_every_mean() -> None:
    # 40 perfect wheels and one missed door: nothing varies, as far as can be seen.
    images = scores_of([{0: (10, 10, 10)}] * 40 + [{1: (10, 0, 0)}])
    result = intervals_of(images)
    assert result.miou == result.macc == Interval(0.5, 0.5)
    assert result.class_iou == {"wheel": Interval(1, 1), "door": None}


def test_no_class_in_two_images_gives_no_interval() -> None:
    # One image tells nothing about how a class varies between images, and so does their mean.
    images = scores_of([{0: (10, 10, 10)}, {1: (10, 5, 5)}])
    result = intervals_of(images)
    assert result.miou is result.macc is None
    assert result.class_iou == {"wheel": None, "door": None}
    assert result.rare_classes == NAMES


def test_class_that_is_never_true_is_not_in_the_mean() -> None:
    images = scores_of([{0: (10, 10, 10), 1: (0, 5, 0)}] * 3)
    result = intervals_of(images)
    assert result.miou == Interval(1, 1)
    assert result.class_iou == {"wheel": Interval(1, 1), "door": None}
    assert result.rare_classes == ()
    assert result.miou_image_class_pairs == Interval(0.5, 0.5)


def test_images_without_parts() -> None:
    images = scores_of([{0: (10, 10, 10)}, {}, {0: (20, 20, 20)}])
    result = intervals_of(images)
    assert result.miou == result.macc == result.miou_image_class_pairs == Interval(1, 1)
    nothing = intervals_of(scores_of([{}, {}]))
    assert nothing.miou is None
    assert nothing.miou_image_class_pairs is None


@pytest.mark.parametrize("others", [0, 3], ids=["alone", "among images without parts"])
def test_one_image_gives_no_interval(others: int) -> None:
    result = intervals_of(scores_of([{0: (10, 5, 5)}] + [{}] * others))
    assert result.miou is result.macc is result.miou_image_class_pairs is None
    assert result.class_iou == {"wheel": None, "door": None}


def test_no_image_gives_no_interval() -> None:
    result = intervals_of(scores_of([]))
    assert result.miou is None
    assert json.loads(json.dumps(result.to_dict()))["class_iou"] == {"wheel": None, "door": None}


def test_intervals_hold_the_true_score() -> None:
    # Each image has 100 true pixels, of which a share, uniform in 0..1, is found and nothing else
    # is predicted: over all images there are, the IoU is 1/2. In 6 images of 40 there is a door
    # too, and the two vary together.
    rng = np.random.default_rng(0)
    hits = np.zeros(2)
    for _ in range(300):
        found = rng.binomial(100, rng.random(40)).tolist()
        images = scores_of(
            [
                {0: (100, number, number)} | ({1: (100, number, number)} if index < 6 else {})
                for index, number in enumerate(found)
            ]
        )
        result = intervals_of(images)
        for position, interval in enumerate((result.miou, result.class_iou["door"])):
            assert interval is not None
            hits[position] += interval.low <= 0.5 <= interval.high
    # 4 standard deviations of 300 trials at 95 % are 5 %.
    assert hits / 300 == pytest.approx([0.95, 0.95], abs=0.05)


def test_order_and_blocks_of_images_do_not_matter() -> None:
    rng = np.random.default_rng(1)
    images: list[Pixels] = []
    for _ in range(600):
        true, extra = rng.integers(1, 500, 2).tolist(), rng.integers(0, 50, 2).tolist()
        correct = [int(rng.integers(0, pixels + 1)) for pixels in true]
        rows = [(t, c + e, c) for t, c, e in zip(true, correct, extra, strict=True)]
        images.append({index: rows[index] for index in range(2) if rng.random() < 0.5})
    one, other = (intervals_of(scores_of(some)) for some in (images, images[::-1]))
    assert one.miou is not None
    assert is_close(other.miou, one.miou.low, one.miou.high)
    # The same images ten times: a tenth of the variance, but for n / (n - 1) and t, with 300 images
    # of a class 0.7 % of the width.
    tenfold = intervals_of(scores_of(images * 10)).miou
    assert tenfold is not None
    assert (one.miou.high - one.miou.low) / (tenfold.high - tenfold.low) == pytest.approx(
        np.sqrt(10), rel=0.01
    )


def test_share_of_itself_is_one() -> None:
    images = scores_of([{0: (100, 70, 50)}, {0: (50, 20, 20), 1: (9, 9, 4)}, {1: (7, 7, 7)}])
    assert share_interval(images, images) == Interval(1, 1)


def test_share_is_paired() -> None:
    # Half of what the oracle finds is found in each image.
    images = scores_of([{0: (100, 40, 40)}, {0: (100, 10, 10)}])
    oracle = scores_of([{0: (100, 80, 80)}, {0: (100, 20, 20)}])
    assert is_close(share_interval(images, oracle), 0.5, 0.5)
    assert is_close(share_interval(oracle, images), 2, 2)


def test_share_by_hand() -> None:
    # The oracle finds 0.8 of every image, so that the share is the mean of the shares / 0.8.
    shares = np.array([0.3, 0.6, 0.45, 0.5])
    images, oracle = scores_of(shares_found(shares)), scores_of(shares_found(np.full(4, 0.8)))
    low, high = stats.t.interval(0.95, 3, shares.mean() / 0.8, stats.sem(shares) / 0.8)
    assert is_close(share_interval(images, oracle), low, high)
    low, high = stats.t.interval(0.5, 3, shares.mean() / 0.8, stats.sem(shares) / 0.8)
    assert is_close(share_interval(images, oracle, confidence=0.5), low, high)


def test_share_needs_two_images_and_an_oracle() -> None:
    one, two = scores_of([{0: (10, 5, 5)}]), scores_of([{0: (10, 5, 5)}] * 2)
    assert share_interval(one, one) is None
    assert share_interval(two, scores_of([{0: (10, 0, 0)}] * 2)) is None
    with pytest.raises(PredictionError, match=r"same images.*found 1 images and 2 of .*same split"):
        share_interval(one, two)
    with pytest.raises(ConfigError, match=r"confidence must be between"):
        share_interval(two, two, confidence=1)


def test_mean_iou_of_other_pixels_is_the_same() -> None:
    images = scores_of([{0: (100, 70, 50)}, {0: (50, 20, 20), 1: (9, 9, 4)}, {1: (7, 7, 7)}])
    assert mean_iou_interval(images.rows) == intervals_of(images).miou


def test_pq_by_hand() -> None:
    # Wheel: one segment an image, matched with IoU 0.6, 0.7 and 0.8. Door: never true, predicted
    # once, so PQ 0 and in the mean of two classes.
    rows = ClassRows(3, 2)
    for iou in (0.6, 0.7, 0.8):
        rows.add(np.array([[1, 0], [iou, 0], [1, 0.5 * (iou == 0.6)]]))
    low, high = stats.t.interval(0.95, 2, 0.7, 0.1 / np.sqrt(3))
    assert is_close(pq_interval(rows), low / 2, high / 2)
    assert pq_interval(ClassRows(3, 2)) is None


def test_settings_are_checked() -> None:
    for confidence in (0, 1, 95, float("nan")):
        with pytest.raises(ConfigError, match=r"between 0 and 1, such as 0.95.*found"):
            intervals_of(scores_of([]), confidence)
