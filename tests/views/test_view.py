"""Views: their crop in pixels, their name, and which number is which."""

from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wps_sam.views.view import MIRRORED, PLAIN, View, view_number

NUMBERS = st.integers(0, 200)
PHOTOGRAPHS = st.text(max_size=8)


def test_crop__by_hand() -> None:
    view = View(left=0.25, top=0.5, right=0.75, bottom=1.0)
    assert view.crop_xyxy((10, 20)) == (5, 5, 15, 10)
    # A third of 20 is 6.7: edges on the left and top go down, on the right and bottom to the next.
    assert View(1 / 3, 1 / 3, 2 / 3, 2 / 3).crop_xyxy((20, 20)) == (6, 6, 13, 13)
    assert PLAIN.crop_xyxy((7, 9)) == (0, 0, 9, 7)


def test_crop__is_never_empty() -> None:
    assert View(0.5, 0.5, 0.5, 0.5).crop_xyxy((10, 20)) == (10, 5, 11, 6)
    assert View(1.0, 1.0, 1.0, 1.0).crop_xyxy((10, 20)) == (19, 9, 20, 10)
    assert View(0.4, 0.4, 0.6, 0.6).crop_xyxy((1, 1)) == (0, 0, 1, 1)


@given(NUMBERS, PHOTOGRAPHS, st.booleans(), st.integers(1, 3000), st.integers(1, 3000))
def test_crop__of_any_view_lies_in_the_photograph(
    number: int, photograph: str, may_mirror: bool, height: int, width: int
) -> None:
    view = view_number(number, photograph, may_mirror=may_mirror)
    x1, y1, x2, y2 = view.crop_xyxy((height, width))
    assert 0 <= x1 < x2 <= width
    assert 0 <= y1 < y2 <= height


def test_code__is_fixed_for_all_time() -> None:
    assert PLAIN.code() == ""
    # sha256 of "[1, ('bottom', 1.0), ('brightness', 1.0), ...]", by `sha256sum`.
    assert MIRRORED.code() == "b75a064ee2008c52"


@pytest.mark.parametrize("field", asdict(PLAIN))
def test_code__every_field_counts(field: str) -> None:
    changes: dict[str, Any] = {field: True if field == "mirrored" else 0.5}
    changed = replace(PLAIN, **changes)
    assert len(changed.code()) == 16
    others = {View(left=0.25).code(), PLAIN.code()} | ({MIRRORED.code()} - {changed.code()})
    assert changed.code() not in others


def test_view_number__the_first_two() -> None:
    assert view_number(0, "a", may_mirror=True) == PLAIN
    assert view_number(0, "a", may_mirror=False) == PLAIN
    assert view_number(1, "a", may_mirror=True) == MIRRORED
    assert view_number(1, "a", may_mirror=False) not in (PLAIN, MIRRORED)


@given(NUMBERS, PHOTOGRAPHS)
def test_view_number__odd_ones_are_mirrored_where_they_may_be(number: int, photo: str) -> None:
    assert view_number(number, photo, may_mirror=True).mirrored == (number % 2 == 1)
    assert not view_number(number, photo, may_mirror=False).mirrored


@given(NUMBERS, PHOTOGRAPHS, st.booleans())
def test_view_number__is_the_same_each_time(number: int, photo: str, may_mirror: bool) -> None:
    first, again = (view_number(number, photo, may_mirror=may_mirror) for _ in range(2))
    assert first == again
    assert first.code() == again.code()


def test_view_number__numbers_and_photographs_differ() -> None:
    views = [view_number(n, photo, may_mirror=True) for n in range(2, 12) for photo in ("a", "b")]
    assert len(set(views)) == len(views)
    assert len({view.code() for view in views}) == len(views)
