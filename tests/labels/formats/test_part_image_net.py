"""PartImageNet: every oddity of its two releases, on a set of three images."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from numpy.typing import ArrayLike
from PIL import Image

from labels.formats.mutations import mutated_json
from wps_sam.errors import ConfigError, DataError
from wps_sam.evaluation.truth import read_truth
from wps_sam.labels.formats.part_image_net import PART_IMAGE_NET_LAYOUTS, open_part_image_net
from wps_sam.labels.label_file import LabelFile
from wps_sam.labels.layout import LabelSource
from wps_sam.labels.weak_reading import read_weak

# The 40 classes as VLPart and part-catseg list them, by id from 0.
OFFICIAL = {
    "Quadruped": "Head Body Foot Tail",
    "Biped": "Head Body Hand Foot Tail",
    "Fish": "Head Body Fin Tail",
    "Bird": "Head Body Wing Foot Tail",
    "Snake": "Head Body",
    "Reptile": "Head Body Foot Tail",
    "Car": "Body Tier Side_Mirror",
    "Bicycle": "Body Head Seat Tier",
    "Boat": "Body Sail",
    "Aeroplane": "Head Body Engine Wing Tail",
    "Bottle": "Mouth Body",
}
CATEGORIES = [
    {"name": f"{group} {part.replace('_', ' ')}", "supercategory": group}
    for group, parts in OFFICIAL.items()
    for part in parts.split()
]
for number, category in enumerate(CATEGORIES):
    category["id"] = number  # type: ignore[assignment]  # a JSON record

HEAD = [0, 0, 3, 0, 3, 2, 0, 2]
BODY = [3, 0, 6, 0, 6, 2, 3, 2]

DOG = "n02099601_8883.JPEG"
BOTTLE = "n03983396_17.JPEG"
EMPTY = "n04552348_2.JPEG"
# Background is 40; the last row is a piece of the bottle's mouth that its JSON lacks.
MAPS = {
    DOG: [[0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1], [40, 40, 40, 40, 40, 40]],
    BOTTLE: [[38, 40, 39, 39, 40, 40], [40, 40, 39, 39, 40, 40], [40, 40, 40, 40, 40, 38]],
    EMPTY: [[40, 40, 40], [40, 40, 40]],
}


def coco() -> dict[str, Any]:
    """The JSON as released: ids from 0, and polygons with 2 and 4 numbers."""
    return {
        "images": [
            {"id": 0, "file_name": DOG, "height": 3, "width": 6},
            {"id": 1, "file_name": f"val\\{BOTTLE}", "height": 3, "width": 6},
            {"id": 2, "file_name": EMPTY, "height": 2, "width": 3},
        ],
        "annotations": [
            {"id": 0, "image_id": 0, "category_id": 0, "bbox": [0, 0, 3, 2],
             "segmentation": [[1, 1, 2, 2], HEAD], "area": 6, "iscrowd": 0},
            {"id": 1, "image_id": 0, "category_id": 1, "bbox": [3, 0, 3, 2],
             "segmentation": [BODY], "area": 6, "iscrowd": 0},
            {"id": 2, "image_id": 1, "category_id": 38, "bbox": [0, 0, 1, 1],
             "segmentation": [[1, 1]], "area": 0, "iscrowd": 0},
            {"id": 3, "image_id": 1, "category_id": 39, "bbox": [2, 0, 2, 2],
             "segmentation": [[2, 0, 4, 0, 4, 2, 2, 2]], "area": 4, "iscrowd": 0},
        ],
        "categories": CATEGORIES,
    }  # fmt: skip


def write_png(path: Path, pixels: ArrayLike) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)


def write_release(root: Path, split: str = "val", *, by_class: bool = False) -> Path:
    """The split as PartImageNet_Seg or, by class, PartImageNet_OOD has it; with its junk."""
    labels, whole = root / "annotations" / split, root / "annotations" / f"{split}_whole"
    for name, pixels in MAPS.items():
        folder = root / "images" / split / (name.split("_")[0] if by_class else "")
        folder.mkdir(parents=True, exist_ok=True)
        hw = np.asarray(pixels).shape
        mode = {DOG: "L", BOTTLE: "CMYK", EMPTY: "RGB"}[name]
        Image.new(mode, hw[::-1]).save(folder / name)
        stem = name.removesuffix(".JPEG")
        write_png(labels / f"{stem}.png", pixels)
        write_png(whole / f"{stem}.png", np.full(hw, 158))
        (labels / f"{stem}.json").write_text(json.dumps({"imgHeight": hw[0], "imgWidth": hw[1]}))
        for junk in (labels / f"._{stem}.png", folder / f"._{name}", labels / f"._{split}.json"):
            junk.write_bytes(b"\x00\x05\x16\x07")
    (labels / f"{split}.json").write_text(json.dumps(coco()))
    (whole / f"{split}_whole.json").write_text(json.dumps(coco()))
    (root / "__MACOSX" / "annotations").mkdir(parents=True)
    return root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_release(tmp_path / "PartImageNet")


def locate(root: Path, split: str | None = "val") -> LabelSource | None:
    found = (layout.find(root, split) for layout in PART_IMAGE_NET_LAYOUTS)
    return next((source for source in found if source is not None), None)


def opened(root: Path) -> LabelFile:
    """As `open_labels` would."""
    source = locate(root)
    assert source is not None
    assert source.label_format == "part_image_net"
    return open_part_image_net(source.path, images_dir=source.images_dir, **source.settings)


def test_open_part_image_net__boxes_of_the_json(root: Path) -> None:
    labels = opened(root)
    dataset = read_weak(labels)
    assert dataset.class_names[:2] == ("Quadruped Head", "Quadruped Body")
    assert dataset.class_names[35:] == (
        *("Aeroplane Engine", "Aeroplane Wing", "Aeroplane Tail", "Bottle Mouth", "Bottle Body"),
    )
    assert dataset.category_ids == tuple(range(40))
    assert labels.categories[39].supercategory == "Bottle"
    # Id 0 is a part. A polygon of 4 numbers is no rectangle; one of 2 leaves the bbox.
    assert [image.class_index.tolist() for image in dataset.images] == [[0, 1], [38, 39], []]
    assert dataset.images[0].boxes_xyxy.tolist() == [[0, 0, 3, 2], [3, 0, 6, 2]]
    assert dataset.images[1].boxes_xyxy.tolist() == [[0, 0, 1, 1], [2, 0, 4, 2]]
    assert dataset.skip_counts() == {"polygon with fewer than three points": 2}
    assert [image.path.name for image in dataset.images] == [DOG, BOTTLE, EMPTY]


def test_open_part_image_net__truth_of_the_label_maps(root: Path) -> None:
    truth = read_truth(opened(root))
    assert truth.class_names[38:] == ("Bottle Mouth", "Bottle Body")
    assert set(truth.supercategories) == set(OFFICIAL)
    for index, pixels in enumerate(MAPS.values()):
        # Class k is painted as k + 1 and background as 0, here 40.
        expected = (np.asarray(pixels) + 1) % 41
        np.testing.assert_array_equal(truth.parts(index).label_map(40), expected)
    assert len(truth.parts(1).runs) == 3  # the mouth's two pieces
    whole = open_part_image_net(root / "annotations/val/val.json", per_class=True)
    assert len(read_truth(whole).parts(1).runs) == 2


def test_open_part_image_net__chosen_images(root: Path) -> None:
    truth = read_truth(opened(root).choose([1]))
    assert [image.file_name for image in truth.images] == [f"val/{BOTTLE}"]
    assert truth.parts(0).class_index.tolist() == [38, 38, 39]


def test_open_part_image_net__images_in_class_folders(tmp_path: Path) -> None:
    root = write_release(tmp_path, by_class=True)
    assert [image.path.parent.name for image in read_weak(opened(root)).images] == [
        *("n02099601", "n03983396", "n04552348"),
    ]
    for name in MAPS:  # the label maps too, and the JSON one folder up
        stem = name.removesuffix(".JPEG")
        old = root / "annotations" / "val" / f"{stem}.png"
        write_png(old.parent / stem.split("_")[0] / old.name, MAPS[name])
        old.unlink()
    (root / "annotations/val/val.json").rename(root / "annotations/val.json")
    assert read_truth(opened(root)).parts(0).class_index.tolist() == [0, 1]


def test_open_part_image_net__ignored_pixels(root: Path) -> None:
    pixels = np.array(MAPS[DOG])
    pixels[2, :2] = 255
    write_png(root / "annotations/val/n02099601_8883.png", pixels)
    ignored = read_truth(opened(root)).parts(0).ignore_mask()
    assert ignored is not None
    assert ignored.sum() == 2


def test_open_part_image_net__value_that_is_no_category(root: Path) -> None:
    write_png(root / "annotations/val/n02099601_8883.png", np.array(MAPS[DOG]) + 1)
    with pytest.raises(
        DataError,
        match=r"n02099601_8883\.png has the value 41 in 6 pixels.*background is \[40\], ignored is "
        r"\[255\]\. The label maps belong to another version of the JSON",
    ):
        read_truth(opened(root))


def test_open_part_image_net__values_with_another_meaning(root: Path) -> None:
    # Every value is a category, but not the one that the JSON has there.
    for name, pixels in MAPS.items():
        shifted = (np.array(pixels) + 5) % 40
        write_png(root / f"annotations/val/{name.removesuffix('.JPEG')}.png", shifted)
    with pytest.raises(
        DataError, match=r"of the first 4 annotations only 0 have their category id as a value"
    ):
        read_truth(opened(root))


def test_open_part_image_net__own_background(root: Path) -> None:
    for name, pixels in MAPS.items():
        values = np.where(np.array(pixels) == 40, 200, pixels)
        write_png(root / f"annotations/val/{name.removesuffix('.JPEG')}.png", values)
    with pytest.raises(DataError, match=r"has the value 200 in 6 pixels"):
        read_truth(opened(root))
    labels = open_part_image_net(root / "annotations/val/val.json", background=200)
    assert read_truth(labels).parts(0).class_index.tolist() == [0, 1]


@pytest.mark.parametrize("background", ["40", -1, [40], True])
def test_open_part_image_net__unsound_background(root: Path, background: Any) -> None:
    with pytest.raises(ConfigError, match=r"val\.json: background is .*; expected a pixel value"):
        open_part_image_net(root / "annotations/val/val.json", background=background)


def test_open_part_image_net__missing_label_map(root: Path) -> None:
    (root / "annotations/val/n04552348_2.png").unlink()
    truth = read_truth(opened(root))
    assert truth.parts(2).runs == ()
    assert any("n04552348_2.JPEG has neither annotations nor a label map" in n for n in truth.notes)
    (root / "annotations/val/n02099601_8883.png").unlink()
    with pytest.raises(
        DataError, match=r"n02099601_8883\.JPEG of \S*val\.json has annotations but no label map"
    ):
        read_truth(opened(root))


def test_open_part_image_net__other_size(root: Path) -> None:
    write_png(root / "annotations/val/n02099601_8883.png", np.full((6, 3), 0))
    with pytest.raises(
        DataError, match=r"8883\.png is 6 x 3 .* image n02099601_8883\.JPEG is 3 x 6"
    ):
        read_truth(opened(root))


def test_open_part_image_net__json_without_sizes(root: Path) -> None:
    content = coco()
    for image in content["images"]:
        del image["height"], image["width"]
    (root / "annotations/val/val.json").write_text(json.dumps(content))
    assert [image.hw for image in read_truth(opened(root)).images] == [(3, 6), (3, 6), (2, 3)]


def test_layout__splits(root: Path) -> None:
    expected = root / "annotations/val/val.json"
    assert locate(root) == LabelSource("part_image_net", expected, root / "images" / "val")
    assert locate(root, None) == locate(root)  # val_whole is none
    assert locate(root, "val_whole") is None
    assert locate(root, "test") is None
    write_release(root / "more", "train")
    (root / "more/annotations/train").rename(root / "annotations/train")
    with pytest.raises(DataError, match=r"has the splits train, val\. Choose one with --split"):
        locate(root, None)


def test_layout__boxes_only(root: Path) -> None:
    for png in (root / "annotations/val").glob("*.png"):
        png.unlink()
    source = locate(root)
    assert source is not None
    assert source.label_format == "coco"  # its polygons are the truth


def test_open_part_image_net__damaged_map(root: Path) -> None:
    (root / "annotations/val/n02099601_8883.png").write_bytes(b"cut off")
    with pytest.raises(DataError, match=r"8883\.png cannot be read as PNG"):
        read_truth(opened(root))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=mutated_json(coco()))
def test_open_part_image_net__any_json(tmp_path: Path, content: Any) -> None:
    root = tmp_path / "set"
    if not root.exists():
        write_release(root)
    (root / "annotations/val/val.json").write_text(json.dumps(content))
    try:
        labels = open_part_image_net(root / "annotations/val/val.json")
        read_weak(labels)
        truth = read_truth(labels)
        for index in range(len(truth.images)):
            truth.parts(index)
    except DataError as error:
        assert str(root) in str(error)  # noqa: PT017  # some edits leave it sound


@pytest.mark.parametrize("name", ["..", ".", "a\x00b", "x" * 300, "a/../b", "\ud800.jpg"])
def test_open_part_image_net__odd_file_names(root: Path, name: str) -> None:
    content = coco()
    content["images"][0]["file_name"] = name
    (root / "annotations/val/val.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match="has annotations but no label map"):
        read_truth(opened(root))
