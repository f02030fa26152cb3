"""Bootstrap intervals: by hand, against scipy, and whether they hold the true score."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.sparse import csr_array

from wps_sam.errors import ConfigError
from wps_sam.evaluation import intervals
from wps_sam.evaluation.image_scores import ImageScores
from wps_sam.evaluation.intervals import (
    Interval,
    bootstrap_intervals,
    image_draws,
    percentile_interval,
    resampled_sums,
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


# Two images can be drawn as aa (1/4), ab or ba (1/2) and bb (1/4): the ends of a 95 % interval are
# aa and bb, and those of a 40 % interval, the percentiles 30 and 70, are both ab.
def test_two_images_by_hand() -> None:
    # IoU: a 10/10, b 5/35, ab 15/45. Accuracy: a 1, b 5/30, ab 15/40. Pair mean of ab: (1 + 1/7)/2.
    images = scores_of([{0: (10, 10, 10)}, {0: (30, 10, 5)}])
    wide = bootstrap_intervals(images, NAMES)
    assert is_close(wide.miou, 1 / 7, 1)
    assert is_close(wide.macc, 1 / 6, 1)
    assert is_close(wide.miou_image_class_pairs, 1 / 7, 1)
    assert is_close(wide.class_iou["wheel"], 1 / 7, 1)
    assert wide.class_iou["door"] is None
    narrow = bootstrap_intervals(images, NAMES, confidence=0.4)
    assert is_close(narrow.miou, 1 / 3, 1 / 3)
    assert is_close(narrow.macc, 3 / 8, 3 / 8)
    assert is_close(narrow.miou_image_class_pairs, 4 / 7, 4 / 7)


def test_mean_is_over_the_classes_drawn() -> None:
    # a has a perfect wheel, b a door of IoU 5/10: aa has only the wheel, 1; bb only the door, 1/2.
    images = scores_of([{0: (10, 10, 10)}, {1: (10, 5, 5)}])
    result = bootstrap_intervals(images, NAMES)
    assert is_close(result.miou, 0.5, 1)
    assert is_close(bootstrap_intervals(images, NAMES, confidence=0.4).miou, 0.75, 0.75)
    # One image tells nothing about how a class varies between images.
    assert result.class_iou == {"wheel": None, "door": None}


def test_class_that_is_never_true_is_not_in_the_mean() -> None:
    images = scores_of([{0: (10, 10, 10), 1: (0, 5, 0)}] * 3)
    result = bootstrap_intervals(images, NAMES)
    assert result.miou == Interval(1, 1)
    assert result.class_iou == {"wheel": Interval(1, 1), "door": None}
    assert result.miou_image_class_pairs == Interval(0.5, 0.5)


def test_class_not_drawn_adds_nothing_to_its_interval() -> None:
    # The door is found in full in 2 of 6 images and absent from (2/3)^6 = 9 % of the draws, where
    # it is predicted all the same: were that counted as 0, the lower end would be 0.
    images = scores_of([{1: (90, 90, 90)}] * 2 + [{1: (0, 1, 0)}] * 4)
    result = bootstrap_intervals(images, NAMES)
    assert result.class_iou["door"] == result.miou
    assert result.miou is not None
    # One door and five inventions is the worst draw with a door: 90 / 95.
    assert result.miou.low >= 90 / 95


def test_images_without_parts() -> None:
    # One draw in 27 has only the empty image and no score; it is left out.
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
    images = random_images(np.random.default_rng(3), 30)
    tables = [
        images.table(name).toarray()
        for name in ("true_pixels", "predicted_pixels", "correct_pixels")
    ]

    def miou(index: NDArray[np.int64]) -> float:
        true, predicted, correct = (table[index].sum(axis=0) for table in tables)
        return float((correct / (true + predicted - correct)).mean())

    expected = stats.bootstrap(
        (np.arange(30),),
        miou,
        n_resamples=4000,
        vectorized=False,
        method="percentile",
        rng=np.random.default_rng(1),
    )
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
    (sums,) = resampled_sums([csr_array(table)], 5, image_draws(9, seed))
    draw = image_draws(9, seed)
    for row in sums:
        weights = draw()
        assert weights.sum() == 9
        # Python's integers, image by image.
        expected = [
            sum(w * t for w, t in zip(weights.tolist(), column, strict=True))
            for column in table.T.tolist()
        ]
        assert row.tolist() == expected


def test_draws_are_multinomial() -> None:
    # Of 4 images each is drawn Binomial(4, 1/4) times.
    draw = image_draws(4, 0)
    times = np.array([draw() for _ in range(4000)])
    for column in times.T:
        expected = 4000 * stats.binom.pmf(np.arange(5), 4, 0.25)
        assert stats.chisquare(np.bincount(column, minlength=5), expected).pvalue > 1e-3


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
