"""Where YOLO keeps images and label files: the usual names of folders and files."""

import re
from collections.abc import Iterator
from pathlib import Path

from wps_sam.labels.formats.class_list import CLASS_LISTS

_ALIASES = {"valid": "val", "validation": "val"}
_SPLIT_FOLDER = re.compile(r"(train|val|valid|validation|test)[0-9]*", re.IGNORECASE)


def find_folders(root: Path) -> dict[str, list[Path]]:
    """Find images beside YOLO label files by the usual folder names.

    Args:
        root: The folder of the data set.

    Returns:
        Image folder by split, for `<split>/images` with `<split>/labels`, or `images/<split>` with
        `labels/<split>`; under "" for `images` with `labels`, or for images and label files side
        by side. Empty if none of these is there.
    """
    beside = [
        (split, child / "images", child / "labels")
        for split, child in _split_folders(root)
        if (child / "images").is_dir()
    ]
    inside = [
        (split, child, root / "labels" / child.name)
        for split, child in _split_folders(root / "images")
    ]
    for found in (beside, inside):
        # One split with parts is enough: label files of another may all be empty.
        if any(_has_lines(labels) for _, _, labels in found):
            return {split: [images] for split, images, labels in found if labels.is_dir()}
    if (root / "images").is_dir() and _has_lines(root / "labels"):
        return {"": [root / "images"]}
    has_names = any((root / name).is_file() for name in CLASS_LISTS)
    return {"": [root]} if has_names and _has_lines(root) else {}


def _split_folders(folder: Path) -> list[tuple[str, Path]]:
    """Sub-folders that are named like a split."""
    if not folder.is_dir():
        return []
    children = [child for child in sorted(folder.iterdir()) if child.is_dir()]
    return [(split_name(c.name), c) for c in children if _SPLIT_FOLDER.fullmatch(c.name)]


def _has_lines(folder: Path) -> bool:
    """Whether the first label file of a folder that is not empty begins like YOLO's."""
    for file in _text_files(folder):
        try:
            words = file.read_bytes()[:4096].decode("utf-8", "replace").split()
        except OSError:
            continue
        if words:
            return len(words) >= 5 and all(map(_is_number, words[:4]))
    return False


def _text_files(folder: Path) -> Iterator[Path]:
    """Text files directly in a folder that may hold label lines."""
    if folder.is_dir():
        for file in folder.iterdir():
            if is_label_name(file.name):
                yield file


def _is_number(word: str) -> bool:
    """Whether a word is a number."""
    try:
        float(word)
    except ValueError:
        return False
    return True


def split_name(name: str) -> str:
    """One name for the names that a split has: "val" for "valid" and "validation"."""
    return _ALIASES.get(name.lower(), name.lower())


def labels_folder(images: Path) -> Path:
    """Where the label files of an image folder are: its last part `images` becomes `labels`.

    Without such a part they are beside the images. The rule is Ultralytics' `img2label_paths`.
    """
    parts = list(images.parts)
    for position in range(len(parts) - 1, -1, -1):
        if parts[position] == "images":
            return Path(*parts[:position], "labels", *parts[position + 1 :])
    return images


def is_label_name(name: str) -> bool:
    """Whether a file name looks like that of a label file."""
    return name.endswith(".txt") and name not in CLASS_LISTS and not is_junk(name)


def is_junk(name: str) -> bool:
    """Whether a file or folder name is hidden or left behind by an archiver."""
    return name.startswith(".") or name == "__MACOSX"


def exists(path: Path) -> bool:
    """Whether something is there; a name the system cannot even look up is not."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
