"""What the readers left out or changed, and boxes that reach far outside their image."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any, NamedTuple

from wps_sam.checking.findings import Box, Case, Cases, Finding, Picture, Severity
from wps_sam.checking.groups import DistantPieces, polygon_boxes
from wps_sam.checking.splits import CheckedSplit
from wps_sam.labels.categories import reason_without_class
from wps_sam.labels.label_file import LabelAnnotation

FAR_OUTSIDE = 0.25
"""Share of a box outside the image from which on it is more than a careless edge."""

MOST_DRAWN = 24
"""So many records of each reason get a picture."""

_WHICH_POLYGON = re.compile(r"polygon (\d+ )?of ")


def check_records(splits: Sequence[CheckedSplit]) -> list[Finding]:
    """Report skips and notes by reason, and go through the annotations once more.

    Args:
        splits: All splits.

    Returns:
        Findings `left-out` and `note`, one for each reason, `far-outside`, `pieces-in-one-box` and
        `pieces-apart`.
    """
    pieces, outside = DistantPieces(), Cases()
    cases_of: dict[_Reason, Cases] = defaultdict(Cases)
    for split in splits:
        without_class = {c.category_id: reason_without_class(c) for c in split.labels.categories}
        wanted = _records_to_draw(split)
        drawn: dict[str, Picture] = {}
        for annotation in split.usable.annotations() if split.weak else ():
            picture = _picture(split, annotation)
            if annotation.record in wanted:
                drawn[annotation.record] = picture
            if not annotation.is_crowd and not without_class[annotation.category_id]:
                pieces.look(split, annotation, picture)
                _look_outside(split, annotation, picture, outside)
        for reason, record in _remarks(split):
            shown = drawn.get(_WHICH_POLYGON.sub("", record, count=1))
            cases_of[reason].add(Case(split.name, record, "", (shown,) if shown else ()))
    return [
        *(found for reason, cases in cases_of.items() for found in _remark(reason, cases)),
        *outside.finding(
            "far-outside",
            "warning",
            "Boxes far outside the image",
            f"{FAR_OUTSIDE:.0%} of the box or more lies outside the image and was cut off.",
            "Check whether the labels belong to another size or crop of the image.",
        ),
        *pieces.findings(),
    ]


class _Reason(NamedTuple):
    """What records have in common that were left out or noted: each makes a finding."""

    kind: str
    text: str
    on_purpose: bool = False


def _remarks(split: CheckedSplit) -> Iterable[tuple[_Reason, str]]:
    """Skips and notes of a split: reason and record."""
    source = split.labels if split.weak is None else split.weak
    for skip in source.skipped:
        yield _Reason("left-out", skip.reason, skip.on_purpose), skip.record
    for note in source.notes:
        yield _Reason("note", note.text), note.record


def _records_to_draw(split: CheckedSplit) -> set[str]:
    """Records to remember the boxes of: some for each reason."""
    chosen: dict[_Reason, list[str]] = defaultdict(list)
    for reason, record in _remarks(split):
        if len(chosen[reason]) < MOST_DRAWN:
            chosen[reason].append(_WHICH_POLYGON.sub("", record, count=1))
    return {record for records in chosen.values() for record in records}


def _remark(reason: _Reason, cases: Cases) -> list[Finding]:
    """The finding about one reason."""
    if reason.kind == "note":
        return cases.finding(
            "note",
            "info",
            f"Note: {reason.text}",
            "The reader used these, with this remark.",
            "Check a few; nothing has to be done if that is what you meant.",
        )
    severity: Severity = "info" if reason.on_purpose else "warning"
    remedy = "Nothing, if that is what the mark, the class table or the class map is for."
    if not reason.on_purpose:
        remedy = "Correct them in the label tool, unless they are meant to be left out."
    return cases.finding(
        "left-out",
        severity,
        f"Left out: {reason.text}",
        "The reader leaves these records out, so training does not see them.",
        remedy,
    )


def _picture(split: CheckedSplit, annotation: LabelAnnotation) -> Picture:
    """The image of an annotation with its box or boxes as they are written."""
    assert split.weak is not None
    image = split.weak.images[annotation.image.index]
    boxes = polygon_boxes(annotation.segmentation) or _bbox(annotation.bbox)
    return Picture(image.path, image.file_name, tuple(boxes), hw=(image.height, image.width))


def _bbox(bbox: Any) -> list[Box]:
    """The bbox as corners, put in order; empty if it is not four finite numbers."""
    if not isinstance(bbox, list | tuple) or len(bbox) != 4:
        return []
    try:
        if not all(map(isfinite, bbox)):
            return []
    except (TypeError, OverflowError):
        return []
    left, top, width, height = map(float, bbox)
    right, bottom = left + width, top + height
    return [(min(left, right), min(top, bottom), max(left, right), max(top, bottom))]


def _look_outside(
    split: CheckedSplit, annotation: LabelAnnotation, picture: Picture, outside: Cases
) -> None:
    """Add the annotation if much of one of its boxes is outside the image, but not all of it."""
    assert picture.hw is not None
    height, width = picture.hw
    for left, top, right, bottom in picture.boxes:
        inside = max(0.0, min(right, width) - max(left, 0)) * max(
            0.0, min(bottom, height) - max(top, 0)
        )
        area = (right - left) * (bottom - top)
        if 0 < inside <= (1 - FAR_OUTSIDE) * area:
            text = f"{1 - inside / area:.0%} outside, the image is {width} x {height}"
            outside.add(Case(split.name, annotation.record, text, (picture,)))
            return
