"""Class tables of PASCAL-Part: which raw parts of which object become which class.

A table is a YAML file that users can copy and edit; those of the usual settings come with the
package, in `wps_sam/labels/pascal_part_tables`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from wps_sam.errors import ConfigError
from wps_sam.labels.label_file import LabelCategory
from wps_sam.labels.quoting import cut, quote
from wps_sam.labels.yaml_names import load_yaml

PRESETS = {
    "raw": "pascal_part_raw.yaml",
    "16": "pascal_part_16_merged.yaml",
    "57": "pascal_part_58.yaml",  # the same, counted without the background
    "58": "pascal_part_58.yaml",
    "107": "pascal_part_108.yaml",
    "108": "pascal_part_108.yaml",
    "116": "pascal_part_116.yaml",
}
"""Tables that come with the package, by the name under which `class_table` chooses them."""

OBJECT, REST, IGNORE = "object", "rest", "ignore"

_SYNONYMS = {"diningtable": "table"}  # VOC's own name; the annotation files say "table"
_KEYS = {"first_id", "objects"}
_EXAMPLE = "objects: {bird: {wing: [lwing, rwing], head: [[head, beak]], ignore: [leye, reye]}}"


class PartGroup(NamedTuple):
    """Raw parts of one object class that belong together.

    Attributes:
        category_id: Id of their class; None for pixels that are neither learnt nor scored.
        names: Raw names without number, `object` (all its pixels), `rest` (those of no part).
        is_joined: Whether all of one object make one part; else each raw part is one.
    """

    category_id: int | None
    names: tuple[str, ...]
    is_joined: bool


@dataclass(frozen=True)
class PartTable:
    """Which raw parts become which class.

    Attributes:
        source: The table's file, for messages.
        categories: All classes in order, named "<object> <class>".
        groups: What becomes of the raw parts, by object class.
    """

    source: str
    categories: tuple[LabelCategory, ...]
    groups: Mapping[str, tuple[PartGroup, ...]]

    def knows(self, object_class: str, part: str) -> bool:
        """Whether the table says what becomes of a raw part of an object class it has."""
        names = {name for group in self.groups[object_class] for name in group.names}
        return part in names or OBJECT in names


def object_class(name: str) -> str:
    """An object's class under one name, whichever of PASCAL's two it has."""
    return _SYNONYMS.get(name, name)


def canonical_part(name: str) -> str:
    """A raw part's name without its number: "wheel_2" -> "wheel"."""
    return re.sub(r"_\d+$", "", name)


def read_part_table(class_table: int | str | Path | None) -> PartTable:
    """Read a class table.

    Args:
        class_table: A preset (16, 58 or 57, 108 or 107, 116, "raw"), or a YAML file; None
            means "raw".

    Returns:
        The table. Ids count up from the file's `first_id` in its order.

    Raises:
        ConfigError: There is no such preset or file, or the file is no class table.
    """
    wanted = "raw" if class_table is None else str(class_table)
    if wanted in PRESETS:
        file = resources.files("wps_sam.labels") / "pascal_part_tables" / PRESETS[wanted]
        return _parse(PRESETS[wanted], yaml.safe_load(file.read_text(encoding="utf-8")))
    try:
        content = load_yaml(Path(wanted), f"Class table {wanted}", f"Write it as {_EXAMPLE}")
    except ConfigError as error:
        if not isinstance(error.__cause__, FileNotFoundError):
            raise
        raise ConfigError(
            f"class_table is {quote(wanted)}, which is neither a class table of PASCAL-Part ("
            f"{', '.join(PRESETS)}) nor a file. Choose one, or name a YAML file."
        ) from error
    return _parse(wanted, content)


def _parse(source: str, content: Any) -> PartTable:
    """Check the content of a table."""
    objects = content.get("objects") if isinstance(content, dict) else None
    if not isinstance(objects, dict) or not objects or set(content) - _KEYS:
        raise _unsound(source, "expected the keys 'objects' and, if wanted, 'first_id'")
    first_id = content.get("first_id", 1)
    if type(first_id) is not int or first_id < 0:
        raise _unsound(source, f"first_id is {quote(first_id)}, no whole number of 0 or more")
    categories: list[LabelCategory] = []
    groups: dict[str, tuple[PartGroup, ...]] = {}
    for name, classes in objects.items():
        if not isinstance(name, str) or not isinstance(classes, dict) or not classes:
            raise _unsound(source, f"object {quote(name)} has no classes")
        found: list[PartGroup] = []
        for class_name, entries in classes.items():
            category_id = None
            if class_name != IGNORE:
                category_id = first_id + len(categories)
                full_name = _full_name(source, name, class_name)
                categories.append(LabelCategory(category_id, full_name, name))
            found += _groups(source, cut(f"{name} {class_name}"), category_id, entries)
        _refuse_repeated(source, name, found)
        groups[object_class(name)] = tuple(found)
    names = [category.name for category in categories]
    if len(set(names)) < len(names) or not names:
        raise _unsound(source, "there is no class, or two classes have one name")
    return PartTable(source, tuple(categories), groups)


def _full_name(source: str, object_name: str, class_name: Any) -> str:
    """Object and class in one name: bird wing; a class named as its object is all of it: boat."""
    if not isinstance(class_name, str) or not class_name.strip():
        raise _unsound(
            source, f"object {cut(object_name)} has the class {quote(class_name)}, no name"
        )
    return object_name if class_name == object_name else f"{object_name} {class_name.strip()}"


def _groups(source: str, what: str, category_id: int | None, entries: Any) -> list[PartGroup]:
    """The entries of one class: names stand alone, lists of names are joined."""
    if not isinstance(entries, list) or not entries:
        raise _unsound(source, f"{what} is {quote(entries)}, no list of part names")
    groups = []
    for entry in entries:
        names = entry if isinstance(entry, list) else [entry]
        if not names or not all(isinstance(name, str) and name for name in names):
            raise _unsound(source, f"{what} has the entry {quote(entry)}, no part name")
        groups.append(PartGroup(category_id, tuple(names), isinstance(entry, list)))
    return groups


def _refuse_repeated(source: str, object_name: str, groups: list[PartGroup]) -> None:
    """Raise ConfigError if a raw part is named twice."""
    names = [name for group in groups for name in group.names]
    for name in names:
        if names.count(name) > 1:
            raise _unsound(source, f"{cut(object_name)} has the part {quote(name)} in two places")


def _unsound(source: str, found: str) -> ConfigError:
    return ConfigError(f"Class table {source}: {found}. Write it as {_EXAMPLE}")
