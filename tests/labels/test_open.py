"""DATA in all the shapes that users name, and what is said when it is none of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from wps_sam.errors import ConfigError, DataError
from wps_sam.labels.layout import LabelSource
from wps_sam.labels.layouts import locate_labels
from wps_sam.labels.open import open_labels, open_weak_labels, split_names

Coco = dict[str, Any]
Write = Callable[[Any], Path]


def touch(root: Path, *names: str, content: str = '{"images": []}') -> None:
    """Create files with a little content."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)


def test_open_weak_labels__file_and_folder(coco: Coco, write: Write) -> None:
    coco["annotations"][1]["segmentation"] = [[0, 0, 5, 0, 5, 6], [10, 10, 20, 10, 20, 20]]
    path = write(coco)
    for data in (path, str(path), path.parent):
        assert [len(image.class_index) for image in open_weak_labels(data).images] == [3, 1]
    assert len(open_weak_labels(path, keep_groups=True).images[0].class_index) == 2


def test_open_weak_labels__images_dir(coco: Coco, write: Write, tmp_path: Path) -> None:
    path = write(coco)
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(DataError, match=r"Tried: \S*elsewhere/a\.jpg\. Put"):
        open_weak_labels(path, images_dir=tmp_path / "elsewhere")


def test_open_weak_labels__part_image_net(coco: Coco, tmp_path: Path) -> None:
    for split in ("train", "val"):
        touch(tmp_path, f"annotations/{split}/{split}.json", content=json.dumps(coco))
        touch(tmp_path, f"annotations/{split}/a.json", content='{"imgHeight": 40, "imgWidth": 60}')
        touch(tmp_path, f"annotations/{split}_whole/{split}.json")
        (tmp_path / "images" / split).mkdir(parents=True)
        for name in ("a.jpg", "b.jpg"):
            Image.new("RGB", (60, 40)).save(tmp_path / "images" / split / name)
    dataset = open_weak_labels(tmp_path, split="val")
    assert dataset.source == tmp_path / "annotations" / "val" / "val.json"
    assert dataset.images[0].path == tmp_path / "images" / "val" / "a.jpg"
    with pytest.raises(DataError, match=r"has the splits train, val. Choose one with --split"):
        open_weak_labels(tmp_path)


def test_locate_labels__part_image_net_with_one_split(tmp_path: Path) -> None:
    touch(tmp_path, "annotations/train/train.json", "images/train/a.jpg")
    expected = LabelSource(
        "coco", tmp_path / "annotations" / "train" / "train.json", tmp_path / "images" / "train"
    )
    assert locate_labels(tmp_path) == expected


@pytest.mark.parametrize(
    ("files", "split", "found"),
    [
        (["annotations.json", "other.json"], None, "annotations.json"),
        (["_annotations.coco.json"], None, "_annotations.coco.json"),
        (["labels.json", ".hidden.json", "._labels.json"], None, "labels.json"),
        (["annotations/labels.json"], None, "annotations/labels.json"),
        (["train.json", "val.json"], "val", "val.json"),
        (["annotations/train.json", "annotations/val.json"], "val", "annotations/val.json"),
        (["annotations/instances_val.json"], "val", "annotations/instances_val.json"),
        (["valid/_annotations.coco.json"], "valid", "valid/_annotations.coco.json"),
    ],
    ids=str,
)
def test_locate_labels__coco_folder(
    tmp_path: Path, files: list[str], split: str | None, found: str
) -> None:
    touch(tmp_path, *files)
    assert locate_labels(tmp_path, split=split) == LabelSource("coco", tmp_path / found)


def test_locate_labels__other_json_beside(tmp_path: Path) -> None:
    touch(tmp_path, "labels.json")
    touch(tmp_path, "settings.json", content='{"camera": 3}')
    assert locate_labels(tmp_path).path == tmp_path / "labels.json"


def test_locate_labels__several_coco_files(tmp_path: Path) -> None:
    touch(tmp_path, "first.json", "second.json")
    with pytest.raises(
        DataError, match=r"several label files: first\.json, second\.json. Name the"
    ):
        locate_labels(tmp_path)


def test_locate_labels__missing(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"nowhere does not exist: expected a label file, a folder or"
    ):
        locate_labels(tmp_path / "nowhere")


def test_locate_labels__split_of_a_single_file(tmp_path: Path) -> None:
    touch(tmp_path, "labels.json")
    with pytest.raises(DataError, match=r"is one file, so split 'val' cannot be chosen"):
        locate_labels(tmp_path / "labels.json", split="val")


def test_locate_labels__nothing_recognised(tmp_path: Path) -> None:
    touch(tmp_path, "photos/a.jpg", "notes.txt")
    with pytest.raises(DataError, match=r"No labels were recognised at") as caught:
        locate_labels(tmp_path, split="val")
    message = str(caught.value)
    assert "with split 'val'" in message
    assert "annotations/<split>/<split>.json" in message
    assert "annotations/instances_<split>.json" in message
    assert "Found: notes.txt, photos/." in message


def test_locate_labels__other_file_and_empty_folder(tmp_path: Path) -> None:
    touch(tmp_path, "labels.csv")
    with pytest.raises(DataError, match=r"Found: a file labels\.csv"):
        locate_labels(tmp_path / "labels.csv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"Found: nothing\."):
        locate_labels(tmp_path / "empty")


def dataset_file(folder: Path, text: str) -> Path:
    """Write a dataset.yaml."""
    path = folder / "dataset.yaml"
    path.write_text(text)
    return path


def test_open_labels__dataset_file(coco: Coco, write: Write, tmp_path: Path) -> None:
    write(coco)
    data = dataset_file(
        tmp_path,
        "train: annotations.json\nval: {labels: annotations.json, images: .}\n"
        "classes: {drop: [wheel]}\nsupervision: mixed\nkeep_groups: true\n",
    )
    assert split_names(data) == ("train", "val")
    labels = open_labels(tmp_path, split="val")
    assert (labels.supervision, labels.keep_groups) == ("mixed", True)
    assert open_weak_labels(data, split="train").class_names == ("door",)
    other = tmp_path / "classes.yaml"
    other.write_text("drop: [door]")
    assert open_weak_labels(data, split="val", classes=other).class_names == ("wheel",)


def test_open_labels__class_map_of_a_plain_file(coco: Coco, write: Write, tmp_path: Path) -> None:
    class_map = tmp_path / "classes.yaml"
    class_map.write_text("merge: {part: [wheel, door]}")
    assert open_weak_labels(write(coco), classes=class_map).class_names == ("part",)


def test_open_labels__drawn_splits(coco: Coco, write: Write, tmp_path: Path) -> None:
    write(coco)
    data = dataset_file(tmp_path, "labels: annotations.json\nsplit: {val: 0.5}\n")
    train, val = (open_labels(data, split=name).images for name in split_names(data))
    assert sorted(image.file_name for image in (*train, *val)) == ["a.jpg", "b.jpg"]
    assert [image.index for image in val] == [0]


@pytest.mark.parametrize(
    ("text", "split", "message"),
    [
        ("train: annotations.json", None, r"has the splits train\. Choose one with --split"),
        ("train: annotations.json", "dev", r"has the splits train; there is no 'dev'"),
        ("labels: annotations.json", "dev", r"is not divided into splits; there is no 'dev'"),
        (
            "labels: annotations.json\nsplit: {val: 0.2, test: 0.2, seed: 1}",
            "val",
            r"dataset\.yaml, split: 2 images in 2 groups are too few",
        ),
        (
            "labels: annotations.json\nsplit: {group_by: 'c(.)'}",
            "val",
            r"dataset\.yaml, split: group_by 'c\(\.\)' does not match the image a\.jpg",
        ),
        (
            "train: {labels: a, format: yol}",
            "train",
            r"the format 'yol' is unknown; expected .*coco",
        ),
        (
            "train: {labels: annotations.json, format: coco, background: 4}",
            "train",
            r"labels in the format coco have no setting 'background'; expected none",
        ),
    ],
)
def test_open_labels__dataset_file_does_not_fit(
    coco: Coco, write: Write, tmp_path: Path, text: str, split: str | None, message: str
) -> None:
    write(coco)
    with pytest.raises((ConfigError, DataError), match=message):
        open_labels(dataset_file(tmp_path, text), split=split)


def test_open_labels__entry_with_format_and_split(coco: Coco, write: Write, tmp_path: Path) -> None:
    write(coco)
    (tmp_path / "parts").mkdir()
    for name in ("a", "b"):
        (tmp_path / "parts" / f"{name}.json").write_text(json.dumps(coco))
    text = (
        "train: {labels: parts, format: coco, split: a, images: .}\nval: {labels: parts, split: c}"
    )
    data = dataset_file(tmp_path, text)
    assert open_labels(data, split="train").path == tmp_path / "parts" / "a.json"
    with pytest.raises(DataError, match=r"No labels were recognised at .*parts with split 'c'"):
        open_labels(data, split="val")


def test_open_labels__truth_of_its_own(coco: Coco, write: Write, tmp_path: Path) -> None:
    write(coco)
    masks = {**coco, "images": coco["images"][::-1], "annotations": coco["annotations"][:1]}
    (tmp_path / "masks.json").write_text(json.dumps(masks))
    data = dataset_file(tmp_path, "labels: annotations.json\ntruth: masks.json\n")
    truth = open_labels(data).truth
    assert truth is not None
    assert [image.file_name for image in truth().images] == ["a.jpg", "b.jpg"]
    assert [a.annotation_id for a in truth().annotations()] == [16]


def test_split_names__of_folders(tmp_path: Path) -> None:
    assert split_names(tmp_path) == ()
    (tmp_path / "annotations").mkdir()
    for name in ("val", "train"):
        (tmp_path / "annotations" / f"{name}.json").write_text("{}")
    assert split_names(tmp_path) == ("train", "val")
