"""Rows come back as they went in, and the file goes with its owner."""

import gc
import math
import sqlite3
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wps_sam.errors import DataError
from wps_sam.evaluation import scratch
from wps_sam.evaluation.scratch import ScratchRows

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@given(rows=st.lists(st.tuples(st.integers(0, 3), VALUES), max_size=30), batch=st.integers(1, 99))
def test_rows_by_key_in_order(rows: list[tuple[int, object]], batch: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scratch, "_BATCH_BYTES", batch)
        store = ScratchRows()
        for key, value in rows:
            store.append(key, (key, value))
        for key in range(5):
            assert store.rows(key) == [row for row in rows if row[0] == key]
        store.close()


def test_values_that_json_text_would_change() -> None:
    store = ScratchRows()
    store.append("a", (math.nan, 10**30, "\ud800", b"\x00", 0.1 + 0.2))
    ((nan, *others),) = store.rows("a")
    assert math.isnan(nan)
    assert others == [10**30, "\ud800", b"\x00", 0.1 + 0.2]


def test_rows_can_be_added_after_reading() -> None:
    store = ScratchRows()
    store.append(1, ("first",))
    assert store.rows(1) == [("first",)]
    store.append(1, ("second",))
    assert store.rows(1) == [("first",), ("second",)]


def test_repeated_key_is_the_one_that_came_first() -> None:
    store = ScratchRows()
    assert store.repeated_key() is None
    for key in ("c", "b", "1", 1, "a"):
        store.append(key, ())
    assert store.repeated_key() is None  # the text 1 and the number 1 are two keys
    for key in ("a", "b"):
        store.append(key, ())
    assert store.repeated_key() == "b"


def test_many_rows_go_to_disk_and_come_back() -> None:
    store = ScratchRows()
    text = "x" * 10_000
    for key in range(1000):  # 10 MB, five times what SQLite keeps in memory
        store.append(key % 500, (key, text))
    assert store.rows(7) == [(7, text), (507, text)]


def test_the_file_is_closed_with_its_owner() -> None:
    store = ScratchRows()
    connection = store._connection
    owner = weakref.ref(store)
    del store
    gc.collect()
    assert owner() is None
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


def test_full_disk() -> None:
    store = ScratchRows()
    store._connection.execute("PRAGMA max_page_count = 10")
    with pytest.raises(DataError, match=r"temporary folder: database or disk is full.*make room"):
        store.append(1, ("x" * 1_000_000,))


def test_rows_nested_absurdly() -> None:
    nested: list[object] = []
    for _ in range(3000):
        nested = [nested]
    with pytest.raises(DataError, match=r"record annotation 5 cannot be kept.*nested too deeply"):
        ScratchRows().append(1, ("annotation 5", nested))
