"""What a YOLO data set says about itself: its splits, its classes, its keypoints.

This comes from a `data.yaml`, or from the folders and a `classes.txt` where there is none.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from wps_sam.errors import DataError
from wps_sam.labels.categories import with_unique_names
from wps_sam.labels.formats.class_list import CLASS_LISTS, read_class_list, read_text
from wps_sam.labels.label_file import LabelCategory
from wps_sam.labels.remarks import Note

YAML_NAMES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
CLEANED_NAME = "a stray comma or space in its name was taken off"
MOVED = "is not where the file says; the folder beside the file was used"

_ALIASES = {"valid": "val", "validation": "val"}
_SPLITS = ("train", "val", "valid", "validation", "test")
_SPLIT_FOLDER = re.compile(r"(train|val|valid|validation|test)[0-9]*", re.IGNORECASE)
_LARGEST_YAML = 1 << 20  # bytes; a larger file is no list of classes


@dataclass(frozen=True)
class YoloSet:
    """A YOLO data set.

    Attributes:
        path: The yaml file, or the folder if there is none.
        categories: Ids are the numbers that label lines begin with.
        sources: Image folders and lists of images (.txt) by split; "" if there are no splits.
        missing: Of the sources, those that are not there, and what to say if one is needed.
        kpt_shape: (keypoints a part, 2 or 3 numbers a keypoint) if lines carry keypoints.
        notes: What was changed on the way in.
    """

    path: Path
    categories: Sequence[LabelCategory]
    sources: Mapping[str, Sequence[Path]]
    missing: Mapping[Path, str] = field(default_factory=dict)
    kpt_shape: tuple[int, int] | None = None
    notes: Sequence[Note] = ()

    def sources_of(self, split: str | None) -> Sequence[Path]:
        """The image folders and lists of one split.

        Args:
            split: Its name, where "valid" and "validation" are other names of "val"; None takes
                the only one.

        Returns:
            At least one folder or list.

        Raises:
            DataError: There is no such split, one has to be chosen, or a folder is missing.
        """
        names = ", ".join(self.sources)
        if split is None:
            if len(self.sources) > 1:
                raise DataError(
                    f"Data {self.path} has the splits {names}. Choose one with --split."
                )
            found = next(iter(self.sources.values()))
        elif split_name(split) in self.sources:
            found = self.sources[split_name(split)]
        else:
            has = f"has only the splits {names}" if names else "has no splits"
            raise DataError(
                f"Data {self.path} {has}; split {split!r} was asked for. Choose another one with "
                "--split, or leave it out where there are none."
            )
        for source in found:
            if source in self.missing:
                raise DataError(self.missing[source])
        return found


def split_name(name: str) -> str:
    """One name for the names that a split has: "val" for "valid" and "validation"."""
    return _ALIASES.get(name.lower(), name.lower())


def read_set(path: Path) -> YoloSet:
    """Read what a data set says about itself.

    Args:
        path: A data.yaml, or a folder.

    Returns:
        The data set; no label line is read.

    Raises:
        DataError: The yaml cannot be read or is unsound; no class names are there; the images are
            in none of the usual places.
    """
    if not path.is_dir():
        return _read_yaml(path)
    file = find_yaml(path)
    return _read_folders(path) if file is None else _read_yaml(file)


def find_yaml(folder: Path) -> Path | None:
    """Find the YOLO yaml of a folder: `data.yaml`, `dataset.yaml`, else the only other one.

    Args:
        folder: Any folder.

    Returns:
        The file, or None if none of its yaml files is YOLO's.

    Raises:
        DataError: There are several and none has one of the usual names.
    """
    for name in YAML_NAMES:
        if is_yolo_yaml(folder / name):
            return folder / name
    files = [*sorted(folder.glob("*.yaml")), *sorted(folder.glob("*.yml"))]
    files = [file for file in files if is_yolo_yaml(file)]
    if len(files) > 1:
        raise DataError(
            f"Data folder {folder} has several YOLO files: {', '.join(f.name for f in files)}. "
            "Name the one to use."
        )
    return files[0] if files else None


def is_yolo_yaml(path: Path) -> bool:
    """Whether a file is a YOLO data.yaml: a mapping with `names` or `nc`, and a split."""
    if path.name.startswith(".") or not path.is_file() or path.stat().st_size > _LARGEST_YAML:
        return False
    try:
        content = _load(path)
    except DataError:
        return path.name in ("data.yaml", "data.yml")  # so that its error is shown
    has_split = any(isinstance(content.get(key), str | list) for key in _SPLITS)
    return has_split and ("names" in content or "nc" in content)


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


def is_label_name(name: str) -> bool:
    """Whether a file name looks like that of a label file."""
    return name.endswith(".txt") and name not in CLASS_LISTS and not is_junk(name)


def is_junk(name: str) -> bool:
    """Whether a file or folder name is hidden or left behind by an archiver."""
    return name.startswith(".") or name == "__MACOSX"


def _is_number(word: str) -> bool:
    """Whether a word is a number."""
    try:
        float(word)
    except ValueError:
        return False
    return True


def _read_folders(root: Path) -> YoloSet:
    """A data set without a yaml."""
    sources = find_folders(root)
    if not sources:
        raise DataError(
            f"Data folder {root} holds no YOLO labels: expected images/ and labels/, "
            "images/<split>/ and labels/<split>/, or <split>/images/ and <split>/labels/. Name its "
            "data.yaml, or arrange it in one of these ways."
        )
    names = read_class_list(root, root / "labels")
    if names is None:
        raise DataError(
            f"Data folder {root} has YOLO labels but no class names. Put a classes.txt with one "
            "name a line there, in the order of the class numbers, or name its data.yaml."
        )
    return YoloSet(root, [LabelCategory(i, name) for i, name in enumerate(names)], sources)


def _read_yaml(path: Path) -> YoloSet:
    """A data set with a yaml."""
    content = _load(path)
    categories, notes = _categories(path, content)
    root, moving = _root(path, content.get("path"))
    sources: dict[str, Sequence[Path]] = {}
    missing: dict[Path, str] = {}
    for key in _SPLITS:
        if content.get(key):
            sources[split_name(key)] = _sources(path, root, key, content[key], missing, moving)
    if not sources:
        raise DataError(
            f"Label file {path} has none of {', '.join(_SPLITS)}, only {sorted(content)[:10]}; "
            "expected the folder of the images, such as `train: images/train`."
        )
    return YoloSet(path, categories, sources, missing, _kpt_shape(path, content), [*notes, *moving])


def _load(path: Path) -> dict[str, Any]:
    """Read a yaml file that holds a mapping.

    All scalars stay text: YAML would make truth values of the class names `on` and `no`.
    """
    try:
        content = yaml.load(read_text(path), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError) as error:
        raise DataError(
            f"Label file {path} is broken YAML: {' '.join(str(error).split())[:300]}. Correct the "
            "file."
        ) from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise DataError(
            f"Label file {path} holds no mapping; expected a YOLO file with `train`, `val` and "
            "`names`. Name the data.yaml of the data set."
        )
    return content


def _categories(path: Path, content: Mapping[str, Any]) -> tuple[list[LabelCategory], list[Note]]:
    """The classes of a yaml; `names` is a list, or a mapping from numbers."""
    names = content.get("names")
    if isinstance(names, list):
        numbered = list(enumerate(names))
    elif isinstance(names, dict):
        numbered = sorted((_class_number(path, key), name) for key, name in _text_keys(names))
    else:
        numbered = []
    if not numbered:
        raise DataError(
            f"Label file {path} has no class names; expected `names: [door, wheel]` or "
            "`names: {0: door, 1: wheel}`. Add them in the order of the class numbers."
        )
    stated = content.get("nc", str(len(numbered)))
    if stated != str(len(numbered)):
        raise DataError(
            f"Label file {path}: nc is {_short(stated)}, but there are {len(numbered)} names. "
            "Correct one of them."
        )
    categories, notes = [], []
    for number, name in numbered:
        category, changed = _category(path, number, name)
        categories.append(category)
        if changed:
            notes.append(Note(f"class {number} {name!r}", CLEANED_NAME))
    ids = [category.category_id for category in categories]
    if len(set(ids)) < len(ids):
        raise DataError(f"Label file {path}: a number in `names` occurs twice. Renumber them.")
    categories, renaming = with_unique_names(path, categories)
    return categories, [*notes, *renaming]


def _text_keys(names: Mapping[Any, Any]) -> Iterator[tuple[str, str]]:
    """Items of `names` with whatever they are as text, so that they can be sorted."""
    for key, name in names.items():
        yield str(key), name if isinstance(name, str) else ""


def _class_number(path: Path, key: str) -> int:
    """A class number in `names`."""
    if key.isascii() and key.isdigit() and len(key) < 10:
        return int(key)
    raise DataError(
        f"Label file {path}: {_short(key)} in `names` is no class number; expected 0, 1, 2, ... as "
        "label lines begin with. Correct it."
    )


def _category(path: Path, number: int, name: Any) -> tuple[LabelCategory, bool]:
    """One class, and whether its name had to be cleaned."""
    cleaned = name.strip().strip(",").strip() if isinstance(name, str) else ""
    if not cleaned:
        raise DataError(
            f"Label file {path}: class {number} has no name; expected a word in `names`. Add it."
        )
    return LabelCategory(number, cleaned), cleaned != name


def _kpt_shape(path: Path, content: Mapping[str, Any]) -> tuple[int, int] | None:
    """Number of keypoints and of numbers for each, or None without keypoints."""
    value = content.get("kpt_shape")
    if not value:
        return None
    words = value if isinstance(value, list) else []
    if not all(isinstance(word, str) and re.fullmatch(r"[0-9]{1,4}", word) for word in words):
        words = []
    numbers = [int(word) for word in words]
    if len(numbers) != 2 or numbers[0] < 1 or numbers[1] not in (2, 3):
        raise DataError(
            f"Label file {path}: kpt_shape is {_short(value)}; expected [number of keypoints, 2 or "
            "3], such as [4, 3]. Correct it."
        )
    return numbers[0], numbers[1]


def _root(path: Path, stated: Any) -> tuple[Path, list[Note]]:
    """The folder that a yaml's other paths are relative to.

    Files are moved between machines, so a stated folder that is not there gives way to the file's.
    """
    if not stated:
        return path.parent, []
    if isinstance(stated, str) and exists(path.parent / stated):
        return path.parent / stated, []
    return path.parent, [Note(f"path {_short(stated)}", MOVED)]


def _sources(
    path: Path, root: Path, key: str, value: Any, missing: dict[Path, str], moving: list[Note]
) -> list[Path]:
    """The image folders and lists of one split.

    What is not there goes to `missing`, because it may be another split that is wanted; what is
    elsewhere, to `moving`. Labels without the images are enough, as these may be given separately.
    """
    entries = value if isinstance(value, list) else [value]
    found = []
    for entry in entries:
        if not isinstance(entry, str) or not entry:
            raise DataError(
                f"Label file {path}: {key} is {_short(value)}; expected a folder of images, a list "
                "of such folders, or a .txt file that lists images. Correct it."
            )
        # Roboflow writes ../train/images for a folder beside the file.
        inside = re.sub(r"^(\.\./)+", "", entry.replace("\\", "/"))
        candidates = list(dict.fromkeys((root / entry, path.parent / entry, path.parent / inside)))
        there = [c for c in candidates if exists(c) or exists(labels_folder(c))]
        if not there:
            missing[candidates[0]] = (
                f"Label file {path}: {key}: there is no {_short(entry)}. Tried: "
                + ", ".join(map(str, candidates))
                + ". Correct the yaml's `path` or this folder."
            )
        elif there[0] != candidates[0]:
            moving.append(Note(f"{key} {_short(entry)}", MOVED))
        found.append(there[0] if there else candidates[0])
    return found


def labels_folder(images: Path) -> Path:
    """Where the label files of an image folder are: its last part `images` becomes `labels`.

    Without such a part they are beside the images. The rule is Ultralytics' `img2label_paths`.
    """
    parts = list(images.parts)
    for position in range(len(parts) - 1, -1, -1):
        if parts[position] == "images":
            return Path(*parts[:position], "labels", *parts[position + 1 :])
    return images


def exists(path: Path) -> bool:
    """Whether something is there; a name the system cannot even look up is not."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _short(value: Any) -> str:
    """A value of the file for a message; only words are quoted, the rest may be endless."""
    return repr(value[:60]) if isinstance(value, str) else f"a {type(value).__name__}"
