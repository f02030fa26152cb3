"""Annotations are checked one by one, wherever they stand in the file."""

from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from wps_sam.errors import DataError
from wps_sam.labels.coco_stream import read_coco_head, stream_annotations

Coco = dict[str, Any]
Write = Callable[[Any], Path]

KEYS = ("images", "categories", "annotations")


@pytest.mark.parametrize("order", list(permutations(KEYS)), ids="-".join)
def test_keys_come_in_any_order(coco: Coco, write: Write, order: tuple[str, ...]) -> None:
    head = read_coco_head(write({"info": {}} | {key: coco[key] for key in order}))
    assert [image.file_name for image in head.images] == ["a.jpg", "b.jpg"]
    assert [category.name for category in head.categories] == ["wheel", "door"]
    found = list(stream_annotations(head))
    assert [annotation.position for annotation in found] == [0, 1, 2]
    assert [annotation.record for annotation in found] == coco["annotations"]
    assert [annotation.image.image_id for annotation in found] == [8, 3, 3]


def test_background_stays_in_the_head(coco: Coco, write: Write) -> None:
    coco["categories"].append({"id": 9, "name": "background"})
    assert len(read_coco_head(write(coco)).categories) == 3


def test_records_before_a_bad_one_are_given(coco: Coco, write: Write) -> None:
    coco["annotations"][1]["image_id"] = 99
    annotations = stream_annotations(read_coco_head(write(coco)))
    assert next(annotations).record["id"] == 16
    with pytest.raises(DataError, match="annotation 17 belongs to image 99"):
        next(annotations)


def test_file_cut_off_behind_the_annotations(coco: Coco, write: Write) -> None:
    path = write({key: coco[key] for key in KEYS})
    path.write_text(path.read_text()[:-1])
    head = read_coco_head(path)
    with pytest.raises(DataError, match=r"is broken JSON: Expecting ','.*cut off"):
        list(stream_annotations(head))


def test_a_list_that_comes_twice(coco: Coco, write: Write) -> None:
    path = write(coco)
    path.write_text(path.read_text()[:-1] + ', "images": []}')
    with pytest.raises(DataError, match="The key 'images' occurs twice"):
        list(stream_annotations(read_coco_head(path)))
