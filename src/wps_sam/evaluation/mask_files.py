"""True masks that lie in files of their own: label maps (PNG) and PASCAL-Part's MATLAB files.

Readers of labels say where a mask is by a small mapping of plain values; here it is decoded.
The last files stay in memory, because an image's parts come together.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from wps_sam.errors import DataError
from wps_sam.evaluation.cvat_masks import cvat_rle_to_runs
from wps_sam.evaluation.runs import Runs, mask_to_runs
from wps_sam.images.index_png import LabelPixels, read_index_png
from wps_sam.images.pascal_mat import MatObject, read_pascal_mat

_FILES_KEPT = 4
_EIGHT_NEIGHBOURS = 8


def is_mask_file(segmentation: Mapping[str, Any]) -> bool:
    """Whether a segmentation says where a mask is, rather than holding its run lengths."""
    kind = segmentation.get("kind")
    return isinstance(kind, str) and kind in _DECODERS


def read_mask_file(segmentation: Mapping[str, Any], hw: tuple[int, int]) -> Runs:
    """Decode a mask that lies in another file.

    Args:
        segmentation: One of

            - `{"kind": "label_map", "file": PNG, "value": v}`: all pixels with this value; with
              `"seed": [x, y]` only the piece that holds this pixel (8-connected).
            - `{"kind": "pascal_mat", "file": MAT, "object": i, "take": [...]}`: of the object at
              position i the union of the parts at the positions in `take`, of "object" (all its
              pixels) and of "rest" (its pixels that belong to no part).
            - `{"kind": "cvat_rle", ...}`: not in a file, but in CVAT's own run lengths (see
              `cvat_masks`).
        hw: (height, width) of the image, original frame.

    Returns:
        (R,) int64 run lengths.

    Raises:
        DataError: The mapping is malformed, the file is damaged or has another size than the
            image, or it has no such object, part or piece.
    """
    if not is_mask_file(segmentation):
        raise _malformed(segmentation)
    try:
        return _DECODERS[segmentation["kind"]](segmentation, hw)
    except (KeyError, TypeError, ValueError) as error:
        raise _malformed(segmentation) from error


def _label_map(segmentation: Mapping[str, Any], hw: tuple[int, int]) -> Runs:
    """Pixels of one value, or one connected piece of them."""
    path, value = _file(segmentation), _whole_number(segmentation, "value")
    pixels = _label_pixels(path)
    _check_hw(path, pixels.shape, hw)
    if "seed" not in segmentation:
        return mask_to_runs(pixels == value)
    x, y = _pixel(segmentation["seed"], hw)
    pieces = _pieces(path, value)
    if pieces[y, x] == 0:
        raise DataError(f"label map {path} has no value {value} at x {x}, y {y}; it has changed")
    return mask_to_runs(pieces == pieces[y, x])


def _pascal_mat(segmentation: Mapping[str, Any], hw: tuple[int, int]) -> Runs:
    """Union of some parts of one object."""
    path, position = _file(segmentation), _whole_number(segmentation, "object")
    objects = _mat_objects(path)
    if not 0 <= position < len(objects):
        raise DataError(f"annotation file {path} has no object {position + 1}")
    item = objects[position]
    _check_hw(path, item.mask.shape, hw)
    take = segmentation.get("take")
    if not isinstance(take, list) or not take:
        raise DataError(f"annotation file {path}: no parts are named, found {str(take)[:60]}")
    mask = np.zeros(hw, bool)
    for entry in take:
        mask |= _piece_of(path, item, entry)
    return mask_to_runs(mask)


def _piece_of(path: str, item: MatObject, entry: Any) -> NDArray[np.bool_]:
    """Mask of one entry of `take`."""
    if entry == "object":
        return item.mask
    if entry == "rest":
        covered = [part.mask for part in item.parts]
        return item.mask & ~np.any(covered, axis=0) if covered else item.mask
    if type(entry) is not int or not 0 <= entry < len(item.parts):
        raise DataError(f"annotation file {path}: object {item.name} has no part {entry!r}")
    return item.parts[entry].mask


_DECODERS: dict[str, Callable[[Mapping[str, Any], tuple[int, int]], Runs]] = {
    "cvat_rle": cvat_rle_to_runs,
    "label_map": _label_map,
    "pascal_mat": _pascal_mat,
}


def _label_pixels(path: str) -> LabelPixels:
    return _kept_pixels(path, _stamp(path))


def _mat_objects(path: str) -> tuple[MatObject, ...]:
    return _kept_objects(path, _stamp(path))


def _pieces(path: str, value: int) -> NDArray[np.int32]:
    """(H, W) number of the 8-connected piece that each pixel of a value belongs to; 0 elsewhere."""
    return _kept_pieces(path, value, _stamp(path))


def _stamp(path: str) -> tuple[int, int]:
    """Changes when a file is written again, so that no outdated content is used."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return 0, 0  # reading it gives the error
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=_FILES_KEPT)
def _kept_pixels(path: str, stamp: tuple[int, int]) -> LabelPixels:
    return read_index_png(Path(path))


@lru_cache(maxsize=_FILES_KEPT)
def _kept_objects(path: str, stamp: tuple[int, int]) -> tuple[MatObject, ...]:
    return read_pascal_mat(Path(path))


@lru_cache(maxsize=_FILES_KEPT)
def _kept_pieces(path: str, value: int, stamp: tuple[int, int]) -> NDArray[np.int32]:
    chosen = (_kept_pixels(path, stamp) == value).astype(np.uint8)
    pieces: NDArray[np.int32] = cv2.connectedComponents(chosen, connectivity=_EIGHT_NEIGHBOURS)[1]
    return pieces


def _check_hw(path: str, shape: Sequence[int], hw: tuple[int, int]) -> None:
    """Raise DataError if a mask is not of its image's size."""
    if tuple(shape) != tuple(hw):
        raise DataError(
            f"the masks in {path} are {shape[0]} x {shape[1]} (height x width), but the image is "
            f"{hw[0]} x {hw[1]}; masks must be in the original frame of the image"
        )


def _malformed(segmentation: Mapping[str, Any]) -> DataError:
    return DataError(f"no mask is meant by {str(dict(segmentation))[:120]}")


def _file(segmentation: Mapping[str, Any]) -> str:
    """The file of a mapping."""
    path = segmentation.get("file")
    if not isinstance(path, str):
        raise _malformed(segmentation)
    return path


def _whole_number(segmentation: Mapping[str, Any], key: str) -> int:
    """A whole number of a mapping."""
    value = segmentation.get(key)
    if type(value) is not int:
        raise DataError(f"mask file {segmentation['file']}: {key} is {value!r}, no whole number")
    return value


def _pixel(seed: Any, hw: tuple[int, int]) -> tuple[int, int]:
    """(x, y) of a pixel inside the image."""
    is_pair = isinstance(seed, list) and len(seed) == 2 and all(type(v) is int for v in seed)
    if not is_pair or not (0 <= seed[0] < hw[1] and 0 <= seed[1] < hw[0]):
        raise DataError(f"seed {seed!r} is no pixel [x, y] of the image")
    return seed[0], seed[1]
