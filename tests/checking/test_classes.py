"""Frequencies and names of classes."""

from collections.abc import Callable

import pytest

from checking.data_sets import DataSet, photo
from wps_sam.checking.classes import _is_slip, check_classes
from wps_sam.checking.findings import Finding
from wps_sam.checking.splits import prepare_splits


def fill(data_set: DataSet, counts: dict[str, int], images: int = 10) -> None:
    """Spread parts over images, one part of each class in each image as long as there are some."""
    for i in range(images):
        parts = []
        for name, count in counts.items():
            mine = count // images + (i < count % images)
            parts += [(name, [2 + j % 20, 2, 20, 20]) for j in range(mine)]
        data_set.add_image(f"{i}.png", photo(i, (48, 48)), *parts)


def check(data_set: DataSet, counts: dict[str, int]) -> dict[str, Finding]:
    """Findings about a data set with these numbers of parts, by kind."""
    fill(data_set, counts)
    return {finding.kind: finding for finding in check_classes([data_set.split()])}


def test_enough_of_each(data_set: DataSet) -> None:
    assert check(data_set, {"wheel": 10, "lid": 12}) == {}


def test_few_images(data_set: DataSet) -> None:
    found = check(data_set, {"wheel": 10, "lid": 9, "knob": 1})
    assert list(found) == ["few-images"]
    cases = found["few-images"].cases
    assert [(case.record, case.detail) for case in cases] == [
        ("knob", "1 part in 1 image"),
        ("lid", "9 parts in 9 images"),
    ]


def test_imbalance(data_set: DataSet) -> None:
    found = check(data_set, {"wheel": 510, "lid": 10, "knob": 11})
    assert list(found) == ["imbalance"]  # 510 / 10 > 50, 510 / 11 < 50
    assert [case.record for case in found["imbalance"].cases] == ["lid"]
    assert found["imbalance"].cases[0].detail == "10 parts, 51 times fewer"
    assert "'wheel' (510 parts)" in found["imbalance"].message


def test_never_labelled(data_set: DataSet) -> None:
    data_set.category("spare")
    found = check(data_set, {"wheel": 10})
    assert [case.record for case in found["class-without-parts"].cases] == ["spare"]
    assert found["class-without-parts"].severity == "info"


def test_only_in_another_split(new_set: Callable[[str], DataSet]) -> None:
    train, val = new_set("train"), new_set("val")
    fill(train, {"wheel": 10})
    fill(val, {"wheel": 5, "lid": 3})
    findings = check_classes(prepare_splits({"test": val.open(), "training": train.open()}))
    assert [finding.kind for finding in findings] == ["class-only-elsewhere"]
    (case,) = findings[0].cases
    assert (case.split, case.record, case.detail) == ("test", "lid", "3 parts in test")


@pytest.mark.parametrize(
    ("learnt", "validated", "detail"),
    [
        (("lid", "wheel"), ("wheel", "lid"), "the same in another order"),
        (("lid", "wheel"), ("lid", "hub"), "only in training: wheel; only in valid: hub"),
        (("lid", "wheel"), ("lid",), "only in training: wheel"),
        (("lid",), ("lid", "hub"), "only in valid: hub"),
    ],
)
def test_other_classes_are_an_error(
    new_set: Callable[[str], DataSet],
    learnt: tuple[str, ...],
    validated: tuple[str, ...],
    detail: str,
) -> None:
    """The splits that training refuses, with its words."""
    train, valid = new_set("train"), new_set("valid")
    for data_set, names in ((train, learnt), (valid, validated)):
        fill(data_set, dict.fromkeys(names, 10))
    labels = {"valid": valid.open(), "training": train.open(), "test": valid.open()}
    found = {finding.kind: finding for finding in check_classes(prepare_splits(labels))}
    (case,) = found["other-classes"].cases
    assert found["other-classes"].severity == "error"
    assert (case.split, case.detail) == ("valid", detail)
    assert case.record == str(valid.folder / "annotations.json")


@pytest.mark.parametrize(
    ("counts", "pair"),
    [
        ({"left_door": 100, "Left Door": 100}, "Left Door / left_door"),
        ({"bumper": 100, "bunper": 10}, "bumper / bunper"),
        ({"bumper": 100, "bumpers": 10}, "bumper / bumpers"),
        ({"bumper": 100, "bmuper": 10}, "bumper / bmuper"),
    ],
    ids=str,
)
def test_similar_names(data_set: DataSet, counts: dict[str, int], pair: str) -> None:
    found = check(data_set, counts)
    assert [case.record for case in found["similar-names"].cases] == [pair]


@pytest.mark.parametrize(
    "counts",
    [
        {"bumper": 100, "bunper": 11},  # not rare: PASCAL has lfleg and lbleg
        {"door1": 100, "door2": 10},
        {"eye": 100, "ear": 10},
        {"bumper": 100, "fender": 10},
    ],
    ids=str,
)
def test_names_that_mean_two_classes(data_set: DataSet, counts: dict[str, int]) -> None:
    assert "similar-names" not in check(data_set, counts)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("wheel", "wheal", True),
        ("wheel", "weel", True),
        ("wheel", "whele", True),
        ("wheel", "whxxl", False),
        ("wheel", "wheelie", False),
        ("lid", "lit", False),
        ("coach_1", "coach_2", False),
        ("coach", "coach1", False),
    ],
)
def test_slip(first: str, second: str, expected: bool) -> None:
    assert _is_slip(first, second) == _is_slip(second, first) == expected
