"""Streaming gives what `json.loads` gives, wherever the file is cut into chunks."""

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wps_sam import json_stream
from wps_sam.json_stream import EmptyJsonError, JsonError, NotUtf8Error, open_json

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "x.json"


def read(path: Path) -> dict[str, Any]:
    """The whole object, lists taken element by element."""
    with open_json(path) as document:
        return {
            key: list(value) if isinstance(value, Iterator) else value
            for key, value in document.members()
        }


@given(
    content=st.dictionaries(st.text(max_size=5), VALUES, max_size=5),
    chunk=st.integers(1, 40),
    indent=st.sampled_from([None, 0, 2]),
    is_ascii=st.booleans(),
)
def test_equals_json_loads(
    tmp_path_factory: pytest.TempPathFactory,
    content: dict[str, Any],
    chunk: int,
    indent: int | None,
    is_ascii: bool,
) -> None:
    text = json.dumps(content, indent=indent, ensure_ascii=is_ascii)
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(text.encode("utf-8", "replace"))
    expected = json.loads(path.read_bytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "CHUNK_BYTES", chunk)
        found = read(path)
    assert repr(found) == repr(expected)  # repr: NaN is not equal to itself


@given(
    content=st.dictionaries(st.text(max_size=5), VALUES, min_size=1, max_size=5),
    chunk=st.integers(1, 40),
    share=st.floats(0, 1, exclude_max=True),
)
def test_a_cut_off_file_is_always_refused(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any], chunk: int, share: float
) -> None:
    text = json.dumps(content)
    path = tmp_path_factory.getbasetemp() / "cut.json"
    path.write_text(text[: int(share * len(text))])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_stream, "CHUNK_BYTES", chunk)
        with pytest.raises(JsonError):
            read(path)


@pytest.mark.parametrize("chunk", [1, 7, 1 << 20])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": [1,\n 2,\n  x]}', r"Expecting value: line 3 column 3 \(char 16\)"),
        ('{"a": 1\n "b": 2}', r"Expecting ',': line 2 column 2 \(char 9\)"),
        ('{"a" 1}', r"Expecting ':': line 1 column 6"),
        ("{a: 1}", r"Expecting property name enclosed in double quotes: line 1 column 2"),
        ('{"a": 1,}', r"Expecting property name.*column 9"),
        ('{"a": [1 2]}', r"Expecting ',': line 1 column 10"),
        ('{"a": [{"b": "no end]}', r"Unterminated string starting at: line 1 column 14"),
        ('{"a": 1} 2', r"Extra data: line 1 column 10"),
        ('{"a": 1, "a": 2}', r"The key 'a' occurs twice; it ends: line 1 column 13"),
        ('{"a": ' + "[" * 2000 + "]" * 2000 + "}", r"nested too deeply: line 1 column 8"),
        ('{"a": ' + "9" * 5000 + "}", r"Exceeds the limit.*line 1 column 7"),
        ("[" + "[" * 5000, r"nested too deeply"),
        ("[x", r"Expecting value: line 1 column 2"),
        ("x", r"Expecting value: line 1 column 1 \(char 0\)"),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else str(value),
)
def test_errors_name_the_place(
    path: Path, monkeypatch: pytest.MonkeyPatch, text: str, message: str, chunk: int
) -> None:
    path.write_text(text)
    monkeypatch.setattr(json_stream, "CHUNK_BYTES", chunk)
    with pytest.raises(JsonError, match=message):
        read(path)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("{}", "dict"), ("[]", "list"), (" [1, ", "list"), ("3", "int"), ('"x"', "str")],
)
def test_kind(path: Path, text: str, kind: str) -> None:
    path.write_text(text)
    with open_json(path) as document:
        assert document.kind == kind
        if kind != "dict":
            with pytest.raises(TypeError, match=f"this is a {kind}"):
                next(document.members())


def test_a_number_in_two_chunks_stays_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "CHUNK_BYTES", 1)
    path.write_text('{"a": 123, "b": [456, -7.5e3]}')
    assert read(path) == {"a": 123, "b": [456, -7500.0]}


def test_what_is_left_of_a_list_is_skipped(path: Path) -> None:
    path.write_text('{"a": [1, 2, 3], "b": [], "c": {"d": [4]}}')
    with open_json(path) as document:
        members = document.members()
        key, items = next(members)
        assert (key, next(items)) == ("a", 1)
        assert [key for key, _ in members] == ["b", "c"]


@pytest.mark.parametrize("text", [b"", b" \n\t", b"\xef\xbb\xbf"])
def test_empty(path: Path, text: bytes) -> None:
    path.write_bytes(text)
    with pytest.raises(EmptyJsonError, match="the file is empty"):
        read(path)


@pytest.mark.parametrize("chunk", [1, 3, 8, 100])
@pytest.mark.parametrize(
    ("end", "message"),
    [
        # { " a " : space " are 7 bytes, the umlaut two: byte 9 is the first that is wrong.
        (b'\xc3\xa4\xff"}', "byte 9 is 0xff: invalid start byte"),
        (b'\xc3"}', "byte 7 is 0xc3: invalid continuation byte"),
    ],
    ids=["start", "middle"],
)
def test_bytes_that_are_no_utf8(
    path: Path, monkeypatch: pytest.MonkeyPatch, end: bytes, message: str, chunk: int
) -> None:
    monkeypatch.setattr(json_stream, "CHUNK_BYTES", chunk)
    path.write_bytes(b'{"a": "' + end)
    with pytest.raises(NotUtf8Error, match=message):
        read(path)


def test_byte_order_mark(path: Path) -> None:
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read(path) == {"a": 1}


def test_memory_stays_far_below_the_file(path: Path) -> None:
    with path.open("w") as file:
        file.write('{"a": [' + ",".join(f'"{"x" * 20_000}"' for _ in range(1000)) + "]}")
    tracemalloc.start()
    with open_json(path) as document:
        count = sum(1 for _, items in document.members() for _ in items)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 1000
    assert path.stat().st_size > 20e6
    assert peak < 8e6
