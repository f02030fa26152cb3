"""Masks to outlines and back, bit by bit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from wps_sam.writing.outlines import join_rings, trace_rings

Mask = NDArray[np.bool_]


def drawn(*boxes: tuple[int, int, int, int]) -> Mask:
    mask = np.zeros((20, 24), bool)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = True
    return mask


def filled(outline: tuple[float, ...], hw: tuple[int, int]) -> Mask:
    """The pixels of an outline according to pycocotools."""
    decoded: Mask = coco_mask.decode(coco_mask.frPyObjects([list(outline)], *hw))[..., 0] == 1
    return decoded


def test_a_box_has_its_four_corners_clockwise() -> None:
    (ring,) = trace_rings(drawn((3, 5, 9, 7)))
    assert sorted(zip(ring[0::2], ring[1::2], strict=True)) == [(3, 5), (3, 7), (9, 5), (9, 7)]
    start = ring.index(3)  # clockwise from the top left corner, wherever the ring begins
    at = next(i for i in range(4) if ring[2 * i : 2 * i + 2] == (3, 5))
    turned = ring[2 * at :] + ring[: 2 * at]
    assert turned == (3, 5, 9, 5, 9, 7, 3, 7)
    assert start >= 0


def test_hole_and_second_piece_are_rings_of_their_own() -> None:
    mask = drawn((2, 2, 12, 12), (15, 15, 18, 18)) & ~drawn((5, 5, 8, 8))
    assert sorted(map(sorted, trace_rings(mask))) == [
        sorted([2, 2, 12, 2, 12, 12, 2, 12]),
        sorted([5, 5, 8, 5, 8, 8, 5, 8]),
        sorted([15, 15, 18, 15, 18, 18, 15, 18]),
    ]


def test_pixels_that_touch_by_a_corner_are_two_pieces() -> None:
    assert len(trace_rings(drawn((2, 2, 5, 5), (5, 5, 9, 9)))) == 2
    assert len(trace_rings(drawn((5, 2, 9, 5), (2, 5, 5, 9)))) == 2


def test_no_pixel_no_ring() -> None:
    assert trace_rings(drawn()) == []


def test_join_hangs_a_hole_into_the_nearest_corner() -> None:
    outer, hole = (0, 0, 10, 0, 10, 10, 0, 10), (8, 2, 8, 4, 9, 4, 9, 2)
    # (8, 2) is nearest to the corner (10, 0); the ring is closed there before it goes back.
    assert join_rings([hole, outer]) == (
        *(0, 0, 10, 0),
        *(8, 2, 8, 4, 9, 4, 9, 2, 8, 2),
        *(10, 0, 10, 10, 0, 10),
    )


def test_one_ring_stays_as_it_is() -> None:
    assert join_rings([(0.5, 0, 3, 0, 3, 2)]) == (0.5, 0, 3, 0, 3, 2)


@given(hnp.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_joined_outline_gives_the_mask_back(mask: Mask) -> None:
    rings = trace_rings(mask)
    if not mask.any():
        assert rings == []
        return
    outline = join_rings(rings)
    assert len(outline) >= 8
    assert np.array_equal(filled(outline, mask.shape), mask)


@pytest.mark.parametrize("seed", range(3))
def test_large_ragged_mask_gives_itself_back(seed: int) -> None:
    random = np.random.default_rng(seed)
    coarse = random.random((30, 40)) < 0.5
    mask = np.kron(coarse, np.ones((11, 13))).astype(bool)
    mask ^= random.random(mask.shape) < 0.002
    assert np.array_equal(filled(join_rings(trace_rings(mask)), mask.shape), mask)
