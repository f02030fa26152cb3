"""Bayesian bootstrap intervals: by hand, against scipy, and whether they hold the true score."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.sparse import csr_array

from wps_sam.errors import ConfigError, PredictionError
from wps_sam.evaluation import intervals
from wps_sam.evaluation.image_scores import ImageScores
from wps_sam.evaluation.intervals import (
    Interval,
    bootstrap_intervals,
    image_weights,
    percentile_interval,
    resampled_sums,
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


def random_images(rng: np.random.Generator, count: int) -> ImageScores:
    """Two classes of differing sizes; the second is in about half of the images."""
    images = []
    for _ in range(count):
        pixels = {}
        for index in range(2 if rng.random() < 0.5 else 1):
            true = int(rng.integers(50, 500))
            correct = int(true * rng.beta(4, 2))
            pixels[index] = (true, correct + int(rng.integers(0, 100)), correct)
        images.append(pixels)
    return scores_of(images)


def shares_of_first(ends: Sequence[float], first: Sequence[float], second: Sequence[float]) -> Any:
    """Solve end = (part_1 u + part_2 (1 - u)) / (whole_1 u + whole_2 (1 - u)) for each u."""
    (part, whole), (other_part, other_whole) = first, second
    return [
        (end * other_whole - other_part) / (part - other_part - end * (whole - other_whole))
        for end in ends
    ]


# Two images have the weights 2 u and 2 (1 - u), u being uniform in 0..1: Dirichlet(1, 1). A score
# that rises with u has its 2.5 % percentile at u = 0.025. A percentile p of R uniform values is off
# by sqrt(p (1 - p) / R): 0.005 for 1000, so 4 of these are 0.02.
def test_two_images_by_hand() -> None:
    # IoU: a 10/10, b 5/35. Accuracy: a 10/10, b 5/30. Pair mean: a 1/1, b (1/7)/1.
    images = scores_of([{0: (10, 10, 10)}, {0: (30, 10, 5)}])
    result = bootstrap_intervals(images, NAMES)
    for interval, a, b in (
        (result.miou, (10, 10), (5, 35)),
        (result.class_iou["wheel"], (10, 10), (5, 35)),
        (result.macc, (10, 10), (5, 30)),
        (result.miou_image_class_pairs, (1, 1), (1 / 7, 1)),
    ):
        assert interval is not None
        found = shares_of_first([interval.low, interval.high], a, b)
        assert found == pytest.approx([0.025, 0.975], abs=0.02)
    assert result.class_iou["door"] is None


def test_share_of_found_images_is_beta() -> None:
    # 12 of 30 like images are found in full: their Dirichlet weights add up to Beta(12, 18).
    images = scores_of([{0: (100, 100, 100)}] * 12 + [{0: (100, 0, 0)}] * 18)
    share = stats.beta(12, 18)
    for confidence in (0.95, 0.4):
        found = bootstrap_intervals(images, NAMES, resamples=4000, confidence=confidence).miou
        assert found is not None
        for end, p in ((found.low, (1 - confidence) / 2), (found.high, (1 + confidence) / 2)):
            error = np.sqrt(p * (1 - p) / 4000) / share.pdf(share.ppf(p))
            assert end == pytest.approx(share.ppf(p), abs=4 * error)


def test_rare_class_is_in_every_mean() -> None:
    # 40 perfect wheels and one missed door: mIoU is 1/2. Drawn with replacement, 37 % of the data
    # sets would have no door and mIoU 1.
    images = scores_of([{0: (10, 10, 10)}] * 40 + [{1: (10, 0, 0)}])
    result = bootstrap_intervals(images, NAMES)
    assert result.miou == result.macc == Interval(0.5, 0.5)
    assert result.class_iou == {"wheel": Interval(1, 1), "door": None}


def test_no_class_in_two_images_gives_no_interval() -> None:
    # One image tells nothing about how a class varies between images, and so does their mean.
    images = scores_of([{0: (10, 10, 10)}, {1: (10, 5, 5)}])
    result = bootstrap_intervals(images, NAMES)
    assert result.miou is result.macc is None
    assert result.class_iou == {"wheel": None, "door": None}
    assert result.rare_classes == NAMES


def test_classes_in_few_images_are_named() -> None:
    images = [{0: (10, 10, 10), 1: (5, 5, 5), 2: (0, 1, 0)}] * 9 + [{0: (10, 10, 10)}]
    result = bootstrap_intervals(scores_of(images, 3), ("wheel", "door", "never true"))
    assert result.rare_classes == ("door",)
    assert json.loads(json.dumps(result.to_dict()))["rare_classes"] == ["door"]


def test_class_that_is_never_true_is_not_in_the_mean() -> None:
    images = scores_of([{0: (10, 10, 10), 1: (0, 5, 0)}] * 3)
    result = bootstrap_intervals(images, NAMES)
    assert result.miou == Interval(1, 1)
    assert result.class_iou == {"wheel": Interval(1, 1), "door": None}
    assert result.miou_image_class_pairs == Interval(0.5, 0.5)


def test_images_without_parts() -> None:
    images = scores_of([{0: (10, 10, 10)}, {}, {0: (20, 20, 20)}])
    result = bootstrap_intervals(images, NAMES)
    assert result.miou == result.macc == result.miou_image_class_pairs == Interval(1, 1)
    nothing = bootstrap_intervals(scores_of([{}, {}]), NAMES)
    assert nothing.miou is None
    assert nothing.miou_image_class_pairs is None


@pytest.mark.parametrize("others", [0, 3], ids=["alone", "among images without parts"])
def test_one_image_gives_no_interval(others: int) -> None:
    result = bootstrap_intervals(scores_of([{0: (10, 5, 5)}] + [{}] * others), NAMES)
    assert result.miou is result.macc is result.miou_image_class_pairs is None
    assert result.class_iou == {"wheel": None, "door": None}


def test_no_image_gives_no_interval() -> None:
    result = bootstrap_intervals(scores_of([]), NAMES)
    assert result.miou is None
    assert json.loads(json.dumps(result.to_dict()))["class_iou"] == {"wheel": None, "door": None}


def test_agrees_with_scipy() -> None:
    images = random_images(np.random.default_rng(3), 200)
    tables = [
        images.table(name).toarray()
        for name in ("true_pixels", "predicted_pixels", "correct_pixels")
    ]

    def miou(index: NDArray[np.int64]) -> float:
        true, predicted, correct = (table[index].sum(axis=0) for table in tables)
        return float((correct / (true + predicted - correct)).mean())

    expected = stats.bootstrap(
        (np.arange(200),),
        miou,
        n_resamples=4000,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(1),
    )
    # Both classes are common, so drawing images and weighing them agree but for terms in 1/N.
    found = bootstrap_intervals(images, NAMES, resamples=4000).miou
    assert found is not None
    # A percentile p of R values of density f is off by sqrt(p (1 - p) / R) / f; near a normal
    # curve's 2.5 % that is 2.67 standard errors / sqrt(R), sqrt(2) times as much for two of them.
    tolerance = 4 * np.sqrt(2) * 2.67 * expected.standard_error / np.sqrt(4000)
    assert found.low == pytest.approx(expected.confidence_interval.low, abs=tolerance)
    assert found.high == pytest.approx(expected.confidence_interval.high, abs=tolerance)
    assert tolerance < 0.15 * (found.high - found.low)


def test_intervals_hold_the_true_score() -> None:
    # Each image has 100 true pixels, of which a share, uniform in 0..1, is found and nothing else
    # is predicted: over all images there are, the IoU is 1/2.
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(300):
        found = rng.binomial(100, rng.random(50)).tolist()
        images = scores_of([{0: (100, correct, correct)} for correct in found])
        interval = bootstrap_intervals(images, NAMES, resamples=300).miou
        assert interval is not None
        hits += interval.low <= 0.5 <= interval.high
    # 3.5 standard deviations of 300 trials at 95 % are 4.4 %; with 50 images the percentile
    # interval itself falls short of 95 % by about one.
    assert 0.90 < hits / 300 < 0.99


@pytest.mark.parametrize("images_with_class", [3, 10])
def test_coverage_of_a_rare_class(images_with_class: int) -> None:
    # The share found in an image is normal with mean 1/2, so the chance to hold 1/2 is that of the
    # module docstring: 70 % for 3 images and 89 % for 10. 4 standard deviations of 300 trials are
    # 10.6 % and 7.2 %.
    n = images_with_class
    expected = 2 * stats.t(n - 1).cdf(1.96 * np.sqrt((n - 1) / (n + 1))) - 1
    rng = np.random.default_rng(n)
    hits = 0
    for _ in range(300):
        found = rng.normal(5000, 1000, n).astype(int).tolist()
        rare: list[Pixels] = [{1: (10_000, correct, correct)} for correct in found]
        images = scores_of(rare + [{0: (10, 10, 10)}] * (40 - n))
        interval = bootstrap_intervals(images, NAMES, resamples=300).class_iou["door"]
        assert interval is not None
        hits += interval.low <= 0.5 <= interval.high
    assert hits / 300 == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 300))


def test_coverage_of_a_mean_with_rare_classes() -> None:
    # Five of ten classes are in 6 of 60 images each and vary; the others are perfect. The rare
    # ones' variances are 5/7 of what they should be, and their sum has 5 x 5 degrees of freedom:
    # P(|t| < 1.96 sqrt(5/7)) = 89 %. 4 standard deviations of 300 trials are 7.2 %.
    expected = 2 * stats.t(25).cdf(1.96 * np.sqrt(5 / 7)) - 1
    names = tuple("abcdefghij")
    rng = np.random.default_rng(0)
    hits, middles = 0, []
    for _ in range(300):
        found = rng.normal(5000, 1000, (5, 6)).astype(int).tolist()
        common: Pixels = {index: (10, 10, 10) for index in range(5, 10)}
        images = scores_of(
            [
                {**common, index: (10_000, correct, correct)}
                for index, row in enumerate(found)
                for correct in row
            ]
            + [common] * 30,
            10,
        )
        interval = bootstrap_intervals(images, names, resamples=300).miou
        assert interval is not None
        hits += interval.low <= 0.75 <= interval.high
        middles.append((interval.low + interval.high) / 2 - 0.5 - np.mean(found) / 20_000)
    assert hits / 300 == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 300))
    # The intervals lie around the observed score. 30 values of 1/2 +- 1/10, halved, have a mean
    # with the standard error 0.009.
    assert np.mean(middles) == pytest.approx(0, abs=0.1 * 0.009)


def test_same_seed_same_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    images = random_images(np.random.default_rng(0), 20)
    result = bootstrap_intervals(images, NAMES, resamples=99, seed=5)
    assert bootstrap_intervals(images, NAMES, resamples=99, seed=5) == result
    assert bootstrap_intervals(images, NAMES, resamples=99, seed=6).miou != result.miou
    monkeypatch.setattr(intervals, "_WEIGHTS_PER_BLOCK", 20 * 7)
    assert bootstrap_intervals(images, NAMES, resamples=99, seed=5) == result
    monkeypatch.setattr(intervals, "_WEIGHTS_PER_BLOCK", 1)
    assert bootstrap_intervals(images, NAMES, resamples=99, seed=5) == result


@given(st.integers(0, 10_000))
def test_sums_are_exact(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 10**12, (9, 4)) * (rng.random((9, 4)) < 0.5)
    drawn = rng.integers(0, 9, (5, 9))
    (sums,) = resampled_sums([csr_array(table)], 5, iter(drawn).__next__)
    for row, weights in zip(sums, drawn, strict=True):
        # Python's integers, image by image.
        expected = [
            sum(w * t for w, t in zip(weights.tolist(), column, strict=True))
            for column in table.T.tolist()
        ]
        assert row.tolist() == expected


def test_weights_are_dirichlet() -> None:
    # One of four Dirichlet(1, 1, 1, 1) weights is Beta(1, 3).
    draw = image_weights(4, 0)
    weights = np.array([draw() for _ in range(4000)])
    assert weights.sum(axis=1) == pytest.approx(4, abs=1e-12)
    assert (weights > 0).all()
    for column in weights.T:
        assert stats.kstest(column / 4, stats.beta(1, 3).cdf).pvalue > 1e-3


def test_share_of_itself_is_one() -> None:
    images = random_images(np.random.default_rng(0), 20)
    assert share_interval(images, images) == Interval(1, 1)


def test_share_is_paired() -> None:
    # Half of what the oracle finds is found in each image, so in all of them under any weights.
    images = scores_of([{0: (100, 40, 40)}, {0: (100, 10, 10)}])
    oracle = scores_of([{0: (100, 80, 80)}, {0: (100, 20, 20)}])
    assert is_close(share_interval(images, oracle), 0.5, 0.5)
    assert is_close(share_interval(oracle, images), 2, 2)


def test_share_by_hand() -> None:
    # Only the first of two images is found, the oracle finds 80 of 100 in both: u 100 / 80.
    images = scores_of([{0: (100, 100, 100)}, {0: (100, 0, 0)}])
    oracle = scores_of([{0: (100, 80, 80)}] * 2)
    interval = share_interval(images, oracle)
    assert interval is not None
    ends = [interval.low * 0.8, interval.high * 0.8]
    assert ends == pytest.approx([0.025, 0.975], abs=0.02)
    assert share_interval(images, oracle, seed=1) != interval
    narrow = share_interval(images, oracle, confidence=0.4, resamples=4000)
    assert narrow is not None
    # 4 sqrt(0.3 0.7 / 4000) = 0.03.
    assert [narrow.low * 0.8, narrow.high * 0.8] == pytest.approx([0.3, 0.7], abs=0.03)


def test_share_needs_two_images_and_an_oracle() -> None:
    one, two = scores_of([{0: (10, 5, 5)}]), scores_of([{0: (10, 5, 5)}] * 2)
    assert share_interval(one, one) is None
    assert share_interval(two, scores_of([{0: (10, 0, 0)}] * 2)) is None
    with pytest.raises(PredictionError, match=r"same images.*found 1 images and 2 of .*same split"):
        share_interval(one, two)
    with pytest.raises(ConfigError, match=r"resamples must be 1 or more"):
        share_interval(two, two, resamples=0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.01, 0.99))
def test_percentiles_match_scipy(scores: list[float], confidence: float) -> None:
    interval = percentile_interval(np.array([*scores, np.nan]), confidence)
    ends = [50 * (1 - confidence), 50 * (1 + confidence)]
    assert interval is not None
    assert [interval.low, interval.high] == pytest.approx(
        [stats.scoreatpercentile(scores, end) for end in ends], abs=1e-12
    )
    assert percentile_interval(np.array([np.nan]), confidence) is None


def test_settings_are_checked() -> None:
    images = scores_of([])
    with pytest.raises(ConfigError, match=r"resamples must be 1 or more.*found 0"):
        bootstrap_intervals(images, NAMES, resamples=0)
    for confidence in (0, 1, 95, float("nan")):
        with pytest.raises(ConfigError, match=r"between 0 and 1, such as 0.95.*found"):
            bootstrap_intervals(images, NAMES, confidence=confidence)
