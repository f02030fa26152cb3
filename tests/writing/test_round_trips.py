"""What is written, read again by the readers of `wps_sam.labels`: the same to the stated rounding.

Each case of `CASES` says how far a coordinate may move in pixels, given the image's longer side.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from wps_sam.evaluation.truth import read_truth
from wps_sam.geometry.boxes import polygon_extent
from wps_sam.labels.formats.coco import open_coco
from wps_sam.labels.formats.cvat import open_cvat
from wps_sam.labels.formats.label_map import open_label_map
from wps_sam.labels.formats.label_studio import open_label_studio
from wps_sam.labels.formats.labelme import open_labelme
from wps_sam.labels.formats.yolo import open_yolo
from wps_sam.labels.label_file import LabelAnnotation, LabelCategory, LabelFile
from wps_sam.writing.formats import WRITERS
from wps_sam.writing.shapes import ImageShapes, ShapeRecord, extent_of

CATEGORIES = (LabelCategory(7, "left wheel"), LabelCategory(3, "door & <roof>"))
HW = (48, 90)
NAMES = ("a.png", "more/b c.png")

Numbers = Sequence[float]


@dataclass(frozen=True)
class Case:
    """How to read a format again, and what it keeps."""

    name: str
    open: Callable[[Path], LabelFile]
    rounding: Callable[[float], float]
    has_points: bool = False
    has_boxes_with_points: bool = False


CASES = (
    Case("coco", lambda out: open_coco(out / "annotations.json"), lambda side: 1e-9, True, True),
    Case("yolo", lambda out: open_yolo(out / "data.yaml"), lambda side: 0.75e-6 * side),
    Case("labelme", open_labelme, lambda side: 1e-9, True, True),
    Case("cvat", lambda out: open_cvat(out / "annotations.xml"), lambda side: 0.5e-4, True),
    Case(
        "label_studio",
        lambda out: open_label_studio(out / "tasks.json"),
        lambda side: 1e-8 * side,
        has_points=True,
    ),
)
ids = [case.name for case in CASES]


@pytest.fixture(scope="module")
def photographs() -> Iterator[dict[str, Path]]:
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / name for name in NAMES}
        for path in paths.values():
            path.parent.mkdir(exist_ok=True)
            Image.new("RGB", HW[::-1]).save(path)
        yield paths


def inside(side: int) -> st.SearchStrategy[float]:
    return st.floats(0, side, allow_subnormal=False)


points = st.tuples(inside(HW[1]), inside(HW[0]))
classes = st.integers(0, 1)


def is_sound(numbers: Numbers) -> bool:
    left, top, right, bottom = polygon_extent(numbers)
    return right - left > 0.1 and bottom - top > 0.1


polygons = (
    st.lists(points, min_size=3, max_size=7)
    .map(lambda pairs: tuple(value for pair in pairs for value in pair))
    .filter(is_sound)
)


def named(class_index: int, **place: Any) -> ShapeRecord:
    return ShapeRecord(class_index, CATEGORIES[class_index].name, **place)


boxes = st.builds(lambda c, p: named(c, box_xyxy=extent_of((p,))), classes, polygons)
outlines = st.builds(
    lambda c, p: named(c, polygons=(p,), box_xyxy=extent_of((p,))), classes, polygons
)
several = st.builds(
    lambda c, p: named(c, polygons=tuple(p), box_xyxy=extent_of(tuple(p))),
    classes,
    st.lists(polygons, min_size=2, max_size=3),
)
single_points = st.builds(lambda c, p: named(c, points=(p,)), classes, points)


def written_and_read(
    case: Case, out: Path, shapes: Sequence[ShapeRecord], photographs: dict[str, Path]
) -> tuple[LabelFile, list[LabelAnnotation]]:
    """The shapes in the first image, none in the second."""
    writer = WRITERS[case.name](out, CATEGORIES)
    for index, (name, of_image) in enumerate(zip(NAMES, (shapes, ()), strict=True)):
        writer.add(ImageShapes(index, name, HW, tuple(of_image), photographs[name]))
    writer.finish()
    labels = case.open(out)
    assert {labels.image_hw(image) for image in labels.images} == {HW}
    assert [image.file_name for image in labels.images] == list(NAMES)
    assert [category.name for category in labels.categories] == [c.name for c in CATEGORIES]
    assert {labels.find_image(image).resolve() for image in labels.images} == {
        path.resolve() for path in photographs.values()
    }
    annotations = list(labels.annotations())
    assert {annotation.image.file_name for annotation in annotations} <= {NAMES[0]}
    return labels, annotations


def class_names(labels: LabelFile, annotations: Sequence[LabelAnnotation]) -> list[str]:
    name_of = {category.category_id: category.name for category in labels.categories}
    return [name_of[annotation.category_id] for annotation in annotations]


def assert_close(found: Numbers, expected: Numbers, rounding: float) -> None:
    assert len(found) == len(expected)
    assert np.abs(np.subtract(found, expected)).max() <= rounding + 1e-12


@pytest.mark.parametrize("case", CASES, ids=ids)
@settings(max_examples=12, deadline=None)
@given(shapes=st.lists(boxes, min_size=1, max_size=4))
def test_boxes(case: Case, shapes: list[ShapeRecord], photographs: dict[str, Path]) -> None:
    with tempfile.TemporaryDirectory() as out:
        labels, found = written_and_read(case, Path(out), shapes, photographs)
    assert class_names(labels, found) == [shape.class_name for shape in shapes]
    for annotation, shape in zip(found, shapes, strict=True):
        left, top, width, height = annotation.bbox
        corners = (left, top, left + width, top + height)
        assert_close(corners, shape.box_xyxy or (), case.rounding(max(HW)))
        assert not annotation.segmentation


@pytest.mark.parametrize("case", CASES, ids=ids)
@settings(max_examples=12, deadline=None)
@given(shapes=st.lists(outlines, min_size=1, max_size=4))
def test_outlines(case: Case, shapes: list[ShapeRecord], photographs: dict[str, Path]) -> None:
    with tempfile.TemporaryDirectory() as out:
        labels, found = written_and_read(case, Path(out), shapes, photographs)
    assert class_names(labels, found) == [shape.class_name for shape in shapes]
    for annotation, shape in zip(found, shapes, strict=True):
        (polygon,) = annotation.segmentation
        (expected,) = shape.polygons or ()
        assert_close(polygon, expected, case.rounding(max(HW)))


@pytest.mark.parametrize(
    "case", [c for c in CASES if WRITERS[c.name].keeps_groups], ids=lambda case: case.name
)
@settings(max_examples=8, deadline=None)
@given(shapes=st.lists(several, min_size=1, max_size=3))
def test_parts_of_several_polygons(
    case: Case, shapes: list[ShapeRecord], photographs: dict[str, Path]
) -> None:
    with tempfile.TemporaryDirectory() as out:
        _, found = written_and_read(case, Path(out), shapes, photographs)
    assert [len(one.segmentation) for one in found] == [len(s.polygons or ()) for s in shapes]
    for annotation, shape in zip(found, shapes, strict=True):
        for polygon, expected in zip(annotation.segmentation, shape.polygons or (), strict=True):
            assert_close(polygon, expected, case.rounding(max(HW)))


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.has_points], ids=lambda case: case.name
)
@settings(max_examples=8, deadline=None)
@given(shapes=st.lists(single_points, min_size=1, max_size=4))
def test_points(case: Case, shapes: list[ShapeRecord], photographs: dict[str, Path]) -> None:
    with tempfile.TemporaryDirectory() as out:
        labels, found = written_and_read(case, Path(out), shapes, photographs)
    assert class_names(labels, found) == [shape.class_name for shape in shapes]
    for annotation, shape in zip(found, shapes, strict=True):
        (point,) = annotation.points
        assert_close(point, (shape.points or ())[0], case.rounding(max(HW)))
        assert annotation.bbox is None


@pytest.mark.parametrize(
    "case", [case for case in CASES if case.has_boxes_with_points], ids=lambda case: case.name
)
def test_points_beside_a_box_and_several_points(
    case: Case, tmp_path: Path, photographs: dict[str, Path]
) -> None:
    both = named(0, box_xyxy=(10, 5, 30, 25), points=((12.5, 7.0), (14.0, 9.0)))
    alone = named(1, points=((50.0, 40.5), (51.0, 41.0)))
    _, found = written_and_read(case, tmp_path, [both, alone], photographs)
    assert [annotation.bbox for annotation in found] == [[10, 5, 20, 20], None]
    assert [[list(point) for point in annotation.points] for annotation in found] == [
        [[12.5, 7.0], [14.0, 9.0]],
        [[50.0, 40.5], [51.0, 41.0]],
    ]


@pytest.mark.parametrize("name", [name for name in WRITERS if WRITERS[name].takes_ignored])
def test_regions_to_ignore(name: str, tmp_path: Path, photographs: dict[str, Path]) -> None:
    case = next(case for case in CASES if case.name == name)
    shapes = [named(1, box_xyxy=(10, 5, 30, 25), is_crowd=True), named(0, box_xyxy=(1, 2, 3, 4))]
    _, found = written_and_read(case, tmp_path, shapes, photographs)
    assert [annotation.is_crowd for annotation in found] == [True, False]


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_truth_of_written_outlines(
    case: Case, tmp_path: Path, photographs: dict[str, Path]
) -> None:
    shapes = [
        named(1, polygons=((10, 5, 40, 5, 40, 45, 10, 45),)),
        named(0, polygons=((20, 10, 60, 10, 60, 20, 20, 20),)),
    ]
    labels, _ = written_and_read(case, tmp_path, shapes, photographs)
    expected = np.zeros(HW, np.uint8)
    expected[5:45, 10:40] = 2  # 1200 pixels, below the smaller one of 400
    expected[10:20, 20:60] = 1
    assert np.array_equal(read_truth(labels).parts(0).label_map(2), expected)


@settings(max_examples=8, deadline=None)
@given(shapes=st.lists(st.one_of(outlines, several), min_size=1, max_size=4))
def test_label_map_is_the_truth_of_the_labels_pixel_by_pixel(
    shapes: list[ShapeRecord], photographs: dict[str, Path]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        written_and_read(CASES[0], out / "coco", shapes, photographs)
        expected = read_truth(open_coco(out / "coco/annotations.json"), keep_groups=True)
        writer = WRITERS["label_map"](out / "map", CATEGORIES)
        for index, (name, of_image) in enumerate(zip(NAMES, (shapes, ()), strict=True)):
            writer.add(ImageShapes(index, name, HW, tuple(of_image), photographs[name]))
        writer.finish()
        truth = read_truth(open_label_map(out / "map/masks", per_class=True))
        assert truth.class_names == expected.class_names
        for index in range(len(NAMES)):
            found = truth.parts(index).label_map(2)
            assert np.array_equal(found, expected.parts(index).label_map(2))
