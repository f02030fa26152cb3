"""Which images a command line stands for, and what they are called."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wps_sam.errors import ConfigError, DataError
from wps_sam.inference.sources import ImageToPredict, Selection, find_images, unlisted_images


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
    found = find_images([str(photos)]).images
    assert [(image.image_id, image.name, image.stem) for image in found] == [
        (1, "a.jpg", "a"),
        (2, "more/a.jpg", "more/a"),
        (3, "z.jpg", "z"),
    ]


def test_limit(photos: Path) -> None:
    assert [image.name for image in find_images([str(photos)], limit=2).images] == [
        "a.jpg",
        "b.png",
    ]
    assert len(find_images([str(photos)], limit=99).images) == 4
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
    assert len(find_images([str(tmp_path / "*.jpg")]).images) == 1


def test_same_name_in_two_folders_is_refused(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        save(tmp_path / folder / "x.jpg")
    with pytest.raises(DataError, match=r"same name 'x\.jpg'"):
        find_images([str(tmp_path / "one"), str(tmp_path / "two")])
    assert len(find_images([str(tmp_path)]).images) == 2


def test_label_file__ids_names_and_sizes_are_its_own(tmp_path: Path) -> None:
    for name in ("b.jpg", "sub/a.jpg"):
        save(tmp_path / "images" / name)
    labels = write_labels(tmp_path / "labels.json", ["b.jpg", "sub/a.jpg"])
    found = find_images([str(labels)]).images
    assert [(image.image_id, image.name) for image in found] == [(30, "b.jpg"), (31, "sub/a.jpg")]
    assert found[1].path == tmp_path / "images" / "sub" / "a.jpg"
    assert found[0].expected_hw == (6, 8)


def test_label_file__missing_image_is_a_problem_not_an_end(tmp_path: Path) -> None:
    save(tmp_path / "a.jpg")
    found = find_images([str(write_labels(tmp_path / "l.json", ["a.jpg", "gone.jpg"]))]).images
    assert found[0].problem == ""
    assert found[1].path is None
    assert "gone.jpg) is missing. Tried:" in found[1].problem


def test_label_file__size_unknown(tmp_path: Path) -> None:
    save(tmp_path / "a.jpg")
    labels = write_labels(tmp_path / "l.json", ["a.jpg"], images=[{"id": 30, "file_name": "a.jpg"}])
    assert find_images([str(labels)]).images[0].expected_hw is None


@pytest.mark.parametrize(
    "labels",
    ["annotations.json", "_annotations.coco.json", "annotations/x.json", "annotations/v/v.json"],
)
def test_data_set_folder_is_read_as_labels(tmp_path: Path, labels: str) -> None:
    save(tmp_path / "images" / "a.jpg")
    write_labels(tmp_path / labels, ["a.jpg"])
    assert [image.image_id for image in find_images([str(tmp_path)]).images] == [30]


def test_folder_with_other_json_is_searched_for_images(tmp_path: Path) -> None:
    save(tmp_path / "a.jpg")
    (tmp_path / "camera.json").write_text("{}")
    assert [image.image_id for image in find_images([str(tmp_path)]).images] == [1]


def test_split_and_images_folder(tmp_path: Path) -> None:
    for split in ("train", "val"):
        save(tmp_path / "photos" / f"{split}.jpg")
        write_labels(tmp_path / "annotations" / split / f"{split}.json", [f"{split}.jpg"])
    with pytest.raises(DataError, match="--split"):
        find_images([str(tmp_path)])
    found = find_images([str(tmp_path)], Selection(tmp_path / "photos", "val")).images
    assert [image.path for image in found] == [tmp_path / "photos" / "val.jpg"]


def test_holdout__every_nth_in_file_order(tmp_path: Path) -> None:
    names = [f"{i}.jpg" for i in range(7)]
    for name in names:
        save(tmp_path / name)
    labels = write_labels(tmp_path / "l.json", names)
    found = find_images([str(labels)], Selection(holdout=3), limit=2).images
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


def save_map(path: Path) -> None:
    """A label map whose left half is value 1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.zeros((6, 8), np.uint8)
    values[:, :4] = 1
    Image.fromarray(values).save(path)


def label_maps(folder: Path) -> Path:
    for name in ("a", "b"):
        save(folder / "images" / f"{name}.jpg")
        save_map(folder / "masks" / f"{name}.png")
    (folder / "classes.txt").write_text("wheel\n")
    return folder


def test_label_maps_are_not_taken_for_photographs(tmp_path: Path) -> None:
    found = find_images([str(label_maps(tmp_path))])
    assert found.by_labels
    assert [image.path for image in found.images] == [
        tmp_path / "images" / "a.jpg",
        tmp_path / "images" / "b.jpg",
    ]


@pytest.mark.parametrize("source", ["dataset.yaml", "."])
def test_dataset_yaml(tmp_path: Path, source: str) -> None:
    for name in ("train", "val"):
        label_maps(tmp_path / "d" / name)
    (tmp_path / "d" / "dataset.yaml").write_text("train: train\nval: {labels: val}\n")
    data = str(tmp_path / "d" / source)
    with pytest.raises(DataError, match=r"has the splits train, val\. Choose one with --split"):
        find_images([data])
    found = find_images([data], Selection(split="val")).images
    assert [image.path for image in found] == [
        tmp_path / "d" / "val" / "images" / "a.jpg",
        tmp_path / "d" / "val" / "images" / "b.jpg",
    ]
    with pytest.raises(ConfigError, match="must be the only source"):
        find_images([str(tmp_path / "d" / "dataset.yaml"), str(tmp_path / "d")])


def test_splits_in_folders_of_their_own(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        save(tmp_path / split / f"{split}.jpg")
        write_labels(tmp_path / split / "_annotations.coco.json", [f"{split}.jpg"])
    with pytest.raises(DataError, match=r"has the splits train, val.*\. Choose one with --split"):
        find_images([str(tmp_path)])
    (one,) = find_images([str(tmp_path)], Selection(split="valid")).images
    assert one.name == "valid.jpg"


def test_labels_in_doubt_are_not_passed_over(tmp_path: Path) -> None:
    save(tmp_path / "a.jpg")
    for name in ("one", "two"):
        write_labels(tmp_path / f"{name}.json", ["a.jpg"])
    with pytest.raises(DataError, match=r"has several label files: one\.json, two\.json"):
        find_images([str(tmp_path)])


def test_annotations_json_is_a_label_file_whatever_is_in_it(tmp_path: Path) -> None:
    save(tmp_path / "a.jpg")
    (tmp_path / "annotations.json").write_text("[]")
    with pytest.raises(DataError, match=r"annotations\.json"):
        find_images([str(tmp_path)])


def no_photographs(folder: Path) -> None:
    """Files that photographs come with, which are no labels of parts."""
    (folder / "classes.txt").write_text("wheel\n")  # but no label files
    (folder / "notes.txt").write_text("0 of these are good: 0.5 0.5 of them not\n")
    (folder / "dates.txt").write_text("2024 1 1\n")
    (folder / "camera.json").write_text('{"lens": "50 mm"}')
    (folder / "train.json").write_text('[{"station": "north"}]')
    (folder / "a.jpg.json").write_text('{"title": "a.jpg", "photoTakenTime": {"timestamp": "1"}}')
    (folder / "exif.xml").write_text("<x:xmpmeta><rdf/></x:xmpmeta>")
    (folder / "album.yaml").write_text("title: cars\n")
    (folder / "data.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    (folder / "metadata.csv").write_text("a.jpg,wheel\n")


def test_photographs_with_other_files_stay_photographs(tmp_path: Path) -> None:
    names = ["a.jpg", "images/b.jpg", "labels/f.png", "train/c.jpg", "val/2024/d.jpg", "zoo/e.png"]
    for name in names:
        save(tmp_path / name)
        no_photographs((tmp_path / name).parent)
    found = find_images([str(tmp_path)])
    assert not found.by_labels
    assert [image.name for image in found.images] == names


def test_grey_photographs_stay_photographs(tmp_path: Path) -> None:
    for name in ("a.png", "masks/b.png", "train/c.png"):
        save_map(tmp_path / name)
    assert [image.name for image in find_images([str(tmp_path)]).images] == [
        *("a.png", "masks/b.png", "train/c.png")
    ]


def test_many_photographs_are_searched_twice_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(300):
        (tmp_path / f"{index // 3}").mkdir(exist_ok=True)
        (tmp_path / f"{index // 3}" / f"{index}.jpg").touch()
    walks = []
    walk = os.walk

    def counted(top: Any, **options: Any) -> Any:
        for found in walk(top, **options):
            walks.append(found[0])
            yield found

    monkeypatch.setattr(os, "walk", counted)
    assert len(find_images([str(tmp_path)]).images) == 300
    # One search for the images, one for LabelMe files; all else looks at the top alone.
    below = [folder for folder in walks if Path(folder) != tmp_path]
    assert len(below) == 200


def test_unlisted_images__label_maps_are_none(tmp_path: Path) -> None:
    listed = find_images([str(label_maps(tmp_path))]).images
    assert unlisted_images(tmp_path, listed) == []
    for name in ("images/c.jpg", "d.png"):
        save(tmp_path / name)
    assert unlisted_images(tmp_path, listed) == ["d.png", "images/c.jpg"]
    (tmp_path / "empty").mkdir()
    assert unlisted_images(tmp_path / "empty", listed) == []
