"""Boxes: hand-computed cases and round trips."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wps_sam.errors import DataError
from wps_sam.geometry.boxes import (
    box_area,
    box_center,
    box_iou,
    box_xywh_to_xyxy,
    box_xyxy_to_xywh,
    polygon_extent,
)

EIGHTHS = st.integers(-4000, 4000).map(lambda n: n / 8)


def test_box_xywh_to_xyxy__hand_computed() -> None:
    boxes = np.array([[10.0, 20.0, 30.0, 40.0], [0.0, 0.0, 1.0, 1.0]])
    before = boxes.copy()
    np.testing.assert_array_equal(box_xywh_to_xyxy(boxes), [[10, 20, 40, 60], [0, 0, 1, 1]])
    np.testing.assert_array_equal(boxes, before)


def test_box_xyxy_to_xywh__keeps_dtype() -> None:
    result = box_xyxy_to_xywh(np.array([[10, 20, 40, 60]], np.float32))
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, [[10, 20, 30, 40]])


@settings(max_examples=30)
@given(st.lists(st.tuples(EIGHTHS, EIGHTHS, EIGHTHS, EIGHTHS), max_size=5))
def test_box_formats__round_trip(boxes: list[tuple[float, float, float, float]]) -> None:
    back = box_xyxy_to_xywh(box_xywh_to_xyxy(boxes))
    np.testing.assert_array_equal(back, np.array(boxes, float).reshape(-1, 4))


def test_boxes__empty_is_legal() -> None:
    assert box_xywh_to_xyxy([]).shape == (0, 4)
    assert box_area(np.zeros((0, 4))).shape == (0,)
    assert box_center([]).shape == (0, 2)
    assert box_iou([], [[0, 0, 1, 1]]).shape == (0, 1)


def test_box_area__swapped_corners_have_none() -> None:
    np.testing.assert_array_equal(box_area([[1, 1, 4, 3], [4, 3, 1, 1], [2, 2, 2, 9]]), [6, 0, 0])


def test_box_center__hand_computed() -> None:
    np.testing.assert_array_equal(box_center([[1, 2, 4, 8]]), [[2.5, 5.0]])


def test_box_iou__hand_computed() -> None:
    first = [[0, 0, 4, 4], [0, 0, 0, 0]]
    second = [[0, 0, 4, 4], [2, 2, 6, 6], [4, 4, 8, 8], [0, 0, 0, 0]]
    # The shifted square shares 2 x 2 of 16 + 16 - 4; touching corners share nothing.
    expected = np.array([[1.0, 4 / 28, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    np.testing.assert_allclose(box_iou(first, second), expected)


def test_boxes__wrong_shape_names_it() -> None:
    with pytest.raises(DataError, match=r"shape \(N, 4\).*found \(2, 3\)"):
        box_area(np.zeros((2, 3)))


def test_polygon_extent__hand_computed() -> None:
    assert polygon_extent([3, 9, 1, 4, 7.5, 2]) == (1, 2, 7.5, 9)


@pytest.mark.parametrize("polygon", [[], [1, 2, 3]], ids=["empty", "odd"])
def test_polygon_extent__rejects(polygon: list[float]) -> None:
    with pytest.raises(DataError, match=f"even number of values.*found {len(polygon)}"):
        polygon_extent(polygon)
