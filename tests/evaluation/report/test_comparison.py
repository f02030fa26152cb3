"""A against B: the verdict in words, the bars, and which images are shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wps_sam.evaluation.comparison import ClassDifference, Comparison
from wps_sam.evaluation.image_scores import ImageScores
from wps_sam.evaluation.intervals import Interval
from wps_sam.evaluation.report.comparison import choose_changed, difference_bars, verdict

if TYPE_CHECKING:
    from evaluation.report.conftest import WrittenReport

BETTER = Comparison(
    first_miou=0.71,
    second_miou=0.742,
    difference=0.032,
    interval=Interval(0.011, 0.0531),
    p_value=0.004,
    confidence=0.95,
    permutations=10_000,
    is_exact=False,
    seed=0,
    classes=(
        ClassDifference("wheel", 0.5, 0.6, 0.1, Interval(-0.05, 0.2)),
        ClassDifference("door", 0.9, 0.86, -0.04, None),
        ClassDifference("never true", None, None, None, None),
    ),
    images_better=12,
    images_worse=5,
    images_equal=3,
)


def images(*correct: int | None) -> ImageScores:
    """Images with one class whose IoU is correct / 20; None stands for an image without parts."""
    result = ImageScores(1)
    for number in correct:
        counts = [[0, 0], [0, 0]] if number is None else [[0, 0], [20 - number, number]]
        result.add("a.jpg", np.array(counts))
    return result


def test_verdict_names_the_better_one() -> None:
    assert verdict(BETTER) == (
        "B is better: A has 71.0 % mIoU, B 74.2 % (+3.2 points, 95 % interval +1.1 to +5.3, "
        "p = 0.004). If both were equally good, chance alone would rarely make a difference as "
        "large."
    )
    worse = replace(BETTER, difference=-0.032, interval=None, p_value=0.0002)
    assert verdict(worse).startswith("A is better: ")
    assert "(-3.2 points, p < 0.001)" in verdict(worse)


def test_verdict_admits_chance() -> None:
    text = verdict(replace(BETTER, p_value=0.051))
    assert text.startswith("No clear winner: ")
    assert "chance alone would often" in text
    assert verdict(replace(BETTER, p_value=0.05)).startswith("B is better")


def test_verdict_of_equals() -> None:
    same = replace(BETTER, second_miou=0.71, difference=0.0, p_value=1.0)
    assert verdict(same) == "No difference: A has 71.0 % mIoU, B 71.0 %."


def test_bars_hold_the_classes_that_have_a_difference() -> None:
    drawing = difference_bars(BETTER)
    assert "+10.0" in drawing
    assert "-4.0" in drawing
    assert "never true" not in drawing
    assert "<svg" in difference_bars(replace(BETTER, classes=()))


def test_most_changed_images_come_first() -> None:
    # Changes in twentieths: +10, -5, 0, +2, -10.
    first, second = images(5, 10, 7, 8, 20), images(15, 5, 7, 10, 10)
    assert choose_changed(first, second, 4) == {"gained": [0, 3], "lost": [4, 1]}
    assert choose_changed(first, second, 1) == {"gained": [0], "lost": [4]}


def test_inventing_a_part_in_an_empty_image_is_a_loss() -> None:
    assert choose_changed(images(None, None), images(0, None), 4) == {"gained": [], "lost": [0]}


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=12), st.integers(1, 4))
def test_no_image_both_gains_and_loses(pairs: list[tuple[int, int]], per_group: int) -> None:
    chosen = choose_changed(
        images(*(a for a, _ in pairs)), images(*(b for _, b in pairs)), per_group
    )
    assert all(pairs[index][1] > pairs[index][0] for index in chosen["gained"])
    assert all(pairs[index][1] < pairs[index][0] for index in chosen["lost"])
    assert max(len(group) for group in chosen.values()) <= per_group


def test_report_compares(compared: WrittenReport) -> None:
    # mIoU of A: wheel 0, long name 1; of B: both 1.
    assert "A has 50.0 % mIoU, B 100.0 %" in compared.text
    assert "A is run &lt;1&gt;, B is run 2. Scores that do not name B are A's." in compared.text
    assert "Better in B: 2 images; better in A: 0; equal: 1." in compared.text
    assert 'data-group="gained"' in compared.text
    assert 'data-group="lost"' not in compared.text
    assert "0.0 % → 100.0 %" in compared.text


@pytest.mark.parametrize("points", [0.0, 1e-9])
def test_tiny_differences_are_drawn(points: float) -> None:
    one = ClassDifference("wheel", 0.5, 0.5 + points, points, Interval(0.0, points))
    assert "+0.0" in difference_bars(replace(BETTER, classes=(one,)))
