"""Index PNGs, pixel by pixel."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wps_sam.errors import DataError
from wps_sam.labels.label_file import LabelCategory
from wps_sam.writing.label_map import NO_MASK, LabelMapWriter
from wps_sam.writing.shapes import ImageShapes, ShapeRecord

Make = Callable[..., ImageShapes]
Categories = tuple[LabelCategory, ...]


def write(out: Path, categories: Categories, image: ImageShapes) -> LabelMapWriter:
    writer = LabelMapWriter(out, categories)
    writer.add(image)
    writer.finish()
    return writer


def rectangle(class_index: int, x0: float, y0: float, x1: float, y1: float) -> ShapeRecord:
    return ShapeRecord(class_index, "any", polygons=((x0, y0, x1, y0, x1, y1, x0, y1),))


def test_smaller_part_is_on_top_whatever_the_order(
    tmp_path: Path, categories: Categories, one_image: Make, door_mask: ShapeRecord
) -> None:
    expected = np.zeros((50, 100), np.uint8)
    expected[5:45, 10:60] = 1
    expected[10:12, 20:22] = 2  # the door's 2 x 2 pixels
    large = rectangle(0, 10, 5, 60, 45)
    for name, shapes in (("a", (large, door_mask)), ("b", (door_mask, large))):
        writer = write(tmp_path / name, categories, one_image(*shapes))
        assert not writer.remarks.skipped
        with Image.open(tmp_path / name / "masks/sub/a.png") as picture:
            assert picture.mode == "P"
            assert np.array_equal(np.asarray(picture), expected)
    names = json.loads((tmp_path / "a/classes.json").read_text())
    assert names == ["wheel", "door & <roof>"]


def test_boxes_and_points_are_counted_not_painted(
    tmp_path: Path,
    categories: Categories,
    one_image: Make,
    door_box: ShapeRecord,
    wheel_points: ShapeRecord,
) -> None:
    writer = write(tmp_path, categories, one_image(door_box, wheel_points))
    assert writer.remarks.skipped == {NO_MASK: 2}
    with Image.open(tmp_path / "masks/sub/a.png") as picture:
        assert not np.asarray(picture).any()


def test_pieces_of_one_part_may_overlap(
    tmp_path: Path, categories: Categories, one_image: Make
) -> None:
    first, second = rectangle(1, 0, 0, 10, 10), rectangle(1, 5, 5, 20, 20)
    polygons = (*(first.polygons or ()), *(second.polygons or ()))
    write(tmp_path, categories, one_image(replace(first, polygons=polygons)))
    with Image.open(tmp_path / "masks/sub/a.png") as picture:
        # 100 + 225 - 25 pixels: the union, where one outline of both would leave a hole.
        assert np.count_nonzero(np.asarray(picture) == 2) == 300


def test_more_than_255_classes_need_16_bits(tmp_path: Path, one_image: Make) -> None:
    many = tuple(LabelCategory(i, f"class {i}") for i in range(300))
    write(tmp_path, many, one_image(rectangle(299, 0, 0, 2, 1)))
    with Image.open(tmp_path / "masks/sub/a.png") as picture:
        assert np.asarray(picture).max() == 300


def test_mask_of_another_size_names_the_part(
    tmp_path: Path, categories: Categories, one_image: Make
) -> None:
    shape = ShapeRecord(0, "wheel", rle={"size": [3, 2], "counts": [0, 6]})
    with pytest.raises(DataError, match=r"part 0 of sub/a.png: the mask's size is 3 x 2"):
        write(tmp_path, categories, one_image(shape))


def test_absurd_size_is_refused_before_it_is_painted(
    tmp_path: Path, categories: Categories, one_image: Make
) -> None:
    image = replace(one_image(), hw=(10**6, 10**6))
    with pytest.raises(DataError, match=r"sub/a\.png is said to have 1000000 x 1000000 pixels"):
        LabelMapWriter(tmp_path / "out", categories).add(image)
