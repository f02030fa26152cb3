"""Annotations are checked one by one, wherever they stand in the file."""

from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from wps_sam.errors import DataError
from wps_sam.labels.formats.coco import open_coco

Coco = dict[str, Any]
Write = Callable[[Any], Path]

KEYS = ("images", "categories", "annotations")


@pytest.mark.parametrize("order", list(permutations(KEYS)), ids="-".join)
def test_keys_come_in_any_order(coco: Coco, write: Write, order: tuple[str, ...]) -> None:
    labels = open_coco(write({"info": {}} | {key: coco[key] for key in order}))
    assert [image.file_name for image in labels.images] == ["a.jpg", "b.jpg"]
    assert [category.name for category in labels.categories] == ["wheel", "door"]
    found = list(labels.annotations())
    assert [annotation.annotation_id for annotation in found] == [16, 17, 18]
    assert [annotation.bbox for annotation in found] == [a["bbox"] for a in coco["annotations"]]
    assert [annotation.category_id for annotation in found] == [0, 7, 0]
    assert [annotation.image.image_id for annotation in found] == [8, 3, 3]


def test_background_stays_in_the_head(coco: Coco, write: Write) -> None:
    coco["categories"].append({"id": 9, "name": "background"})
    assert len(open_coco(write(coco)).categories) == 3


def test_records_before_a_bad_one_are_given(coco: Coco, write: Write) -> None:
    coco["annotations"][1]["image_id"] = 99
    annotations = open_coco(write(coco)).annotations()
    assert next(annotations).annotation_id == 16
    with pytest.raises(DataError, match="annotation 17 belongs to image 99"):
        next(annotations)


def test_file_cut_off_behind_the_annotations(coco: Coco, write: Write) -> None:
    path = write({key: coco[key] for key in KEYS})
    path.write_text(path.read_text()[:-1])
    labels = open_coco(path)
    with pytest.raises(DataError, match=r"is broken JSON: Expecting ','.*cut off"):
        list(labels.annotations())


def test_a_list_that_comes_twice(coco: Coco, write: Write) -> None:
    path = write(coco)
    path.write_text(path.read_text()[:-1] + ', "images": []}')
    with pytest.raises(DataError, match="The key 'images' occurs twice"):
        list(open_coco(path).annotations())
