"""Which categories become classes: background and mere headings do not."""

from pathlib import Path

import pytest

from wps_sam.errors import DataError
from wps_sam.labels.categories import without_background
from wps_sam.labels.label_file import LabelCategory

WHEEL = LabelCategory(7, "wheel", "car")
DOOR = LabelCategory(0, "door", "car")
FILE = Path("labels.json")


@pytest.mark.parametrize("name", ["_background_", "Background"])
def test_without_background__background_is_no_class(name: str) -> None:
    background = LabelCategory(1, name, "")
    kept, dropped, notes = without_background(FILE, [background, WHEEL, DOOR], {1, 7, 0})
    assert kept == [WHEEL, DOOR]
    assert dropped == [background]
    assert notes[0].record == f"category 1 {name!r}"
    assert "stands for background" in notes[0].text


@pytest.mark.parametrize(
    ("used", "others", "kept"),
    [
        ({7, 0}, [WHEEL, DOOR], 2),
        ({1, 7}, [WHEEL, DOOR], 3),
        ({7, 0}, [WHEEL, DOOR, LabelCategory(2, "pedal", "bicycle")], 4),
    ],
    ids=["unused heading goes", "used heading stays", "heading over some stays"],
)
def test_without_background__headings(
    used: set[int], others: list[LabelCategory], kept: int
) -> None:
    heading = LabelCategory(1, "car", "none")
    classes, _, notes = without_background(FILE, [heading, *others], used)
    assert len(classes) == kept
    assert [("heading over other categories" in note.text) for note in notes] == [True] * (
        kept == 2
    )


def test_without_background__nothing_left() -> None:
    message = r"labels\.json has no category besides \['background'\].*Add a category"
    with pytest.raises(DataError, match=message):
        without_background(FILE, [LabelCategory(7, "background", "")], {7})
