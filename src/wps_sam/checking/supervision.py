"""Parts with points but no box, which training by boxes refuses."""

from collections.abc import Sequence

import numpy as np

from wps_sam.checking.findings import Case, Cases, Finding, Picture, Severity, counted
from wps_sam.checking.splits import CheckedSplit, learnt_split, validation_splits


def check_supervision(splits: Sequence[CheckedSplit]) -> list[Finding]:
    """Look for parts that the stated or usual supervision, `box`, cannot learn.

    Args:
        splits: All splits. What training would look at counts: the split that is learnt from and
            those to validate on. What the former states (`LabelFile.supervision`) holds for all.

    Returns:
        The finding `no-box`: an error if the labels state `box`, a warning if they state nothing.
    """
    learnt = learnt_split(splits)
    if learnt is None or learnt.labels.supervision in ("point", "mixed"):
        return []
    used = [learnt, *(split for split in validation_splits(splits) if split is not learnt)]
    cases, parts = Cases(), 0
    for split in used:
        parts += _collect(split, cases)
    is_stated = learnt.labels.supervision == "box"
    severity: Severity = "error" if is_stated else "warning"
    why = (
        "The data set file says `supervision: box`, which needs the box of each part, so training "
        "stops there."
        if is_stated
        else "Training stops there unless it is told to learn from points: its default, "
        "--supervision box, needs the box of each part."
    )
    return cases.finding(
        "no-box",
        severity,
        "Parts with points but no box",
        f"{cases.count} of {counted(parts, 'part')} have none. {why}",
        "Train with --supervision mixed to take boxes where there are some and points elsewhere, "
        "or --supervision point; or say so in a dataset.yaml (`supervision:`). If boxes were "
        "meant, draw them.",
    )


def _collect(split: CheckedSplit, cases: Cases) -> int:
    """Add the parts without a box; returns how many parts there are."""
    assert split.weak is not None
    for image in split.weak.images:
        shown = Picture(image.path, image.file_name, hw=(image.height, image.width))
        for row in np.flatnonzero(~image.has_box):
            name = split.weak.class_names[image.class_index[row]]
            text = counted(len(image.points_xy[row]), "point")
            cases.add(Case(split.name, f"{name} in {image.file_name}", text, (shown,)))
    return sum(len(image.class_index) for image in split.weak.images)
