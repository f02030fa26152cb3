"""Painting: what is covered, what is hidden, what belongs to whom."""

import numpy as np
import pytest

from wps_sam.toy.canvas import Canvas, Paint, rasterise
from wps_sam.toy.shapes import Pose, box, ellipse, join, polygon, ring, stroke

RED = Paint((0.9, 0.1, 0.1))
HW = (60, 80)


@pytest.fixture
def canvas() -> Canvas:
    return Canvas.blank(HW, np.random.default_rng(0))


def test_rasterise__a_box_on_the_pixel_grid_covers_exactly_its_pixels() -> None:
    found = rasterise(box(10, 20, 30, 25), HW)
    assert found is not None
    full = np.zeros(HW, dtype=np.float32)
    full[found[0]] = found[1]
    expected = np.zeros(HW, dtype=bool)
    expected[20:25, 10:30] = True
    np.testing.assert_array_equal(full >= 0.5, expected)


def test_rasterise__coverage_adds_up_to_the_area() -> None:
    found = rasterise(ellipse(40, 30, 20, 12), HW)
    assert found is not None
    assert found[1].sum() == pytest.approx(np.pi * 20 * 12, rel=0.03)


def test_rasterise__a_hole_is_cut_out() -> None:
    found = rasterise(ring(40, 30, 20, 10), HW)
    assert found is not None
    assert found[1].sum() == pytest.approx(np.pi * (20**2 - 10**2), rel=0.03)


@pytest.mark.parametrize(
    "shape",
    [box(-50, 0, -10, 20), ellipse(40, 200, 10), stroke([(90, 0), (99, 50)], 2)],
    ids=["left", "below", "right"],
)
def test_rasterise__outside_the_picture(shape: object) -> None:
    assert rasterise(shape, HW) is None  # type: ignore[arg-type]  # the table mixes shapes


def test_paint__a_later_part_cuts_an_earlier_one(canvas: Canvas) -> None:
    back = canvas.add_layer("back", 0, None)
    canvas.paint(box(10, 10, 50, 50), RED, back)
    whole = back.mask().sum()
    front = canvas.add_layer("front", 1, None)
    canvas.paint(box(30, 10, 70, 50), RED, front)
    assert whole == 40 * 40
    assert back.mask().sum() == 20 * 40
    assert not (back.mask() & front.mask()).any()


def test_paint__unlabelled_shapes_hide_parts_too(canvas: Canvas) -> None:
    back = canvas.add_layer("back", 0, None)
    canvas.paint(box(10, 10, 50, 50), RED, back)
    canvas.paint(box(10, 10, 50, 30), RED)
    assert back.mask().sum() == 40 * 20


def test_paint__a_nested_part_stays_in_its_parents_mask(canvas: Canvas) -> None:
    body = canvas.add_layer("body", 0, None)
    canvas.paint(box(10, 10, 50, 50), RED, body)
    door = canvas.add_layer("door", 0, body)
    canvas.paint(box(20, 20, 40, 45), RED, door)
    window = canvas.add_layer("window", 0, door)
    canvas.paint(box(25, 22, 35, 30), RED, window)
    assert [layer.mask().sum() for layer in (body, door, window)] == [1600, 500, 80]
    assert (door.mask() <= body.mask()).all()
    assert (window.mask() <= door.mask()).all()


def test_paint__what_hides_a_parent_hides_its_child(canvas: Canvas) -> None:
    body = canvas.add_layer("body", 0, None)
    canvas.paint(box(10, 10, 50, 50), RED, body)
    door = canvas.add_layer("door", 0, body)
    canvas.paint(box(20, 20, 40, 45), RED, door)
    canvas.paint(box(0, 0, 30, 60), RED, canvas.add_layer("front", 1, None))
    assert door.mask().sum() == 10 * 25
    assert body.mask().sum() == 20 * 40


def test_decorate__changes_colours_but_no_mask(canvas: Canvas) -> None:
    part = canvas.add_layer("part", 0, None)
    canvas.paint(box(10, 10, 30, 30), RED, part)
    masks, pixels = part.mask(), canvas.pixels.copy()
    canvas.decorate(box(0, 0, 20, 60), Paint((0.0, 0.0, 1.0)), part)
    changed = (canvas.pixels != pixels).any(axis=2)
    np.testing.assert_array_equal(part.mask(), masks)
    assert changed.any()
    # The soft edge of a part counts as its surface, though its mask ends at half coverage.
    assert (changed <= (part.coverage > 0)).all()


def test_shadow__darkens_and_leaves_masks(canvas: Canvas) -> None:
    part = canvas.add_layer("part", 0, None)
    canvas.paint(box(10, 10, 30, 30), RED, part)
    masks = part.mask()
    canvas.shadow(box(40, 20, 60, 40), blur=3.0, opacity=0.5)
    assert canvas.pixels[30, 50].max() < 0.6
    np.testing.assert_array_equal(part.mask(), masks)


@pytest.mark.parametrize("mirror", [False, True], ids=["plain", "mirrored"])
def test_pose__mirrors_then_scales_and_moves(mirror: bool) -> None:
    pose = Pose(scale=10.0, center_xy=(40.0, 30.0), mirror=mirror)
    moved = pose.apply(np.array([[1.0, 2.0]]))
    np.testing.assert_allclose(moved, [[30.0 if mirror else 50.0, 50.0]])


def test_pose__turns_clockwise_in_the_picture() -> None:
    pose = Pose(scale=1.0, center_xy=(0.0, 0.0), angle=np.pi / 2)
    np.testing.assert_allclose(pose.apply(np.array([[1.0, 0.0]])), [[0.0, 1.0]], atol=1e-12)


def test_bounds__strokes_count_their_width() -> None:
    shape = join(polygon([(0, 0), (4, 0), (4, 4)]), stroke([(10, 2), (20, 2)], 6))
    assert shape.bounds() == (0.0, -1.0, 23.0, 5.0)
