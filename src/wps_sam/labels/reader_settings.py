"""Check the settings that a `dataset.yaml` gives to a format's reader, by the reader's types."""

import os
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from wps_sam.errors import ConfigError
from wps_sam.labels.formats.pascal_part_table import PRESETS
from wps_sam.labels.label_file import LabelFile
from wps_sam.labels.quoting import quote

_NOT_SETTINGS = ("path", "images_dir", "split", "return")
_INTERNAL = {
    "per_class": "Use keep_groups: true for the whole data set.",
    "class_sources": "List the classes in a classes.txt beside the labels.",
}
"""What the program itself tells a reader, and what a user writes instead."""
_WORDS = {
    NoneType: "null",
    bool: "true or false",
    int: "a whole number",
    str: "text",
    Path: "a path",
    Sequence: "a list",
    Mapping: "a mapping",
}


def check_settings(
    reader: Callable[..., LabelFile], label_format: str, settings: Mapping[str, Any], root: Path
) -> dict[str, Any]:
    """Check settings before the reader sees them.

    Args:
        reader: The format's reader; its annotations say what it takes.
        label_format: Its key, for the message.
        settings: As parsed from YAML.
        root: What paths are relative to.

    Returns:
        The same settings, with texts that name files as paths below `root`.

    Raises:
        ConfigError: There is no such setting, or its value is of another kind.
    """
    hints = get_type_hints(reader)
    known = [name for name in hints if name not in (*_NOT_SETTINGS, *_INTERNAL)]
    for name, value in settings.items():
        if name in _INTERNAL and name in hints:
            raise ConfigError(f"{name} is no setting of a data set file. {_INTERNAL[name]}")
        if name not in known:
            raise ConfigError(
                f"labels in the format {label_format} have no setting {quote(name)}; expected "
                f"{', '.join(known) or 'none'}. Correct the data set file."
            )
        if not _fits(value, hints[name]):
            raise ConfigError(
                f"{name} is {quote(value)}; expected {_in_words(hints[name])}. Put text that "
                "looks like a number into quotes."
            )
    return {name: _resolved(name, value, hints[name], root) for name, value in settings.items()}


def takes(reader: Callable[..., LabelFile], setting: str) -> bool:
    """Whether a reader has a setting, be it for users or for the program itself."""
    return setting in signature(reader).parameters


def is_file_name(text: str) -> bool:
    """Whether a text can be the name of a file at all, existing or not."""
    try:
        return "\0" not in text and bool(os.fsencode(text))
    except UnicodeEncodeError:  # half of a surrogate pair
        return False


def _kinds(hint: Any) -> tuple[Any, ...]:
    """The members of a union, or the one type."""
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value from YAML is of an annotated type."""
    kinds = _kinds(hint)
    if isinstance(value, str) and Path in kinds:
        return is_file_name(value)
    return any(_is_of_kind(value, kind) for kind in kinds)


def _is_of_kind(value: Any, kind: Any) -> bool:
    """The same for one member of a union."""
    if kind is Any:
        return True
    origin = get_origin(kind)
    if origin is Sequence:
        (item,) = get_args(kind)
        return isinstance(value, list) and all(_fits(one, item) for one in value)
    if origin is Mapping:
        return isinstance(value, dict)
    return type(value) is kind  # a bool is no int


def _in_words(hint: Any) -> str:
    """A type for the message, such as "text or null"."""
    kinds = [kind for kind in _kinds(hint) if not (kind is str and Path in _kinds(hint))]
    words = [_WORDS[get_origin(kind) or kind] for kind in kinds]
    if Sequence[int] in kinds:
        words[kinds.index(Sequence[int])] = "a list of whole numbers"
    return " or ".join(words)


def _resolved(name: str, value: Any, hint: Any, root: Path) -> Any:
    """A path relative to the root, as all paths of the file are; other values as they are."""
    is_path = Path in _kinds(hint) and isinstance(value, str)
    if not is_path or (name == "class_table" and value in PRESETS):
        return value
    return root / value
