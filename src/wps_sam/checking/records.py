"""What the readers left out or changed, and boxes that reach far outside their image."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import isfinite
from typing import Any

from wps_sam.checking.findings import Box, Case, Cases, Finding, Picture, Severity
from wps_sam.checking.groups import DistantPieces, polygon_boxes
from wps_sam.checking.splits import CheckedSplit
from wps_sam.labels.categories import reason_without_class
from wps_sam.labels.label_file import LabelAnnotation
from wps_sam.labels.remarks import Note, Skip
from wps_sam.labels.weak_reading import CROWD

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
    reasons: dict[tuple[str, str], Cases] = defaultdict(Cases)
    on_purpose = {CROWD}
    for split in splits:
        without_class = {c.category_id: reason_without_class(c) for c in split.labels.categories}
        on_purpose |= set(without_class.values())
        wanted = _records_to_draw(split)
        drawn: dict[str, Picture] = {}
        for annotation in split.usable.annotations() if split.weak else ():
            picture = _picture(split, annotation)
            if annotation.record in wanted:
                drawn[annotation.record] = picture
            if not annotation.is_crowd and not without_class[annotation.category_id]:
                pieces.look(split, annotation, picture)
                _look_outside(split, annotation, picture, outside)
        for kind, text, record in _remarks(split):
            shown = drawn.get(_WHICH_POLYGON.sub("", record, count=1))
            reasons[kind, text].add(Case(split.name, record, "", (shown,) if shown else ()))
    return [
        *(
            found
            for (kind, text), cases in reasons.items()
            for found in _remark(kind, text, cases, text in on_purpose)
        ),
        *outside.finding(
            "far-outside",
            "warning",
            "Boxes far outside the image",
            f"{FAR_OUTSIDE:.0%} of the box or more lies outside the image and was cut off.",
            "Check whether the labels belong to another size or crop of the image.",
        ),
        *pieces.findings(),
    ]


def _remarks(split: CheckedSplit) -> Iterable[tuple[str, str, str]]:
    """Skips and notes of a split: kind, reason and record."""
    source = split.labels if split.weak is None else split.weak
    skips: Sequence[Skip] = source.skipped
    notes: Sequence[Note] = source.notes
    yield from (("left-out", skip.reason, skip.record) for skip in skips)
    yield from (("note", note.text, note.record) for note in notes)


def _records_to_draw(split: CheckedSplit) -> set[str]:
    """Records to remember the boxes of: some for each reason."""
    chosen: dict[tuple[str, str], list[str]] = defaultdict(list)
    for kind, text, record in _remarks(split):
        if len(chosen[kind, text]) < MOST_DRAWN:
            chosen[kind, text].append(_WHICH_POLYGON.sub("", record, count=1))
    return {record for records in chosen.values() for record in records}


def _remark(kind: str, text: str, cases: Cases, is_on_purpose: bool) -> list[Finding]:
    """The finding about one reason."""
    if kind == "note":
        return cases.finding(
            "note",
            "info",
            f"Note: {text}",
            "The reader used these, with this remark.",
            "Check a few; nothing has to be done if that is what you meant.",
        )
    severity: Severity = "info" if is_on_purpose else "warning"
    remedy = "Nothing, if that is what the mark or the class map is for."
    if not is_on_purpose:
        remedy = "Correct them in the label tool, unless they are meant to be left out."
    return cases.finding(
        "left-out",
        severity,
        f"Left out: {text}",
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
