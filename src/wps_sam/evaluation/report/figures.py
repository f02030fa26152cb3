"""The plots of a report that every evaluation has."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from wps_sam.evaluation.confusion import Counts
from wps_sam.evaluation.intervals import Interval
from wps_sam.evaluation.metrics import ClassScore
from wps_sam.evaluation.report.svg import (
    GRID_COLOR,
    TEXT_COLOR,
    draw_whiskers,
    figure_of,
    plain,
    short_name,
    to_svg,
)

_ACCENT = "#4f6df5"
# Above this many classes the heat map's cells are drawn as one picture instead of single shapes.
_MOST_VECTOR_CLASSES = 60
_MOST_NUMBERED_CLASSES = 20
_LEAST_SHARE_SHOWN = 0.005
_WHITE_TEXT_ABOVE = 0.85


def class_bars(
    scores: Sequence[ClassScore],
    colors: Mapping[str, str],
    intervals: Mapping[str, Interval | None],
) -> Markup:
    """Draw IoU as bars, its interval as a line and accuracy as a dot, best class on top.

    Args:
        scores: Classes to draw; those without an IoU are left out.
        colors: Colour by class name.
        intervals: Interval of the IoU by class name, 0..1; classes without one get no whisker.

    Returns:
        SVG.
    """
    defined = sorted(
        (score for score in scores if score.iou is not None), key=lambda score: score.iou or 0
    )
    names = [score.name for score in defined]
    iou = np.array([100 * (score.iou or 0) for score in defined])
    with figure_of(4.8, 0.9 + 0.3 * max(len(names), 1)) as figure:
        axes = figure.subplots()
        plain(axes)
        positions = np.arange(len(names))
        axes.barh(positions, iou, height=0.62, color=[colors[name] for name in names])
        found = [(i, score.accuracy) for i, score in enumerate(defined) if score.accuracy]
        axes.plot(
            [100 * accuracy for _, accuracy in found],
            [i for i, _ in found],
            linestyle="none",
            marker="o",
            markersize=5,
            color=TEXT_COLOR,
        )
        draw_whiskers(axes, [intervals.get(name) for name in names])
        for position, value in enumerate(iou):
            axes.text(101.5, position, f"{value:.1f}", va="center", fontsize=9)
        axes.set_yticks(positions, [short_name(name) for name in names])
        axes.set_xlim(0, 100)
        axes.set_ylim(-0.6, len(names) - 0.4)
        axes.grid(axis="x", color=GRID_COLOR)
        axes.set_xlabel("% IoU (bar, line: interval), accuracy (dot)")
        return to_svg(figure, "IoU and accuracy of each class")


def confusion_heat_map(counts: Counts, names: Sequence[str]) -> Markup:
    """Draw where the true pixels of each class went.

    Args:
        counts: (K, K) int64, rows truth, columns prediction.
        names: K names.

    Returns:
        SVG; each row adds up to 100 %.
    """
    total = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, total, out=np.zeros(counts.shape), where=total > 0)
    size = max(3.6, 1.8 + 0.36 * len(names))
    fade = LinearSegmentedColormap.from_list("fade", [_ACCENT + "00", _ACCENT + "ff"])
    with figure_of(size, size) as figure:
        axes = figure.subplots()
        plain(axes)
        axes.pcolormesh(
            np.ma.masked_less(share, _LEAST_SHARE_SHOWN),
            cmap=fade,
            vmin=0,
            vmax=1,
            rasterized=len(names) > _MOST_VECTOR_CLASSES,
        )
        if len(names) <= _MOST_NUMBERED_CLASSES:
            _write_shares(axes, share)
        ticks, labels = np.arange(len(names)) + 0.5, [short_name(name) for name in names]
        axes.set_xticks(ticks, labels, rotation=55, ha="right", rotation_mode="anchor")
        axes.set_yticks(ticks, labels)
        axes.set_aspect("equal")
        axes.invert_yaxis()
        axes.set_xlabel("predicted as")
        axes.set_ylabel("truth")
        return to_svg(figure, "Confusion matrix: share of true pixels by predicted class")


def training_curve(rows: Sequence[Mapping[str, Any]]) -> Markup | None:
    """Draw losses and validation scores over training steps.

    Args:
        rows: Lines of `metrics.jsonl`: each has `step` and some numbers. Names that contain `loss`
            go into the left plot; other names that begin with `val`, `miou` or `macc` into the
            right one (`train/giou` is a loss term, not a score).

    Returns:
        SVG; None if there is nothing to draw.
    """
    series = _series(rows)
    losses = {name: points for name, points in series.items() if "loss" in name.lower()}
    scores = {
        name: points
        for name, points in series.items()
        if name not in losses and re.match("val|miou|macc", name.lower())
    }
    panels = [(label, group) for label, group in (("loss", losses), ("score", scores)) if group]
    if not panels:
        return None
    with figure_of(4.6 * len(panels), 3.2) as figure:
        all_axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, (label, group) in zip(all_axes, panels, strict=True):
            plain(axes)
            for name, points in group.items():
                marker = "o" if len(points) < 40 else None
                axes.plot(*zip(*points, strict=True), label=name, marker=marker, markersize=3)
            axes.set_xlabel("step")
            axes.set_ylabel(label)
            axes.grid(color=GRID_COLOR)
            axes.legend(frameon=False, fontsize=8)
        return to_svg(figure, "Loss and validation score over training steps")


def _series(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[tuple[float, float]]]:
    """Collect (step, value) points by name; values that are no finite number are left out."""
    series: dict[str, list[tuple[float, float]]] = {}
    for position, row in enumerate(rows):
        step = float(row.get("step", position))
        for name, value in row.items():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if name not in ("step", "epoch") and is_number and np.isfinite(value):
                series.setdefault(name, []).append((step, float(value)))
    return series


def _write_shares(axes: Axes, share: np.ndarray[Any, Any]) -> None:
    """Write the percentages into the cells; white where a cell is strong in both colour modes."""
    for row, column in np.argwhere(share >= _LEAST_SHARE_SHOWN):
        value = share[row, column]
        axes.text(
            column + 0.5,
            row + 0.5,
            f"{100 * value:.0f}",
            ha="center",
            va="center",
            fontsize=8,
            color="white" if value > _WHITE_TEXT_ABOVE else TEXT_COLOR,
        )
