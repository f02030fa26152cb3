"""What the loss is made of: shares that add up, drawn and named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from wps_sam.evaluation.anatomy import ClassAnatomy, ErrorAnatomy
from wps_sam.evaluation.report.anatomy import class_stacks, part_counts, whole_shares

if TYPE_CHECKING:
    from evaluation.report.conftest import WrittenReport

LOST = {
    "missed_part": 0.2,
    "false_part": 0.0,
    "wrong_class": 0.05,
    "left_right_swap": 0.05,
    "bad_mask": 0.1,
}
PARTS = {
    "true_parts": 10,
    "matched": 6,
    "missed": 2,
    "wrong_class": 1,
    "left_right_swap": 1,
    "predicted_parts": 11,
    "false_part": 3,
}


def anatomy_of(split: dict[str, float] | None) -> ErrorAnatomy:
    wheel = ClassAnatomy("wheel & $x$", 0.6, LOST, split, PARTS)
    return ErrorAnatomy((wheel,), (), LOST, split)


def test_shares_are_the_miou_and_each_cause_that_took_something() -> None:
    shares = {share.cause.key: share.value for share in whole_shares(anatomy_of(None))}
    # 1 - (0.2 + 0.05 + 0.05 + 0.1) = 0.6 is left.
    assert shares == pytest.approx(
        {
            "reached": 0.6,
            "missed_part": 0.2,
            "wrong_class": 0.05,
            "left_right_swap": 0.05,
            "bad_mask": 0.1,
        }
    )


def test_an_oracle_splits_bad_masks() -> None:
    shares = whole_shares(anatomy_of({"bad_prompt": 0.07, "sam_limit": 0.03}))
    values = {share.cause.key: share.value for share in shares}
    assert "bad_mask" not in values
    assert values["bad_prompt"] == 0.07
    assert values["sam_limit"] == 0.03
    assert sum(values.values()) == pytest.approx(1)


def test_no_class_no_bar() -> None:
    nothing = dict.fromkeys(LOST, 0.0)
    assert whole_shares(ErrorAnatomy((), (), nothing, None)) == []
    assert "<svg" in class_stacks(ErrorAnatomy((), (), nothing, None))


def test_class_bar_is_full() -> None:
    drawing = class_stacks(anatomy_of(None))
    assert "wheel &amp; $x$" in drawing
    # Each segment is a path M left bottom L right bottom ...; they follow each other without a gap.
    bars = re.findall(
        r"fill: (#[0-9a-f]{6})|M ([\d.]+) ([\d.]+) \nL ([\d.]+) \3 \nL \4 [\d.]+ \nL \2", drawing
    )
    corners = [(float(left), float(right)) for _, left, _, right in bars if left]
    segments = corners[-6:]  # the figure's background comes first
    ends = [right for _, right in segments]
    assert [left for left, _ in segments[1:]] == pytest.approx(ends[:-1], abs=1e-3)
    whole = segments[-1][1] - segments[0][0]
    shares = [(right - left) / whole for left, right in segments]
    assert shares == pytest.approx([0.6, 0.2, 0, 0.05, 0.05, 0.1], abs=1e-3)


def test_part_counts_follow_the_headings() -> None:
    assert part_counts(PARTS) == [10, 6, 2, 1, 1, 11, 3]


def test_report_shows_causes_and_advice(compared: WrittenReport) -> None:
    # Classes in the mean: wheel (IoU 0, all missed) and the long name (IoU 1).
    causes = dict(re.findall(r'data-cause="(\w+)">.*?<b>([\d.]+)</b>', compared.text))
    assert causes == {"reached": "50.0", "missed_part": "50.0"}
    assert "2 of 2 parts missed" in compared.text
    row = re.search(r'<tr><th scope="row">door</th>((?:<td>[\d,]+</td>)+)</tr>', compared.text)
    assert row is not None
    # door: true, found, missed, wrong class, swapped, predicted, false.
    assert re.findall(r"\d+", row.group(1)) == ["0", "0", "0", "0", "0", "2", "2"]
