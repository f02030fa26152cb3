"""How Pascal VOC data sets on disk are recognised, and what is then read of them."""

from pathlib import Path

import pytest

from labels.formats.voc_file import one_object, write_files
from wps_sam.errors import DataError
from wps_sam.labels.formats.voc import open_voc
from wps_sam.labels.formats.voc_layouts import VOC_LAYOUTS
from wps_sam.labels.layout import LabelSource


def find(data: Path, split: str | None = None) -> LabelSource | None:
    sources = (layout.find(data, split) for layout in VOC_LAYOUTS)
    return next((source for source in sources if source is not None), None)


def test_image_sets(tmp_path: Path) -> None:
    root = write_files(
        tmp_path,
        {
            "Annotations/a.xml": one_object("door"),
            "Annotations/b c.xml": one_object("wheel"),
            "JPEGImages/a.jpg": "",
            "JPEGImages/b c.jpg": "",
            "ImageSets/Main/train.txt": "a\n",
            "ImageSets/Main/val.txt": "b c  -1\n\n",
            "ImageSets/Main/door_train.txt": "a  1\n",
        },
    )
    source = find(root, "valid")
    assert source == LabelSource(
        *("voc", root / "Annotations", root / "JPEGImages"),
        {"image_set": root / "ImageSets/Main/val.txt"},
    )
    labels = open_voc(source.path, images_dir=source.images_dir, **source.settings)
    assert [image.file_name for image in labels.images] == ["b c.jpg"]
    assert [c.name for c in labels.categories] == ["door", "wheel"]  # of both splits
    assert labels.skipped == []
    with pytest.raises(DataError, match=r"has the splits train, val. Choose one with --split"):
        find(root)
    with pytest.raises(DataError, match=r"has only the splits train, val; split 'test' was asked"):
        find(root, "test")


def test_split_folders(tmp_path: Path) -> None:
    # Roboflow's export.
    root = write_files(
        tmp_path,
        {
            "train/a.xml": one_object("door"),
            "train/a.jpg": "",
            "valid/b.xml": one_object("wheel"),
            "valid/b.jpg": "",
        },
    )
    source = find(root, "val")
    assert source == find(root, "valid")
    assert source == LabelSource("voc", root / "valid", root / "valid", {"names_from": root})
    labels = open_voc(source.path, images_dir=source.images_dir, **source.settings)
    assert [(a.record, a.category_id) for a in labels.annotations()] == [
        ("object 1 of valid/b.xml", 1)
    ]
    with pytest.raises(DataError, match=r"has the splits train, val"):
        find(root)
    assert find(root / "train") == LabelSource("voc", root / "train")


def test_others_are_not_claimed(tmp_path: Path) -> None:
    root = write_files(
        tmp_path, {"a.xml": "<annotations><meta/></annotations>", "a.jpg": "", "b/._b.xml": "x"}
    )
    assert find(root) is None
    assert find(root / "b") is None
    write_files(
        tmp_path, {"Annotations/a.xml": one_object(), "Annotations_Part/a.mat": ""}
    )  # PASCAL-Part
    assert find(root) is None


def test_damaged_files_do_not_hide_a_sound_one(tmp_path: Path) -> None:
    root = write_files(tmp_path, {f"{name}.xml": "damaged" for name in "abcefg"})
    write_files(tmp_path, {"d.xml": one_object("door"), "d.jpg": ""})
    assert find(root) == LabelSource("voc", root)
