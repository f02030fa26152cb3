"""Every format is recognised as itself, and as nothing else, at its usual places."""

import json
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labels.formats.pascal_files import write_mat
from labels.formats.voc_file import SOUND
from wps_sam.errors import DataError
from wps_sam.labels.layout import LabelSource, first_files
from wps_sam.labels.layouts import LAYOUTS, list_splits, locate_format, locate_labels
from wps_sam.labels.open import open_weak_labels

COCO = {
    "images": [{"id": 1, "file_name": "a.jpg", "height": 40, "width": 80}],
    "categories": [{"id": 0, "name": "wheel"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 0, "bbox": [1, 2, 30, 20]}],
}


def photo(path: Path) -> None:
    """A photograph of 40 x 80."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (80, 40)).save(path)


def write(path: Path, text: str) -> None:
    """A text file in a folder that may be new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def coco(root: Path) -> None:
    photo(root / "images" / "a.jpg")
    write(root / "annotations.json", json.dumps(COCO))


def paco(root: Path) -> None:
    categories = [{"id": 9, "name": "car:wheel", "supercategory": "PART"}]
    annotations = [{**COCO["annotations"][0], "category_id": 9, "obj_ann_id": 5}]
    photo(root / "a.jpg")
    content = {**COCO, "categories": categories, "annotations": annotations}
    write(root / "paco_lvis_v1_val.json", json.dumps(content))


def part_image_net(root: Path) -> None:
    photo(root / "images" / "val" / "a.jpg")
    write(root / "annotations" / "val" / "val.json", json.dumps(COCO))
    write(root / "annotations" / "val" / "a.json", '{"imgHeight": 40, "imgWidth": 80}')
    label_map = Image.fromarray(np.full((40, 80), 40, np.uint8))
    label_map.putpixel((3, 3), 0)
    label_map.save(root / "annotations" / "val" / "a.png")


def pascal_part(root: Path) -> None:
    photo(root / "JPEGImages" / "a.jpg")
    parts = {"fwheel": (1, 1, 9, 9)}
    write_mat(root / "Annotations_Part" / "a.mat", [("bicycle", (0, 0, 20, 20), parts)], (40, 80))
    write(root / "Annotations" / "a.xml", SOUND)


def voc(root: Path) -> None:
    photo(root / "JPEGImages" / "a.jpg")
    write(root / "Annotations" / "a.xml", SOUND)


def yolo(root: Path) -> None:
    photo(root / "images" / "a.jpg")
    write(root / "labels" / "a.txt", "0 0.5 0.5 0.25 0.5\n")
    write(root / "data.yaml", "train: images\nnames: [wheel]\n")


def yolo_without_yaml(root: Path) -> None:
    photo(root / "images" / "a.jpg")
    write(root / "labels" / "a.txt", "0 0.5 0.5 0.25 0.5\n")
    write(root / "classes.txt", "wheel\n")


def labelme(root: Path) -> None:
    photo(root / "a.jpg")
    shape = {"label": "wheel", "points": [[1, 2], [9, 9]], "shape_type": "rectangle"}
    content = {"imagePath": "a.jpg", "imageHeight": 40, "imageWidth": 80, "shapes": [shape]}
    write(root / "a.json", json.dumps({"version": "5.4.1", **content}))


def cvat(root: Path) -> None:
    photo(root / "images" / "a.jpg")
    box = '<box label="wheel" xtl="1" ytl="2" xbr="9" ybr="9"/>'
    image = f'<image id="0" name="a.jpg" width="80" height="40">{box}</image>'
    write(root / "annotations.xml", f"<annotations><version>1.1</version>{image}</annotations>")


def label_studio(root: Path) -> None:
    photo(root / "images" / "a.jpg")
    value = {"x": 1, "y": 2, "width": 9, "height": 9, "rotation": 0, "rectanglelabels": ["wheel"]}
    result = {
        "id": "r",
        "type": "rectanglelabels",
        "from_name": "label",
        "to_name": "image",
        "original_width": 80,
        "original_height": 40,
        "value": value,
    }
    task = {"id": 1, "data": {"image": "a.jpg"}, "annotations": [{"id": 1, "result": [result]}]}
    write(root / "tasks.json", json.dumps([task]))


def label_map(root: Path) -> None:
    photo(root / "images" / "a.jpg")
    pixels = np.zeros((40, 80), np.uint8)
    pixels[2:9, 3:20] = 1
    (root / "masks").mkdir()
    Image.fromarray(pixels).save(root / "masks" / "a.png")
    write(root / "classes.json", '["wheel"]')


SETS = (
    *((coco, "coco"), (paco, "paco"), (part_image_net, "part_image_net")),
    *((pascal_part, "pascal_part"), (voc, "voc"), (yolo, "yolo"), (yolo_without_yaml, "yolo")),
    *((labelme, "labelme"), (cvat, "cvat"), (label_studio, "label_studio")),
    (label_map, "label_map"),
)


@pytest.mark.parametrize(("make", "label_format"), SETS, ids=[make.__name__ for make, _ in SETS])
def test_each_format_is_recognised_and_read(
    tmp_path: Path, make: Callable[[Path], None], label_format: str
) -> None:
    make(tmp_path)
    assert locate_labels(tmp_path).label_format == label_format
    labels = open_weak_labels(tmp_path)
    assert sum(len(image.class_index) for image in labels.images) > 0


@pytest.mark.parametrize(("make", "label_format"), SETS, ids=[make.__name__ for make, _ in SETS])
def test_no_other_layout_claims_it_before(
    tmp_path: Path, make: Callable[[Path], None], label_format: str
) -> None:
    """Whatever layout fits first must be the format's own, also when a split is asked for."""
    make(tmp_path)
    for name in (None, *list_splits(tmp_path)):
        for layout in LAYOUTS:
            source = layout.find(tmp_path, name)
            if source is not None:
                assert source.label_format == label_format
                break


def test_list_splits__each_split_once(tmp_path: Path) -> None:
    for folder in ("train", "valid"):
        photo(tmp_path / folder / "images" / "a.jpg")
        write(tmp_path / folder / "labels" / "a.txt", "0 0.5 0.5 0.25 0.5\n")
    write(tmp_path / "data.yaml", "train: train/images\nval: valid/images\nnames: [wheel]\n")
    assert list_splits(tmp_path) == ("train", "val")


@pytest.mark.parametrize("folder", ["old", "labelme", "a/b"])
def test_labelme_in_a_sub_folder_does_not_stand_for_the_coco_file_above(
    tmp_path: Path, folder: str
) -> None:
    coco(tmp_path)
    labelme(tmp_path / folder)
    assert locate_labels(tmp_path) == LabelSource("coco", tmp_path / "annotations.json")
    (tmp_path / "annotations.json").unlink()
    assert locate_labels(tmp_path) == LabelSource("labelme", tmp_path)


def test_a_damaged_coco_file_is_not_passed_over(tmp_path: Path) -> None:
    labelme(tmp_path / "old")
    write(tmp_path / "annotations.json", "{")
    write(tmp_path / "other.json", json.dumps(COCO))
    assert locate_labels(tmp_path) == LabelSource("coco", tmp_path / "annotations.json")


GENERAL = (
    *((coco, "COCO"), (yolo, "YOLO"), (voc, "Pascal VOC")),
    *((labelme, "LabelMe"), (cvat, "CVAT"), (label_studio, "Label Studio")),
)
PAIRS = tuple(combinations(GENERAL, 2))


@pytest.mark.parametrize("pair", PAIRS, ids=[f"{a[1]} {b[1]}" for a, b in PAIRS])
def test_two_formats_in_one_folder_are_refused(
    tmp_path: Path, pair: tuple[tuple[Callable[[Path], None], str], ...]
) -> None:
    for make, _ in pair:
        make(tmp_path)
    with pytest.raises(DataError, match="holds labels in 2 formats: ") as caught:
        locate_labels(tmp_path)
    assert all(f"{name} (" in str(caught.value) for _, name in pair)
    assert str(tmp_path) in str(caught.value)
    assert "write `format:` in a dataset.yaml" in str(caught.value)


def test_two_formats_in_one_folder__ways_out(tmp_path: Path) -> None:
    coco(tmp_path)
    label_studio(tmp_path)
    message = r"Label Studio \(tasks\.json\) and COCO \(annotations\.json\)\. Name the label file"
    with pytest.raises(DataError, match=message):
        locate_labels(tmp_path)
    tasks = LabelSource("label_studio", tmp_path / "tasks.json")
    labels = LabelSource("coco", tmp_path / "annotations.json")
    assert locate_labels(tmp_path / "tasks.json") == tasks
    assert locate_labels(tmp_path / "annotations.json") == labels
    assert locate_format(tmp_path, "label_studio") == tasks
    assert locate_format(tmp_path, "coco") == labels


def test_two_formats_in_one_folder__one_of_them_with_splits(tmp_path: Path) -> None:
    label_studio(tmp_path)
    for name in ("a.json", "b.json"):
        write(tmp_path / name, json.dumps(COCO))
    with pytest.raises(
        DataError, match=r"Label Studio \(tasks\.json\) and COCO \(several files or splits\)"
    ):
        locate_labels(tmp_path)


def test_any_other_json_file_is_no_second_format(tmp_path: Path) -> None:
    yolo(tmp_path)
    write(tmp_path / "settings.json", "{}")
    assert locate_labels(tmp_path).label_format == "yolo"


@pytest.mark.parametrize(
    ("label_file", "image_file"),
    [
        ("annotations/instances_{}.json", "images/{}/a.jpg"),
        ("annotations/instances_{}.json", "{}/a.jpg"),
        ("instances_{}.json", "{}/a.jpg"),
    ],
)
def test_coco_as_it_is_published(tmp_path: Path, label_file: str, image_file: str) -> None:
    names = ("train2017", "val2017")
    for name in names:
        write(tmp_path / label_file.format(name), json.dumps(COCO))
        photo(tmp_path / image_file.format(name))
    assert list_splits(tmp_path) == names
    for name in names:
        labels = open_weak_labels(tmp_path, split=name)
        assert len(labels.images) == 1
        assert labels.images[0].path == tmp_path / image_file.format(name)
    with pytest.raises(DataError, match="choose with --split"):
        locate_labels(tmp_path)


def test_a_split_is_found_in_all_its_spellings(tmp_path: Path) -> None:
    for name in ("train", "valid"):  # as Roboflow exports COCO
        write(tmp_path / name / "_annotations.coco.json", json.dumps(COCO))
    valid = LabelSource("coco", tmp_path / "valid" / "_annotations.coco.json")
    for name in ("val", "valid", "validation"):
        assert locate_labels(tmp_path, split=name) == valid
    assert list_splits(tmp_path) == ("train", "val")
    with pytest.raises(DataError, match=r"has the splits train, val\. Choose one with --split"):
        locate_labels(tmp_path)
    with pytest.raises(DataError, match=r"has no split 'test', but train, val\. Choose one with"):
        locate_labels(tmp_path, split="test")


@pytest.mark.parametrize(
    ("file", "make"), [("{}.xml", cvat), ("{}/annotations.xml", cvat), ("{}.json", label_studio)]
)
def test_a_file_of_a_split_is_found_in_all_spellings(
    tmp_path: Path, file: str, make: Callable[[Path], None]
) -> None:
    make(tmp_path)
    made = next(path for path in tmp_path.iterdir() if path.is_file())
    wanted = tmp_path / file.format("valid")
    wanted.parent.mkdir(exist_ok=True)
    made.rename(wanted)
    assert locate_labels(tmp_path, split="val").path == wanted


def test_first_files(tmp_path: Path) -> None:
    for name in ("b.PNG", "a.png", "._a.png", "a.txt", "c/d.png", ".c/d.png", "__MACOSX/d.png"):
        write(tmp_path / name, "")
    for number in range(30):
        write(tmp_path / "z" / f"{number:02}.png", "")
    assert first_files(tmp_path, ".png") == [tmp_path / "a.png", tmp_path / "b.PNG"]
    found = first_files(tmp_path, ".png", below=True)
    assert found[:4] == [tmp_path / name for name in ("a.png", "b.PNG", "c/d.png", "z/00.png")]
    assert len(found) == 20
    assert first_files(tmp_path / "nowhere", ".png") == []
