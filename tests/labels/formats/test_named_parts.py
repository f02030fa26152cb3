"""Geometry worked out by hand; the rest is tested through the formats that use it."""

from math import inf, isnan, nan, sqrt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wps_sam.errors import DataError
from wps_sam.labels.formats.named_parts import (
    NamedPart,
    NamedParts,
    bbox_around,
    bbox_around_ellipse,
    named_categories,
    rotated_corners,
)

DEGREES = st.floats(-720, 720)


def test_bbox_around__a_number_that_is_not_finite_is_not_lost() -> None:
    assert bbox_around([[3, 9], [1, 4]]) == [1, 4, 2, 5]
    for bad in (nan, inf, -inf):
        assert all(isnan(value) for value in bbox_around([[3, 9], [bad, 5], [1, 4]]))


def test_rotated_corners__clockwise_as_seen() -> None:
    # 4 wide and 2 high at the origin; a quarter turn clockwise sends right to down, down to left.
    corners = rotated_corners(0, 0, 4, 2, 90, (0, 0))
    assert corners == [
        pytest.approx(corner, abs=1e-12) for corner in ([0, 0], [0, 4], [-2, 4], [-2, 0])
    ]


@given(degrees=DEGREES)
def test_rotated_corners__keep_their_distance(degrees: float) -> None:
    for x, y in rotated_corners(-3, -4, 3, 4, degrees, (0, 0)):
        assert sqrt(x * x + y * y) == pytest.approx(5)


@given(degrees=DEGREES, radius=st.floats(0.1, 1e3))
def test_bbox_around_ellipse__a_circle_does_not_turn(degrees: float, radius: float) -> None:
    expected = [5 - radius, 6 - radius, 2 * radius, 2 * radius]
    assert bbox_around_ellipse((5, 6), (radius, radius), degrees) == pytest.approx(expected)


def test_bbox_around_ellipse__turned() -> None:
    # Half axes 4 and 2, turned by 45 degrees: both half sides are sqrt((16 + 4) / 2).
    half = sqrt(10)
    bbox = bbox_around_ellipse((0, 0), (4, 2), 45)
    assert bbox == pytest.approx([-half, -half, 2 * half, 2 * half])
    assert all(isnan(value) for value in bbox_around_ellipse((0, 0), (4, 2), inf))


def test_join_groups__keeps_the_order_of_the_first_pieces() -> None:
    found = NamedParts(
        [
            NamedPart("p0", "a", segmentation=[[0]], group=1),
            NamedPart("p1", "a", segmentation=[[1]]),
            NamedPart("p2", "b", segmentation=[[2]], group=1),
            NamedPart("p3", "a", segmentation=[[3]], group=1),
        ]
    )
    found.join_groups()
    assert [(part.record, part.segmentation) for part in found.parts] == [
        ("p0", [[0], [3]]),
        ("p1", [[1]]),
        ("p2", [[2]]),
    ]


def test_named_categories__sorted_or_listed() -> None:
    used = {"wheel": "box 1", "door": "box 2", "__ignore__": "box 3"}
    path, ignored = Path("a.json"), frozenset({"__ignore__"})
    found = named_categories(path, used, None, ignored)
    assert [(c.category_id, c.name) for c in found] == [(0, "door"), (1, "wheel")]
    listed = ["wheel", "hood", "__ignore__", "door"]
    found = named_categories(path, used, listed, ignored)
    assert [(c.category_id, c.name) for c in found] == [(0, "wheel"), (1, "hood"), (2, "door")]
    with pytest.raises(DataError, match=r"a\.json: box 2 has label 'door', which is not in the l"):
        named_categories(path, used, ["wheel"], ignored)
    with pytest.raises(DataError, match=r"a\.json has no part with a label"):
        named_categories(path, {}, None)
