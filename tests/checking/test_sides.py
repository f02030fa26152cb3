"""Left and right against the rest of the data set. Images are 128 wide; parts are 10 wide."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from checking.data_sets import DataSet, photo
from wps_sam.checking.findings import Finding
from wps_sam.checking.sides import check_sides
from wps_sam.checking.splits import prepare_splits

LEFT, RIGHT = "left_mirror", "right_mirror"
Places = dict[str, float]


def add(data_set: DataSet, places: Places, times: int = 1) -> None:
    """Add images with parts at these left edges."""
    for _ in range(times):
        number = len(data_set.images)
        parts = [(name, [x, 10.0, 10.0, 10.0]) for name, x in places.items()]
        data_set.add_image(f"{number}.png", photo(0, (128, 32)), *parts)


def check(data_set: DataSet) -> list[Finding]:
    return check_sides([data_set.split()])


def test_swapped_once(data_set: DataSet) -> None:
    add(data_set, {LEFT: 100, RIGHT: 10}, 10)
    add(data_set, {LEFT: 10, RIGHT: 100})
    (finding,) = check(data_set)
    assert (finding.kind, finding.severity, finding.count) == ("left-right", "warning", 2)
    left = finding.cases[0]
    assert left.record == "left_mirror in 10.png"
    # 10 of 11 images agree, 91 %.
    assert left.detail == (
        "lies left of right_mirror, but right of it in 91% of the images; 1 of 1 neighbours speak "
        "against it"
    )
    assert left.pictures[0].boxes == ((10, 10, 20, 20),)
    assert left.pictures[0].others == ((100, 10, 110, 20),)


@pytest.mark.parametrize(
    ("usual", "other"),
    [(9, 1), (10, 2), (5, 5)],
    ids=["only ten, nine agree", "83 % agree", "seen from both sides"],
)
def test_majority(data_set: DataSet, usual: int, other: int) -> None:
    add(data_set, {LEFT: 100, RIGHT: 10}, usual)
    add(data_set, {LEFT: 10, RIGHT: 100}, other)
    assert bool(check(data_set)) == (usual == 9)  # 90 % of 10 images is just enough


def test_too_few_images(data_set: DataSet) -> None:
    add(data_set, {LEFT: 100, RIGHT: 10}, 8)
    add(data_set, {LEFT: 10, RIGHT: 100})
    assert check(data_set) == []


@pytest.mark.parametrize(
    "places", [{LEFT: 50, RIGHT: 54}, {LEFT: 50}, {"hood": 10, RIGHT: 10}], ids=str
)
def test_parts_over_each_other_or_alone_say_nothing(data_set: DataSet, places: Places) -> None:
    add(data_set, {LEFT: 100, RIGHT: 10}, 10)
    add(data_set, places)
    assert check(data_set) == []


def test_a_part_in_the_middle_gives_it_away(data_set: DataSet) -> None:
    """A car that shows its left door has its hood to the left of it."""
    add(data_set, {"left_door": 100, "hood": 10}, 10)
    add(data_set, {"right_door": 10, "hood": 100}, 10)
    add(data_set, {"right_door": 100, "hood": 10})
    (finding,) = check(data_set)
    assert [case.record for case in finding.cases] == ["right_door in 20.png"]


def test_an_order_that_is_not_mirrored_says_nothing(data_set: DataSet) -> None:
    """Both doors left of the hood: an object that is always seen alike."""
    add(data_set, {"left_door": 10, "hood": 100}, 10)
    add(data_set, {"right_door": 10, "hood": 100}, 10)
    add(data_set, {"right_door": 100, "hood": 10})
    assert check(data_set) == []


def test_classes_without_sides_say_nothing(data_set: DataSet) -> None:
    add(data_set, {"wheel": 10, "hood": 100}, 10)
    add(data_set, {"wheel": 100, "hood": 10})
    assert check(data_set) == []


def test_two_of_a_class_are_not_compared(data_set: DataSet) -> None:
    add(data_set, {LEFT: 100, RIGHT: 10}, 10)
    add(data_set, {LEFT: 10, RIGHT: 100})
    for name, x in ((LEFT, 30.0), (RIGHT, 70.0)):
        data_set.add_part(10, name, bbox=[x, 10.0, 10.0, 10.0])
    assert check(data_set) == []


def test_pairs_of_the_user_and_majority_over_all_splits(
    new_set: Callable[[str], DataSet],
) -> None:
    train, val = new_set("train"), new_set("val")
    add(train, {"port": 10, "starboard": 100}, 10)
    add(val, {"port": 100, "starboard": 10})
    labels = {"train": train.open(), "val": val.open()}
    assert check_sides(prepare_splits(labels)) == []
    labels = {
        name: replace(one, left_right=[("port", "starboard")]) for name, one in labels.items()
    }
    (finding,) = check_sides(prepare_splits(labels))
    assert [(case.split, case.record) for case in finding.cases] == [
        ("val", "port in 0.png"),
        ("val", "starboard in 0.png"),
    ]
