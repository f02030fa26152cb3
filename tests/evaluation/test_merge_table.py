"""A user's merge table: both spellings, nothing to merge, and what is refused."""

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wps_sam.errors import ConfigError
from wps_sam.evaluation.merge_table import read_merge_table
from wps_sam.evaluation.merging import group_classes


def table_of(folder: Path, text: str) -> dict[str, str]:
    path = folder / "merge.yaml"
    path.write_text(text, encoding="utf-8")
    return read_merge_table(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "left_mirror: mirror\nright_mirror: mirror\n",
            {"left_mirror": "mirror", "right_mirror": "mirror"},
        ),
        ("mirror: [left, right]", {"left": "mirror", "right": "mirror"}),
        (
            "# doors too\ndoor:\n  - front door\n  - door\nleft: mirror\n",
            {"front door": "door", "door": "door", "left": "mirror"},
        ),
        ("'1': number\nyes_: [' Flügel ']", {"1": "number", "Flügel": "yes_"}),
        ("a: &name x\nb: *name", {"a": "x", "b": "x"}),
        ("{}", {}),
        ("", {}),
        ("# nothing\n", {}),
    ],
    ids=["class", "list", "mixed", "quoted", "alias", "empty mapping", "empty", "only a comment"],
)
def test_tables(tmp_path: Path, text: str, expected: dict[str, str]) -> None:
    assert table_of(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [b", r"merge\.yaml is not YAML: .*line 1.*Expected `class: merged name`"),
        ("a: x\n---\nb: x", r"is not YAML: .*single document"),
        ("a: *x", r"is not YAML: .*undefined alias"),
        ("- a\n- b", r"is not a mapping, but a list. Expected `class: merged name` or"),
        ("mirror", r"is not a mapping, but 'mirror'\. Expected"),
        ("null", r"is not a mapping, but 'null'"),
        ("a: x\nb: y\na: z", r"names a twice, in line 1 and in line 3.*delete one of the two"),
        ("x: [a, b]\ny: [c, b]", r"names b twice, in line 1 and in line 2"),
        ("x: [a, a]", r"names a twice, in line 1 and in line 1"),
        ("x: [a]\na: y", r"names a twice, in line 1 and in line 2"),
        ("x: [a]\nx: [b]", r"names x twice"),
        ("a: 3", r"line 1: found '3' for a, where a name must be. Expected.*into quotes"),
        ("b: x\na:", r"line 2: found nothing for a, where"),
        ("a: {b: c}", r"line 1: found a mapping for a"),
        ("a:\n - [b]", r"line 2: found a list in the list of a"),
        ("a: [b, no]", r"found 'no' in the list of a"),
        ("7: a", r"found '7' as the name on the left"),
        ("? [a]\n: b", r"found a list as the name on the left"),
        ("a: ' '", r"found ' ' for a"),
        ("a: []", r"line 1: a has an empty list of classes. Name the classes"),
        ("a: !!python/name:os.system x", r"found 'x' for a"),
        ("&a a: &b [*b]", r"found a list in the list of a|is not YAML"),
        ("[" * 5000, r"is not YAML"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        table_of(tmp_path, text)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"none\.yaml cannot be read: No such file.*Give the path"
    ):
        read_merge_table(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match=r"cannot be read: Is a directory"):
        read_merge_table(tmp_path)
    path = tmp_path / "latin.yaml"
    path.write_bytes("Tür: Teil".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"latin\.yaml is not YAML: 'utf-8' codec"):
        read_merge_table(path)


def test_unknown_classes_are_refused_where_the_classes_are_known(tmp_path: Path) -> None:
    table = table_of(tmp_path, "thing: [weel, door]")
    with pytest.raises(
        ConfigError, match=r"do not exist: weel\. The classes are: wheel, door\. Correct the names"
    ):
        group_classes(["wheel", "door"], table)


names = st.text(st.characters(categories=["L", "N", "P"]), min_size=1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(names, names))
def test_tables_written_by_a_yaml_library_are_read_back(
    tmp_path: Path, table: dict[str, str]
) -> None:
    assert table_of(tmp_path, yaml.safe_dump(table, allow_unicode=True)) == table
    lists: dict[str, list[str]] = {}
    for class_name, merged in table.items():
        lists.setdefault(merged, []).append(class_name)
    assert table_of(tmp_path, yaml.safe_dump(lists)) == table
