"""How Pascal VOC files are arranged on disk."""

import re
from collections.abc import Mapping
from pathlib import Path

from wps_sam.errors import DataError
from wps_sam.labels.layout import LabelSource, Layout, first_files

_SPLITS = ("train", "val", "valid", "validation", "test")
_HEAD_BYTES = 4096


def _looks_like_voc(folder: Path) -> bool:
    """Whether one of the first XML files of a folder begins like VOC's."""
    return any(_is_voc(file) for file in first_files(folder, ".xml"))


def _is_voc(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return re.search(rb"<annotation[\s>]", head) is not None


def _image_sets(root: Path) -> dict[str, Path]:
    """Image sets by name, without those of single classes such as aeroplane_train."""
    for folder in (root / "ImageSets" / "Main", root / "ImageSets" / "Layout", root / "ImageSets"):
        files = sorted(folder.glob("*.txt")) if folder.is_dir() else []
        sets = [file for file in files if not re.search(r"(^\.)|_(train|val|test)", file.stem)]
        if sets:
            return {file.stem: file for file in sets}
    return {}


def _split_folders(root: Path) -> dict[str, Path]:
    """Sub-folders with XML files that are named like a split."""
    folders = [child for child in sorted(root.iterdir()) if child.name.lower() in _SPLITS]
    return {_split_name(folder.name): folder for folder in folders if _looks_like_voc(folder)}


def _split_name(name: str) -> str:
    """One name for the names that a split has."""
    return "val" if name.lower() in ("valid", "validation") else name.lower()


def _choose(path: Path, found: Mapping[str, Path], split: str | None) -> Path | None:
    """The file or folder of a split; the only one if none is asked for."""
    if split is None and len(found) > 1:
        raise DataError(f"Data {path} has the splits {', '.join(found)}. Choose one with --split.")
    if split is None:
        return next(iter(found.values()), None)
    chosen = found.get(split) or found.get(_split_name(split))
    if chosen is None and found:
        raise DataError(
            f"Data {path} has only the splits {', '.join(found)}; split {split!r} was asked for. "
            "Choose another one with --split."
        )
    return chosen


def _tree(path: Path, split: str | None) -> LabelSource | None:
    """Annotations/*.xml with JPEGImages/ and perhaps ImageSets/Main/<split>.txt."""
    folder = path / "Annotations"
    # PASCAL-Part keeps its own labels beside the boxes of whole objects.
    if not _looks_like_voc(folder) or (path / "Annotations_Part").is_dir():
        return None
    image_set = _choose(path, _image_sets(path), split)
    if split is not None and image_set is None:
        return None
    settings = {} if image_set is None else {"image_set": image_set}
    images = [path / name for name in ("JPEGImages", "images") if (path / name).is_dir()]
    return LabelSource("voc", folder, images[0] if images else None, settings)


def _folders(path: Path, split: str | None) -> LabelSource | None:
    """XML files beside the images, in one folder or in one for each split."""
    if not path.is_dir():
        return None
    chosen = _choose(path, _split_folders(path), split)
    if chosen is not None:
        return LabelSource("voc", chosen, chosen, {"names_from": path})
    if split is None and _looks_like_voc(path):
        return LabelSource("voc", path)
    return None


VOC_LAYOUTS: tuple[Layout, ...] = (
    Layout(
        _tree,
        "a folder with Annotations/*.xml, JPEGImages/ and perhaps ImageSets/Main/<split>.txt "
        "(Pascal VOC)",
    ),
    Layout(
        _folders,
        "a folder of Pascal VOC XML files beside their images, or such folders train/, val/, test/",
    ),
)
"""How Pascal VOC data sets are recognised."""
