"""Read a user's table of classes to count as one, a YAML file.

Each entry is `class: merged name` or `merged name: [class, class]`; both may stand in one file:

    left_mirror: mirror
    right_mirror: mirror
    door: [front_door, back_door]
"""

from pathlib import Path

from wps_sam.labels.yaml_names import YamlNames

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
    table = YamlNames(f"Merge table {path}", _EXPECTED)
    root = table.parse(Path(path))
    return {} if root is None else table.merges(root)
