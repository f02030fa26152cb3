"""Read a list of classes that are counted by their position, and other small text files."""

import json
from collections import Counter
from pathlib import Path

from wps_sam.errors import DataError
from wps_sam.labels.quoting import quote

CLASS_LISTS = ("classes.txt", "classes.json")
"""File names; the first that exists counts."""


def read_class_list(*folders: Path) -> list[str] | None:
    """Read the list of classes that a user puts beside label files; it fixes their order.

    Args:
        folders: Where to look for one of `CLASS_LISTS`, most likely first.

    Returns:
        Unique names in the file's order, also of classes without a part; None if there is no list.

    Raises:
        DataError: The list cannot be read, is empty, or has an empty or a repeated name.
    """
    for path in (folder / name for folder in folders for name in CLASS_LISTS):
        if path.is_file():
            return _checked(path, _names(path))
    return None


def read_text(path: Path) -> str:
    """Read a small text file.

    Args:
        path: In UTF-8, with or without a byte order mark.

    Returns:
        Its text.

    Raises:
        DataError: It cannot be opened or is not text in UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(
            f"Label file {path} cannot be read: {error.strerror or error}. Check the spelling and "
            "its permissions."
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"Label file {path} is not text in UTF-8: {error}. Save it as UTF-8 text, or take it "
            "out of the folder if it is no label file."
        ) from error


def _names(path: Path) -> list[str]:
    """The names of a list, without space around them."""
    if path.suffix == ".txt":
        return [line.strip() for line in read_text(path).rstrip().splitlines()]
    try:
        names = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"List of classes {path} is broken JSON: {error}. Correct the file."
        ) from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(
            f'List of classes {path} is no list of names; expected ["wheel", "door"]. Correct the '
            "file."
        )
    return [name.strip() for name in names]


def _checked(path: Path, names: list[str]) -> list[str]:
    """The names; DataError unless each is there once."""
    if not names:
        raise DataError(f"List of classes {path} is empty; expected the name of each class.")
    if "" in names:
        raise DataError(
            f"List of classes {path}: name {names.index('') + 1} is empty, but classes are counted "
            "by their place. Write the name, or remove it."
        )
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise DataError(
            f"List of classes {path} has {quote(name)} {count} times; results are matched by name. "
            "Rename or remove one."
        )
    return names
