"""Labels to shapes: what passes through, what is decoded, what is left out and counted."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wps_sam.errors import DataError
from wps_sam.labels.formats.coco import open_coco
from wps_sam.labels.label_file import LabelFile
from wps_sam.labels.remarks import Note, Skip
from wps_sam.labels.shape_checks import (
    BAD_BBOX,
    BAD_POINT,
    BAD_POINTS,
    BAD_POLYGON,
    FEW_POINTS,
    NEGATIVE_SIZE,
    NO_BOX,
    NOT_FINITE,
)
from wps_sam.labels.weak_reading import NO_AREA
from wps_sam.writing.coco import CocoWriter
from wps_sam.writing.formats import WRITERS
from wps_sam.writing.label_map import LabelMapWriter
from wps_sam.writing.label_shapes import (
    BAD_SEGMENTATION,
    MASK_DROPPED,
    POINTS_DROPPED,
    LabelShapes,
    ShapeChoice,
    read_label_shapes,
)
from wps_sam.writing.shapes import ShapeRecord
from wps_sam.writing.writer import NO_PIXEL
from wps_sam.writing.yolo import YoloWriter

TRIANGLE = [10, 5, 30, 5, 10, 25]
SECOND = [50, 5, 70.5, 5, 50, 25]
RLE = {"size": [50, 100], "counts": [1010, 2, 48, 2, 3938]}
"""2 x 2 pixels: columns 20 and 21, rows 10 and 11."""

Open = Callable[..., LabelFile]


@pytest.fixture
def labels(tmp_path: Path) -> Open:
    """Opens a COCO file with these annotations of image 5, b.png being without any."""

    def make(*annotations: dict[str, Any]) -> LabelFile:
        images = [{"id": i, "file_name": name} for i, name in ((5, "a.png"), (6, "b.png"))]
        for image in images:
            Image.new("RGB", (100, 50)).save(tmp_path / str(image["file_name"]))
        content = {
            "images": [images[0], {**images[1], "height": 50, "width": 100}],
            "categories": [
                {"id": 1, "name": "_background_"},
                {"id": 9, "name": "wheel", "supercategory": "car"},
                {"id": 4, "name": "door"},
            ],
            "annotations": [
                {"id": i, "image_id": 5, "category_id": 9, **annotation}
                for i, annotation in enumerate(annotations)
            ],
        }
        path = tmp_path / "labels.json"
        path.write_text(json.dumps(content))
        return open_coco(path)

    return make


def shapes_of(read: LabelShapes) -> list[ShapeRecord]:
    """The shapes of the first image; the second has none."""
    first, second = read.images()
    assert (first.file_name, first.hw, first.image_id) == ("a.png", (50, 100), 5)
    assert first.image_path is not None
    assert second.shapes == ()
    return list(first.shapes)


def test_numbers_pass_through(labels: Open) -> None:
    read = read_label_shapes(
        labels(
            {"bbox": [1.5, 2, 3, 4], "category_id": 4, "points": [[2, 3]]},
            {"bbox": [9, 4, 22, 22], "segmentation": [TRIANGLE]},
            {"segmentation": TRIANGLE},
            {"bbox": [0, 0, 9, 9], "segmentation": RLE, "iscrowd": 1},
        ),
        ShapeChoice(),
    )
    assert [category.category_id for category in read.categories] == [9, 4]
    triangle = tuple(TRIANGLE)
    assert shapes_of(read) == [
        ShapeRecord(1, "door", box_xyxy=(1.5, 2, 4.5, 6), points=((2, 3),)),
        ShapeRecord(0, "wheel", box_xyxy=(9, 4, 31, 26), polygons=(triangle,)),
        ShapeRecord(0, "wheel", box_xyxy=(10, 5, 30, 25), polygons=(triangle,)),
        ShapeRecord(0, "wheel", box_xyxy=(0, 0, 9, 9), rle=RLE, is_crowd=True),
    ]
    assert not read.remarks.skipped
    assert read.remarks.notes == {"stands for background and becomes no class": 1}


@pytest.mark.parametrize(
    ("writer", "keep_groups", "shapes"),
    [
        (CocoWriter, False, 1),
        (YoloWriter, False, 2),
        (YoloWriter, True, 1),
        (LabelMapWriter, False, 2),
    ],
)
def test_polygons_of_one_annotation(
    labels: Open, writer: type[CocoWriter], keep_groups: bool, shapes: int
) -> None:
    choice = ShapeChoice.of_writer(writer, keep_groups=keep_groups, boxes_only=False)
    annotation = {"bbox": [0, 0, 99, 49], "segmentation": [TRIANGLE, SECOND], "points": [[11, 6]]}
    found = shapes_of(read_label_shapes(labels(annotation), choice))
    assert len(found) == shapes
    assert [p for shape in found for p in shape.polygons or ()] == [tuple(TRIANGLE), tuple(SECOND)]
    if shapes == 2:
        assert [shape.box_xyxy for shape in found] == [(10, 5, 30, 25), (50, 5, 70.5, 25)]
    else:
        assert found[0].box_xyxy == (0, 0, 99, 49)
    assert [shape.points for shape in found if shape.points] == [((11, 6),)]


def test_boxes_only(labels: Open) -> None:
    annotations = (
        {"bbox": [0, 0, 99, 49], "segmentation": [TRIANGLE, SECOND]},
        {"bbox": [1, 2, 3, 4], "segmentation": RLE},
        {"segmentation": RLE},
        {"bbox": [1, 2, 3, 4], "points": [[2, 3]]},
        {"points": [[2, 3]]},
        {"segmentation": {"size": [50, 100], "counts": [5000]}},
        {"bbox": [1, 2, 3, 4], "segmentation": [TRIANGLE, SECOND], "iscrowd": 1},
    )
    choice = ShapeChoice.of_writer(CocoWriter, keep_groups=False, boxes_only=True)
    read = read_label_shapes(labels(*annotations), choice)
    found = shapes_of(read)
    assert [shape.box_xyxy for shape in found] == [
        (10, 5, 30, 25),
        (50, 5, 70.5, 25),
        (1, 2, 4, 6),
        (20, 10, 22, 12),
        (1, 2, 4, 6),
        (10, 5, 70.5, 25),
    ]
    assert [shape.is_crowd for shape in found] == [False] * 5 + [True]
    assert not any(shape.polygons or shape.rle or shape.points for shape in found)
    assert read.remarks.skipped == {NO_BOX: 1, NO_PIXEL: 1}
    assert (read.remarks.notes[MASK_DROPPED], read.remarks.notes[POINTS_DROPPED]) == (5, 2)

    grouped = ShapeChoice.of_writer(CocoWriter, keep_groups=True, boxes_only=True)
    (first, *_) = shapes_of(read_label_shapes(labels(*annotations), grouped))
    assert first.box_xyxy == (10, 5, 70.5, 25)


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        ({}, NO_BOX),
        ({"bbox": [1, 2, 3]}, BAD_BBOX),
        ({"bbox": [1, 2, 3, "4"]}, BAD_BBOX),
        ({"bbox": [1, 2, 3, float("nan")]}, NOT_FINITE),
        ({"bbox": [1, 2, 10**400, 4]}, NOT_FINITE),
        ({"bbox": [1, 2, -3, 4]}, NEGATIVE_SIZE),
        ({"bbox": [1, 2, 0, 4]}, NO_AREA),
        ({"bbox": [1, 2, 3, 4], "category_id": 1}, "its category becomes no class"),
    ],
)
def test_unusable_annotation_is_counted(
    labels: Open, annotation: dict[str, Any], reason: str
) -> None:
    read = read_label_shapes(labels(annotation, {"bbox": [1, 2, 3, 4]}), ShapeChoice())
    assert len(shapes_of(read)) == 1
    assert read.remarks.skipped == {reason: 1}
    assert read.remarks.first[reason] == "annotation 0 of image 5 (a.png)"


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ({"points": "1, 2"}, BAD_POINTS),
        ({"segmentation": [TRIANGLE[:5]]}, BAD_POLYGON),
        ({"segmentation": [[*TRIANGLE[:5], None]]}, BAD_POLYGON),
        ({"segmentation": [TRIANGLE[:4]]}, FEW_POINTS),
        ({"segmentation": [[1, 1, 1, 5, 1, 9]]}, NO_AREA),
        ({"segmentation": "polygon"}, BAD_SEGMENTATION),
        ({"points": [[1]]}, BAD_POINT),
    ],
)
def test_the_rest_of_an_annotation_is_written(
    labels: Open, extra: dict[str, Any], reason: str
) -> None:
    read = read_label_shapes(labels({"bbox": [1, 2, 3, 4], **extra}), ShapeChoice())
    (shape,) = shapes_of(read)
    assert shape == ShapeRecord(0, "wheel", box_xyxy=(1, 2, 4, 6))
    assert read.remarks.skipped == {reason: 1}


def test_unusable_box_beside_points_is_noted(labels: Open) -> None:
    annotation = {"bbox": [1, 2, 0, 4], "points": [[2, 3]]}
    read = read_label_shapes(labels(annotation), ShapeChoice())
    (shape,) = shapes_of(read)
    assert (shape.box_xyxy, shape.points) == (None, ((2, 3),))
    assert read.remarks.notes[f"{NO_AREA}; the rest of the part is written"] == 1


@pytest.mark.parametrize(
    "mask", [{"size": [50, 99], "counts": [4950]}, {"size": [50, 100], "counts": [7]}, {"x": 1}]
)
def test_damaged_mask_names_file_and_record(labels: Open, mask: dict[str, Any]) -> None:
    read = read_label_shapes(labels({"segmentation": mask}), ShapeChoice())
    message = r"labels\.json: annotation 0 of image 5 \(a\.png\): .* Correct the annotation"
    with pytest.raises(DataError, match=message):
        list(read.images())


def test_mask_in_a_file_of_its_own(labels: Open, tmp_path: Path) -> None:
    pixels = np.zeros((50, 100), np.uint8)
    pixels[10:12, 20:22] = 3
    Image.fromarray(pixels).save(tmp_path / "map.png")
    place = {"kind": "label_map", "file": str(tmp_path / "map.png"), "value": 3}
    file = labels({"bbox": [20, 10, 2, 2]})
    in_map = [annotation._replace(segmentation=place) for annotation in file.annotations()]
    read = read_label_shapes(replace(file, read_annotations=lambda: in_map), ShapeChoice())
    (shape,) = shapes_of(read)
    # By hand: 1010 zeros, 2 ones, 48 zeros, 2 ones; pycocotools says it in characters.
    assert shape.rle is not None
    writer = WRITERS["label_map"](tmp_path / "out", read.categories)
    for image in read.images():
        writer.add(image)
    with Image.open(tmp_path / "out/masks/a.png") as picture:
        assert np.array_equal(np.asarray(picture), (pixels == 3).astype(np.uint8))


def test_remarks_of_the_reader_are_kept(labels: Open) -> None:
    file = replace(
        labels({"bbox": [1, 2, 3, 4]}), skipped=[Skip("line 4", "why")], notes=[Note("x", "how")]
    )
    remarks = read_label_shapes(file, ShapeChoice()).remarks
    assert remarks.skipped == {"why": 1}
    assert remarks.notes["how"] == 1
    assert remarks.first["why"] == "line 4"


def test_photograph_that_is_missing(labels: Open, tmp_path: Path) -> None:
    file = labels({"bbox": [1, 2, 3, 4]})
    (tmp_path / "b.png").unlink()  # its size is in the labels
    _, second = read_label_shapes(file, ShapeChoice()).images()
    assert second.image_path is None
    (tmp_path / "a.png").unlink()
    with pytest.raises(DataError, match=r"a\.png\) is missing"):
        list(read_label_shapes(file, ShapeChoice()).images())


def test_region_to_ignore_stays_whole(labels: Open) -> None:
    annotation = {"segmentation": [TRIANGLE, SECOND], "iscrowd": 1}
    (shape,) = shapes_of(read_label_shapes(labels(annotation), ShapeChoice(keep_groups=False)))
    assert shape.is_crowd
    assert len(shape.polygons or ()) == 2


def test_region_to_ignore_of_a_category_that_is_no_class(labels: Open) -> None:
    crowd = {"segmentation": [TRIANGLE], "category_id": 1, "iscrowd": 1}  # 1 is the background
    read = read_label_shapes(labels(crowd, {**crowd, "iscrowd": 0}), ShapeChoice())
    (shape,) = shapes_of(read)
    assert (shape.is_crowd, shape.class_name, shape.polygons) == (True, "wheel", (tuple(TRIANGLE),))
    assert read.remarks.skipped == {"its category becomes no class": 1}
