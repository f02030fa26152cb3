"""COCO, by hand and by `labelformat`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from labelformat.formats.coco import COCOInstanceSegmentationInput, COCOObjectDetectionInput

from wps_sam.labels.label_file import LabelCategory
from wps_sam.writing.coco import CocoWriter
from wps_sam.writing.shapes import ImageShapes, ShapeRecord

Make = Callable[..., ImageShapes]


def write(out: Path, categories: tuple[LabelCategory, ...], *images: ImageShapes) -> Any:
    writer = CocoWriter(out, categories)
    for image in images:
        writer.add(image)
    writer.finish()
    assert not writer.remarks.skipped
    assert not writer.remarks.notes
    return json.loads((out / "annotations.json").read_text())


def test_whole_file(
    tmp_path: Path,
    categories: tuple[LabelCategory, ...],
    one_image: Make,
    door_box_and_point: ShapeRecord,
    two_pieces: ShapeRecord,
    door_mask: ShapeRecord,
    crowd: ShapeRecord,
) -> None:
    image = one_image(door_box_and_point, two_pieces, door_mask, crowd)
    pieces = [[10, 5, 30, 5, 10, 25], [50, 5, 70, 5, 50, 25]]
    box, common = [10, 5, 20, 20], {"image_id": "id 5", "iscrowd": 0}
    # A triangle with legs of 20 pixels has 200 square pixels.
    assert write(tmp_path / "out", categories, image) == {
        "categories": [
            {"id": 7, "name": "wheel"},
            {"id": 3, "name": "door & <roof>", "supercategory": "car"},
        ],
        "annotations": [
            {
                "id": 1,
                "category_id": 3,
                "area": 400,
                "bbox": box,
                "points": [[12.5, 7.0]],
                **common,
            },
            {
                "id": 2,
                "category_id": 7,
                "area": 400,
                "bbox": [10, 5, 60, 20],
                "segmentation": pieces,
                **common,
            },
            {
                "id": 3,
                "category_id": 3,
                "area": 4,
                "bbox": [20, 10, 2, 2],
                "segmentation": door_mask.rle,
                **common,
            },
            {
                "id": 4,
                "category_id": 7,
                "area": 200,
                "bbox": box,
                "segmentation": pieces[:1],
                **common,
                "iscrowd": 1,
            },
        ],
        "images": [{"id": "id 5", "file_name": "sub/a.png", "height": 50, "width": 100}],
    }
    assert (tmp_path / "out/images/sub/a.png").is_symlink()


def test_labelformat_reads_the_same_boxes_and_outlines(
    tmp_path: Path,
    categories: tuple[LabelCategory, ...],
    one_image: Make,
    wheel_outline: ShapeRecord,
    two_pieces: ShapeRecord,
) -> None:
    write(tmp_path / "out", categories, one_image(wheel_outline, two_pieces))
    file = tmp_path / "out" / "annotations.json"
    (boxes,) = COCOObjectDetectionInput(input_file=file).get_labels()
    assert boxes.image.filename == "sub/a.png"
    found = [(one.category.name, one.box.xmin, one.box.ymax) for one in boxes.objects]
    assert found == [("wheel", 10, 25), ("wheel", 10, 25)]
    (outlines,) = COCOInstanceSegmentationInput(input_file=file).get_labels()
    assert [one.segmentation.polygons for one in outlines.objects] == [
        [[(10, 5), (30, 5), (10, 25)]],
        [[(10, 5), (30, 5), (10, 25)], [(50, 5), (70, 5), (50, 25)]],
    ]


def test_no_file_before_the_end_and_none_after_an_error(
    tmp_path: Path, categories: tuple[LabelCategory, ...], one_image: Make, door_box: ShapeRecord
) -> None:
    writer = CocoWriter(tmp_path / "out", categories)
    writer.add(one_image(door_box))
    assert not (tmp_path / "out/annotations.json").exists()
    writer.discard()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["images"]


@pytest.mark.parametrize("counts", ["05", b"05", [0, 5]], ids=["text", "bytes", "runs"])
def test_any_form_of_run_lengths(
    tmp_path: Path, categories: tuple[LabelCategory, ...], counts: Any
) -> None:
    # A full mask of 5 x 1 pixels: COCO writes the number 5 as the character '5'.
    shape = ShapeRecord(0, "wheel", rle={"size": [5, 1], "counts": counts})
    content = write_without_photograph(tmp_path / "out", categories, shape)
    (annotation,) = content["annotations"]
    assert annotation["area"] == 5
    expected = counts.decode() if isinstance(counts, bytes) else counts
    assert annotation["segmentation"] == {"size": [5, 1], "counts": expected}


def write_without_photograph(
    out: Path, categories: tuple[LabelCategory, ...], shape: ShapeRecord
) -> Any:
    writer = CocoWriter(out, categories)
    writer.add(ImageShapes(1, "a.png", (5, 1), (shape,)))
    writer.finish()
    assert len(writer.remarks.notes) == 1  # no photograph
    return json.loads((out / "annotations.json").read_text())
