"""YOLO, by hand and by `labelformat`."""

from collections.abc import Callable
from pathlib import Path

import yaml
from labelformat.formats.yolov8 import (
    YOLOv8InstanceSegmentationInput,
    YOLOv8ObjectDetectionInput,
)

from wps_sam.labels.label_file import LabelCategory
from wps_sam.writing.shapes import ImageShapes, ShapeRecord
from wps_sam.writing.writer import (
    JOINED,
    NO_IGNORED,
    NO_POINTS,
    ONLY_POINTS,
    OUTSIDE,
    OUTSIDE_IMAGE,
)
from wps_sam.writing.yolo import BOX_AS_OUTLINE, YoloWriter

Make = Callable[..., ImageShapes]
Categories = tuple[LabelCategory, ...]


def write(out: Path, categories: Categories, *images: ImageShapes) -> YoloWriter:
    writer = YoloWriter(out, categories)
    for image in images:
        writer.add(image)
    writer.finish()
    return writer


def test_boxes_alone_are_detect_lines(
    tmp_path: Path, categories: Categories, one_image: Make, door_box: ShapeRecord
) -> None:
    writer = write(tmp_path, categories, one_image(door_box), one_image(name="b.png"))
    # (10, 5, 30, 25) in 100 x 50: centre (20, 15), sides 20 and 20.
    line = "1 0.200000 0.300000 0.200000 0.400000\n"
    assert (tmp_path / "labels/sub/a.txt").read_text() == line
    assert (tmp_path / "labels/b.txt").read_text() == ""
    assert yaml.safe_load((tmp_path / "data.yaml").read_text()) == {
        "train": "images",
        "nc": 2,
        "names": {0: "wheel", 1: "door & <roof>"},
    }
    assert writer.shapes_written == 1
    assert not writer.remarks.notes


def test_outline_makes_all_lines_of_its_file_outlines(
    tmp_path: Path,
    categories: Categories,
    one_image: Make,
    door_box: ShapeRecord,
    wheel_outline: ShapeRecord,
) -> None:
    writer = write(tmp_path, categories, one_image(wheel_outline, door_box))
    assert (tmp_path / "labels/sub/a.txt").read_text().splitlines() == [
        "0 0.100000 0.100000 0.300000 0.100000 0.100000 0.500000",
        "1 0.100000 0.100000 0.300000 0.100000 0.300000 0.500000 0.100000 0.500000",
    ]
    assert writer.remarks.notes == {BOX_AS_OUTLINE: 1}
    assert writer.remarks.first[BOX_AS_OUTLINE] == "part 1 of sub/a.png"


def test_what_yolo_cannot_hold_is_counted(
    tmp_path: Path,
    categories: Categories,
    one_image: Make,
    crowd: ShapeRecord,
    wheel_points: ShapeRecord,
    door_box_and_point: ShapeRecord,
) -> None:
    over_the_edge = ShapeRecord(0, "wheel", box_xyxy=(-10, 40, 10, 60))
    beyond = ShapeRecord(0, "wheel", box_xyxy=(110, 0, 120, 10))
    shapes = (crowd, wheel_points, door_box_and_point, over_the_edge, beyond)
    writer = write(tmp_path, categories, one_image(*shapes))
    assert (tmp_path / "labels/sub/a.txt").read_text().splitlines() == [
        "1 0.200000 0.300000 0.200000 0.400000",
        "0 0.050000 0.900000 0.100000 0.200000",  # (0, 40, 10, 50)
    ]
    assert writer.remarks.skipped == {NO_IGNORED: 1, ONLY_POINTS: 1, OUTSIDE_IMAGE: 1}
    assert writer.remarks.notes == {NO_POINTS: 1, OUTSIDE: 1}
    assert writer.shapes_written == 2


def test_several_polygons_become_one_line(
    tmp_path: Path, categories: Categories, one_image: Make, two_pieces: ShapeRecord
) -> None:
    writer = write(tmp_path, categories, one_image(two_pieces))
    (line,) = (tmp_path / "labels/sub/a.txt").read_text().splitlines()
    # First piece with a cut from (30, 5), which is nearest to (50, 5), around the second and back.
    corners = [(10, 5), (30, 5), (50, 5), (70, 5), (50, 25), (50, 5), (30, 5), (10, 25)]
    expected = [f"{x / 100:.6f} {y / 50:.6f}" for x, y in corners]
    assert line == " ".join(["0", *expected])
    assert writer.remarks.notes == {JOINED: 1}


def test_labelformat_reads_the_same(
    tmp_path: Path,
    categories: Categories,
    one_image: Make,
    door_box: ShapeRecord,
    wheel_outline: ShapeRecord,
) -> None:
    write(tmp_path / "boxes", categories, one_image(door_box))
    reader = YOLOv8ObjectDetectionInput(tmp_path / "boxes/data.yaml", "train")
    (labels,) = reader.get_labels()
    assert labels.image.filename == "sub/a.png"
    (found,) = labels.objects
    box = found.box
    assert found.category.name == "door & <roof>"
    assert (round(box.xmin, 9), round(box.ymin, 9)) == (10, 5)
    assert (round(box.xmax, 9), round(box.ymax, 9)) == (30, 25)

    write(tmp_path / "outlines", categories, one_image(wheel_outline))
    outlines = YOLOv8InstanceSegmentationInput(tmp_path / "outlines/data.yaml", "train")
    (segmented,) = outlines.get_labels()
    (polygon,) = segmented.objects[0].segmentation.polygons
    assert polygon == [(10, 5), (30, 5), (10, 25)]
