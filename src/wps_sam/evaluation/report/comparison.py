"""Prediction against prediction: the verdict in words, the bars, and the images that changed."""

from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

from wps_sam.evaluation.comparison import ClassDifference, Comparison, image_gains
from wps_sam.evaluation.image_scores import ImageScores
from wps_sam.evaluation.report.summary import percent
from wps_sam.evaluation.report.svg import (
    GRID_COLOR,
    TEXT_COLOR,
    draw_whiskers,
    figure_of,
    plain,
    short_name,
    to_svg,
)

_GAINED = "#2ba884"
_LOST = "#d6268f"
_LIKELY_CHANCE_ABOVE = 0.05
_LEAST_P_WRITTEN = 0.001


def verdict(comparison: Comparison) -> str:
    """Say in plain words which of two predictions is better and how sure that is.

    Args:
        comparison: A is its first prediction, B its second.

    Returns:
        One or two sentences.
    """
    scores = f"A has {percent(comparison.first_miou)} % mIoU, B {percent(comparison.second_miou)} %"
    if comparison.difference == 0:
        return f"No difference: {scores}."
    sure = f"{_difference_text(comparison)}, {_p_text(comparison.p_value)}"
    if comparison.p_value > _LIKELY_CHANCE_ABOVE:
        return (
            f"No clear winner: {scores} ({sure}). If both were equally good, chance alone would "
            "often make a difference as large."
        )
    better = "B" if comparison.difference > 0 else "A"
    return (
        f"{better} is better: {scores} ({sure}). If both were equally good, chance alone would "
        "rarely make a difference as large."
    )


def difference_bars(comparison: Comparison) -> Markup:
    """Draw B minus A in points of IoU for each class, the largest gain on top.

    Args:
        comparison: The classes; those without a difference are left out.

    Returns:
        SVG.
    """
    classes = sorted(
        (one for one in comparison.classes if one.difference is not None),
        key=lambda one: one.difference or 0,
    )
    points = np.array([100 * (one.difference or 0) for one in classes])
    reach = _reach(classes)
    with figure_of(4.8, 0.9 + 0.3 * max(len(classes), 1)) as figure:
        axes = figure.subplots()
        plain(axes)
        colors = [_GAINED if value >= 0 else _LOST for value in points]
        axes.barh(np.arange(len(classes)), points, height=0.62, color=colors)
        draw_whiskers(axes, [one.interval for one in classes])
        axes.axvline(0, color=TEXT_COLOR, linewidth=0.8)
        for row, value in enumerate(points):
            axes.text(1.03 * reach, row, f"{value:+.1f}", va="center", fontsize=9)
        axes.set_yticks(np.arange(len(classes)), [short_name(one.name) for one in classes])
        axes.set_xlim(-reach, reach)
        axes.set_ylim(-0.6, len(classes) - 0.4)
        axes.grid(axis="x", color=GRID_COLOR)
        axes.set_xlabel("B minus A, points of IoU (line: interval)")
        return to_svg(figure, "Difference in IoU between B and A for each class")


def choose_changed(first: ImageScores, second: ImageScores, per_group: int) -> dict[str, list[int]]:
    """Pick the images in which B gained or lost most.

    Args:
        first: A's scores of the images.
        second: B's scores of the same images, in the same order.
        per_group: How many images in each group, if there are enough.

    Returns:
        `gained` and `lost` -> positions in `first`, the largest change first. Images with equal
        scores are in neither.
    """
    gains = image_gains(first, second).tolist()
    ranked = sorted((change, index) for index, change in enumerate(gains))
    gained = [index for change, index in reversed(ranked) if change > 0]
    lost = [index for change, index in ranked if change < 0]
    return {"gained": gained[:per_group], "lost": lost[:per_group]}


def _difference_text(comparison: Comparison) -> str:
    """The difference in points, with its interval."""
    text, interval = f"{100 * comparison.difference:+.1f} points", comparison.interval
    if interval is None:
        return text
    low, high = 100 * interval.low, 100 * interval.high
    return f"{text}, {100 * comparison.confidence:.0f} % interval {low:+.1f} to {high:+.1f}"


def _p_text(p_value: float) -> str:
    """The p-value with three decimals."""
    if p_value < _LEAST_P_WRITTEN:
        return f"p < {_LEAST_P_WRITTEN}"
    return f"p = {p_value:.3f}"


def _reach(classes: Sequence[ClassDifference]) -> float:
    """Half width of the axis in points, so that every bar and interval fits."""
    ends = [abs(one.difference or 0) for one in classes]
    intervals = [one.interval for one in classes if one.interval]
    ends += [abs(end) for interval in intervals for end in (interval.low, interval.high)]
    return max(1.0, 105 * max(ends, default=0))
