"""Paired comparison: by hand, by full enumeration, and under a true null hypothesis."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from wps_sam.errors import ConfigError, PredictionError
from wps_sam.evaluation import class_rows, comparison
from wps_sam.evaluation.comparison import compare, image_gains
from wps_sam.evaluation.image_scores import ImageScores
from wps_sam.evaluation.intervals import Interval

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from evaluation.conftest import Scene
    from wps_sam.evaluation.result import Evaluation

    Pixels = Mapping[int, tuple[int, int, int]]
    Scored = Callable[[Sequence[Pixels]], Evaluation]


@pytest.fixture
def scored(scene: Scene) -> Scored:
    """Makes an evaluation of images given as class index -> (true, predicted, correct) pixels."""
    scene.true("a.jpg", "wheel", np.eye(10, dtype=bool))
    scene.predict("a.jpg", "wheel", np.eye(10, dtype=bool))
    template = scene.evaluate()

    def build(images: Sequence[Pixels]) -> Evaluation:
        result = ImageScores(2)
        for number, pixels in enumerate(images):
            counts = np.zeros((3, 3), np.int64)
            for index, (true, predicted, correct) in pixels.items():
                counts[index + 1, index + 1] = correct
                counts[index + 1, 0] = true - correct
                counts[0, index + 1] = predicted - correct
            result.add(f"{number}.jpg", counts)
        return replace(template, images=result)

    return build


def found_of_100(*correct: int) -> list[Pixels]:
    """One image for each number: that many of 100 true pixels are found and no other predicted."""
    return [{0: (100, number, number)} for number in correct]


def test_identical_predictions(scored: Scored) -> None:
    evaluation = scored([{0: (10, 8, 5), 1: (7, 7, 3)}, {0: (20, 5, 5)}, {}])
    result = compare(evaluation, evaluation)
    assert result.difference == 0
    assert result.interval == Interval(0, 0)
    assert result.p_value == 1
    assert (result.images_better, result.images_worse, result.images_equal) == (0, 0, 3)
    assert [row.difference for row in result.classes] == [0, 0]


def test_clear_winner(scored: Scored) -> None:
    first = scored(found_of_100(*range(40, 70)))
    second = scored(found_of_100(*range(50, 80)))
    result = compare(first, second)
    # 40..69 and 50..79 of 100 have the means 54.5 % and 64.5 %.
    assert result.first_miou == pytest.approx(0.545, abs=1e-12)
    assert result.second_miou == pytest.approx(0.645, abs=1e-12)
    assert result.difference == pytest.approx(0.1, abs=1e-12)
    # Only 2 of 2^30 swaps are as extreme.
    assert result.p_value == 1 / 10_001
    assert (result.permutations, result.is_exact) == (10_000, False)
    # Every image gains the same: the pairing keeps their spread out.
    assert result.interval is not None
    assert [result.interval.low, result.interval.high] == pytest.approx([0.1, 0.1], abs=1e-12)
    assert (result.images_better, result.images_worse, result.images_equal) == (30, 0, 0)
    opposite = compare(second, first)
    assert opposite.difference == pytest.approx(-0.1, abs=1e-12)
    assert opposite.p_value == 1 / 10_001
    assert opposite.images_worse == 30


def test_interval_by_hand(scored: Scored) -> None:
    # The gains 0.1, 0.2, 0.3 and 0.4 of like images: Student's interval of their mean.
    first = scored(found_of_100(50, 20, 40, 30))
    second = scored(found_of_100(60, 40, 70, 70))
    result = compare(first, second)
    gains = np.array([0.1, 0.2, 0.3, 0.4])
    low, high = stats.t.interval(0.95, 3, gains.mean(), stats.sem(gains))
    assert result.interval is not None
    assert [result.interval.low, result.interval.high] == pytest.approx([low, high], abs=1e-12)
    assert result.classes[0].interval == result.interval


def test_p_value_of_six_images_by_hand(scored: Scored) -> None:
    # The gains 6, 5, 4, 3, 2 and -1 add up to 19, and their sizes to 21. Of the 64 swaps, only
    # those that give all the same sign, or all but the 1, reach 19: two, and two of opposite sign.
    first = scored(found_of_100(50, 50, 50, 50, 50, 50))
    second = scored(found_of_100(56, 55, 54, 53, 52, 49))
    result = compare(first, second)
    assert result.p_value == compare(second, first, seed=9, permutations=1).p_value == 4 / 64
    assert (result.permutations, result.is_exact) == (64, True)
    assert result.to_dict()["is_exact"] is True


def test_up_to_13_images_are_swapped_in_all_ways(scored: Scored) -> None:
    thirteen = compare(scored(found_of_100(*[40] * 13)), scored(found_of_100(*[41] * 13)))
    assert thirteen.p_value == 2 / 8192
    assert (thirteen.permutations, thirteen.is_exact) == (8192, True)
    fourteen = compare(scored(found_of_100(*[40] * 14)), scored(found_of_100(*[41] * 14)))
    # 2 of 16384 swaps, so 1.2 of 10,000 on average, and 10 or more hardly ever.
    assert 1 / 10_001 <= fourteen.p_value < 11 / 10_001
    assert (fourteen.permutations, fourteen.is_exact) == (10_000, False)


def test_p_value_by_enumeration(scored: Scored, monkeypatch: pytest.MonkeyPatch) -> None:
    # All 2^3 swaps, scored with plain numbers.
    first = [(10, 12, 6), (50, 40, 30), (20, 35, 11)]
    second = [(10, 9, 8), (50, 44, 28), (20, 21, 19)]

    def iou(rows: Sequence[tuple[int, int, int]]) -> float:
        true, predicted, correct = (sum(column) for column in zip(*rows, strict=True))
        return float(correct / (true + predicted - correct))

    differences = [
        iou([pair[1 - swap] for pair, swap in zip(pairs, swaps, strict=True)])
        - iou([pair[swap] for pair, swap in zip(pairs, swaps, strict=True)])
        for pairs in [list(zip(first, second, strict=True))]
        for swaps in product((0, 1), repeat=3)
    ]
    observed = differences[0]
    exact = np.mean([abs(d) >= abs(observed) - 1e-12 for d in differences])
    assert 0.2 < exact < 0.8
    evaluations = scored([{0: row} for row in first]), scored([{0: row} for row in second])
    assert compare(*evaluations).p_value == exact
    monkeypatch.setattr(comparison, "_MOST_IMAGES_ENUMERATED", 2)
    result = compare(*evaluations, permutations=4000)
    assert result.difference == pytest.approx(observed, abs=1e-12)
    tolerance = 4 * np.sqrt(exact * (1 - exact) / 4000)
    assert result.p_value == pytest.approx(exact, abs=tolerance)


def test_swaps_of_many_images_go_block_by_block(
    scored: Scored, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A swap of images that all gain 1 of 100 moves the difference from n to n - 2 k, k being
    # binomial: |n - 2 k| >= observed, of n = 40 images of which 26 gain and 14 lose: 12 or more.
    monkeypatch.setattr(class_rows, "IMAGES_PER_BLOCK", 7)
    first = scored(found_of_100(*[50] * 40))
    second = scored(found_of_100(*[51] * 26, *[49] * 14))
    result = compare(first, second)
    exact = 2 * stats.binom(40, 0.5).cdf(14)
    tolerance = 4 * np.sqrt(exact * (1 - exact) / 10_000)
    assert result.p_value == pytest.approx(exact, abs=tolerance)


def test_ties_count_as_equally_large(scored: Scored) -> None:
    # The two images swap their results: the difference is 0 whatever is swapped.
    first, second = scored(found_of_100(30, 70)), scored(found_of_100(70, 30))
    result = compare(first, second)
    assert result.difference == 0
    assert result.p_value == 1
    assert (result.images_better, result.images_worse, result.images_equal) == (1, 1, 0)


def test_p_values_are_uniform_where_there_is_no_difference(scored: Scored) -> None:
    rng = np.random.default_rng(0)
    p_values = []
    for _ in range(300):
        difficulty = rng.random(14)
        found = rng.binomial(100, difficulty, (2, 14)).tolist()
        first, second = (scored(found_of_100(*numbers)) for numbers in found)
        p_values.append(compare(first, second, permutations=199).p_value)
    assert stats.kstest(p_values, "uniform").pvalue > 0.01
    # 4 standard deviations of 300 trials at 10 % are 7 %.
    assert 0.03 < np.mean(np.array(p_values) <= 0.1) < 0.17


def test_classes_and_images_without_truth(scored: Scored) -> None:
    # Image 0: wheel. 1: a door, found by the second. 2: no part; the first invents a door. 3: no
    # part, and neither invents one.
    first = scored([{0: (10, 10, 10)}, {1: (4, 0, 0)}, {1: (0, 6, 0)}, {}])
    second = scored([{0: (10, 5, 5)}, {1: (4, 4, 4)}, {}, {}])
    result = compare(first, second)
    assert (result.images_better, result.images_worse, result.images_equal) == (2, 1, 1)
    wheel, door = result.classes
    assert (wheel.first_iou, wheel.second_iou, wheel.difference) == (1, 0.5, -0.5)
    assert (door.first_iou, door.second_iou, door.difference) == (0, 1, 1)
    # No class is true in two images.
    assert wheel.interval is door.interval is result.interval is None


def test_gains_of_images(scored: Scored) -> None:
    # Image mean IoU: 1/2, 1, none and none before; 3/4, 1/2, 0 and none after.
    first = scored([{0: (10, 10, 10), 1: (4, 0, 0)}, {0: (8, 8, 8)}, {}, {}])
    second = scored([{0: (10, 5, 5), 1: (4, 4, 4)}, {0: (8, 4, 4)}, {1: (0, 3, 0)}, {}])
    assert image_gains(first.images, second.images).tolist() == [0.25, -0.5, -1, 0]


def test_gains_by_rounding_are_none(scored: Scored) -> None:
    # (1/10 + 1/5) / 2 and (3/10) / 2 + 0 differ in the last digit: 0.1 + 0.2 is not 0.3.
    first = scored([{0: (10, 1, 1), 1: (10, 2, 2)}])
    second = scored([{0: (10, 3, 3), 1: (10, 0, 0)}])
    assert image_gains(first.images, second.images).tolist() == [0]


def test_class_that_is_never_true_has_no_difference(scored: Scored) -> None:
    first = scored([{0: (10, 10, 10), 1: (0, 3, 0)}] * 2)
    second = scored([{0: (10, 10, 10)}] * 2)
    result = compare(first, second)
    assert result.difference == 0
    door = result.classes[1]
    assert (door.name, door.first_iou, door.second_iou, door.difference) == (
        "door",
        None,
        None,
        None,
    )
    content = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert content["classes"][1]["interval"] is None
    assert content["interval"] == {"low": 0, "high": 0}
    assert content["confidence"] == 0.95


def test_one_image_has_no_interval(scored: Scored) -> None:
    result = compare(scored(found_of_100(40)), scored(found_of_100(60)))
    assert result.interval is None
    # Swapping a single image only turns the sign.
    assert result.p_value == 1


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_order_turns_only_the_sign(scored: Scored, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    true = rng.integers(1, 50, (14, 2))

    def some() -> Evaluation:
        correct = rng.integers(0, true + 1)
        predicted = correct + rng.integers(0, 20, (14, 2))
        rows = np.stack([true, predicted, correct], axis=2).tolist()
        return scored([dict(enumerate(map(tuple, row))) for row in rows])

    first, second = some(), some()
    one = compare(first, second, permutations=50)
    other = compare(second, first, permutations=50)
    assert one == compare(first, second, permutations=50)
    assert one.difference == -other.difference
    assert one.p_value == other.p_value
    assert (one.images_better, one.images_worse) == (other.images_worse, other.images_better)
    assert one.interval is not None
    assert other.interval is not None
    ends = [-other.interval.high, -other.interval.low]
    assert [one.interval.low, one.interval.high] == pytest.approx(ends, abs=1e-12)


def test_scores_are_those_of_the_evaluations(scene: Scene) -> None:
    scene.true("a.jpg", "wheel", np.tri(10, dtype=bool))
    scene.predict("a.jpg", "wheel", np.eye(10, dtype=bool))
    first = scene.evaluate()
    scene.predict("a.jpg", "wheel", np.tri(10, k=-1, dtype=bool))
    second = scene.evaluate()
    result = compare(first, second)
    assert result.first_miou == first.miou
    assert result.second_miou == second.miou == 1


def test_evaluations_must_have_one_truth(scored: Scored) -> None:
    two, three = scored(found_of_100(1, 2)), scored(found_of_100(1, 2, 3))
    remedy = "Evaluate both prediction files against one truth file"
    with pytest.raises(
        PredictionError,
        match=rf"same images in the same order; found 2 and 3. Number 3 is missing in the first "
        rf"and 2\.jpg in the second. {remedy}",
    ):
        compare(two, three)
    with pytest.raises(PredictionError, match=r"same classes.*2 and 2. Number 1 is wheel .*tyre"):
        compare(two, replace(two, class_names=("tyre", "door")))
    other = scored([{0: (100, 1, 1)}, {0: (99, 1, 1)}])
    with pytest.raises(
        PredictionError, match=rf"different true pixels in 1 images, such as 1\.jpg. {remedy}"
    ):
        compare(two, other)
    with pytest.raises(
        PredictionError, match=r"None of the 2 images has a true part.*Give a truth"
    ):
        compare(scored([{}, {}]), scored([{}, {}]))


def test_settings_are_checked(scored: Scored) -> None:
    evaluation = scored(found_of_100(1, 2))
    with pytest.raises(ConfigError, match=r"permutations must be 1 or more.*found 0"):
        compare(evaluation, evaluation, permutations=0)
    with pytest.raises(ConfigError, match=r"confidence must be between 0 and 1.*found 95"):
        compare(evaluation, evaluation, confidence=95)
