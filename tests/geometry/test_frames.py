"""Frames: SAM's rounding by hand, and round trips."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wps_sam.errors import DataError
from wps_sam.geometry.frames import SamFrame


@pytest.mark.parametrize(
    ("original_hw", "resized_hw"),
    [
        ((300, 451), (681, 1024)),  # 300 * 1024 / 451 = 681.15
        ((400, 600), (683, 1024)),  # 682.67 rounds up
        ((600, 400), (1024, 683)),
        ((512, 512), (1024, 1024)),
        ((1, 1), (1024, 1024)),
        ((5, 2048), (3, 1024)),  # 2.5 rounds up, where Python's round gives 2
        ((1, 5000), (1, 1024)),  # 0.2 would vanish
    ],
    ids=lambda hw: f"{hw[0]}x{hw[1]}",
)
def test_resized_hw__sam_rule(original_hw: tuple[int, int], resized_hw: tuple[int, int]) -> None:
    assert SamFrame(original_hw).resized_hw == resized_hw


def test_resized_hw__other_side() -> None:
    assert SamFrame((300, 451), side=256).resized_hw == (170, 256)  # 170.29


def test_boxes_to_sam__each_axis_has_its_own_scale() -> None:
    # Width grows by 1024 / 600, height by 683 / 400 because of the rounding.
    box = SamFrame((400, 600)).boxes_to_sam(np.array([[0.0, 0.0, 600.0, 400.0]]))
    np.testing.assert_allclose(box, [[0, 0, 1024, 683]])


def test_points_to_sam__hand_computed() -> None:
    points = SamFrame((512, 256)).points_to_sam(np.array([[[10, 20], [0, 0]]]))
    assert points.dtype == np.float32
    np.testing.assert_array_equal(points, [[[20, 40], [0, 0]]])


@settings(max_examples=40)
@given(
    st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
    st.sampled_from([64, 256, 1024]),
    st.lists(st.floats(-100, 4000), min_size=4, max_size=4),
)
def test_frame__round_trip(hw: tuple[int, int], side: int, box: list[float]) -> None:
    frame = SamFrame(hw, side)
    there = frame.boxes_to_sam(np.array([box]))
    np.testing.assert_allclose(frame.boxes_to_original(there), [box], atol=1e-9)
    corners = np.array(box).reshape(2, 2)
    np.testing.assert_array_equal(frame.points_to_sam(corners).reshape(1, 4), there)
    np.testing.assert_allclose(frame.points_to_original(there.reshape(2, 2)), corners, atol=1e-9)


def test_frame__empty_and_dtype() -> None:
    frame = SamFrame((10, 20))
    assert frame.boxes_to_sam(np.zeros((0, 4), np.float32)).shape == (0, 4)
    assert frame.boxes_to_sam(np.zeros((2, 4), np.float32)).dtype == np.float32
    assert frame.boxes_to_sam(np.zeros((2, 4))).dtype == np.float64


@pytest.mark.parametrize("hw", [(0, 5), (5, -1)], ids=["zero", "negative"])
def test_frame__no_picture(hw: tuple[int, int]) -> None:
    message = f"at least one pixel: found height {hw[0]}, width {hw[1]}.*Check the size"
    with pytest.raises(DataError, match=message):
        SamFrame(hw)
