"""Read structs, texts and numbers from MATLAB 5 files.

`scipy.io.loadmat` crashes the whole process on some damaged files (a segmentation fault, seen with
scipy 1.17), and label files come from anywhere. This reader checks every length; it knows what
annotation files hold and no more. Format: "MAT-File Format", The MathWorks, chapter 1.
"""

import struct
import zlib
from math import prod
from typing import Any, NamedTuple

import numpy as np

_HEADER_BYTES = 128
_LITTLE, _BIG = b"IM", b"MI"
_VERSION_5 = 0x0100
_HDF5_VERSION = 0x0200

_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
_TEXTS = {1: "latin-1", 2: "utf-8", 4: "utf-16", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
_STRUCT, _CHAR = 2, 4
_NUMERIC_CLASSES = range(6, 16)
_COMPLEX = 0x0800

_DEEPEST = 16
_MOST_BYTES = 1 << 30
"""A small file can unpack to anything; an image's masks stay far below."""

Value = Any
"""A struct array is a list of dicts (column-major), text is str, numbers are an array."""


class MatError(ValueError):
    """Content that is no MATLAB 5 file, is damaged, or is of a kind that is not read."""


class Hdf5MatError(MatError):
    """A MATLAB 7.3 file, which is HDF5 inside."""


class _Element(NamedTuple):
    """One data element: what its bytes are, and where the next begins."""

    kind: int
    body: memoryview
    end: int


def read_mat5(content: bytes, name: str) -> Value:
    """Read one variable.

    Args:
        content: The file's bytes.
        name: The variable.

    Returns:
        A list of dicts for a struct array, str for text, else an array of numbers; None if there
        is no such variable.

    Raises:
        MatError: The file is damaged or has kinds of values that are not read, such as cells.
    """
    endian, position = _endian(content), _HEADER_BYTES
    view = memoryview(content)  # slices of it copy nothing
    while position + 8 <= len(view):
        element = _element(view, position, endian)
        position, body, kind = element.end, element.body, element.kind
        if kind == _COMPRESSED:
            inner = _element(memoryview(_unpack(body)), 0, endian)
            body, kind = inner.body, inner.kind
        if kind == _MATRIX and body and _matrix_name(body, endian) == name:
            return _matrix(body, endian, 0)
    return None


def _endian(content: bytes) -> str:
    """Byte order by the header, as `struct` writes it."""
    mark = content[126:128]
    if mark not in (_LITTLE, _BIG):
        raise MatError("it has no header of a MATLAB 5 file")
    endian = "<" if mark == _LITTLE else ">"
    (version,) = struct.unpack(endian + "H", content[124:126])
    if version == _HDF5_VERSION:
        raise Hdf5MatError("it is HDF5 inside")
    if version != _VERSION_5:
        raise MatError(f"its header states version {version:#06x}")
    return endian


def _unpack(body: memoryview) -> bytes:
    """Undo the compression of an element."""
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(body, _MOST_BYTES)
    except zlib.error as error:
        raise MatError(str(error)) from error
    if not unpacker.eof:
        raise MatError("a compressed variable is cut off or unpacks to more than a gigabyte")
    return content


def _element(content: memoryview, position: int, endian: str) -> _Element:
    """The data element at a position; small ones have their bytes inside the tag."""
    if position + 8 > len(content):
        raise MatError(f"it ends within the tag at byte {position}")
    kind, length = struct.unpack_from(endian + "II", content, position)
    start, end = position + 8, position + 8 + length
    if kind >> 16:
        kind, length = kind & 0xFFFF, kind >> 16
        start, end = position + 4, position + 4 + length
        next_position = position + 8
        if length > 4:
            raise MatError(f"a small element at byte {position} states {length} bytes")
    else:
        next_position = end if kind == _COMPRESSED else end + -length % 8
    if end > len(content):
        raise MatError(f"an element of {length} bytes at byte {position} is cut off")
    return _Element(kind, content[start:end], next_position)


def _matrix_head(body: memoryview, endian: str) -> tuple[int, tuple[int, ...], str, int]:
    """Class and flags, dimensions, name, and where the content begins."""
    flags = _element(body, 0, endian)
    dimensions = _element(body, flags.end, endian)
    name = _element(body, dimensions.end, endian)
    if len(flags.body) < 4 or len(dimensions.body) % 4 or not dimensions.body:
        raise MatError("an array has no flags or dimensions")
    (class_flags,) = struct.unpack_from(endian + "I", flags.body)
    shape = tuple(int(n) for n in np.frombuffer(dimensions.body, endian + "i4"))
    if min(shape) < 0:
        raise MatError(f"an array has the dimensions {shape}")
    return class_flags, shape, str(name.body, "latin-1"), name.end


def _matrix_name(body: memoryview, endian: str) -> str:
    return _matrix_head(body, endian)[2]


def _matrix(body: memoryview, endian: str, depth: int) -> Value:
    """The value of an array element."""
    if not body:
        return np.zeros((0, 0))
    class_flags, shape, _, position = _matrix_head(body, endian)
    kind = class_flags & 0xFF
    if kind == _STRUCT and depth < _DEEPEST:
        return _struct_array(body, position, shape, endian, depth)
    if kind == _CHAR:
        return _text(_element(body, position, endian), shape, endian)
    if kind in _NUMERIC_CLASSES and not class_flags & _COMPLEX:
        return _numbers(_element(body, position, endian), shape, endian)
    raise MatError(f"it has an array of class {kind}; expected structs, texts and real numbers")


def _struct_array(
    body: memoryview, position: int, shape: tuple[int, ...], endian: str, depth: int
) -> list[dict[str, Value]]:
    """The elements of a struct array."""
    length_element = _element(body, position, endian)
    names_element = _element(body, length_element.end, endian)
    if len(length_element.body) != 4:
        raise MatError("a struct does not state the length of its field names")
    (length,) = struct.unpack(endian + "i", length_element.body)
    if length < 1 or len(names_element.body) % length:
        raise MatError("the field names of a struct are damaged")
    raw = bytes(names_element.body)
    slots = [raw[i : i + length] for i in range(0, len(raw), length)]
    names = [slot.split(b"\0")[0].decode("latin-1") for slot in slots]
    count = prod(shape)
    if count * max(len(names), 1) * 8 > len(body):  # each field takes 8 bytes or more
        raise MatError(f"a struct of {count} elements does not fit into {len(body)} bytes")
    position = names_element.end
    elements = []
    for _ in range(count):
        element: dict[str, Value] = {}
        for name in names:
            field = _element(body, position, endian)
            if field.kind != _MATRIX:
                raise MatError(f"the field {name!r} of a struct is no array")
            element[name] = _matrix(field.body, endian, depth + 1)
            position = field.end
        elements.append(element)
    return elements


def _text(element: _Element, shape: tuple[int, ...], endian: str) -> str:
    """A text of one row."""
    encoding = _TEXTS.get(element.kind)
    if encoding is None or prod(shape) not in (0, shape[-1]):
        raise MatError("a text has several rows or an unknown coding")
    if encoding in ("utf-16", "utf-32"):
        encoding += "-le" if endian == "<" else "-be"
    try:
        return str(element.body, encoding)
    except UnicodeDecodeError as error:
        raise MatError(f"a text is damaged: {error}") from error


def _numbers(element: _Element, shape: tuple[int, ...], endian: str) -> Value:
    """An array of numbers, which MATLAB stores in the smallest type that holds them."""
    if element.kind not in _NUMBERS:
        raise MatError(f"an array of numbers is stored as type {element.kind}")
    dtype = np.dtype(endian + _NUMBERS[element.kind])
    if prod(shape) * dtype.itemsize != len(element.body):
        raise MatError(f"an array of {shape} has {len(element.body)} bytes")
    return np.frombuffer(element.body, dtype).reshape(shape, order="F")
