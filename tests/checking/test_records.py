"""What the readers left out, by reason, and boxes far outside."""

from dataclasses import replace

import pytest

from checking.data_sets import DataSet, photo
from wps_sam.checking.findings import Finding
from wps_sam.checking.records import check_records
from wps_sam.checking.splits import prepare_splits
from wps_sam.labels.remarks import Skip

BOX = ("wheel", [10, 10, 20, 20])


def check(data_set: DataSet) -> list[Finding]:
    return check_records([data_set.split()])


def test_nothing(data_set: DataSet) -> None:
    data_set.add_image("a.jpg", photo(0), BOX)
    assert check(data_set) == []


def test_left_out__by_reason_with_the_box_as_written(data_set: DataSet) -> None:
    data_set.add_image("a.jpg", photo(0), BOX)
    data_set.add_part(0, "wheel", bbox=[30, 40, -10, 5])
    data_set.add_part(0, "wheel", bbox=[50, 40, -10, -5])
    data_set.add_part(0, "wheel", bbox=[500, 40, 10, 10])
    data_set.add_part(0, "wheel", bbox=["x", 40, 10, 10])
    swapped, outside, no_number = check(data_set)
    assert swapped.title == (
        "Left out: bbox with negative width or height: its corners are swapped"
    )
    assert (swapped.kind, swapped.severity, swapped.count) == ("left-out", "warning", 2)
    assert [case.record for case in swapped.cases] == [
        f"annotation {i} of image 0 (a.jpg)" for i in (2, 3)
    ]
    boxes = [case.pictures[0].boxes for case in swapped.cases]
    assert boxes == [((20, 40, 30, 45),), ((40, 35, 50, 40),)]
    assert outside.title == "Left out: box outside the image"
    assert outside.cases[0].pictures[0].boxes == ((500, 40, 510, 50),)
    assert no_number.cases[0].pictures[0].boxes == ()


def test_left_out__one_polygon_of_several(data_set: DataSet) -> None:
    data_set.add_image("a.jpg", photo(0))
    good = [10, 10, 30, 10, 30, 30]
    data_set.add_part(0, "wheel", segmentation=[good, [1, 2, 3, 4]], bbox=[1, 2, 3, 4])
    (finding,) = check(data_set)
    assert finding.cases[0].record == "polygon 1 of annotation 1 of image 0 (a.jpg)"
    assert finding.cases[0].pictures[0].boxes == ((10, 10, 30, 30),)


def test_left_out__on_purpose_is_good_to_know(data_set: DataSet) -> None:
    data_set.add_image("a.jpg", photo(0), BOX, ("background", [0, 0, 50, 50]))
    data_set.add_part(0, "wheel", bbox=[0, 0, 50, 50], iscrowd=1)
    findings = check(data_set)
    left_out = [finding for finding in findings if finding.kind == "left-out"]
    assert [finding.severity for finding in left_out] == ["info", "info"]
    assert [finding.kind for finding in findings if finding not in left_out] == ["note"]


def test_left_out__the_reader_says_what_is_on_purpose(data_set: DataSet) -> None:
    data_set.add_image("a.jpg", photo(0), BOX)
    skips = [Skip("object 1", "why", on_purpose=True), Skip("object 2", "why")]
    labels = replace(data_set.open(), skipped=skips)
    meant, unclear = check_records(prepare_splits({"": labels}))
    assert [finding.title for finding in (meant, unclear)] == ["Left out: why"] * 2
    assert (meant.severity, meant.cases[0].record) == ("info", "object 1")
    assert meant.remedy.startswith("Nothing, if that is what the mark, the class table")
    assert (unclear.severity, unclear.cases[0].record) == ("warning", "object 2")
    assert unclear.remedy.startswith("Correct them in the label tool")


@pytest.mark.parametrize(
    ("bbox", "percent"),
    [
        ([108, 10, 26, 20], None),  # 6 of 26 outside, 23 %
        ([101, 10, 36, 20], "25%"),  # 9 of 36
        ([-30, -30, 40, 40], "94%"),  # 10 x 10 of 40 x 40 is inside
    ],
)
def test_far_outside(data_set: DataSet, bbox: list[float], percent: str | None) -> None:
    data_set.add_image("a.jpg", photo(0), ("wheel", bbox))
    findings = {finding.kind: finding for finding in check(data_set)}
    assert findings["note"].title == "Note: box reached outside the image and was clipped"
    assert ("far-outside" in findings) == (percent is not None)
    if percent is not None:
        (case,) = findings["far-outside"].cases
        assert case.detail == f"{percent} outside, the image is 128 x 96"


def test_notes_and_skips_of_several_splits_are_counted_together(data_set: DataSet) -> None:
    data_set.add_image("a.jpg", photo(0), BOX, ("wheel", [500, 500, 5, 5]))
    (finding,) = check_records([data_set.split("train"), data_set.split("val")])
    assert finding.count == 2
    assert [case.split for case in finding.cases] == ["train", "val"]
