"""Error anatomy for the reader: names, colours and bars of what the lost IoU was lost to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from wps_sam.evaluation.anatomy import ClassAnatomy, ErrorAnatomy
from wps_sam.evaluation.report.svg import GRID_COLOR, figure_of, plain, short_name, to_svg


@dataclass(frozen=True)
class Cause:
    """How one share of the bar is called and drawn.

    Attributes:
        key: Name in `ErrorAnatomy.lost` or `ErrorAnatomy.bad_mask_split`; `reached` is the IoU.
        name: What the reader sees.
        color: `#rrggbb`.
        meaning: One sentence.
    """

    key: str
    name: str
    color: str
    meaning: str


@dataclass(frozen=True)
class Share:
    """A cause and how much it took.

    Attributes:
        cause: What it was.
        value: Share of the whole bar, 0..1.
    """

    cause: Cause
    value: float


REACHED = Cause("reached", "Reached", "#2ba884", "The mIoU: overlap of truth and prediction.")
_CAUSES = (
    Cause("missed_part", "Missed part", "#2f7df6", "A true part without a prediction."),
    Cause("false_part", "False part", "#f59324", "A predicted part where there is none."),
    Cause("wrong_class", "Wrong class", "#d6268f", "Found, but called something else."),
    Cause("left_right_swap", "Left and right swapped", "#8250df", "Found, but the other side."),
)
_BAD_MASK = Cause("bad_mask", "Bad mask", "#8b93a7", "The right part with a wrong outline.")
_BAD_MASK_SPLIT = (
    Cause(
        "bad_prompt",
        "Bad mask, better with the true box",
        "#8b93a7",
        "A wrong outline where the oracle is right: SAM can do better.",
    ),
    Cause(
        "sam_limit",
        "Bad mask, also with the true box",
        "#c3c8d4",
        "A wrong outline that SAM draws from the true box, too.",
    ),
)


def whole_shares(anatomy: ErrorAnatomy) -> list[Share]:
    """Split 100 % into the mIoU and what was lost to each cause.

    Args:
        anatomy: The causes over the data set.

    Returns:
        Shares that add up to 1, the mIoU first; causes that took nothing are left out. Empty where
        no class is in the mean.
    """
    if not anatomy.classes:
        return []
    lost = _finest(anatomy)
    shares = [Share(REACHED, 1 - sum(anatomy.lost.values()))]
    shares += [Share(cause, lost[cause.key]) for cause in _causes(anatomy)]
    return [share for share in shares if share.value > 0]


def class_stacks(anatomy: ErrorAnatomy) -> Markup:
    """Draw each class's 100 %: its IoU and what was lost to each cause, best class on top.

    Args:
        anatomy: The causes of each class.

    Returns:
        SVG.
    """
    classes = sorted(anatomy.classes, key=lambda scored: scored.iou)
    names, lost = [scored.name for scored in classes], [_finest(scored) for scored in classes]
    stack: list[tuple[Cause, Sequence[float]]] = [(REACHED, [scored.iou for scored in classes])]
    stack += [(cause, [row[cause.key] for row in lost]) for cause in _causes(anatomy)]
    with figure_of(4.8, 0.7 + 0.3 * len(names)) as figure:
        axes = figure.subplots()
        plain(axes)
        rows, left = np.arange(len(names)), np.zeros(len(names))
        for cause, shares in stack:
            width = 100 * np.array(shares)
            axes.barh(rows, width, left=left, height=0.62, color=cause.color)
            left = left + width
        axes.set_yticks(rows, [short_name(name) for name in names])
        axes.set_xlim(0, 100)
        axes.set_ylim(-0.6, len(names) - 0.4)
        axes.grid(axis="x", color=GRID_COLOR)
        axes.set_xlabel("% of true and predicted pixels")
        return to_svg(figure, "IoU of each class and what the rest was lost to")


def part_counts(parts: Mapping[str, int]) -> list[int]:
    """Counts of one class's parts in the order of the report's table.

    Args:
        parts: `ClassAnatomy.parts`.

    Returns:
        True, found, missed, wrong class, swapped, predicted and false parts.
    """
    return [
        parts[key]
        for key in (
            "true_parts",
            "matched",
            "missed",
            "wrong_class",
            "left_right_swap",
            "predicted_parts",
            "false_part",
        )
    ]


def _causes(anatomy: ErrorAnatomy) -> tuple[Cause, ...]:
    """The causes to draw; bad masks are split where an oracle splits them."""
    return (*_CAUSES, *((_BAD_MASK,) if anatomy.bad_mask_split is None else _BAD_MASK_SPLIT))


def _finest(scored: ErrorAnatomy | ClassAnatomy) -> dict[str, float]:
    """What was lost to each cause, whole and split bad masks beside each other."""
    return {**scored.lost, **(scored.bad_mask_split or {})}
