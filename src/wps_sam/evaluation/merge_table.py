"""Read a user's table of classes to count as one, a YAML file.

Each entry is `class: merged name` or `merged name: [class, class]`; both may stand in one file:

    left_mirror: mirror
    right_mirror: mirror
    door: [front_door, back_door]
"""

from collections.abc import Iterator
from pathlib import Path

import yaml

from wps_sam.errors import ConfigError

_TEXT = "tag:yaml.org,2002:str"
_EXPECTED = "Expected `class: merged name` or `merged name: [class, class]`, one a line."


def read_merge_table(path: str | Path) -> dict[str, str]:
    """Read which classes to count as one.

    Args:
        path: A YAML file.

    Returns:
        Class name -> merged name; empty for an empty file or an empty mapping, which merges
        nothing. Whether the classes exist is checked later, by `merging.group_classes`.

    Raises:
        ConfigError: The file cannot be read, is no YAML or no mapping, has an entry of another kind
            or names a class twice.
    """
    path = Path(path)
    root = _parse(path)
    if root is None:
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise ConfigError(
            f"Merge table {path} is not a mapping, but {_describe(root)}. {_EXPECTED}"
        )
    table: dict[str, str] = {}
    line_of: dict[str, int] = {}
    keys: dict[str, int] = {}
    for key, value in root.value:
        name, line = _text(path, key, "as the name on the left"), _line(key)
        _refuse_second(path, name, line, keys)
        for class_name, merged in _pairs(path, name, value):
            _refuse_second(path, class_name, line, line_of)
            table[class_name] = merged
    return table


def _parse(path: Path) -> yaml.Node | None:
    """Parse the file into nodes, which keep line numbers and repeated keys."""
    try:
        return yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise ConfigError(
            f"Merge table {path} cannot be read: {error.strerror}. Give the path of a YAML file."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"Merge table {path} is not YAML: {reason}. {_EXPECTED}") from error


def _pairs(path: Path, name: str, value: yaml.Node) -> Iterator[tuple[str, str]]:
    """Yield (class name, merged name) of one entry."""
    if not isinstance(value, yaml.SequenceNode):
        yield name, _text(path, value, f"for {name}")
        return
    if not value.value:
        raise ConfigError(
            f"Merge table {path}, line {_line(value)}: {name} has an empty list of classes. Name "
            "the classes to count as one, or delete the entry."
        )
    for item in value.value:
        yield _text(path, item, f"in the list of {name}"), name


def _text(path: Path, node: yaml.Node, where: str) -> str:
    """Return the text of a node that must be a name."""
    if isinstance(node, yaml.ScalarNode) and node.tag == _TEXT and node.value.strip():
        return str(node.value).strip()
    raise ConfigError(
        f"Merge table {path}, line {_line(node)}: found {_describe(node)} {where}, where a name "
        f"must be. {_EXPECTED} Put a name that looks like a number or like yes or no into quotes."
    )


def _refuse_second(path: Path, name: str, line: int, seen: dict[str, int]) -> None:
    """Note a name, or raise ConfigError if it was seen before."""
    if name in seen:
        raise ConfigError(
            f"Merge table {path} names {name} twice, in line {seen[name]} and in line {line}. "
            "Each class can be merged into one class only: delete one of the two."
        )
    seen[name] = line


def _describe(node: yaml.Node) -> str:
    """Say in plain words what a node holds."""
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    return f"{str(node.value)[:40]!r}" if node.value else "nothing"


def _line(node: yaml.Node) -> int:
    """Line of a node in its file, from 1."""
    return int(node.start_mark.line) + 1
