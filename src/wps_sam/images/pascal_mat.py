"""Read the annotation files of PASCAL-Part: MATLAB files with the masks of objects and their parts.

These are masks: only `wps_sam.evaluation` may keep the pixels; readers of labels take boxes off
them at once.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wps_sam.errors import DataError
from wps_sam.images.mat5 import Hdf5MatError, MatError, Value, read_mat5

Mask = NDArray[np.bool_]
Record = dict[str, Value]


@dataclass(frozen=True, eq=False)
class MatPart:
    """One part of an object.

    Attributes:
        name: As in the file, such as "wheel_2".
        mask: (H, W) bool, original frame.
    """

    name: str
    mask: Mask


@dataclass(frozen=True, eq=False)
class MatObject:
    """One object and its parts.

    Attributes:
        name: The object's class as in the file, such as "table".
        mask: (H, W) bool, original frame.
        parts: In the file's order; empty if the object has none.
    """

    name: str
    mask: Mask
    parts: tuple[MatPart, ...]


def read_pascal_mat(path: Path) -> tuple[MatObject, ...]:
    """Read the objects of one image.

    Args:
        path: `Annotations_Part/<id>.mat`.

    Returns:
        The objects in the file's order; all masks have one size.

    Raises:
        DataError: The file is missing or damaged, is no annotation of PASCAL-Part, or its masks
            differ in size.
    """
    annotations = _structs(path, "the file", "anno", _load(path))
    if len(annotations) != 1:
        raise _unexpected(path, f"anno has {len(annotations)} elements")
    objects = _structs(path, "anno", "objects", _member(path, "anno", annotations[0], "objects"))
    result = tuple(_object(path, number, record) for number, record in enumerate(objects))
    sizes = {mask.shape for item in result for mask in (item.mask, *(p.mask for p in item.parts))}
    if len(sizes) > 1:
        raise DataError(
            f"Annotation file {path} has masks of different sizes {sorted(sizes)} (height, width); "
            "all must have the image's size. Copy the file again."
        )
    return result


def _load(path: Path) -> Value:
    """Read the variable anno of a MATLAB file."""
    try:
        return read_mat5(path.read_bytes(), "anno")
    except FileNotFoundError as error:
        raise DataError(
            f"Annotation file {path} does not exist. Put it there, or remove its image."
        ) from error
    except Hdf5MatError as error:
        raise DataError(
            f"Annotation file {path} is MATLAB 7.3, which is another format inside; expected the "
            "MATLAB 5 files of PASCAL-Part. Save it with save(..., '-v7')."
        ) from error
    except (OSError, MatError) as error:
        raise DataError(
            f"Annotation file {path} cannot be read as a MATLAB file: {error}. Copy or unpack it "
            "again."
        ) from error


def _object(path: Path, number: int, record: Record) -> MatObject:
    """One element of `objects`."""
    what = f"object {number + 1}"
    parts = _structs(path, what, "parts", _member(path, what, record, "parts"))
    return MatObject(
        name=_text(path, what, "class", _member(path, what, record, "class")),
        mask=_mask(path, what, _member(path, what, record, "mask")),
        parts=tuple(_part(path, f"part {i + 1} of {what}", part) for i, part in enumerate(parts)),
    )


def _part(path: Path, what: str, record: Record) -> MatPart:
    """One element of `parts`."""
    return MatPart(
        name=_text(path, what, "part_name", _member(path, what, record, "part_name")),
        mask=_mask(path, what, _member(path, what, record, "mask")),
    )


def _structs(path: Path, what: str, key: str, value: Value) -> list[Record]:
    """The elements of a struct array; MATLAB can write an empty one as an array of 0 x 0."""
    if isinstance(value, np.ndarray) and value.size == 0:
        return []
    if not isinstance(value, list):
        raise _unexpected(path, f"{what}: {key} is no struct array")
    return value


def _member(path: Path, what: str, record: Record, key: str) -> Value:
    """A field of a struct."""
    if key not in record:
        raise _unexpected(path, f"{what} has no {key!r}, only {list(record)[:12]}")
    return record[key]


def _text(path: Path, what: str, key: str, value: Value) -> str:
    """A text that says something."""
    if not isinstance(value, str) or not value.strip():
        raise _unexpected(path, f"{what}: {key} is no text")
    return value.strip()


def _mask(path: Path, what: str, value: Value) -> Mask:
    """A mask of 0 and 1."""
    is_mask = isinstance(value, np.ndarray) and value.ndim == 2 and value.size > 0
    if not is_mask or value.dtype.kind not in "iu" or value.min() < 0 or value.max() > 1:
        raise _unexpected(path, f"{what}: mask is no H x W array of 0 and 1")
    mask: Mask = value.astype(bool)
    return mask


def _unexpected(path: Path, found: str) -> DataError:
    return DataError(
        f"Annotation file {path}: {found}; expected anno.objects with class, mask and parts "
        "(part_name, mask), as PASCAL-Part has it. Copy the file again, or take it out."
    )
