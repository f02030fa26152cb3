"""Rows on disk come back as they were added, across the blocks."""

import sqlite3

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wps_sam.errors import DataError
from wps_sam.evaluation import class_rows
from wps_sam.evaluation.class_rows import ClassRows, pixel_columns


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 12), st.sampled_from([1, 3, 4, 256]))
def test_rows_come_back(seed: int, images: int, per_block: int) -> None:
    rng = np.random.default_rng(seed)
    tables = rng.integers(0, 10**12, (images, 3, 5)) * (rng.random((images, 1, 5)) < 0.5)
    rows = ClassRows(3, 5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(class_rows, "IMAGES_PER_BLOCK", per_block)
        for table in tables:
            rows.add(table)
        read = np.concatenate([np.zeros((3, 0, 5)), *rows.blocks()], axis=1)
        singles = [rows.image(index) for index in rng.permutation(images)]
        order = np.random.default_rng(seed)  # the same numbers once more
        order.integers(0, 10**12, (images, 3, 5)), order.random((images, 1, 5))
        for index, (classes, values) in zip(order.permutation(images), singles, strict=True):
            assert classes.tolist() == np.flatnonzero(tables[index].any(axis=0)).tolist()
            assert values.tolist() == tables[index][:, classes].tolist()
    assert read.swapaxes(0, 1).tolist() == tables.tolist()
    assert rows.totals.tolist() == tables.sum(axis=0).tolist()
    assert rows.images_with_class.tolist() == (tables[:, 0] > 0).sum(axis=0).tolist()
    assert len(rows) == images


def test_fractions_come_back() -> None:
    rows = ClassRows(2, 1)
    rows.add(np.array([[1], [0.1]]))
    rows.add(np.array([[2], [0.2]]))
    (block,) = rows.blocks()
    assert block.tolist() == [[[1], [2]], [[0.1], [0.2]]]


def test_pixels_of_the_classes() -> None:
    # Rows truth, columns prediction: wheel 5 of 7 found, 2 taken for door, 1 from the background.
    counts = np.array([[90, 1, 0], [0, 5, 2], [3, 0, 4]])
    assert pixel_columns(counts).tolist() == [[7, 7], [6, 6], [5, 4]]


def test_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    rows = ClassRows(1, 1)
    monkeypatch.setattr(class_rows, "IMAGES_PER_BLOCK", 1)
    rows.add(np.ones((1, 1)))
    monkeypatch.setattr(rows._stored, "_connection", type("", (), {"execute": full})())
    with pytest.raises(DataError, match=r"temporary folder: database or disk is full.*make room"):
        next(rows.blocks())
