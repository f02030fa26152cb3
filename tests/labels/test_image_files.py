"""Images are found in the usual places around a label file, or only where the user says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wps_sam.errors import DataError
from wps_sam.labels.formats.coco import open_coco
from wps_sam.labels.image_files import find_image

Coco = dict[str, Any]
Write = Callable[[Any], Path]


@pytest.mark.parametrize(
    ("label_file", "record", "image_file"),
    [
        ("x.json", {}, "a.jpg"),
        ("x.json", {}, "images/a.jpg"),
        ("train.json", {}, "images/train/a.jpg"),
        ("x.json", {"path": "JPEGImages/a.jpg"}, "JPEGImages/a.jpg"),
        ("x.json", {"path": "/gone/JPEGImages/a.jpg"}, "images/a.jpg"),
        ("x.json", {"file_name": "deep/er/a.jpg"}, "images/a.jpg"),
        ("x.json", {"file_name": "deep\\a.jpg"}, "deep/a.jpg"),
        ("annotations/train/train.json", {}, "images/train/a.jpg"),
        ("annotations/train/labels.json", {}, "images/train/a.jpg"),
        ("annotations/train.json", {}, "images/train/a.jpg"),
        ("annotations/train.json", {}, "train/a.jpg"),
        ("annotations/x.json", {}, "images/a.jpg"),
        ("annotations/instances_train.json", {}, "images/train/a.jpg"),
        ("annotations/instances_train2017.json", {}, "images/train2017/a.jpg"),
        ("annotations/instances_train2017.json", {}, "train2017/a.jpg"),
        ("annotations/person_keypoints_val2017.json", {}, "val2017/a.jpg"),
        ("instances_val2017.json", {}, "val2017/a.jpg"),
        ("instances_val2017.json", {}, "images/val2017/a.jpg"),
        ("x.json", {"file_name": "n02486261_8.JPEG"}, "images/n02486261/n02486261_8.JPEG"),
    ],
    ids=str,
)
def test_find_image__usual_places(
    coco: Coco, write: Write, tmp_path: Path, label_file: str, record: Coco, image_file: str
) -> None:
    coco["images"][0].update(record)
    image = open_coco(write(coco)).images[0]
    root = tmp_path / "set"
    (root / image_file).parent.mkdir(parents=True)
    (root / image_file).touch()
    assert find_image(root / label_file, image) == root / image_file


def test_find_image__images_dir_is_searched_alone(coco: Coco, write: Write, tmp_path: Path) -> None:
    path = write(coco)
    image = open_coco(path).images[0]
    (tmp_path / "other").mkdir()
    with pytest.raises(
        DataError, match=r"image 3 \(a\.jpg\) is missing. Tried: \S*other/a\.jpg\. "
    ):
        find_image(path, image, tmp_path / "other")
    (tmp_path / "other" / "a.jpg").touch()
    assert find_image(path, image, tmp_path / "other") == tmp_path / "other" / "a.jpg"


def test_find_image__message_lists_what_was_tried(coco: Coco, write: Write) -> None:
    coco["images"][0].update(file_name="gone.jpg", path="photos/gone.jpg")
    path = write(coco)
    with pytest.raises(DataError, match=r"name their folder with --images") as caught:
        find_image(path, open_coco(path).images[0])
    for place in ("photos/gone.jpg", "gone.jpg", "images/gone.jpg", "images/annotations/gone.jpg"):
        assert str(path.parent / place) in str(caught.value)


def test_find_image__impossible_name(coco: Coco, write: Write) -> None:
    coco["images"][0]["file_name"] = "a" * 300
    path = write(coco)
    with pytest.raises(DataError, match=r"is missing\. Tried: "):
        find_image(path, open_coco(path).images[0])
