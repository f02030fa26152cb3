"""Sound files are understood, and every way a file can be unsound is named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from wps_sam.errors import DataError
from wps_sam.labels.formats.coco import open_coco
from wps_sam.labels.weak_reading import read_weak

Coco = dict[str, Any]
Write = Callable[[Any], Path]


def read(path: Path) -> None:
    """Read all of a file, as the first reader of it does."""
    read_weak(open_coco(path))


def test_open_coco__keeps_the_order_of_the_file(coco: Coco, write: Write) -> None:
    loaded = open_coco(write(coco))
    assert [image.image_id for image in loaded.images] == [3, 8]
    assert loaded.images[1].index == 1
    assert loaded.categories == [(7, "wheel", "car", ""), (0, "door", "car", "")]
    assert [a.annotation_id for a in loaded.annotations()] == [16, 17, 18]
    assert loaded.notes == []


def test_open_coco__byte_order_mark(coco: Coco, write: Write) -> None:
    path = write(coco)
    path.write_text("\ufeff" + path.read_text(), encoding="utf-8")
    assert len(open_coco(path).images) == 2


def test_open_coco__equal_names_get_their_group(coco: Coco, write: Write) -> None:
    coco["categories"] += [
        {"id": 20, "name": "head", "supercategory": "bird"},
        {"id": 21, "name": "head", "supercategory": "fish"},
    ]
    loaded = open_coco(write(coco))
    assert [c.name for c in loaded.categories] == ["wheel", "door", "bird head", "fish head"]
    assert [note.record for note in loaded.notes] == ["category 20 'head'", "category 21 'head'"]


def test_open_coco__equal_names_without_group(coco: Coco, write: Write) -> None:
    coco["categories"][1]["name"] = " wheel"
    message = r"categories 7 and 0 are both named 'car wheel'; names must differ"
    with pytest.raises(DataError, match=message):
        open_coco(write(coco))


def test_open_coco__names_and_ids_of_all_kinds(coco: Coco, write: Write) -> None:
    coco["images"][0].update(id="x-1", file_name="sub\\a.jpg", width=60.0)
    coco["images"][1] = {"id": 8, "path": "\\data\\b.jpg"}
    coco["annotations"] = [{"image_id": "x-1", "category_id": 0}]
    first, second = open_coco(write(coco)).images
    assert (first.image_id, first.file_name, first.width) == ("x-1", "sub/a.jpg", 60)
    assert (second.file_name, second.path_hint) == ("/data/b.jpg", "/data/b.jpg")
    assert (second.height, second.width) == (None, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"annotations\.json is empty; expected a COCO file"),
        (" \n", r"is empty"),
        ('{"images": [', r"is broken JSON: .*line 1 column.*cut off: copy or export it again"),
        ("[" * 200_000, r"is broken JSON"),
        ("[]", r"holds a JSON list \(a list of results holds predictions.*expected a COCO file"),
        ("3", r"holds a JSON int; expected a COCO file"),
        ('{"image": []}', r"has no 'images', only \['image'\]; expected a COCO file"),
        ('{"images": {}}', r"'images' is a dict, not a list"),
        ('{"images": []}', r"has no images: the list is empty. Label at least one part"),
        ('{"images": [5]}', r"record 0 of 'images' is '5', not an object"),
    ],
    ids=[
        *("empty", "blank", "cut off", "deep", "list", "number"),
        *("no images key", "images no list", "no image", "image no object"),
    ],
)
def test_open_coco__no_coco(write: Write, text: str, message: str) -> None:
    path = write({})
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read(path)


def test_open_coco__missing_or_not_text(write: Write, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.json cannot be read: No such file"):
        read(tmp_path / "none.json")
    path = write({})
    path.write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(DataError, match=r"annotations\.json is not text in UTF-8"):
        read(path)


@pytest.mark.parametrize("key", ["categories", "annotations"])
def test_open_coco__empty_or_missing_list(coco: Coco, write: Write, key: str) -> None:
    coco[key] = []
    with pytest.raises(DataError, match=f"has no {key}: the list is empty"):
        read(write(coco))
    del coco[key]
    with pytest.raises(DataError, match=f"has no '{key}', only "):
        read(write(coco))


@pytest.mark.parametrize(
    ("kind", "key", "message"),
    [
        ("images", "id", r"image at position 1 has no 'id', only \['file_name', 'height'"),
        ("images", "file_name", r"image 8 has no 'file_name'"),
        ("categories", "id", r"category at position 1 has no 'id'"),
        ("categories", "name", r"category 0 has no 'name'"),
        ("annotations", "image_id", r"annotation 17 has no 'image_id'.*remove the record"),
        ("annotations", "category_id", r"annotation 17 has no 'category_id'"),
    ],
    ids=lambda value: value if len(value) < 13 else "",
)
def test_open_coco__record_misses_a_key(
    coco: Coco, write: Write, kind: str, key: str, message: str
) -> None:
    del coco[kind][1][key]
    with pytest.raises(DataError, match=message):
        read(write(coco))


@pytest.mark.parametrize(
    ("kind", "key", "value", "message"),
    [
        ("images", "id", 1.5, r"position 1 has id '1.5' of type float; expected a whole number or"),
        ("images", "id", None, r"has id 'None' of type NoneType"),
        ("images", "id", True, r"has id 'True' of type bool"),
        ("images", "file_name", 5, r"image 8 has file_name 5; expected the name of an image"),
        ("images", "file_name", "photos/", r"image 8 has file_name 'photos/'"),
        ("images", "height", 0, r"image 8 \(b\.jpg\) has height 0; expected whole pixels"),
        ("images", "width", -4, r"width -4"),
        ("images", "width", "60", r"width '60'"),
        ("images", "width", 60.5, r"width 60.5.*remove the key to have it read from the image"),
        ("categories", "id", "0", r"category at position 1 has id '0' of type str; expected a who"),
        ("categories", "name", " ", r"category 0 has name ' '; expected a word"),
        ("annotations", "id", [1], r"has id '\[1\]' of type list"),
        ("annotations", "image_id", 3.0, r"annotation 17 has image_id '3.0' of type float"),
        ("annotations", "category_id", "7", r"annotation 17 has category_id '7' of type str"),
        ("annotations", "image_id", "3", r"belongs to image '3', but no image has this id \(the f"),
        ("annotations", "image_id", 99, r"annotation 17 belongs to image 99.*Add the image or"),
        (
            "annotations",
            "category_id",
            99,
            r"annotation 17 of image 3 \(a\.jpg\) has category_id 9",
        ),
        ("images", "id", 3, r"image id 3 occurs twice, for a\.jpg and b\.jpg.*renumber"),
        ("categories", "id", 7, r"category id 7 occurs twice, for wheel and door"),
        ("annotations", "id", 16, r"annotation id 16 occurs twice, for image 8 and image 3"),
        ("images", "file_name", "a.jpg", r"images 3 and 8 are the same file a\.jpg. Merge"),
    ],
    ids=lambda value: str(value) if len(str(value)) < 13 else "",
)
def test_open_coco__unsound_value(
    coco: Coco, write: Write, kind: str, key: str, value: Any, message: str
) -> None:
    coco[kind][1][key] = value
    with pytest.raises(DataError, match=message):
        read(write(coco))


def test_open_coco__unknown_category_lists_the_known(coco: Coco, write: Write) -> None:
    coco["annotations"][0]["category_id"] = 5
    with pytest.raises(DataError, match=r"the categories are 7 wheel, 0 door. Add the category"):
        read(write(coco))


def test_open_coco__a_mask_names_no_file(coco: Coco, write: Write) -> None:
    place = {"kind": "label_map", "file": "/etc/hostname", "value": 1}
    rle = {"size": [4, 6], "counts": [24], "kind": "label_map"}
    coco["annotations"][0]["segmentation"] = place
    coco["annotations"][1]["segmentation"] = rle
    coco["annotations"][2]["segmentation"] = {}
    first, second, third = (a.segmentation for a in open_coco(write(coco)).annotations())
    assert first == {"size": None, "counts": None}  # refused later, as any broken run lengths
    assert second == {"size": [4, 6], "counts": [24]}
    assert third == {}
