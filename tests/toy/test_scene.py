"""Whole pictures: sides, nesting, occlusion, crumbs."""

import numpy as np
import pytest

from wps_sam.toy.backgrounds import PLACES, Place
from wps_sam.toy.canvas import Canvas, Paint, PartLayer
from wps_sam.toy.objects import OBJECT_KINDS, Brush, ObjectKind
from wps_sam.toy.scene import (
    MIN_PART_AREA,
    draw_scene,
    place_objects,
    visible_parts,
    without_slivers,
)
from wps_sam.toy.shapes import Pose, Shape, box

HW = (192, 256)
KINDS = {kind.name: kind for kind in OBJECT_KINDS}
kinds = pytest.mark.parametrize("kind", OBJECT_KINDS, ids=lambda kind: kind.name)


def _alone(kind: ObjectKind, seed: int, mirror: bool = False) -> Canvas:
    canvas = Canvas.blank(HW, np.random.default_rng(0))
    pose = Pose(scale=70.0, center_xy=(128.0, 96.0), mirror=mirror)
    kind.draw(Brush(canvas, pose, 0), np.random.default_rng(seed))
    return canvas


def _middle_x(layer: PartLayer) -> float:
    return float(np.nonzero(layer.mask())[1].mean())


def _named(canvas: Canvas, name: str) -> list[PartLayer]:
    return [layer for layer in canvas.layers if layer.name == name]


@kinds
@pytest.mark.parametrize("seed", range(4))
def test_objects__show_every_part_they_declare(kind: ObjectKind, seed: int) -> None:
    parts, hidden, tiny = visible_parts(_alone(kind, seed).layers)
    assert {part.name for part in parts} == set(kind.part_names)
    assert (hidden, tiny) == (0, 0)


class _NestingCanvas(Canvas):
    """Notes how many pixels a nested part adds to its parent."""

    grown: dict[str, int]

    def paint(self, shape: Shape, paint: Paint, layer: PartLayer | None = None) -> None:
        parent = layer.inside if layer is not None else None
        before = int(parent.mask().sum()) if parent is not None else 0
        super().paint(shape, paint, layer)
        if layer is not None and parent is not None:
            added = int(parent.mask().sum()) - before
            self.grown[layer.name] = max(added, self.grown.get(layer.name, 0))


@kinds
@pytest.mark.parametrize("seed", range(4))
def test_objects__children_lie_in_their_parent_and_are_smaller(kind: ObjectKind, seed: int) -> None:
    plain = Canvas.blank(HW, np.random.default_rng(0))
    canvas = _NestingCanvas(plain.pixels, plain.noise, plain.light_x)
    canvas.grown = {}
    kind.draw(Brush(canvas, Pose(70.0, (128.0, 96.0)), 0), np.random.default_rng(seed))
    assert all(added == 0 for added in canvas.grown.values()), canvas.grown
    for layer in canvas.layers:
        if layer.inside is not None:
            child, parent = layer.mask(), layer.inside.mask()
            assert (child <= parent).all()
            assert child.sum() < 0.7 * parent.sum()


@kinds
def test_objects__parts_that_are_not_nested_do_not_overlap(kind: ObjectKind) -> None:
    layers = _alone(kind, 1).layers
    for index, one in enumerate(layers):
        for other in layers[index + 1 :]:
            if one not in other.lineage():
                # Two shares of exactly one half can both claim a pixel of a common edge.
                shared = (one.mask() & other.mask()).sum()
                assert shared <= 0.03 * min(one.mask().sum(), other.mask().sum())


def test_car__one_window_is_in_the_door_and_one_in_the_body() -> None:
    windows = _named(_alone(KINDS["car"], 0), "car_window")
    parents = [window.inside.name for window in windows if window.inside is not None]
    assert parents == ["car_door", "car_body"]


@pytest.mark.parametrize("seed", range(12))
def test_robot__its_left_is_on_the_right_of_the_picture(seed: int) -> None:
    canvas = _alone(KINDS["robot"], seed)
    for part in ("eye", "arm"):
        (left,), (right,) = _named(canvas, f"left_{part}"), _named(canvas, f"right_{part}")
        assert _middle_x(left) > 128.0 > _middle_x(right)


@kinds
def test_objects__kinds_with_sides_are_never_mirrored(kind: ObjectKind) -> None:
    has_sides = any(name.startswith(("left_", "right_")) for name in kind.part_names)
    assert kind.mirrors != has_sides


def test_objects__mirroring_flips_the_masks() -> None:
    plain, flipped = (_alone(KINDS["fish"], 3, mirror) for mirror in (False, True))
    for one, other in zip(plain.layers, flipped.layers, strict=True):
        assert one.name == other.name
        differing = (one.mask()[:, ::-1] != other.mask()).sum()
        assert differing <= 0.05 * one.mask().sum()


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.name)
def test_place_objects__sorted_by_foot_and_never_the_robot_mirrored(place: Place) -> None:
    for seed in range(30):
        placements = place_objects(np.random.default_rng(seed), HW, place, 0.5)
        feet = [placement.box_xyxy()[3] for placement in placements]
        assert 1 <= len(placements) <= 3
        assert feet == sorted(feet)
        for placement in placements:
            assert placement.kind.name in place.kinds
            assert not (placement.kind.name == "robot" and placement.pose.mirror)


def test_draw_scene__occlusion_takes_pixels_away() -> None:
    canvas = _alone(KINDS["car"], 0)
    before = {id(layer): layer.mask().sum() for layer in canvas.layers}
    earlier = list(canvas.layers)
    in_front = Brush(canvas, Pose(40.0, (90.0, 110.0)), 1)
    KINDS["robot"].draw(in_front, np.random.default_rng(0))
    lost = [before[id(layer)] - layer.mask().sum() for layer in earlier]
    assert min(lost) >= 0
    assert max(lost) > 500


def test_visible_parts__hidden_and_tiny_parts_are_counted() -> None:
    canvas = Canvas.blank(HW, np.random.default_rng(0))
    red = Paint((1.0, 0.0, 0.0))
    for name, shape in (
        ("hidden", box(10, 10, 30, 30)),
        ("tiny", box(50, 10, 57, 15)),
        ("kept", box(80, 10, 88, 15)),
    ):
        canvas.paint(shape, red, canvas.add_layer(name, 0, None))
    canvas.paint(box(5, 5, 35, 35), red)
    parts, hidden, tiny = visible_parts(canvas.layers)
    assert [part.name for part in parts] == ["kept"]
    assert (hidden, tiny) == (1, 1)
    assert parts[0].mask.sum() == MIN_PART_AREA


def test_visible_parts__a_parent_keeps_the_pieces_its_child_keeps() -> None:
    canvas = Canvas.blank(HW, np.random.default_rng(0))
    red = Paint((1.0, 0.0, 0.0))
    parent = canvas.add_layer("parent", 0, None)
    canvas.paint(box(0, 0, 250, 100), red, parent)
    child = canvas.add_layer("child", 0, parent)
    canvas.paint(box(240, 40, 250, 50), red, child)
    canvas.paint(box(200, 0, 256, 40), red)
    canvas.paint(box(200, 50, 256, 100), red)
    canvas.paint(box(200, 40, 240, 50), red)
    parts, _, _ = visible_parts(canvas.layers)
    by_name = {part.name: part.mask for part in parts}
    assert by_name["child"].sum() == 100
    assert (by_name["child"] <= by_name["parent"]).all()


def test_without_slivers__small_pieces_go_and_big_ones_stay() -> None:
    mask = np.zeros(HW, dtype=bool)
    mask[10:50, 10:50] = True
    mask[10:50, 60:80] = True
    mask[100:104, 100:104] = True
    cleaned = without_slivers(mask)
    assert cleaned.sum() == 40 * 40 + 40 * 20
    assert not cleaned[100:104, 100:104].any()


def test_without_slivers__an_empty_mask_stays_empty() -> None:
    assert without_slivers(np.zeros(HW, dtype=bool)).sum() == 0


def test_draw_scene__shapes_and_types() -> None:
    scene = draw_scene(np.random.default_rng(4), HW)
    assert scene.image.shape == (*HW, 3)
    assert scene.image.dtype == np.uint8
    assert len(scene.objects) >= 1
    for part in scene.parts:
        assert part.mask.shape == HW
        assert part.mask.dtype == np.bool_
        assert part.mask.sum() >= MIN_PART_AREA
        assert part.name in KINDS[scene.objects[part.object_index]].part_names
