"""How folders of LabelMe files are recognised, and what is then read of them."""

from pathlib import Path

import pytest

from labels.formats.labelme_file import TRIANGLE, content, names, shape, write_file
from wps_sam.errors import DataError
from wps_sam.labels.formats.labelme import open_labelme
from wps_sam.labels.formats.labelme_layouts import LABELME_BELOW_LAYOUTS, LABELME_LAYOUTS
from wps_sam.labels.layout import LabelSource


def find(path: Path, split: str | None = None) -> LabelSource | None:
    found = (layout.find(path, split) for layout in LABELME_LAYOUTS)
    return next((source for source in found if source is not None), None)


def find_below(path: Path, split: str | None = None) -> LabelSource | None:
    """The layout that comes last of all."""
    assert find(path, split) is None
    (layout,) = LABELME_BELOW_LAYOUTS
    return layout.find(path, split)


def test_flat_and_beside_images(tmp_path: Path) -> None:
    part = content(shape("w", "polygon", TRIANGLE))
    folder = write_file(tmp_path, part, "flat/a.json")
    assert find(folder / "flat") == LabelSource("labelme", folder / "flat")
    assert find(folder / "flat" / "a.json") == LabelSource("labelme", folder / "flat/a.json")
    write_file(tmp_path, part, "apart/labels/a.json", image="apart/images/a.jpg")
    source = find(folder / "apart")
    assert source == LabelSource("labelme", folder / "apart/labels", folder / "apart/images")
    labels = open_labelme(source.path, images_dir=source.images_dir)
    assert labels.find_image(labels.images[0]) == folder / "apart/images/a.jpg"
    with pytest.raises(DataError, match=r"is one image's LabelMe file, so split 'val' cannot"):
        find(folder / "flat" / "a.json", "val")


def test_splits_share_their_classes(tmp_path: Path) -> None:
    write_file(tmp_path, content(shape("wheel", "polygon", TRIANGLE)), "train/a.json")
    folder = write_file(tmp_path, content(shape("door", "polygon", TRIANGLE)), "valid/b.json")
    with pytest.raises(DataError, match=r"has the splits train, valid. Choose one with --split"):
        find(folder)
    assert find(folder, "test") is None
    sources = [find(folder, split) for split in ("train", "val")]
    opened = [open_labelme(s.path, **s.settings) for s in sources if s is not None]
    assert [names(labels) for labels in opened] == [["door", "wheel"]] * 2
    assert [len(labels.images) for labels in opened] == [1, 1]


def test_sub_folders_are_part_of_the_names(tmp_path: Path) -> None:
    part = content(shape("w", "polygon", TRIANGLE))
    write_file(tmp_path, part, "deep/2020/01/a.json")
    folder = write_file(tmp_path, part, "deep/2021/02/a.json")
    assert find_below(folder / "deep") == LabelSource("labelme", folder / "deep")
    assert find_below(folder / "deep", "train") is None
    file_names = [image.file_name for image in open_labelme(folder / "deep").images]
    assert file_names == ["2020/01/a.jpg", "2021/02/a.jpg"]
    write_file(tmp_path, part, "apart/labels/x/a.json", image="apart/images/x/a.jpg")
    source = find_below(folder / "apart")
    assert source == LabelSource("labelme", folder / "apart/labels", folder / "apart/images")
    labels = open_labelme(source.path, images_dir=source.images_dir)
    assert labels.find_image(labels.images[0]) == folder / "apart/images/x/a.jpg"


def test_splits_with_sub_folders_are_not_mixed(tmp_path: Path) -> None:
    write_file(tmp_path, content(shape("wheel", "polygon", TRIANGLE)), "train/x/a.json")
    folder = write_file(
        tmp_path, content(shape("door", "polygon", TRIANGLE)), "validation/x/b.json"
    )
    with pytest.raises(DataError, match=r"has the splits train, validation\. Choose one"):
        find_below(folder)
    source = find_below(folder, "val")
    assert source is not None
    assert source.path == folder / "validation"
    assert find_below(folder, "test") is None


@pytest.mark.parametrize(
    "text",
    ['{"images": [], "annotations": []}', "[{}]", '{"imgHeight": 4, "imgWidth": 5}', ""],
)
def test_other_formats(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    assert find(tmp_path) is None
    assert find(tmp_path / "a.json") is None
