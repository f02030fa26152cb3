"""Which yaml file of a folder is YOLO's; what it says is tested in test_yolo_set.py."""

from pathlib import Path

import pytest

from wps_sam.errors import DataError
from wps_sam.labels.formats.yolo_yaml import find_yaml, is_yolo_yaml


def test_find_yaml(tmp_path: Path) -> None:
    assert find_yaml(tmp_path) is None
    (tmp_path / "train.yaml").write_text("learning_rate: 1")
    assert find_yaml(tmp_path) is None
    (tmp_path / "coco8.yaml").write_text("train: images\nnames: [a]")
    assert find_yaml(tmp_path) == tmp_path / "coco8.yaml"
    (tmp_path / "coco9.yaml").write_text("train: images\nnames: [a]")
    with pytest.raises(DataError, match=r"several YOLO files: coco8\.yaml, coco9\.yaml. Name"):
        find_yaml(tmp_path)
    (tmp_path / "dataset.yaml").write_text("train: images\nnc: 3")
    assert find_yaml(tmp_path) == tmp_path / "dataset.yaml"


def test_is_yolo_yaml__not_our_own_dataset_file(tmp_path: Path) -> None:
    path = tmp_path / "dataset.yaml"
    path.write_text("train: {labels: train.json, names: {1: a}}\nclasses: classes.yaml")
    assert not is_yolo_yaml(path)
