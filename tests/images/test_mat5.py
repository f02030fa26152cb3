"""MATLAB 5 files: everything against scipy's own writer, and bytes put together by hand."""

import io
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.io import savemat

from wps_sam.images.mat5 import Hdf5MatError, MatError, read_mat5


def saved(variables: dict[str, Any], *, compress: bool = True) -> bytes:
    """A file as scipy writes it."""
    file = io.BytesIO()
    savemat(file, variables, do_compression=compress)
    return file.getvalue()


def element(kind: int, body: bytes, endian: str = "<") -> bytes:
    """Tag, bytes, and zeros up to a multiple of 8."""
    return struct.pack(endian + "II", kind, len(body)) + body + bytes(-len(body) % 8)


def header(endian: str = "<", version: int = 0x0100) -> bytes:
    mark = b"IM" if endian == "<" else b"MI"
    return b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(endian + "H", version) + mark


@settings(max_examples=40, deadline=None)
@given(
    numbers=arrays(
        st.sampled_from([np.uint8, np.int16, np.int32, np.float32, np.float64]),
        array_shapes(min_dims=2, max_dims=3),
    ),
    text=st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), min_size=1),
    compress=st.booleans(),
)
def test_read_mat5__what_scipy_writes(numbers: Any, text: str, compress: bool) -> None:
    record = np.zeros((1, 2), [("name", "O"), ("value", "O"), ("none", "O")])
    nothing = np.zeros((0, 0), [("x", "O")])
    record[0, 0] = (text, numbers, nothing)
    record[0, 1] = ("b", numbers[:1], nothing)
    content = saved({"first": 5.0, "record": record, "last": numbers}, compress=compress)
    found = read_mat5(content, "record")
    assert [item["name"] for item in found] == [text, "b"]
    np.testing.assert_array_equal(found[0]["value"], numbers)
    np.testing.assert_array_equal(found[1]["value"], numbers[:1])
    assert found[0]["none"] == []
    np.testing.assert_array_equal(read_mat5(content, "last"), numbers)
    assert read_mat5(content, "first").item() == 5
    assert read_mat5(content, "other") is None


def big_endian(dims: tuple[int, int], body: bytes) -> bytes:
    """uint8 variable x in a file of a big-endian machine."""
    matrix = (
        element(6, struct.pack(">II", 9, 0), ">")  # class 9 is uint8
        + element(5, struct.pack(">ii", *dims), ">")
        + struct.pack(">HH4s", 1, 1, b"x")  # a small element: 1 byte of type int8
        + element(2, body, ">")
    )
    return header(">") + element(14, matrix, ">")


def test_read_mat5__big_endian_by_hand() -> None:
    # Columns first: [[1, 3], [2, 4]].
    assert read_mat5(big_endian((2, 2), bytes([1, 2, 3, 4])), "x").tolist() == [[1, 3], [2, 4]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it has no header of a MATLAB 5 file"),
        (b"x" * 200, "it has no header"),
        (header(version=0x0300), "its header states version 0x0300"),
        (header() + element(14, b"1234"), "it ends within the tag"),
        (header() + element(14, bytes(200))[:80], "an element of 200 bytes at byte 128 is cut off"),
        (header() + element(15, b"no zlib at all"), "incorrect header check"),
        (header() + struct.pack("<HH4s", 2, 5, b"abcd"), "a small element at byte 128 states 5"),
        (big_endian((2, 3), bytes(4)), r"an array of \(2, 3\) has 4 bytes"),
        (big_endian((-1, 4), bytes(4)), r"an array has the dimensions \(-1, 4\)"),
        (big_endian((2**30, 2**30), bytes(4)), "has 4 bytes"),
        (saved({"x": np.array([1 + 2j])}), "it has an array of class 6; expected"),
        (saved({"x": np.array([["a"], [3]], "O")}), "it has an array of class 1; expected"),
        (saved({"x": np.array(["ab", "cd"])}), "a text has several rows"),
    ],
)
def test_read_mat5__unsound(content: bytes, message: str) -> None:
    with pytest.raises(MatError, match=message):
        read_mat5(content, "x")


def test_read_mat5__hdf5() -> None:
    with pytest.raises(Hdf5MatError):
        read_mat5(header(version=0x0200) + bytes(500), "x")


def test_read_mat5__compressed_variable_cut_off() -> None:
    content = saved({"x": np.arange(1000.0)})
    (length,) = struct.unpack_from("<I", content, 132)
    shorter = content[:132] + struct.pack("<I", length - 20) + content[136:-20]
    with pytest.raises(MatError, match="cut off or unpacks to more than a gigabyte"):
        read_mat5(shorter, "x")


def test_read_mat5__nested_too_deep() -> None:
    value: Any = np.zeros((1, 1))
    for _ in range(20):
        outer = np.zeros((1, 1), [("a", "O")])
        outer[0, 0] = (value,)
        value = outer
    with pytest.raises(MatError, match="it has an array of class 2"):
        read_mat5(saved({"x": value}), "x")


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_read_mat5__any_bytes(data: st.DataObject) -> None:
    record = np.zeros((1, 2), [("name", "O"), ("mask", "O")])
    record[0, 0], record[0, 1] = ("wheel", np.ones((2, 3), np.uint8)), ("x", np.zeros((0, 0)))
    content = bytearray(saved({"x": record}, compress=False))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(124, len(content) - 1))
        content[at] = data.draw(st.sampled_from([0, 1, 2, 255]) | st.integers(0, 255))
    try:
        read_mat5(bytes(content[: data.draw(st.integers(124, len(content)))]), "x")
    except MatError as error:
        assert str(error)  # noqa: PT017  # some damage does not show
