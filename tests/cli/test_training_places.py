"""Splits are chosen where the user named none, and never against what was named."""

from pathlib import Path

import pytest

from wps_sam.cli.label_place import LabelPlace
from wps_sam.cli.training_places import training_places, validation_place
from wps_sam.errors import ConfigError


@pytest.fixture
def splits(tmp_path: Path) -> Path:
    """A folder with the splits train and val."""
    for name in ("train", "val"):
        (tmp_path / f"{name}.json").write_text("{}")
    return tmp_path


def choose(
    place: LabelPlace,
    val: Path | None = None,
    val_split: str | None = None,
    holdout: int | None = None,
) -> tuple[str | None, LabelPlace | None]:
    """The training split and the validation place."""
    training, validation = training_places(
        place, val=val, val_images=None, val_split=val_split, holdout=holdout
    )
    return training.split, validation


def test_both_splits_are_found(splits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = LabelPlace(splits, keep_groups=True)
    assert choose(place) == ("train", place._replace(split="val"))
    assert "training on the split train, validating on the split val" in capsys.readouterr().out


def test_holdout_is_of_the_training_split(splits: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = LabelPlace(splits)
    assert choose(place, holdout=5) == ("train", place._replace(split="train", holdout=5))
    assert capsys.readouterr().out == "training on the split train\n"


def test_a_named_split_validates_on_nothing_else(splits: Path) -> None:
    assert choose(LabelPlace(splits, split="train")) == ("train", None)


def test_val_takes_its_own_split(splits: Path, tmp_path: Path) -> None:
    place = LabelPlace(splits, split="train")
    assert choose(place, val=splits) == ("train", place._replace(split="val"))
    assert choose(place, val=splits, val_split="test") == ("train", place._replace(split="test"))
    alone = tmp_path / "train.json"
    assert choose(LabelPlace(alone), val=alone) == (None, LabelPlace(alone))


def test_val_images_are_those_of_training_if_not_named(splits: Path, tmp_path: Path) -> None:
    training = LabelPlace(splits, images=tmp_path / "photos", split="train", keep_groups=True)
    val = splits / "train.json"
    own = validation_place(training, val, images=tmp_path / "other", split="x")
    assert own == training._replace(data=val, images=tmp_path / "other", split="x")
    assert validation_place(training, val, images=None, split=None) == training._replace(
        data=val, split=None
    )
    assert validation_place(training, splits, images=None, split=None).split == "val"


@pytest.mark.parametrize("name", ["training", "train2017"])
def test_other_names_of_splits(tmp_path: Path, name: str) -> None:
    for folder in (name, "valid"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "_annotations.coco.json").write_text("{}")
    training, validation = choose(LabelPlace(tmp_path))
    assert validation is not None
    # Both spellings of a split lead to it.
    assert training in (name, "train")
    assert validation.split in ("valid", "val")


def test_a_dataset_file_with_only_train(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "dataset.yaml"
    path.write_text("train: train.json\n")
    assert choose(LabelPlace(path)) == ("train", None)
    assert capsys.readouterr().out == "training on the split train\n"
    assert choose(LabelPlace(path), val=path) == ("train", LabelPlace(path))


def test_one_set_of_labels_has_nothing_to_choose(tmp_path: Path) -> None:
    (tmp_path / "annotations.json").write_text("{}")
    assert choose(LabelPlace(tmp_path)) == (None, None)
    assert choose(LabelPlace(tmp_path), holdout=4)[1] == LabelPlace(tmp_path, holdout=4)


def test_val_and_holdout_exclude_each_other(splits: Path) -> None:
    with pytest.raises(ConfigError, match="--val and --holdout both say"):
        choose(LabelPlace(splits), val=splits, holdout=5)
