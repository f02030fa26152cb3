"""The plots of a report, as SVG text that takes its text colour from the page."""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from wps_sam.evaluation.confusion import Counts
from wps_sam.evaluation.metrics import ClassScore

# Drawn with this colour, then replaced by `currentColor`, so that plots follow dark mode.
_TEXT_COLOR = "#010203"
_GRID_COLOR = "#88888855"
_ACCENT = "#4f6df5"
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}
# Above this many classes the heat map's cells are drawn as one picture instead of single shapes.
_MOST_VECTOR_CLASSES = 60
_MOST_NUMBERED_CLASSES = 20
_LEAST_SHARE_SHOWN = 0.005
_WHITE_TEXT_ABOVE = 0.85


def class_bars(scores: Sequence[ClassScore], colors: Mapping[str, str]) -> Markup:
    """Draw IoU as bars and accuracy as ticks, best class on top.

    Args:
        scores: Classes to draw; those without an IoU are left out.
        colors: Colour by class name.

    Returns:
        SVG.
    """
    defined = sorted(
        (score for score in scores if score.iou is not None), key=lambda score: score.iou or 0
    )
    names = [score.name for score in defined]
    iou = np.array([100 * (score.iou or 0) for score in defined])
    with _figure(4.8, 0.9 + 0.3 * max(len(names), 1)) as figure:
        axes = figure.subplots()
        _plain(axes)
        positions = np.arange(len(names))
        axes.barh(positions, iou, height=0.62, color=[colors[name] for name in names])
        found = [(i, score.accuracy) for i, score in enumerate(defined) if score.accuracy]
        axes.plot(
            [100 * accuracy for _, accuracy in found],
            [i for i, _ in found],
            linestyle="none",
            marker="|",
            markersize=11,
            markeredgewidth=2,
            color=_TEXT_COLOR,
        )
        for position, value in enumerate(iou):
            axes.text(101.5, position, f"{value:.1f}", va="center", fontsize=9)
        axes.set_yticks(positions, names)
        axes.set_xlim(0, 100)
        axes.set_ylim(-0.6, len(names) - 0.4)
        axes.grid(axis="x", color=_GRID_COLOR)
        axes.set_xlabel("% IoU (bar), accuracy (tick)")
        return _to_svg(figure, "IoU and accuracy of each class")


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
    with _figure(size, size) as figure:
        axes = figure.subplots()
        _plain(axes)
        axes.pcolormesh(
            np.ma.masked_less(share, _LEAST_SHARE_SHOWN),
            cmap=fade,
            vmin=0,
            vmax=1,
            rasterized=len(names) > _MOST_VECTOR_CLASSES,
        )
        if len(names) <= _MOST_NUMBERED_CLASSES:
            _write_shares(axes, share)
        ticks = np.arange(len(names)) + 0.5
        axes.set_xticks(ticks, names, rotation=55, ha="right", rotation_mode="anchor")
        axes.set_yticks(ticks, names)
        axes.set_aspect("equal")
        axes.invert_yaxis()
        axes.set_xlabel("predicted as")
        axes.set_ylabel("truth")
        return _to_svg(figure, "Confusion matrix: share of true pixels by predicted class")


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
    with _figure(4.6 * len(panels), 3.2) as figure:
        all_axes = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, (label, group) in zip(all_axes, panels, strict=True):
            _plain(axes)
            for name, points in group.items():
                marker = "o" if len(points) < 40 else None
                axes.plot(*zip(*points, strict=True), label=name, marker=marker, markersize=3)
            axes.set_xlabel("step")
            axes.set_ylabel(label)
            axes.grid(color=_GRID_COLOR)
            axes.legend(frameon=False, fontsize=8)
        return _to_svg(figure, "Loss and validation score over training steps")


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
            color="white" if value > _WHITE_TEXT_ABOVE else _TEXT_COLOR,
        )


@contextmanager
def _figure(width: float, height: float) -> Iterator[Figure]:
    """A figure of a size in inches, without any global plotting state."""
    settings: dict[Any, Any] = {
        # Class names are words, never formulas, whatever dollar signs they hold.
        "text.parse_math": False,
        "svg.fonttype": "none",
        "svg.hashsalt": f"{width}x{height}",
        "font.family": "sans-serif",
        "font.size": 10,
        "text.color": _TEXT_COLOR,
        "axes.labelcolor": _TEXT_COLOR,
        "xtick.color": _TEXT_COLOR,
        "ytick.color": _TEXT_COLOR,
        "axes.axisbelow": True,
    }
    with rc_context(settings):
        yield Figure(figsize=(width, height), layout="constrained")


def _plain(axes: Axes) -> None:
    """Remove the frame and the tick marks."""
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.patch.set_visible(False)


def _to_svg(figure: Figure, description: str) -> Markup:
    """Return the figure as inline SVG that scales with the page."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata=_NO_METADATA)
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace(_TEXT_COLOR, "currentColor")
    label = Markup.escape(description)
    text = text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
    return Markup(text)
