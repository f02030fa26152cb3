"""Tables of names: what only other users than the merge table need (see its tests for the rest)."""

from pathlib import Path

import pytest
import yaml

from wps_sam.errors import ConfigError
from wps_sam.labels.yaml_names import YamlNames


def parsed(folder: Path, text: str) -> tuple[YamlNames, yaml.Node]:
    path = folder / "t.yaml"
    path.write_text(text, encoding="utf-8")
    table = YamlNames("Table t.yaml", "Expected names.")
    root = table.parse(path)
    assert root is not None
    return table, root


def test_names_and_their_lines(tmp_path: Path) -> None:
    table, root = parsed(tmp_path, "list:\n  - b\n  - ' a '\n  - c\n")
    ((key, _, value),) = table.entries(root)
    assert table.names(value, key) == ("b", "a", "c")
    assert table.line_of == {"list": 1, "b": 2, "a": 3, "c": 4}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("k: a", r"^Table t\.yaml, line 1: k is not a list, but 'a'\. Write `k: \[class, class\]`"),
        ("k: {a: b}", r"k is not a list, but a mapping"),
        ("k:", r"k is not a list, but nothing"),
        ("k: []", r"line 1: k has an empty list of classes\. Name the classes, or delete"),
        ("k: [a, 1]", r"line 1: found '1' in the list of k, where a name must be\. Expected names"),
        ("k:\n- a\n- b\n- a", r"names a twice, in line 2 and in line 4\. Once is enough: delete"),
        ("k: [&x a, *x]", r"names a twice, in line 1 and in line 1"),
    ],
)
def test_bad_lists_are_refused(tmp_path: Path, text: str, message: str) -> None:
    table, root = parsed(tmp_path, text)
    ((key, _, value),) = table.entries(root)
    with pytest.raises(ConfigError, match=message):
        table.names(value, key)


def test_a_mapping_of_a_program_is_read_alike_without_lines() -> None:
    table = YamlNames("Table", "Expected names.")
    root = table.represent({"z": ["b", "a"], "a": {"x": "y"}})
    (z, _, names), (a, _, inner) = table.entries(root)
    assert (z, a) == ("z", "a")
    assert table.names(names, z) == ("b", "a")
    assert [(key, table.name(value, "")) for key, _, value in table.entries(inner)] == [("x", "y")]
    assert table.line_of == {}
    with pytest.raises(ConfigError, match=r"^Table: found '3' in the list of k, where a name"):
        table.names(table.represent({"k": [3]}).value[0][1], "k")
    with pytest.raises(ConfigError, match=r"^Table names b twice\. Once is enough"):
        table.names(table.represent({"k": ["b", "b"]}).value[0][1], "k")


@pytest.mark.parametrize("value", [object(), {1, object()}, Path("a"), lambda: 0])
def test_what_yaml_cannot_hold_is_refused(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^Table is not YAML: .*Expected names\.$"):
        YamlNames("Table", "Expected names.").represent({"k": value})
