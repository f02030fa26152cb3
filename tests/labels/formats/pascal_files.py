"""Annotation files with the structure of PASCAL-Part's, as its 18 real files have it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io import savemat

Box = tuple[int, int, int, int]
"""Left, top, right, bottom; the right column and the bottom row are outside."""

_OBJECT = [("class", "O"), ("class_ind", "O"), ("mask", "O"), ("parts", "O")]
_PART = [("part_name", "O"), ("mask", "O")]


def mask_of(box: Box, hw: tuple[int, int]) -> NDArray[np.uint8]:
    """(H, W) uint8: 1 inside the box."""
    mask = np.zeros(hw, np.uint8)
    left, top, right, bottom = box
    mask[top:bottom, left:right] = 1
    return mask


def write_mat(
    path: Path,
    objects: Sequence[tuple[str, Box, Mapping[str, Box]]],
    hw: tuple[int, int] = (40, 60),
) -> Path:
    """Write anno.imname and anno.objects.

    Args:
        path: The file to make.
        objects: Class, mask and parts of each; no parts are a 0 x 0 struct array, as MATLAB has it.
        hw: Height and width of all masks.
    """
    records = np.zeros((1, len(objects)), _OBJECT)
    for i, (name, box, parts) in enumerate(objects):
        structs = np.zeros((1, len(parts)) if parts else (0, 0), _PART)
        for k, (part, part_box) in enumerate(parts.items()):
            structs[0, k] = (part, mask_of(part_box, hw))
        records[0, i] = (name, np.uint8(i + 1), mask_of(box, hw), structs)
    write_anno(path, path.stem, records)
    return path


def write_anno(path: Path, name: str, objects: Any) -> None:
    """Write any value as anno.objects."""
    anno = np.zeros((1, 1), [("imname", "O"), ("objects", "O")])
    anno[0, 0] = (name, objects)
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"anno": anno}, do_compression=True)
