"""Images with more parts than the paper's prompter has queries for."""

from collections.abc import Sequence

import numpy as np

from wps_sam.checking.findings import Case, Cases, Finding
from wps_sam.checking.splits import CheckedSplit, picture

PAPER_QUERIES = 25
"""Queries of the paper's recipe: the most parts that one image can have (section 4.1)."""

MOST_DRAWN = 60


def check_queries(splits: Sequence[CheckedSplit]) -> list[Finding]:
    """Count the parts of every image.

    Args:
        splits: All splits.

    Returns:
        The finding `too-many-parts`, if any.
    """
    cases, most = Cases(), 0
    for split in splits:
        for image in split.weak.images if split.weak else ():
            parts = len(image.class_index)
            if parts > PAPER_QUERIES:
                most = max(most, parts)
                rows = np.flatnonzero(image.has_box).tolist()
                shown = picture(image, rows[:MOST_DRAWN])
                cases.add(Case(split.name, image.file_name, f"{parts} parts", (shown,)))
    return cases.finding(
        "too-many-parts",
        "warning",
        f"More than {PAPER_QUERIES} parts in an image",
        f"The recipe `paper` has {PAPER_QUERIES} queries, so it can learn and find no more parts "
        f"in one image. The most here is {most}.",
        f"Train with `--recipe strong`, which finds up to 128, or with `--num-queries {most}` or "
        "a little more.",
    )
