"""Read the small YAML tables of class names that users write, with messages that name the line.

The YAML is taken as a tree of nodes, because these keep line numbers and keys that occur twice. A
mapping that a program hands over becomes the same tree, without lines.
"""

from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import yaml

from wps_sam.errors import ConfigError
from wps_sam.labels.quoting import cut

_REASON = 200
_TEXT = "tag:yaml.org,2002:str"
_TWICE = "Once is enough: delete one of the two."
_ONE_MERGE = "Each class can be merged into one class only: delete one of the two."


def load_yaml(path: Path, title: str, remedy: str) -> Any:
    """Read a small YAML file of plain values.

    Args:
        path: The file.
        title: How messages name it, such as "Data set file dataset.yaml".
        remedy: The sentence that says what to do about it.

    Returns:
        Mappings, lists and plain values; None if it is empty.

    Raises:
        ConfigError: It cannot be read or is no YAML, or a key is there twice, of which plain
            loading would silently keep the second.
    """
    try:
        root = _compose(path, title, remedy)
        if root is None:
            return None
        _refuse_second_keys(root, title, set())
        return yaml.SafeLoader("").construct_document(root)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _not_yaml(error, title, remedy) from error


def top_keys(path: Path) -> set[str]:
    """The outermost keys of a YAML file, whatever else may be wrong with it; none if it is none.

    Args:
        path: The file.

    Returns:
        The keys as they are written.
    """
    try:
        root = _compose(path, str(path), "")
    except ConfigError:
        return set()
    pairs = root.value if isinstance(root, yaml.MappingNode) else ()
    return {key.value for key, _ in pairs if isinstance(key, yaml.ScalarNode)}


def _compose(path: Path, title: str, remedy: str) -> yaml.Node | None:
    """Parse a file into its tree."""
    try:
        return yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise ConfigError(
            f"{title} cannot be read: {error.strerror}. Give the path of a YAML file."
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _not_yaml(error, title, remedy) from error


def _not_yaml(error: Exception, title: str, remedy: str) -> ConfigError:
    reason = cut(" ".join(str(error).split()), _REASON)
    return ConfigError(f"{title} is not YAML: {reason}. {remedy}")


def _refuse_second_keys(node: yaml.Node, title: str, seen: set[int]) -> None:
    """Raise ConfigError if a mapping has a key twice, or one of those in it."""
    if id(node) in seen or isinstance(node, yaml.ScalarNode):  # an alias stands for a seen node
        return
    seen.add(id(node))
    first: dict[tuple[str, str], yaml.Node] = {}
    for item in node.value:
        key, value = item if isinstance(item, tuple) else (None, item)
        if isinstance(key, yaml.ScalarNode):
            other = first.setdefault((key.tag, key.value), key)
            if other is not key:
                raise ConfigError(
                    f"{title} has the key {cut(key.value)} twice, in line {_line(other)} and in "
                    f"line {_line(key)}. {_TWICE}"
                )
        _refuse_second_keys(value, title, seen)


class YamlNames:
    """Takes names out of one table.

    Attributes:
        title: How messages name the table, such as "Merge table merge.yaml".
        line_of: Line from 1 in which each name stands first; no entry where lines are not known.
    """

    def __init__(self, title: str, expected: str) -> None:
        """Start with no name.

        Args:
            title: How messages name the table.
            expected: The sentence that says what the table should look like.
        """
        self.title = title
        self.line_of: dict[str, int] = {}
        self._expected = expected

    def parse(self, path: Path) -> yaml.Node | None:
        """Parse a file.

        Args:
            path: A YAML file.

        Returns:
            Its root, or None if it is empty.

        Raises:
            ConfigError: It cannot be read or is no YAML.
        """
        return _compose(path, self.title, self._expected)

    def represent(self, mapping: Mapping[str, Any]) -> yaml.Node:
        """Make the same tree of a mapping that was parsed already.

        Args:
            mapping: Lists, mappings and plain values.

        Returns:
            Its root, without lines.

        Raises:
            ConfigError: It holds what YAML cannot.
        """
        try:
            return yaml.SafeDumper(StringIO(), sort_keys=False).represent_data(dict(mapping))
        except (yaml.YAMLError, RecursionError) as error:
            raise _not_yaml(error, self.title, self._expected) from error

    def entries(
        self, node: yaml.Node, key: str | None = None
    ) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
        """Go through a mapping.

        Args:
            node: The mapping.
            key: What it stands under; None for the table itself.

        Yields:
            Each key, its node and the node of its value.

        Raises:
            ConfigError: It is no mapping, a key is no name, or a key occurs twice.
        """
        if not isinstance(node, yaml.MappingNode):
            what = self.title if key is None else f"{self.title}{_comma_line(node)}: {key}"
            raise ConfigError(f"{what} is not a mapping, but {_describe(node)}. {self._expected}")
        seen: dict[str, yaml.Node] = {}
        for key_node, value in node.value:
            name = self.name(key_node, "as the name on the left")
            self.refuse_second(name, key_node, seen, _TWICE)
            yield name, key_node, value

    def name(self, node: yaml.Node, where: str) -> str:
        """Take a name.

        Args:
            node: What should be one.
            where: Its place, for the message, such as "for mirror".

        Returns:
            The name without spaces around it.

        Raises:
            ConfigError: It is a list, a mapping, empty, or a number or the like.
        """
        if isinstance(node, yaml.ScalarNode) and node.tag == _TEXT and node.value.strip():
            name = str(node.value).strip()
            if node.start_mark is not None:
                self.line_of.setdefault(name, _line(node))
            return name
        raise ConfigError(
            f"{self.title}{_comma_line(node)}: found {_describe(node)} {where}, where a name must "
            f"be. {self._expected} Put a name that looks like a number or like yes or no into "
            "quotes."
        )

    def names(self, node: yaml.Node, key: str) -> tuple[str, ...]:
        """Take a list of names.

        Args:
            node: What should be one.
            key: What it stands under.

        Returns:
            The names in their order.

        Raises:
            ConfigError: It is no list, is empty, or has something else than a name, or one twice.
        """
        if not isinstance(node, yaml.SequenceNode):
            raise ConfigError(
                f"{self.title}{_comma_line(node)}: {key} is not a list, but {_describe(node)}. "
                f"Write `{key}: [class, class]`."
            )
        seen: dict[str, yaml.Node] = {}
        for item in self._items(node, key):
            name = self.name(item, f"in the list of {key}")
            self.refuse_second(name, item, seen, _TWICE)
        return tuple(seen)

    def merges(self, node: yaml.Node, key: str | None = None) -> dict[str, str]:
        """Take a table of classes to count as one.

        An entry is `class: merged name` or `merged name: [class, class]`.

        Args:
            node: A mapping.
            key: What it stands under; None for the table itself.

        Returns:
            Class name -> merged name.

        Raises:
            ConfigError: It is no mapping, has an entry of another kind, or names a class twice.
        """
        table: dict[str, str] = {}
        seen: dict[str, yaml.Node] = {}
        for name, key_node, value in self.entries(node, key):
            if isinstance(value, yaml.SequenceNode):
                members = [
                    (self.name(item, f"in the list of {cut(name)}"), item, name)
                    for item in self._items(value, name)
                ]
            else:
                members = [(name, key_node, self.name(value, f"for {cut(name)}"))]
            for class_name, class_node, merged in members:
                self.refuse_second(class_name, class_node, seen, _ONE_MERGE)
                table[class_name] = merged
        return table

    def refuse_second(
        self, name: str, node: yaml.Node, seen: dict[str, yaml.Node], remedy: str
    ) -> None:
        """Note a name.

        Args:
            name: The name.
            node: Where it stands.
            seen: The names so far and where they stand; `name` is added.
            remedy: What to do, for the message.

        Raises:
            ConfigError: It was seen before.
        """
        if name in seen:
            lines = ""
            if node.start_mark is not None and seen[name].start_mark is not None:
                lines = f", in line {_line(seen[name])} and in line {_line(node)}"
            raise ConfigError(f"{self.title} names {cut(name)} twice{lines}. {remedy}")
        seen[name] = node

    def _items(self, node: yaml.SequenceNode, key: str) -> list[yaml.Node]:
        """The items of a list; ConfigError if there is none."""
        if not node.value:
            raise ConfigError(
                f"{self.title}{_comma_line(node)}: {key} has an empty list of classes. Name the "
                "classes, or delete the entry."
            )
        return list(node.value)


def _describe(node: yaml.Node) -> str:
    """Say in plain words what a node holds."""
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    return f"{str(node.value)[:40]!r}" if node.value else "nothing"


def _comma_line(node: yaml.Node) -> str:
    """The line of a node as a message has it after the table's title."""
    return "" if node.start_mark is None else f", line {_line(node)}"


def _line(node: yaml.Node) -> int:
    """Line of a node in its file, from 1."""
    return int(node.start_mark.line) + 1
