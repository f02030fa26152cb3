"""Parts that training by boxes cannot learn."""

from dataclasses import replace
from typing import Literal

import pytest

from checking.data_sets import DataSet, photo
from wps_sam.checking.splits import prepare_splits
from wps_sam.checking.supervision import check_supervision

BOX = ("wheel", [10, 10, 20, 20])


@pytest.fixture
def points(data_set: DataSet) -> DataSet:
    """A box, and a part with two points."""
    data_set.add_image("a.jpg", photo(0), BOX)
    data_set.add_part(0, "lid", points=[[5, 6], [7, 8]])
    return data_set


def test_boxes_are_fine(data_set: DataSet) -> None:
    data_set.add_image("a.jpg", photo(0), BOX)
    data_set.add_part(0, "lid", points=[[5, 6]], bbox=[1, 1, 9, 9])
    assert check_supervision([data_set.split()]) == []


@pytest.mark.parametrize(
    ("stated", "severity", "why"),
    [
        (None, "warning", "Training stops there unless it is told to learn from points"),
        ("box", "error", "The data set file says `supervision: box`"),
    ],
)
def test_points_only(
    points: DataSet,
    stated: Literal["box"] | None,
    severity: str,
    why: str,
) -> None:
    labels = replace(points.open(), supervision=stated)
    (finding,) = check_supervision(prepare_splits({"": labels}))
    assert (finding.kind, finding.severity, finding.count) == ("no-box", severity, 1)
    assert finding.message.startswith(f"1 of 2 parts have none. {why}")
    assert "--supervision mixed" in finding.remedy
    assert "--supervision point" in finding.remedy
    (case,) = finding.cases
    assert (case.record, case.detail) == ("lid in a.jpg", "2 points")
    assert case.pictures[0].file_name == "a.jpg"


@pytest.mark.parametrize("stated", ["point", "mixed"])
def test_points_are_what_is_learnt(points: DataSet, stated: Literal["point", "mixed"]) -> None:
    labels = replace(points.open(), supervision=stated)
    assert check_supervision(prepare_splits({"": labels})) == []


def test_what_training_looks_at_counts(points: DataSet) -> None:
    labels = points.open()
    splits = prepare_splits({"train": labels, "valid": labels, "test": labels})
    (finding,) = check_supervision(splits)
    assert [case.split for case in finding.cases] == ["train", "valid"]


def test_nothing_readable(data_set: DataSet) -> None:
    data_set.add_image("gone.jpg", None, BOX)
    assert check_supervision([data_set.split()]) == []
