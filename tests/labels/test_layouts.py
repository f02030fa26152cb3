"""Every format is recognised as itself, and as nothing else, at its usual places."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labels.formats.pascal_files import write_mat
from labels.formats.voc_file import SOUND
from wps_sam.labels.layouts import LAYOUTS, list_splits, locate_labels
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
