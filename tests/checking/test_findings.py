"""Counting, order and plain values of findings."""

import json
from pathlib import Path

from wps_sam.checking.findings import (
    MOST_CASES,
    Case,
    Cases,
    CheckReport,
    Picture,
    by_severity,
)


def test_cases__counts_all_and_keeps_the_first() -> None:
    cases = Cases()
    for i in range(MOST_CASES + 7):
        cases.add(Case("", str(i)))
    (finding,) = cases.finding("kind", "info", "title", "message", "remedy")
    assert finding.count == MOST_CASES + 7
    assert [case.record for case in finding.cases] == [str(i) for i in range(MOST_CASES)]


def test_cases__none_is_no_finding() -> None:
    assert Cases().finding("kind", "info", "title", "message", "remedy") == []


def test_report__worst_first_and_sound_without_errors() -> None:
    cases = Cases()
    picture = Picture(Path("a.jpg"), "a.jpg", ((0.123456, 1, 2, 3),), ((4, 5, 6, 7),))
    cases.add(Case("val", "a.jpg", "3 px", (picture,)))
    mild = cases.finding("mild", "info", "", "", "")
    middle = cases.finding("middle", "warning", "", "", "")
    bad = cases.finding("bad", "error", "", "", "")
    report = CheckReport((), by_severity([*mild, *bad, *middle]))
    assert [finding.kind for finding in report.findings] == ["bad", "middle", "mild"]
    assert not report.sound
    assert CheckReport((), by_severity([*mild, *middle])).sound
    values = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert values["findings_by_severity"] == {"error": 1, "warning": 1, "info": 1}
    assert values["findings"][0]["cases"] == [
        {
            "split": "val",
            "record": "a.jpg",
            "detail": "3 px",
            "images": [
                {
                    "file_name": "a.jpg",
                    "boxes_xyxy": [[0.12, 1, 2, 3]],
                    "other_boxes_xyxy": [[4, 5, 6, 7]],
                }
            ],
        }
    ]
