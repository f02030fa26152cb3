"""How COCO files are arranged on disk."""

from collections.abc import Sequence
from pathlib import Path

from wps_sam.errors import DataError
from wps_sam.labels.formats.class_list import CLASS_LISTS
from wps_sam.labels.layout import LabelSource, Layout, first_files, split_spellings

_NAMES = ("annotations.json", "_annotations.coco.json")
_KEYS = (b'"images"', b'"annotations"', b'"categories"')
_HEAD_BYTES = 4096
_BLANK = b"\xef\xbb\xbf \t\r\n"


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
    """A folder with one file that begins as COCO's do, or with one for each split."""
    if not path.is_dir():
        return None
    if split is not None:
        found = [file for file in _files_of_split(path, split) if _looks_like_coco(file)]
        return LabelSource("coco", found[0]) if found else None
    named = _named_file(path)
    if named is not None:
        return LabelSource("coco", named) if _looks_like_coco(named) else None
    for folder in (path, path / "annotations"):
        # Not all: a folder with thousands of JSON files is of another format.
        files = [file for file in first_files(folder, ".json") if _looks_like_coco(file)]
        if files:
            return _only_one(path, files)
    return None


def _any_json_folder(path: Path, split: str | None) -> LabelSource | None:
    """The same with any JSON file of a fitting name: the reader says what is wrong in it."""
    if split is not None:
        files = _files_of_split(path, split)
        return LabelSource("coco", files[0]) if files else None
    named = _named_file(path)
    if named is not None:
        return LabelSource("coco", named)
    for folder in (path, path / "annotations"):
        files = [
            file
            for file in sorted(folder.glob("*.json"))
            if not file.name.startswith(".") and file.name not in CLASS_LISTS
        ]
        if len(files) > 1:
            files = [file for file in files if _looks_like_coco(file)]
        if files:
            return _only_one(path, files)
    return None


def _files_of_split(path: Path, split: str) -> list[Path]:
    """Files that may hold a split, in all its spellings."""
    candidates = (
        file
        for name in split_spellings(split)
        for file in (
            *(path / f"{name}.json", path / "annotations" / f"{name}.json"),
            path / "annotations" / f"instances_{name}.json",
            path / f"instances_{name}.json",
            *(path / name / usual for usual in _NAMES),
        )
    )
    return [file for file in candidates if file.is_file()]


def _named_file(path: Path) -> Path | None:
    """The file of a folder without splits that has one of the usual names."""
    return next((path / name for name in _NAMES if (path / name).is_file()), None)


def _only_one(path: Path, files: Sequence[Path]) -> LabelSource:
    """The only COCO file; DataError if there are several."""
    if len(files) > 1:
        raise DataError(
            f"Data folder {path} has several label files: "
            f"{', '.join(str(file.relative_to(path)) for file in files)}. Name the one to use, "
            "or choose with --split."
        )
    return LabelSource("coco", files[0])


def _looks_like_coco(path: Path) -> bool:
    """Whether the beginning of a file has a COCO key; enough to tell label files from others."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    return head.lstrip(_BLANK)[:1] == b"{" and any(key in head for key in _KEYS)


COCO_LAYOUTS = (
    Layout(_single_coco_file, "a COCO file ending in .json"),
    Layout(
        _coco_folder,
        "a folder with annotations.json, _annotations.coco.json or one other COCO file; with a "
        "split: <split>.json, instances_<split>.json, annotations/<split>.json, "
        "annotations/instances_<split>.json, <split>/annotations.json or "
        "<split>/_annotations.coco.json",
    ),
)
"""A COCO file, and folders with one or with one for each split."""

ANY_JSON_LAYOUTS = (
    Layout(_any_json_folder, "a folder with one JSON file of any beginning, which is read as COCO"),
)
"""Where no content was recognised, a JSON file by its name."""
