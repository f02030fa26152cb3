"""Sizes, shapes and overlaps, worked out by hand. Images are 128 x 96, so SAM's scale is 8."""

import pytest

from checking.data_sets import DataSet, photo
from wps_sam.checking.boxes import check_boxes
from wps_sam.checking.findings import Finding


def check(data_set: DataSet, *parts: tuple[str, list[float]]) -> dict[str, Finding]:
    """Findings about one image with these parts, by kind."""
    data_set.add_image("a.jpg", photo(0), *parts)
    return {finding.kind: finding for finding in check_boxes([data_set.split()])}


@pytest.mark.parametrize(
    ("bbox", "kinds"),
    [
        ([10, 10, 40, 30], []),
        ([10, 10, 1, 5], []),  # 8 pixels in SAM's frame, aspect 5
        ([10, 10, 0.9, 5], ["tiny-box"]),  # 7.2 pixels
        ([10, 10, 5, 0.9], ["tiny-box"]),
        ([0, 0, 128, 96], ["whole-image-box"]),
        ([0, 0, 128, 91], []),  # 94.8 %
        ([10, 10, 100, 5], []),  # 20 : 1
        ([10, 10, 100, 4.9], ["thin-box"]),  # 20.4 : 1
        ([10, 10, 2, 80], ["thin-box"]),
    ],
    ids=str,
)
def test_one_box(data_set: DataSet, bbox: list[float], kinds: list[str]) -> None:
    found = check(data_set, ("wheel", bbox), ("lid", [30, 40, 20, 20]))
    assert list(found) == kinds
    for finding in found.values():
        assert (finding.severity, finding.count) == ("warning", 1)
        left, top, width, height = bbox
        (picture,) = finding.cases[0].pictures
        assert picture.boxes[0] == pytest.approx((left, top, left + width, top + height))
        assert finding.cases[0].record == "wheel in a.jpg"


def test_tiny__says_how_large(data_set: DataSet) -> None:
    found = check(data_set, ("wheel", [10, 10, 0.5, 5]))
    assert found["tiny-box"].cases[0].detail == "4 x 40 px in SAM's frame"


@pytest.mark.parametrize(
    ("first", "second", "other", "is_repeated"),
    [
        ("wheel", "wheel", [10, 10, 40, 36], True),  # IoU 36 / 40
        ("wheel", "wheel", [10, 10, 40, 35.9], False),
        ("wheel", "lid", [10, 10, 40, 40], False),
    ],
)
def test_repeated(
    data_set: DataSet, first: str, second: str, other: list[float], is_repeated: bool
) -> None:
    found = check(data_set, (first, [10, 10, 40, 40]), (second, other))
    assert ("repeated-box" in found) == is_repeated
    if is_repeated:
        assert found["repeated-box"].cases[0].detail == "IoU 0.90"
        assert len(found["repeated-box"].cases[0].pictures[0].boxes) == 2


GROUP = [5.0, 5.0, 100.0, 50.0]


@pytest.mark.parametrize(
    ("members", "is_group"),
    [
        ([[10, 10, 20, 20], [70, 10, 20, 20]], True),
        ([[10, 10, 20, 20]], False),  # one wheel in front of another
        ([[10, 10, 20, 20], [95, 10, 20, 20]], False),  # half of the second is outside
        ([[10, 10, 20, 20], [70, 10, 20, 20], [10, 60, 9, 9], [30, 60, 9, 9]], True),  # 2 of 4
        (
            [[10, 10, 20, 20], [70, 10, 20, 20], *([x, 60, 9, 9] for x in (10, 30, 50))],
            False,  # 2 of 5
        ),
        ([[5, 5, 99, 50], [6, 5, 99, 50]], False),  # the same part three times
    ],
    ids=["both", "one", "half outside", "two of four", "two of five", "the same"],
)
def test_group_box(data_set: DataSet, members: list[list[float]], is_group: bool) -> None:
    found = check(data_set, ("wheel", GROUP), *(("wheel", member) for member in members))
    assert ("group-box" in found) == is_group
    if is_group:
        (picture,) = found["group-box"].cases[0].pictures
        assert picture.boxes == ((5, 5, 105, 55),)
        assert picture.others == ((10, 10, 30, 30), (70, 10, 90, 30))


def test_group_box__of_another_class(data_set: DataSet) -> None:
    found = check(data_set, ("car", GROUP), ("wheel", [10, 10, 20, 20]), ("wheel", [70, 9, 20, 20]))
    assert found == {}


def test_parts_without_a_box(data_set: DataSet) -> None:
    data_set.add_image("a.jpg", photo(0), ("wheel", [10, 10, 0.5, 5]))
    data_set.add_part(0, "lid", points=[[5, 5]])
    (finding,) = check_boxes([data_set.split()])
    assert (finding.kind, finding.count) == ("tiny-box", 1)
