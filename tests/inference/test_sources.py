"""Which images a command line stands for, and what they are called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wps_sam.errors import ConfigError, DataError
from wps_sam.inference.sources import ImageToPredict, Selection, find_images


def write_labels(path: Path, names: list[str], **more: Any) -> Path:
    """A COCO file of 6 x 8 images with ids from 30."""
    images = [
        {"id": 30 + i, "file_name": name, "height": 6, "width": 8} for i, name in enumerate(names)
    ]
    content = {
        "images": images,
        "categories": [{"id": 1, "name": "wheel"}],
        "annotations": [{"id": 1, "image_id": 30, "category_id": 1, "bbox": [1, 1, 3, 3]}],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**content, **more}))
    return path


def save(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(path)


def test_folder(photos: Path) -> None:
    with pytest.raises(DataError, match="No image found"):
        find_images([str(photos.parent / "photos" / "more" / "*.png")])
    (photos / "b.png").unlink()
    found = find_images([str(photos)])
    assert [(image.image_id, image.name, image.stem) for image in found] == [
        (1, "a.jpg", "a"),
        (2, "more/a.jpg", "more/a"),
        (3, "z.jpg", "z"),
    ]


def test_limit(photos: Path) -> None:
    assert [image.name for image in find_images([str(photos)], limit=2)] == ["a.jpg", "b.png"]
    assert len(find_images([str(photos)], limit=99)) == 4
    with pytest.raises(ConfigError, match="--limit must be 1 or more; found 0"):
        find_images([str(photos)], limit=0)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No image found"):
        find_images([str(tmp_path)])
    with pytest.raises(DataError, match="does not exist"):
        find_images([str(tmp_path / "nowhere")])


@pytest.mark.parametrize("names", [("x.jpg", "x.png"), ("x.jpg", "X.png")], ids=str)
def test_same_stem_is_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    for name in names:
        save(tmp_path / name)
    with pytest.raises(DataError, match=r"(?s)x\.jpg .*would write the same output .*\.png"):
        find_images([str(tmp_path)])
    assert len(find_images([str(tmp_path / "*.jpg")])) == 1


def test_same_name_in_two_folders_is_refused(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        save(tmp_path / folder / "x.jpg")
    with pytest.raises(DataError, match=r"same name 'x\.jpg'"):
        find_images([str(tmp_path / "one"), str(tmp_path / "two")])
    assert len(find_images([str(tmp_path)])) == 2


def test_label_file__ids_names_and_sizes_are_its_own(tmp_path: Path) -> None:
    for name in ("b.jpg", "sub/a.jpg"):
        save(tmp_path / "images" / name)
    labels = write_labels(tmp_path / "labels.json", ["b.jpg", "sub/a.jpg"])
    found = find_images([str(labels)])
    assert [(image.image_id, image.name) for image in found] == [(30, "b.jpg"), (31, "sub/a.jpg")]
    assert found[1].path == tmp_path / "images" / "sub" / "a.jpg"
    assert found[0].expected_hw == (6, 8)


def test_label_file__missing_image_is_a_problem_not_an_end(tmp_path: Path) -> None:
    save(tmp_path / "a.jpg")
    found = find_images([str(write_labels(tmp_path / "l.json", ["a.jpg", "gone.jpg"]))])
    assert found[0].problem == ""
    assert found[1].path is None
    assert "gone.jpg) is missing. Tried:" in found[1].problem


def test_label_file__size_unknown(tmp_path: Path) -> None:
    save(tmp_path / "a.jpg")
    labels = write_labels(tmp_path / "l.json", ["a.jpg"], images=[{"id": 30, "file_name": "a.jpg"}])
    assert find_images([str(labels)])[0].expected_hw is None


@pytest.mark.parametrize(
    "labels",
    ["annotations.json", "_annotations.coco.json", "annotations/x.json", "annotations/v/v.json"],
)
def test_data_set_folder_is_read_as_labels(tmp_path: Path, labels: str) -> None:
    save(tmp_path / "images" / "a.jpg")
    write_labels(tmp_path / labels, ["a.jpg"])
    assert [image.image_id for image in find_images([str(tmp_path)])] == [30]


def test_folder_with_other_json_is_searched_for_images(tmp_path: Path) -> None:
    save(tmp_path / "a.jpg")
    (tmp_path / "camera.json").write_text("{}")
    assert [image.image_id for image in find_images([str(tmp_path)])] == [1]


def test_split_and_images_folder(tmp_path: Path) -> None:
    for split in ("train", "val"):
        save(tmp_path / "photos" / f"{split}.jpg")
        write_labels(tmp_path / "annotations" / split / f"{split}.json", [f"{split}.jpg"])
    with pytest.raises(DataError, match="--split"):
        find_images([str(tmp_path)])
    found = find_images([str(tmp_path)], Selection(tmp_path / "photos", "val"))
    assert [image.path for image in found] == [tmp_path / "photos" / "val.jpg"]


def test_holdout__every_nth_in_file_order(tmp_path: Path) -> None:
    names = [f"{i}.jpg" for i in range(7)]
    for name in names:
        save(tmp_path / name)
    labels = write_labels(tmp_path / "l.json", names)
    found = find_images([str(labels)], Selection(holdout=3), limit=2)
    assert [image.name for image in found] == ["2.jpg", "5.jpg"]
    with pytest.raises(ConfigError, match="--holdout must be 2 or more; found 1"):
        find_images([str(labels)], Selection(holdout=1))
    with pytest.raises(ConfigError, match=r"--holdout 8 leaves nothing to predict: .* 7 images"):
        find_images([str(labels)], Selection(holdout=8))


def test_label_options_need_one_label_source(photos: Path) -> None:
    with pytest.raises(ConfigError, match="--split, --holdout needs one label file"):
        find_images([str(photos), str(photos)], Selection(split="val", holdout=2))
    with pytest.raises(DataError, match="No labels were recognised"):
        find_images([str(photos)], Selection(holdout=2))
    with pytest.raises(ConfigError, match=r"label file l\.json must be the only source"):
        find_images([str(photos), "l.json"])


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.b.jpg", "a.b"),
        ("../../etc/x.jpg", "etc/x"),
        ("/abs/x.jpg", "abs/x"),
        ("C:/x.jpg", "C_/x"),
        ("noending", "noending"),
        ("..", "image-5"),
    ],
)
def test_stem__stays_inside_the_output_folder(name: str, stem: str) -> None:
    assert ImageToPredict(5, name, Path("x")).stem == stem
