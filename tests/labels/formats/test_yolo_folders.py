"""YOLO data sets that are recognised by the names of their folders."""

from pathlib import Path

import pytest

from wps_sam.errors import DataError
from wps_sam.labels.formats.yolo_folders import find_folders, labels_folder
from wps_sam.labels.formats.yolo_set import read_set

BOX = "0 0.5 0.5 0.1 0.1\n"


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("a/images/train", "a/labels/train"),
        ("images/train/images", "images/train/labels"),
        ("photos/train", "photos/train"),
    ],
)
def test_labels_folder(images: str, labels: str) -> None:
    # The rule of Ultralytics: the last /images/ becomes /labels/.
    assert labels_folder(Path(images)) == Path(labels)


@pytest.mark.parametrize(
    ("images", "labels", "splits"),
    [
        (["train/images", "valid/images"], ["train/labels", "valid/labels"], ["train", "val"]),
        (["images/train", "images/val"], ["labels/train", "labels/val"], ["train", "val"]),
        (["images/train2017"], ["labels/train2017"], ["train2017"]),
        (["images"], ["labels"], [""]),
        (["images/red", "images/blue"], ["labels"], [""]),
        (["."], ["."], [""]),
    ],
)
def test_find_folders(
    tmp_path: Path, images: list[str], labels: list[str], splits: list[str]
) -> None:
    for name in [*images, *labels]:
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    (tmp_path / "classes.txt").write_text("door\n")
    assert find_folders(tmp_path) == {}
    (tmp_path / labels[0] / "a.txt").write_text(BOX)
    found = find_folders(tmp_path)
    assert list(found) == splits
    if "" not in splits:
        assert [folder for folders in found.values() for folder in folders] == [
            tmp_path / name for name in images
        ]
    assert [c.name for c in read_set(tmp_path).categories] == ["door"]


def test_find_folders__other_text_files(tmp_path: Path) -> None:
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
    (tmp_path / "labels" / "a.txt").write_text("Car 0.00 0 -1.57 614.24 181.78")  # KITTI
    assert find_folders(tmp_path) == {}
    with pytest.raises(DataError, match=r"holds no YOLO labels: expected images/ and labels/"):
        read_set(tmp_path)
