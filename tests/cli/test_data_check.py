"""`wps-sam data check`: splits, files, exit status."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from checking.data_sets import DataSet, photo
from wps_sam.cli.data_check import data_check
from wps_sam.errors import ConfigError

BOX = ("wheel [x]", [10, 10, 20, 20])


@pytest.fixture
def new_set(tmp_path: Path) -> Callable[[str], DataSet]:
    """Make an empty data set in a folder of this name."""
    return lambda name: DataSet(tmp_path / name)


def filled(data_set: DataSet, first: int, count: int = 10) -> DataSet:
    """Add sound images with one part each."""
    for i in range(first, first + count):
        data_set.add_image(f"{i}.jpg", photo(i), BOX)
    return data_set


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_sound(new_set: Callable[[str], DataSet], capsys: pytest.CaptureFixture[str]) -> None:
    assert data_check(filled(new_set("a"), 0).write()) == 0
    text = printed(capsys)
    assert "annotations.json (coco): 10 images, 10 parts, 1 class" in text
    assert text.endswith("would be sound: 0 errors, 0 warnings, 0 good to know.")


def test_warnings_alone_are_sound(
    new_set: Callable[[str], DataSet], capsys: pytest.CaptureFixture[str]
) -> None:
    data_set = filled(new_set("a"), 0)
    for i in range(5):
        data_set.add_part(i, "wheel [x]", bbox=[40, 40, 0.5, 5])
    assert data_check(data_set.write()) == 0
    text = printed(capsys)
    assert "warning Tiny boxes (5) wheel [x] in 0.jpg: 4 x 40 px in SAM's frame" in text
    assert "and 2 more Remove specks" in text


def test_an_error_is_not_sound_and_files_say_the_same(
    new_set: Callable[[str], DataSet], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, val = filled(new_set("train"), 0), filled(new_set("val"), 9, 2)  # 9.jpg is in both
    out = tmp_path / "new" / "out"
    assert data_check(train.write(), val=val.write(), out=out) == 1
    text = printed(capsys)
    assert "error The same photograph in two splits (1) 9.jpg (train) and 9.jpg (val)" in text
    assert "would be not sound: 1 error, 0 warnings, 0 good to know." in text
    content = json.loads((out / "check.json").read_text())
    assert content["sound"] is False
    assert content["checked"]["val"] == str(val.folder / "annotations.json")
    assert [split["name"] for split in content["splits"]] == ["train", "val"]
    assert [finding["kind"] for finding in content["findings"]] == ["leak"]
    assert "9.jpg (train) and 9.jpg (val)" in (out / "check.html").read_text()


def test_all_splits_of_a_folder_are_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """train.json and val.json beside one folder of images, with one image in both."""
    root = tmp_path / "set"
    for name, first in (("train", 0), ("val", 9)):
        data_set = filled(DataSet(root / "images"), first)
        path = data_set.write()
        (root / "annotations").mkdir(exist_ok=True)
        path.rename(root / "annotations" / f"{name}.json")
    assert data_check(root) == 1
    assert "9.jpg (train) and 9.jpg (val)" in printed(capsys)
    assert data_check(root, split="train") == 0
    with pytest.raises(ConfigError, match="has a split 'val' already"):
        data_check(root, val=root / "annotations" / "val.json")


@pytest.fixture
def training_and_valid(tmp_path: Path) -> Path:
    """A folder with training/ and valid/, sound apart from one image in both."""
    root = tmp_path / "set"
    for name, first in (("training", 0), ("valid", 9)):
        path = filled(DataSet(root / name), first).write()
        path.rename(root / name / "_annotations.coco.json")
    return root


def test_other_names_of_splits(
    training_and_valid: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data_check(training_and_valid) == 1
    assert re.search(r"9\.jpg \(train(ing)?\) and 9\.jpg \(val(id)?\)", printed(capsys))
    with pytest.raises(ConfigError, match=r"has a split 'val(id)?' already"):
        data_check(training_and_valid, val=training_and_valid)


def test_val_is_found_as_training_finds_it(
    training_and_valid: Path, new_set: Callable[[str], DataSet], capsys: pytest.CaptureFixture[str]
) -> None:
    data = filled(new_set("a"), 5).write()
    assert data_check(data, val=training_and_valid) == 1  # takes valid/, which has 9.jpg to 18.jpg
    text = printed(capsys)
    assert "in two splits (6) 9.jpg (train) and 9.jpg (val)" in text
    assert data_check(data, val=training_and_valid, val_split="training") == 1
    assert "in two splits (5) 5.jpg (train) and 5.jpg (val)" in printed(capsys)


def test_val_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--images is for both labels, --val-images for those to validate on."""
    x, y = tmp_path / "x", tmp_path / "y"
    labels = {
        folder.name: filled(DataSet(folder), first).write().rename(f"{folder}.json")
        for folder, first in ((x, 0), (y, 10))
    }
    out = tmp_path / "out"
    assert data_check(labels["x"], images=x, val=labels["y"], val_images=y, out=out) == 0
    checked = json.loads((out / "check.json").read_text())["checked"]
    assert (checked["images"], checked["val_images"], checked["val_split"]) == (
        str(x),
        str(y),
        None,
    )
    capsys.readouterr()
    assert data_check(labels["x"], images=x, val=labels["y"]) == 1
    assert "Images that are missing (10)" in printed(capsys)
    for path in y.iterdir():
        path.rename(x / path.name)
    assert data_check(labels["x"], images=x, val=labels["y"]) == 0


def test_other_classes_in_val_are_not_sound(
    new_set: Callable[[str], DataSet], capsys: pytest.CaptureFixture[str]
) -> None:
    train, val = filled(new_set("train"), 0), filled(new_set("val"), 20)
    train.category("lid")
    val.names.insert(0, "lid")
    for annotation in val.annotations:
        annotation["category_id"] = 1
    assert data_check(train.write(), val=val.write()) == 1
    assert "error Validation labels with other classes (1)" in printed(capsys)


@pytest.mark.parametrize(("stated", "status"), [("box", 1), (None, 0), ("mixed", 0)])
def test_points_only_under_supervision_by_boxes(
    new_set: Callable[[str], DataSet],
    capsys: pytest.CaptureFixture[str],
    stated: str | None,
    status: int,
) -> None:
    data_set = filled(new_set("a"), 0)
    data_set.add_part(0, "wheel [x]", points=[[50, 50]])
    path = data_set.folder / "dataset.yaml"
    path.write_text(
        f"train: {data_set.write().name}\n" + (f"supervision: {stated}\n" if stated else "")
    )
    assert data_check(path) == status
    assert ("Parts with points but no box (1)" in printed(capsys)) == (stated != "mixed")


def test_labels_that_cannot_be_opened_are_a_finding(
    new_set: Callable[[str], DataSet], capsys: pytest.CaptureFixture[str]
) -> None:
    path = filled(new_set("a"), 0).write()
    path.write_text('{"images": [}')
    assert data_check(path) == 1
    text = printed(capsys)
    assert "could not be opened" in text
    assert "error Labels that cannot be used (1) labels: Label file" in text
    assert "is broken JSON" in text


def test_out_is_a_file(new_set: Callable[[str], DataSet], tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(ConfigError, match="is a file; give a folder"):
        data_check(filled(new_set("a"), 0).write(), out=tmp_path / "out")
