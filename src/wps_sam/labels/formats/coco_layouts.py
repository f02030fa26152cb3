"""How COCO files are arranged on disk."""

from pathlib import Path

from wps_sam.errors import DataError
from wps_sam.labels.formats.class_list import CLASS_LISTS
from wps_sam.labels.layout import LabelSource, Layout

_NAMES = ("annotations.json", "_annotations.coco.json")
_KEYS = (b'"images"', b'"annotations"', b'"categories"')
_HEAD_BYTES = 4096


def _single_coco_file(path: Path, split: str | None) -> LabelSource | None:
    """A COCO file named directly."""
    if not path.is_file() or path.suffix.lower() != ".json":
        return None
    if split is not None:
        raise DataError(
            f"Data {path} is one file, so split {split!r} cannot be chosen in it. Leave out the "
            "split, or name the folder that holds all splits."
        )
    return LabelSource("coco", path)


def _coco_folder(path: Path, split: str | None) -> LabelSource | None:
    """A folder with one COCO file, or with one for each split."""
    if split is None:
        return _only_coco_file(path)
    named = [
        *(path / f"{split}.json", path / "annotations" / f"{split}.json"),
        path / "annotations" / f"instances_{split}.json",
        *(path / split / name for name in _NAMES),
    ]
    for candidate in named:
        if candidate.is_file():
            return LabelSource("coco", candidate)
    return None


def _only_coco_file(path: Path) -> LabelSource | None:
    """The COCO file of a folder without splits; DataError if there are several."""
    for name in _NAMES:
        if (path / name).is_file():
            return LabelSource("coco", path / name)
    for folder in (path, path / "annotations"):
        files = [
            file
            for file in sorted(folder.glob("*.json"))
            if not file.name.startswith(".") and file.name not in CLASS_LISTS
        ]
        if len(files) > 1:
            files = [file for file in files if _looks_like_coco(file)]
        if len(files) > 1:
            raise DataError(
                f"Data folder {path} has several label files: "
                f"{', '.join(str(file.relative_to(path)) for file in files)}. Name the one to use, "
                "or choose with --split."
            )
        if files:
            return LabelSource("coco", files[0])
    return None


def _looks_like_coco(path: Path) -> bool:
    """Whether the beginning of a file has a COCO key; enough to tell label files from others."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    return any(key in head for key in _KEYS)


COCO_LAYOUTS = (
    Layout(_single_coco_file, "a COCO file ending in .json"),
    Layout(
        _coco_folder,
        "a folder with annotations.json, _annotations.coco.json or one other COCO file; with a "
        "split: <split>.json, annotations/<split>.json, annotations/instances_<split>.json or "
        "<split>/_annotations.coco.json",
    ),
)
"""A COCO file, and folders with one or with one for each split."""
