"""Lists of classes beside label files."""

from pathlib import Path

import pytest

from wps_sam.errors import DataError
from wps_sam.labels.formats.class_list import read_class_list, read_text


def test_read_class_list__lines_in_order(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("\ufeffwheel\r\n door \n\n", encoding="utf-8")
    (tmp_path / "classes.json").write_text('["other"]')
    assert read_class_list(tmp_path / "none", tmp_path) == ["wheel", "door"]


def test_read_class_list__json(tmp_path: Path) -> None:
    (tmp_path / "classes.json").write_text('["wheel", "door"]')
    assert read_class_list(tmp_path) == ["wheel", "door"]


def test_read_class_list__none(tmp_path: Path) -> None:
    assert read_class_list(tmp_path) is None


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("classes.txt", " \n", r"classes\.txt is empty; expected the name of each class"),
        ("classes.txt", "a\n\nb\n", r"name 2 is empty, but classes are counted by their place"),
        ("classes.txt", "a\nb\na\n", r"has 'a' 2 times; results are matched by name. Rename"),
        (
            "classes.json",
            "{}",
            r"classes\.json is no list of names; expected \[\"wheel\", \"door\"\]",
        ),
        ("classes.json", "[1]", r"is no list of names"),
        ("classes.json", '["a"', r"classes\.json is broken JSON: "),
        ("classes.json", "[" * 100_000, r"is broken JSON"),
    ],
)
def test_read_class_list__unsound(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        read_class_list(tmp_path)


def test_read_text__not_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xff\xd8\xff")
    with pytest.raises(DataError, match=r"a\.txt is not text in UTF-8.*or take it out"):
        read_text(path)
    with pytest.raises(DataError, match=r"cannot be read: Is a directory"):
        read_text(tmp_path)
