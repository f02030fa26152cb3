"""The paper on which a report's plots are drawn: SVG that takes its text colour from the page."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from markupsafe import Markup
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wps_sam.evaluation.intervals import Interval

# Drawn with this colour, then replaced by `currentColor`, so that plots follow dark mode.
TEXT_COLOR = "#010203"
GRID_COLOR = "#88888855"
_LONGEST_NAME = 30
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


@contextmanager
def figure_of(width: float, height: float) -> Iterator[Figure]:
    """Open a figure without any global plotting state.

    Args:
        width: Inches.
        height: Inches.

    Yields:
        The figure; draw on it and end with `to_svg` inside the `with` block.
    """
    settings: dict[Any, Any] = {
        # Class names are words, never formulas, whatever dollar signs they hold.
        "text.parse_math": False,
        "svg.fonttype": "none",
        "svg.hashsalt": f"{width}x{height}",
        "font.family": "sans-serif",
        "font.size": 10,
        "text.color": TEXT_COLOR,
        "axes.labelcolor": TEXT_COLOR,
        "xtick.color": TEXT_COLOR,
        "ytick.color": TEXT_COLOR,
        "axes.axisbelow": True,
    }
    with rc_context(settings):
        yield Figure(figsize=(width, height), layout="constrained")


def plain(axes: Axes) -> None:
    """Remove the frame and the tick marks.

    Args:
        axes: Where.
    """
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.patch.set_visible(False)


def short_name(name: str) -> str:
    """A class name that leaves room for the plot.

    Args:
        name: Any length.

    Returns:
        At most 30 characters; of longer names both ends, which tell similar names apart.
    """
    if len(name) <= _LONGEST_NAME:
        return name
    end = _LONGEST_NAME // 2 - 1
    return f"{name[: _LONGEST_NAME - end - 1]}…{name[-end:]}"


def draw_whiskers(axes: Axes, intervals: Sequence[Interval | None]) -> None:
    """Draw intervals as lines along horizontal bars.

    Args:
        axes: Where, in percent.
        intervals: One for each bar from the bottom, as shares; None gets no line.
    """
    drawn = [(row, interval) for row, interval in enumerate(intervals) if interval is not None]
    axes.hlines(
        [row for row, _ in drawn],
        [100 * interval.low for _, interval in drawn],
        [100 * interval.high for _, interval in drawn],
        colors=TEXT_COLOR,
        linewidth=1.3,
    )


def to_svg(figure: Figure, description: str) -> Markup:
    """Turn a figure into inline SVG that scales with the page.

    Args:
        figure: The drawing.
        description: What it shows, for readers who cannot see it.

    Returns:
        SVG whose text has the colour of the text around it.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata=_NO_METADATA)
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace(TEXT_COLOR, "currentColor")
    label = Markup.escape(description)
    text = text.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
    return Markup(text)
