"""How LabelMe files are arranged on disk."""

from collections.abc import Callable
from pathlib import Path

from wps_sam.errors import DataError
from wps_sam.labels.layout import (
    SPLIT_NAMES,
    LabelSource,
    Layout,
    first_files,
    split_spellings,
)

LABEL_FOLDERS = ("labels", "annotations", "json", "Annotations")
"""Names of folders that hold label files apart from the images."""

_IMAGE_FOLDERS = ("images", "JPEGImages", "imgs")
_HEAD_BYTES = 4096
_BLANK = b"\xef\xbb\xbf \t\r\n"


def _find_file(path: Path, split: str | None) -> LabelSource | None:
    """A LabelMe file named directly: a data set of one image."""
    if not path.is_file() or path.suffix.lower() != ".json" or not _looks_like_labelme(path):
        return None
    if split is not None:
        raise DataError(
            f"Data {path} is one image's LabelMe file, so split {split!r} cannot be chosen in it. "
            "Leave out the split, or name the folder that holds all splits."
        )
    return LabelSource("labelme", path)


def _find_folder(path: Path, split: str | None) -> LabelSource | None:
    """A folder of LabelMe files, with or without splits."""
    if not path.is_dir():
        return None
    if split is None and _has_labelme(path):
        return LabelSource("labelme", path)
    return _find_inside(path, split, _has_labelme)


def _find_below(path: Path, split: str | None) -> LabelSource | None:
    """A folder with LabelMe files further down, as where the photographs are in sub-folders."""
    if not path.is_dir():
        return None
    source = _find_inside(path, split, _has_labelme_below)
    if source is None and split is None and _has_labelme_below(path):
        return LabelSource("labelme", path)
    return source


def _find_inside(
    path: Path, split: str | None, has_labelme: Callable[[Path], bool]
) -> LabelSource | None:
    """The folder of a split, or one that is named for label files."""
    if split is not None and not _has_folder_of(path, split):
        return None  # before looking through folders that may hold many photographs
    splits = _split_folders(path, has_labelme)
    if splits:
        return _source_of_split(path, splits, split)
    if split is not None:
        return None
    for name in LABEL_FOLDERS:
        if has_labelme(path / name):
            return LabelSource("labelme", path / name, _image_folder(path))
    return None


def _has_folder_of(path: Path, split: str) -> bool:
    """Whether there is a folder that may hold a split."""
    parents = (path, *(path / name for name in LABEL_FOLDERS))
    return any((parent / name).is_dir() for parent in parents for name in split_spellings(split))


def _split_folders(path: Path, has_labelme: Callable[[Path], bool]) -> dict[str, Path]:
    """The folder of LabelMe files of each split: <split>/ or labels/<split>/."""
    found: dict[str, Path] = {}
    for split in SPLIT_NAMES:
        for folder in (path / split, *(path / name / split for name in LABEL_FOLDERS)):
            if has_labelme(folder):
                found.setdefault(split, folder)
    return found


def _source_of_split(path: Path, splits: dict[str, Path], split: str | None) -> LabelSource | None:
    """The chosen split, with the classes of all; DataError if one has to be chosen."""
    if split is None and len(splits) > 1:
        raise DataError(f"Data {path} has the splits {', '.join(splits)}. Choose one with --split.")
    wanted = split_spellings(next(iter(splits)) if split is None else split)
    folder = next((splits[name] for name in wanted if name in splits), None)
    if folder is None:
        return None
    images_dir = None if folder.parent == path else _image_folder(path, folder.name)
    others = tuple(other for other in splits.values() if other != folder)
    return LabelSource("labelme", folder, images_dir, {"class_sources": others})


def _image_folder(path: Path, split: str = "") -> Path | None:
    """The folder of the images beside a folder of label files, None if there is none."""
    folders = (path / name / split for name in _IMAGE_FOLDERS)
    return next((folder for folder in folders if folder.is_dir()), None)


def _has_labelme(folder: Path) -> bool:
    """Whether a folder itself, without its sub-folders, has a LabelMe file."""
    # The first few are enough: other JSON files are few among LabelMe's.
    return any(_looks_like_labelme(file) for file in first_files(folder, ".json"))


def _has_labelme_below(folder: Path) -> bool:
    """Whether a folder or its sub-folders have a LabelMe file."""
    return any(_looks_like_labelme(file) for file in first_files(folder, ".json", below=True))


def _looks_like_labelme(path: Path) -> bool:
    """Whether a file begins as LabelMe's do, which is enough to tell them from other formats'."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    is_coco = b'"annotations"' in head or b'"categories"' in head
    is_labelme = any(key in head for key in (b'"shapes"', b'"imagePath"', b'"imageData"'))
    return head.lstrip(_BLANK)[:1] == b"{" and is_labelme and not is_coco


LABELME_LAYOUTS: tuple[Layout, ...] = (
    Layout(_find_file, "one LabelMe file, with shapes and an imagePath"),
    Layout(
        _find_folder,
        "a folder of LabelMe files, one JSON an image, beside the images or in labels/, "
        "annotations/ or json/; with a split: <split>/ or labels/<split>/",
    ),
)
"""A LabelMe file, or a folder of them."""

LABELME_BELOW_LAYOUTS: tuple[Layout, ...] = (
    Layout(_find_below, "a folder with LabelMe files only in its sub-folders"),
)
"""Comes last, so that an old sub-folder does not stand for the data set around it."""
