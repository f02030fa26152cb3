"""Read a YOLO `data.yaml`: finding it, its classes, its keypoints."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from wps_sam.errors import DataError
from wps_sam.labels.categories import with_unique_names
from wps_sam.labels.formats.class_list import read_text
from wps_sam.labels.label_file import LabelCategory
from wps_sam.labels.remarks import Note

SPLIT_KEYS = ("train", "val", "valid", "validation", "test")
CLEANED_NAME = "a stray comma or space in its name was taken off"

_YAML_NAMES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_LARGEST_YAML = 1 << 20  # bytes; a larger file is no list of classes


def find_yaml(folder: Path) -> Path | None:
    """Find the YOLO yaml of a folder: `data.yaml`, `dataset.yaml`, else the only other one.

    Args:
        folder: Any folder.

    Returns:
        The file, or None if none of its yaml files is YOLO's.

    Raises:
        DataError: There are several and none has one of the usual names.
    """
    for name in _YAML_NAMES:
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
        content = load_yaml(path)
    except DataError:
        return path.name in ("data.yaml", "data.yml")  # so that its error is shown
    has_split = any(isinstance(content.get(key), str | list) for key in SPLIT_KEYS)
    return has_split and ("names" in content or "nc" in content)


def load_yaml(path: Path) -> dict[str, Any]:
    """Read a yaml file that holds a mapping.

    All scalars stay text: YAML would make truth values of the class names `on` and `no`.

    Args:
        path: The file.

    Returns:
        Its keys and what they hold: text, lists and mappings.

    Raises:
        DataError: The file cannot be read, is broken, or holds something else.
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


def read_categories(
    path: Path, content: Mapping[str, Any]
) -> tuple[list[LabelCategory], list[Note]]:
    """Read the classes of a yaml; `names` is a list, or a mapping from numbers.

    Args:
        path: The file, for messages.
        content: What it holds.

    Returns:
        The classes, whose ids are their numbers, and what was changed in their names.

    Raises:
        DataError: There are no names, one is missing, a number is none or occurs twice, or `nc` is
            another count.
    """
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
            f"Label file {path}: nc is {shown(stated)}, but there are {len(numbered)} names. "
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
        f"Label file {path}: {shown(key)} in `names` is no class number; expected 0, 1, 2, ... as "
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


def read_kpt_shape(path: Path, content: Mapping[str, Any]) -> tuple[int, int] | None:
    """Read how label lines carry keypoints.

    Args:
        path: The file, for messages.
        content: What it holds.

    Returns:
        (keypoints a part, 2 or 3 numbers a keypoint), or None without keypoints.

    Raises:
        DataError: `kpt_shape` is there but not two such numbers.
    """
    value = content.get("kpt_shape")
    if not value:
        return None
    words = value if isinstance(value, list) else []
    if not all(isinstance(word, str) and re.fullmatch(r"[0-9]{1,4}", word) for word in words):
        words = []
    numbers = [int(word) for word in words]
    if len(numbers) != 2 or numbers[0] < 1 or numbers[1] not in (2, 3):
        raise DataError(
            f"Label file {path}: kpt_shape is {shown(value)}; expected [number of keypoints, 2 or "
            "3], such as [4, 3]. Correct it."
        )
    return numbers[0], numbers[1]


def shown(value: Any) -> str:
    """A value of the file for a message; only words are quoted, the rest may be endless."""
    return repr(value[:60]) if isinstance(value, str) else f"a {type(value).__name__}"
