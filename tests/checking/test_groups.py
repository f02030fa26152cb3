"""Annotations in pieces. Two squares of 20 are near up to a gap of 10 pixels."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from checking.data_sets import HEIGHT, WIDTH, DataSet, photo
from wps_sam.checking.findings import Finding
from wps_sam.checking.groups import polygon_boxes
from wps_sam.checking.records import check_records
from wps_sam.checking.splits import prepare_splits
from wps_sam.geometry.masks import mask_to_rle


def square(left: float, side: float = 20, top: float = 10) -> list[float]:
    right, bottom = left + side, top + side
    return [left, top, right, top, right, bottom, left, bottom]


def rle(*polygons: list[float]) -> dict[str, Any]:
    """Run-length mask of axis-aligned squares."""
    mask = np.zeros((HEIGHT, WIDTH), bool)
    for polygon in polygons:
        left, top, right, _, _, bottom, *_ = map(int, polygon)
        mask[top:bottom, left:right] = True
    return mask_to_rle(mask)


def check(data_set: DataSet, keep_groups: bool = False) -> list[Finding]:
    """Findings about pieces."""
    labels = replace(data_set.open(), keep_groups=keep_groups)
    findings = check_records(prepare_splits({"": labels}))
    return [finding for finding in findings if "pieces" in finding.kind]


FAR, NEAR = [square(5), square(36)], [square(5), square(34)]  # gaps of 11 and 9 pixels
STEPS = [square(5), square(34), square(63)]  # each near the next


@pytest.mark.parametrize(
    ("pieces", "is_far"),
    [
        (FAR, True),
        (NEAR, False),
        (STEPS, False),
        ([square(5), square(100, 4)], False),  # 4 % of the area: a crumb
        ([square(5), square(100, 5)], True),  # 6 %
        ([square(5), [90, 90, 91]], False),
        ([square(5)], False),
    ],
    ids=["far", "near", "steps", "crumb", "small", "unusable", "one"],
)
def test_polygons(data_set: DataSet, pieces: list[Any], is_far: bool) -> None:
    data_set.add_image("a.jpg", photo(0))
    data_set.add_part(0, "wheel", segmentation=pieces, bbox=[5, 10, 60, 20])
    findings = check(data_set)
    assert [(one.kind, one.severity) for one in findings] == [("pieces-apart", "info")] * is_far
    findings = check(data_set, keep_groups=True)
    assert [(one.kind, one.severity) for one in findings] == [
        ("pieces-in-one-box", "warning")
    ] * is_far
    if is_far:
        assert findings[0].cases[0].record == "annotation 1 of image 0 (a.jpg)"
        assert findings[0].cases[0].detail == "2 groups of pieces"
        assert len(findings[0].cases[0].pictures[0].boxes) == 2


@pytest.mark.parametrize("pieces", [FAR, NEAR], ids=["far", "near"])
def test_run_lengths_have_one_box(data_set: DataSet, pieces: list[list[float]]) -> None:
    data_set.add_image("a.jpg", photo(0))
    data_set.add_part(0, "wheel", segmentation=rle(*pieces), bbox=[5, 10, 60, 20])
    assert [finding.kind for finding in check(data_set)] == ["pieces-in-one-box"] * (pieces is FAR)


def test_damaged_run_lengths_and_crowds_are_no_matter(data_set: DataSet) -> None:
    data_set.add_image("a.jpg", photo(0))
    far = [0, 20, 9600, 20]
    for size, counts in (
        ([96, 128], [1, 2]),
        ([10**6, 10**6], [*far, 10**12 - sum(far)]),
        ([float("inf"), 128], far),
    ):
        broken = {"size": size, "counts": counts}
        data_set.add_part(0, "wheel", segmentation=broken, bbox=[5, 10, 60, 20])
    data_set.add_part(0, "wheel", segmentation=rle(*FAR), bbox=[5, 10, 60, 20], iscrowd=1)
    assert check(data_set) == []


@pytest.mark.parametrize(
    "segmentation",
    [None, [], 3, "x", {"file": "a.png"}, [[]], [["a"] * 6], [[1, 2, 3, 4]], [[1] * 7],
     [[float("nan")] * 6], [[10**400] * 6], [None]],
    ids=str,
)  # fmt: skip
def test_polygon_boxes__unusable(segmentation: Any) -> None:
    assert polygon_boxes(segmentation) == []


def test_polygon_boxes__bare_list() -> None:
    assert polygon_boxes(square(5)) == [(5, 10, 25, 30)]
