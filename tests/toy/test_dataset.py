"""The data set on disk: layout, labels, repeatability, refusals."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from wps_sam.errors import ConfigError
from wps_sam.toy import (
    ToyConfig,
    ToySummary,
    draw_toy_dataset,
    draw_toy_scene,
    holds_toy_dataset,
)

SMALL = ToyConfig(train=6, val=2, seed=3, height=192, width=256)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> ToySummary:
    return draw_toy_dataset(tmp_path_factory.mktemp("toy") / "set", SMALL)


def _coco(summary: ToySummary, split: str) -> COCO:
    return COCO(summary.out / "annotations" / split / f"{split}.json")


def test_draw_toy_dataset__layout(drawn: ToySummary) -> None:
    found = sorted(
        path.relative_to(drawn.out).as_posix() for path in drawn.out.rglob("*") if path.is_file()
    )
    images = [f"images/train/{k:05d}.jpg" for k in range(6)]
    images += [f"images/val/{k:05d}.jpg" for k in range(2)]
    labels = ["annotations/train/train.json", "annotations/val/val.json", "toy.json"]
    assert found == sorted(images + labels)


def test_draw_toy_dataset__classes(drawn: ToySummary) -> None:
    categories = _coco(drawn, "train").dataset["categories"]
    assert tuple(category["name"] for category in categories) == drawn.class_names
    assert [category["id"] for category in categories] == list(range(1, len(categories) + 1))
    assert len(set(drawn.class_names)) == 24
    assert {category["supercategory"] for category in categories} == {
        "car", "bird", "fish", "bicycle", "robot",
    }  # fmt: skip
    for name in drawn.class_names:
        if name.startswith("left_"):
            assert name.replace("left_", "right_") in drawn.class_names


@pytest.mark.parametrize("split", ["train", "val"])
def test_draw_toy_dataset__labels_agree_with_the_drawn_masks(drawn: ToySummary, split: str) -> None:
    coco = _coco(drawn, split)
    for index, image_id in enumerate(sorted(coco.imgs)):
        scene = draw_toy_scene(SMALL, split, index)
        records = coco.loadAnns(coco.getAnnIds([image_id]))
        assert [coco.cats[r["category_id"]]["name"] for r in records] == [
            part.name for part in scene.parts
        ]
        for record, part in zip(records, scene.parts, strict=True):
            np.testing.assert_array_equal(coco.annToMask(record).astype(bool), part.mask)
            rows, columns = np.nonzero(part.mask)
            x, y = columns.min(), rows.min()
            size = [columns.max() + 1 - x, rows.max() + 1 - y]
            assert record["bbox"] == [x, y, *size]
            assert record["area"] == part.mask.sum()
            assert record["iscrowd"] == 0


def test_draw_toy_dataset__image_records_match_the_files(drawn: ToySummary) -> None:
    coco = _coco(drawn, "train")
    for record in coco.dataset["images"]:
        with Image.open(drawn.out / "images" / "train" / record["file_name"]) as image:
            assert image.size == (record["width"], record["height"]) == (256, 192)
            assert image.mode == "RGB"


def test_draw_toy_dataset__summary_counts(drawn: ToySummary) -> None:
    assert drawn.images == {"train": 6, "val": 2}
    for split in ("train", "val"):
        coco = _coco(drawn, split)
        names = [coco.cats[a["category_id"]]["name"] for a in coco.dataset["annotations"]]
        assert drawn.parts[split] == len(names)
        assert drawn.class_counts[split] == {n: names.count(n) for n in drawn.class_names}
    scenes = [draw_toy_scene(SMALL, "train", k) for k in range(6)]
    scenes += [draw_toy_scene(SMALL, "val", k) for k in range(2)]
    assert sum(drawn.objects.values()) == sum(len(scene.objects) for scene in scenes)
    assert drawn.hidden_parts == sum(scene.hidden for scene in scenes)
    assert drawn.tiny_parts == sum(scene.tiny for scene in scenes)


def test_draw_toy_dataset__same_seed_same_bytes_and_a_longer_set_begins_alike(
    drawn: ToySummary, tmp_path: Path
) -> None:
    longer = ToyConfig(train=7, val=0, seed=3, height=192, width=256)
    again = draw_toy_dataset(tmp_path / "longer", longer)
    for k in range(6):
        name = f"images/train/{k:05d}.jpg"
        assert (again.out / name).read_bytes() == (drawn.out / name).read_bytes()
    first = _coco(drawn, "train").dataset["annotations"]
    assert _coco(again, "train").dataset["annotations"][: len(first)] == first
    assert not (again.out / "images" / "val").exists()


def test_draw_toy_scene__seed_split_and_index_each_change_the_picture() -> None:
    base = draw_toy_scene(SMALL, "train", 0).image
    reseeded = ToyConfig(seed=4, height=192, width=256)
    for other in (
        draw_toy_scene(SMALL, "train", 1),
        draw_toy_scene(SMALL, "val", 0),
        draw_toy_scene(reseeded, "train", 0),
    ):
        assert (other.image != base).any()


@pytest.mark.parametrize("hw", [(96, 96), (96, 400), (400, 96)], ids=str)
def test_draw_toy_scene__odd_sizes(hw: tuple[int, int]) -> None:
    for index in range(6):
        scene = draw_toy_scene(ToyConfig(height=hw[0], width=hw[1]), "train", index)
        assert scene.image.shape == (*hw, 3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"train": -1}, "train is -1, expected 0 to 100000"),
        ({"val": -5}, "val is -5, expected 0 to 100000"),
        ({"train": 0, "val": 0}, "nothing to draw; set at least one of them to 1 or more"),
        ({"seed": -1}, "seed is -1, expected 0 to 4294967295"),
        ({"height": 16}, "height is 16, expected 96 to 4096; set height within these"),
        ({"width": 95}, "width is 95, expected 96 to 4096; set width within these"),
        ({"width": 9999}, "width is 9999, expected 96 to 4096"),
    ],
    ids=["train", "val", "none", "seed", "height", "width", "huge"],
)
def test_toy_config__refuses(settings: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        ToyConfig(**settings)


def test_draw_toy_dataset__refuses_a_folder_with_other_things(tmp_path: Path) -> None:
    keep = tmp_path / "holiday.txt"
    keep.write_text("keep me")
    with pytest.raises(ConfigError, match="is not empty, and nothing is overwritten") as caught:
        draw_toy_dataset(tmp_path, SMALL)
    assert str(tmp_path) in str(caught.value)
    assert "Delete the folder, or choose another one" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.txt"]


def test_draw_toy_dataset__refuses_the_same_set_and_says_it_can_be_used(
    drawn: ToySummary,
) -> None:
    with pytest.raises(ConfigError, match="already holds this very toy set") as caught:
        draw_toy_dataset(drawn.out, SMALL)
    assert "Use it as it is, or delete the folder" in str(caught.value)


def test_draw_toy_dataset__refuses_a_file(tmp_path: Path) -> None:
    file = tmp_path / "toy"
    file.write_text("x")
    with pytest.raises(ConfigError, match="is a file, expected a folder"):
        draw_toy_dataset(file, SMALL)


def test_holds_toy_dataset__only_a_whole_set_of_the_same_settings(
    drawn: ToySummary, tmp_path: Path
) -> None:
    assert holds_toy_dataset(drawn.out, SMALL)
    assert not holds_toy_dataset(drawn.out, ToyConfig())
    assert not holds_toy_dataset(tmp_path, SMALL)
    (tmp_path / "toy.json").write_text("{broken")
    assert not holds_toy_dataset(tmp_path, SMALL)
    content = json.loads((drawn.out / "toy.json").read_text())
    assert content["seed"] == 3
