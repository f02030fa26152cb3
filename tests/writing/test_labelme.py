"""LabelMe's files by hand."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from wps_sam.labels.label_file import LabelCategory
from wps_sam.writing.labelme import LabelMeWriter
from wps_sam.writing.shapes import ImageShapes, ShapeRecord

Make = Callable[..., ImageShapes]
Categories = tuple[LabelCategory, ...]


def write(out: Path, categories: Categories, image: ImageShapes) -> Any:
    writer = LabelMeWriter(out, categories)
    writer.add(image)
    writer.finish()
    assert not writer.remarks.skipped
    return json.loads((out / f"{image.stem}.json").read_text())


def test_file_beside_the_photograph(
    tmp_path: Path, categories: Categories, one_image: Make, door_box: ShapeRecord
) -> None:
    image = one_image(replace(door_box, score=0.75))
    assert write(tmp_path / "out", categories, image) == {
        "version": "5.5.0",
        "flags": {},
        "shapes": [
            {
                "label": "door & <roof>",
                "points": [[10, 5], [30, 25]],
                "group_id": None,
                "description": "",
                "shape_type": "rectangle",
                "flags": {},
                "score": 0.75,
            }
        ],
        "imagePath": "a.png",
        "imageData": None,
        "imageHeight": 50,
        "imageWidth": 100,
    }
    assert (tmp_path / "out/sub/a.png").resolve() == image.image_path
    assert (tmp_path / "out/classes.txt").read_text() == "wheel\ndoor & <roof>\n"


def test_pieces_and_points_share_a_group(
    tmp_path: Path,
    categories: Categories,
    one_image: Make,
    two_pieces: ShapeRecord,
    wheel_points: ShapeRecord,
    door_box_and_point: ShapeRecord,
    wheel_outline: ShapeRecord,
) -> None:
    shapes = (two_pieces, wheel_points, door_box_and_point, wheel_outline)
    content = write(tmp_path, categories, one_image(*shapes))
    found = [(shape["shape_type"], shape["group_id"]) for shape in content["shapes"]]
    assert found == [
        ("polygon", 0),
        ("polygon", 0),
        ("point", 1),
        ("point", 1),
        ("rectangle", 2),
        ("point", 2),
        ("polygon", None),
    ]
    assert content["shapes"][1]["points"] == [[50, 5], [70, 5], [50, 25]]
    assert content["shapes"][2]["points"] == [[12.5, 7.0]]


def test_region_to_ignore_has_labelmes_own_label(
    tmp_path: Path, categories: Categories, one_image: Make, crowd: ShapeRecord
) -> None:
    content = write(tmp_path, categories, one_image(crowd))
    assert content["shapes"][0]["label"] == "__ignore__"


def test_numbers_are_written_in_full(
    tmp_path: Path, categories: Categories, one_image: Make
) -> None:
    third = 1 / 3
    shape = ShapeRecord(0, "wheel", polygons=((third, 0.1, 20, 0.1, 20, 30),))
    content = write(tmp_path, categories, one_image(shape))
    assert content["shapes"][0]["points"] == [[third, 0.1], [20, 0.1], [20, 30]]
