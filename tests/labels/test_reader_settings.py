"""Settings of formats in a dataset.yaml: of the right kind, or refused by name."""

import json
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from labels.formats.pascal_files import write_mat
from wps_sam.errors import ConfigError, DataError
from wps_sam.labels.open import READERS, open_labels, open_weak_labels
from wps_sam.labels.weak_reading import read_weak

VOC = (
    "<annotation><filename>{name}.jpg</filename><size><width>8</width><height>6</height></size>"
    "<object><name>{part}</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>4</xmax><ymax>4</ymax>"
    "</bndbox></object></annotation>"
)
CVAT = (
    "<annotations><version>1.1</version><meta><task><labels><label><name>wheel</name></label>"
    "</labels></task></meta><image id='0' name='a.jpg' width='8' height='6' subset='Train'>"
    "<box label='wheel' xtl='1' ytl='1' xbr='4' ybr='4' occluded='0'/></image></annotations>"
)
COCO = {
    "images": [{"id": 0, "file_name": "a.jpg", "height": 6, "width": 8}],
    "categories": [{"id": 0, "name": "wheel"}],
    "annotations": [{"id": 0, "image_id": 0, "category_id": 0, "bbox": [1, 1, 3, 3]}],
}


def write_label_map(root: Path) -> Path:
    values = np.zeros((6, 8), np.uint8)
    values[1:4, 1:4] = 1
    Image.fromarray(values).save(root / "a.png")
    (root / "classes.txt").write_text("wheel\n")
    return root


def write_voc(root: Path) -> Path:
    for name, part in (("a", "wheel"), ("b", "door")):
        (root / f"{name}.xml").write_text(VOC.format(name=name, part=part))
        Image.new("RGB", (8, 6)).save(root / f"{name}.jpg")
    return root


def write_cvat(root: Path) -> Path:
    (root / "annotations.xml").write_text(CVAT)
    return root / "annotations.xml"


def write_pascal_part(root: Path) -> Path:
    write_mat(root / "a.mat", [("bird", (0, 0, 6, 6), {"head": (1, 1, 4, 4)})], (6, 8))
    return root


def write_part_image_net(root: Path) -> Path:
    (root / "train.json").write_text(json.dumps(COCO))
    Image.fromarray(np.full((6, 8), 40, np.uint8)).save(root / "a.png")
    return root / "train.json"


WRITERS: dict[str, Callable[[Path], Path]] = {
    "label_map": write_label_map,
    "voc": write_voc,
    "cvat": write_cvat,
    "pascal_part": write_pascal_part,
    "part_image_net": write_part_image_net,
}
SETTINGS = [
    (label_format, setting)
    for label_format, reader in READERS.items()
    for setting in signature(reader).parameters
    if setting not in ("path", "images_dir", "split")
]
ODD = [
    *(None, True, -1, 5, 300, 2.5, "", "no", "banana", "5/foo", "w\ud800", "a\0b", "x" * 5000),
    *([], ["a"], [["b"]], [300], [-1], {}, {"1": [2]}, {"a": "b"}, {"1": "w", "01": "v"}),
    *([None], "9" * 5000, 10**50, [10**50], [True], [2.5], "."),
]


def described(root: Path, label_format: str, **settings: Any) -> Path:
    """A dataset.yaml in `root` whose labels are in `root`/labels."""
    (root / "labels").mkdir(exist_ok=True)
    Image.new("RGB", (8, 6)).save(root / "labels" / "a.jpg")
    write = WRITERS.get(label_format)
    place = root / "labels" if write is None else write(root / "labels")
    entry = {"labels": str(place), "images": "labels", "format": label_format, **settings}
    (root / "dataset.yaml").write_text(json.dumps({"train": entry}))  # JSON is YAML
    return root / "dataset.yaml"


@pytest.mark.parametrize(("label_format", "setting"), SETTINGS)
def test_odd_values_give_errors_of_this_library(
    tmp_path: Path, label_format: str, setting: str
) -> None:
    for value in ODD:
        data = described(tmp_path, label_format, **{setting: value})
        problem: Exception | None = None
        try:
            labels = open_labels(data, split="train")
            read_weak(labels)
            if labels.truth is not None:
                read_weak(labels.truth())
        except (ConfigError, DataError) as error:
            problem = error
        if isinstance(problem, ConfigError):
            assert f"Data set file {data}, train: " in str(problem)
            assert len(str(problem)) < 6000


def test_settings_are_all_tried() -> None:
    assert {label_format for label_format, _ in SETTINGS} >= set(WRITERS)


@pytest.mark.parametrize(
    ("label_format", "settings", "message"),
    [
        ("voc", {"one_based": "maybe"}, "one_based is 'maybe'; expected true or false or null"),
        ("voc", {"image_set": 5}, "image_set is 5; expected a path or null"),
        ("voc", {"names_from": ["b"]}, r"names_from is \['b'\]; expected a path or null"),
        ("cvat", {"subset": 5}, "subset is 5; expected text or null"),
        ("label_map", {"background": [1]}, r"background is \[1\]; expected a whole number or null"),
        ("label_map", {"background": True}, "background is True; expected a whole number or null"),
        ("label_map", {"ignore": {"a": 1}}, "ignore is .*; expected a list of whole numbers"),
        ("label_map", {"names": "wheel"}, "names is 'wheel'; expected a mapping or a list or null"),
        ("pascal_part", {"class_table": ["16"]}, "class_table is .*; expected a whole number or a"),
        ("label_map", {"per_class": "no"}, "per_class is no setting of a .* Use keep_groups: true"),
        ("labelme", {"class_sources": "5/foo"}, "class_sources is no .* in a classes.txt beside"),
        ("coco", {"background": 4}, "format coco have no setting 'background'; expected none"),
        ("foo", {}, "the format 'foo' is unknown; expected one of coco"),
    ],
)
def test_wrong_kinds_are_named(
    tmp_path: Path, label_format: str, settings: dict[str, Any], message: str
) -> None:
    data = described(tmp_path, label_format, **settings)
    with pytest.raises(ConfigError, match=f"dataset.yaml, train: .*{message}"):
        open_labels(data, split="train")


def test_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "train.txt").write_text("a\n")
    data = described(tmp_path, "voc", image_set="lists/train.txt", names_from="labels")
    monkeypatch.chdir(tmp_path / "lists")
    labels = open_weak_labels(data, split="train")
    assert [image.file_name for image in labels.images] == ["a.jpg"]
    assert labels.class_names == ("door", "wheel")  # door is in b.xml alone


def test_a_folder_called_like_a_subset_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "Train").mkdir()
    data = described(tmp_path, "cvat", subset="Train")
    assert len(open_labels(data, split="train").images) == 1


@pytest.mark.parametrize("table", [57, "57", 58])
def test_class_tables_of_the_package_are_no_paths(tmp_path: Path, table: int | str) -> None:
    labels = open_labels(described(tmp_path, "pascal_part", class_table=table), split="train")
    assert len(labels.categories) == 57
