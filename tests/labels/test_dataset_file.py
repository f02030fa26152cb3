"""`dataset.yaml`: what it can say, and that every mistake in it is named."""

from pathlib import Path

import pytest

from wps_sam.errors import ConfigError
from wps_sam.labels.dataset_file import (
    DatasetFile,
    LabelEntry,
    find_dataset_file,
    read_dataset_file,
)
from wps_sam.labels.splits import RandomSplit


def read(tmp_path: Path, text: str) -> DatasetFile:
    """Write and read a data set file."""
    path = tmp_path / "dataset.yaml"
    path.write_text(text)
    return read_dataset_file(path)


def test_ready_splits(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """
        path: parts
        train: train.json
        val: {labels: val, images: photos, format: label_map, background: 40, ignore: [255],
              truth: {labels: masks, format: label_map}}
        supervision: mixed
        keep_groups: true
        classes: {drop: [wheel]}
        """,
    )
    root = tmp_path / "parts"
    assert found.entries == {
        "train": LabelEntry(root / "train.json"),
        "val": LabelEntry(
            root / "val",
            root / "photos",
            "label_map",
            None,
            {"background": 40, "ignore": [255]},
            LabelEntry(root / "masks", None, "label_map"),
        ),
    }
    assert found.split_names() == ("train", "val")
    assert (found.supervision, found.keep_groups) == ("mixed", True)
    assert found.classes == {"drop": ["wheel"]}


def test_splits_to_draw(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "labels: a.json\nimages: photos\nclasses: classes.yaml\n"
        "split: {val: 0.2, test: 0.1, seed: 4, group_by: '(.*)_'}\n",
    )
    assert found.entries == {"": LabelEntry(tmp_path / "a.json", tmp_path / "photos")}
    assert found.split == RandomSplit({"val": 0.2, "test": 0.1}, 4, "(.*)_")
    assert found.split_names() == ("train", "val", "test")
    assert found.classes == tmp_path / "classes.yaml"


def test_one_set_without_splits(tmp_path: Path) -> None:
    assert read(tmp_path, "labels: a.json\n").split_names() == ()


def test_split_without_shares_holds_out_a_fifth(tmp_path: Path) -> None:
    assert read(tmp_path, "labels: a.json\nsplit: {seed: 1}\n").split == RandomSplit(
        {"val": 0.2}, 1
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a", "is not a mapping"),
        ("train: [", "is not YAML"),
        ("trian: a.json", r"names no labels: found the keys \['trian'\]"),
        ("train: a\nval: b\ntrain: c", "has the key train twice, in line 1 and in line 3"),
        (
            "train: {labels: a,\n format: b,\n labels: c}",
            "key labels twice, in line 1 and in line 3",
        ),
        ("? 0x" + "f" * 5000 + "\n: 1", r"found the keys \['a number of 20000 bits'\]"),
        ("train: a\n? 0x" + "f" * 5000 + "\n: 1", "a number of 20000 bits is no known key"),
        ("? " + "x" * 9000 + "\n: 1", r"names no labels: found the keys \['x+\.\.\.x+"),
        ('labels: "a\\0b"', "labels is .*, which has characters that no file name can have"),
        ('train: "w\\ud800"', "train is .*, which has characters that no file name can have"),
        ("labels: a\nsplit: {seed: 0x" + "f" * 5000 + "}", "seed is a number of 20000 bits; exp"),
        ("train: a\nsupervision: " + "x" * 5000, r"supervision is 'x+\.\.\.x+'; expected one of"),
        ("train: a\nvla: b", r"'vla' is no known key; .*Did you mean val\?"),
        ("train: a\nlabels: b", "has train and also labels"),
        ("train: a\nsplit: {val: 0.2}", "has train and also split"),
        ("train: 5", "train is 5; expected the path of a label file"),
        ("train: {images: a}", "expected the path of a label file or folder, or a mapping"),
        ("train: {labels: a, imgaes: b}", r"train: 'imgaes' is no known key.*Did you mean images"),
        ("labels: 3", "labels is 3; expected text"),
        ("labels: a\nsplit: 0.2", "split is 0.2; expected a mapping such as"),
        ("labels: a\nsplit: {val: x}", "val is 'x'; expected a share such as 0.2"),
        ("labels: a\nsplit: {val: 2}", "split: The split 'val' has the share 2"),
        ("labels: a\nsplit: {valid: 0.2}", "split: 'valid' is no known key"),
        ("labels: a\nsplit: {seed: x}", "seed is 'x'; expected a whole number"),
        ("train: a\nclasses: 3", "classes is 3; expected the name of a class map file"),
        ("train: a\nsupervision: boxes", "supervision is 'boxes'; expected one of box, point"),
        ("train: a\nkeep_groups: 3", "keep_groups is 3; expected true or false"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        read(tmp_path, text)
    assert "dataset.yaml" in str(caught.value)
    assert len(str(caught.value)) < 500


def test_find_dataset_file(tmp_path: Path) -> None:
    path = tmp_path / "dataset.yaml"
    assert find_dataset_file(tmp_path) is None
    path.write_text("train: a.json")
    assert find_dataset_file(tmp_path) == path
    assert find_dataset_file(path) == path
    path.write_text("train: images/train\nnames: [wheel]")
    assert find_dataset_file(tmp_path) is None


def test_unreadable(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml cannot be read: No such file"):
        read_dataset_file(tmp_path / "gone.yaml")
