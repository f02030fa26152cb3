"""What a user should know of how labelled points are used."""

from rich.markup import escape

from wps_sam.cli.console import console
from wps_sam.labels.weak_labels import WeakDataset
from wps_sam.prompter.teacher import MOST_POINTS, Supervision, count_by_points, count_thinned


def note_thinned_points(labels: WeakDataset, supervision: Supervision) -> None:
    """Say so if some points are not used."""
    thinned = count_thinned(labels, supervision)
    if thinned:
        _print(
            f"note: {thinned} parts of {labels.source} have more than {MOST_POINTS} points; "
            f"{MOST_POINTS} of each, far from each other, are used"
        )


def note_pseudo_boxes(labels: WeakDataset, supervision: Supervision) -> None:
    """Say so if SAM has to make boxes of points, which takes a while."""
    parts = count_by_points(labels, supervision)
    if parts:
        _print(
            f"note: SAM makes a box for each of {parts} parts of {labels.source} that are labelled "
            "by points; on a CPU that takes half a minute for 1,000"
        )


def _print(text: str) -> None:
    console.print(escape(text), soft_wrap=True)
