"""Masks, run-length encodings, polygons, and the one rule for overlapping parts.

A mask is a (H, W) bool array in the original frame. An RLE is COCO's `{"size": [height, width],
"counts": ...}`: run lengths of 0s and 1s in turn, down the columns.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pycocotools import mask as coco_mask

from wps_sam.errors import DataError
from wps_sam.geometry.boxes import polygon_extent

MIN_POLYGON_VALUES = 6
"""Three points: fewer enclose no area (and pycocotools would read four values as a box)."""

MAX_PIXELS = 1 << 29
"""Pixels of the largest mask; beyond, a wrong size in a label file would eat all memory."""

# pycocotools walks along every edge pixel by pixel, so one absurd coordinate would eat all memory.
_MAX_POLYGON_COORDINATE = 100_000.0

Mask = NDArray[np.bool_]


def mask_to_rle(mask: ArrayLike) -> dict[str, Any]:
    """Encode a mask as compressed RLE that can be written to JSON.

    Args:
        mask: (H, W), bool or 0/1.

    Returns:
        `{"size": [H, W], "counts": str}`.

    Raises:
        DataError: The mask is not two-dimensional or has no pixel.
    """
    array = np.asarray(mask)
    if array.ndim != 2 or array.size == 0:
        raise DataError(f"A mask must have shape (H, W) with H, W >= 1; found {array.shape}.")
    encoded = coco_mask.encode(np.asfortranarray(array.astype(bool, copy=False).astype(np.uint8)))
    return {"size": [int(n) for n in encoded["size"]], "counts": encoded["counts"].decode("ascii")}


def rle_to_mask(rle: Mapping[str, Any]) -> Mask:
    """Decode an RLE and check that its runs fill the mask exactly.

    pycocotools returns uninitialised memory when the runs stop early, so the decoding is done here.

    Args:
        rle: `size` [H, W] and `counts`: compressed str or bytes, or an uncompressed list.

    Returns:
        (H, W) bool, C-contiguous.

    Raises:
        DataError: A key is missing, H * W is absurd, or the runs are malformed or do not add up to
            H * W.
    """
    height, width, runs = _checked_runs(rle)
    values = np.arange(len(runs)) % 2 == 1
    return np.ascontiguousarray(np.repeat(values, runs).reshape(width, height).T)


def rle_area(rle: Mapping[str, Any]) -> int:
    """Count the pixels of an RLE without decoding it to pixels.

    Args:
        rle: As for `rle_to_mask`.

    Returns:
        Number of pixels in the mask.

    Raises:
        DataError: As for `rle_to_mask`.
    """
    return int(_checked_runs(rle)[2][1::2].sum())


def _checked_runs(rle: Mapping[str, Any]) -> tuple[int, int, NDArray[np.int64]]:
    """Return height, width and the (R,) runs of an RLE, or raise DataError."""
    height, width, counts = rle_fields(rle)
    is_compressed = isinstance(counts, str | bytes)
    runs = decompress_counts(counts) if is_compressed else integer_runs(counts)
    if (runs < 0).any() or runs.sum() != height * width:
        raise DataError(
            f"The runs of a mask must be 0 or more and add up to height x width = {height} x "
            f"{width} = {height * width}; found {len(runs)} runs adding up to {runs.sum()}. "
            "The mask is damaged or belongs to an image of another size."
        )
    return height, width, runs


def rle_fields(rle: Mapping[str, Any]) -> tuple[int, int, Any]:
    """Return height, width and raw counts of an RLE, or raise DataError.

    An absurd size is refused here, before anything of that size is made.
    """
    try:
        (height, width), counts = rle["size"], rle["counts"]
        height, width = int(height), int(width)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise DataError(
            'A run-length encoding needs "size" [height, width] and "counts"; found '
            f"{repr(rle)[:120]}."
        ) from error
    if height < 1 or width < 1:
        raise DataError(
            f"A run-length encoding needs a size of 1 or more; found {height} x {width}."
        )
    if height * width > MAX_PIXELS:
        raise DataError(
            f"A run-length encoding is said to have {str(height)[:20]} x {str(width)[:20]} pixels "
            f"(height x width), more than {MAX_PIXELS}; a mask of that size is not decoded. "
            "Correct the size, of the image too if it has the same."
        )
    return height, width, counts


def integer_runs(counts: Any) -> NDArray[np.int64]:
    """Return an uncompressed list of run lengths as (R,) int64, or raise DataError."""
    try:
        runs = np.asarray(counts)
    except ValueError as error:
        raise DataError(f"Run lengths must be whole numbers; found {str(counts)[:80]}.") from error
    if runs.ndim != 1 or (runs.size and runs.dtype.kind not in "iu"):
        raise DataError(f"Run lengths must be whole numbers; found {str(counts)[:80]}.")
    return _refuse_huge(runs.astype(np.int64))


def decompress_counts(counts: str | bytes) -> NDArray[np.int64]:
    """Undo COCO's string compression of run lengths.

    Each character carries 5 bits, lowest first; bit 5 says that more follow, and bit 4 of a
    number's last character is its sign. From the fourth run on, the number is the difference to
    the run two before.

    Args:
        counts: The compressed string.

    Returns:
        (R,) int64 run lengths.

    Raises:
        DataError: A character outside the alphabet, or a number that is cut off or too long.
    """
    raw = counts.encode("latin-1", "replace") if isinstance(counts, str) else counts
    codes = np.frombuffer(raw, np.uint8).astype(np.int64) - 48
    if codes.size == 0 or codes.min() < 0 or codes.max() > 63 or codes[-1] & 0x20:
        raise DataError(
            f"The compressed run lengths {raw[:40]!r}... are damaged: expected characters from '0' "
            "to 'o', the last one ending a number. Export the masks again."
        )
    is_last = (codes & 0x20) == 0
    starts = np.flatnonzero(np.concatenate([[True], is_last[:-1]]))
    position = np.arange(codes.size) - np.repeat(starts, np.diff([*starts, codes.size]))
    if position.max() > 9:
        raise DataError(f"The compressed run lengths {raw[:40]!r}... hold an impossible number.")
    runs: NDArray[np.int64] = np.add.reduceat((codes & 0x1F) << (5 * position), starts)
    is_negative = (codes[is_last] & 0x10) != 0
    runs -= np.where(is_negative, 1 << (5 * (position[is_last] + 1)), 0)
    runs[1::2] = np.cumsum(runs[1::2])
    runs[2::2] = np.cumsum(runs[2::2])
    return _refuse_huge(runs)


def _refuse_huge(runs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the runs; DataError if one is so long that their sum could overflow and look right."""
    if runs.max(initial=0) > MAX_PIXELS:
        raise DataError(
            f"A run of a mask is {runs.max()} pixels long, more than the {MAX_PIXELS} that a whole "
            "mask may have. The mask is damaged."
        )
    return runs


def polygons_to_mask(polygons: Sequence[Sequence[float]], hw: tuple[int, int]) -> Mask:
    """Rasterise the union of polygons as COCO does.

    Args:
        polygons: Flat lists x0, y0, x1, y1, ... in pixels of the original frame. Parts outside the
            image are cut off. A polygon with fewer than three points encloses no pixel.
        hw: (height, width) of the mask.

    Returns:
        (H, W) bool.

    Raises:
        DataError: A polygon has an odd number of values, or a value that is not finite or is
            absurdly far outside the image.
    """
    flat = [checked_polygon(polygon) for polygon in polygons if len(polygon) >= MIN_POLYGON_VALUES]
    if not flat:
        return np.zeros(hw, dtype=bool)
    return rle_to_mask(coco_mask.merge(coco_mask.frPyObjects(flat, *hw)))


def checked_polygon(polygon: Sequence[float]) -> list[float]:
    """Return the polygon as a list of floats, or raise DataError."""
    try:
        values = np.asarray(polygon, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f"A polygon must be a flat list of numbers; found {str(polygon)[:80]}."
        ) from error
    # The comparison is also false for NaN.
    is_sound = values.ndim == 1 and bool((np.abs(values) <= _MAX_POLYGON_COORDINATE).all())
    if not is_sound or len(values) % 2:
        raise DataError(
            "A polygon must be a flat list x0, y0, x1, y1, ... of finite numbers up to "
            f"{_MAX_POLYGON_COORDINATE:.0f} pixels; found {str(polygon)[:80]}."
        )
    result: list[float] = values.tolist()
    return result


def polygon_to_box(polygon: Sequence[float]) -> NDArray[np.float64]:
    """Box around a polygon.

    Args:
        polygon: Flat list x0, y0, x1, y1, ..., at least one point, any frame.

    Returns:
        (4,) float64, xyxy in the same frame.

    Raises:
        DataError: No point, or an odd number of coordinates.
    """
    return np.array(polygon_extent(polygon), np.float64)


def mask_to_box(mask: ArrayLike) -> NDArray[np.float32]:
    """Tightest box around a mask's pixels.

    Args:
        mask: (H, W), bool or 0/1.

    Returns:
        (4,) float32, xyxy in the mask's frame; right and bottom edges are exclusive (last pixel
        plus 1), so one pixel gives a box of width 1. All zeros for an empty mask.
    """
    array = np.asarray(mask).astype(bool, copy=False)
    columns, rows = np.flatnonzero(array.any(axis=0)), np.flatnonzero(array.any(axis=1))
    if columns.size == 0:
        return np.zeros(4, np.float32)
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)


def paint_semantic(
    masks: Sequence[ArrayLike] | NDArray[Any],
    class_index: ArrayLike,
    hw: tuple[int, int],
    scores: ArrayLike | None = None,
    num_classes: int | None = None,
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Paint overlapping part masks into one label map.

    This is the overlap rule for truth and prediction alike: larger masks are painted first, so the
    smaller part ends on top; of equal areas the higher score is on top, then the later record.

    Args:
        masks: (P, H, W) bool, or P masks of (H, W).
        class_index: (P,) int, class of each mask, from 0.
        hw: (height, width) of the label map.
        scores: (P,) float, or None where all are alike.
        num_classes: C, to fix the dtype for a whole data set; None takes the largest class here.

    Returns:
        (H, W): 0 is background and k is class k - 1; uint8 for up to 255 classes, else uint16.

    Raises:
        DataError: Lengths or sizes disagree, or a class is out of range.
    """
    classes = np.asarray(class_index, np.int64).reshape(-1)
    ranks = np.zeros(len(classes)) if scores is None else np.asarray(scores, float).reshape(-1)
    parts = [np.asarray(mask).astype(bool, copy=False) for mask in masks]
    _check_paint_input(parts, classes, ranks, hw)
    highest = int(classes.max(initial=-1)) + 1
    if classes.min(initial=0) < 0 or highest > min(num_classes or 65535, 65535):
        raise DataError(
            f"Class indices must run from 0 to {min(num_classes or 65535, 65535) - 1}; found "
            f"{classes.min()} to {classes.max()}."
        )
    dtype = np.uint8 if (num_classes or highest) <= 255 else np.uint16
    canvas = np.zeros(hw, dtype)
    areas = np.array([np.count_nonzero(part) for part in parts])
    # lexsort sorts by its last key first.
    for part_index in np.lexsort((np.arange(len(parts)), ranks, -areas)):
        canvas[parts[part_index]] = classes[part_index] + 1
    return canvas


def _check_paint_input(
    parts: Sequence[Mask], classes: NDArray[np.int64], ranks: NDArray[Any], hw: tuple[int, int]
) -> None:
    """Raise DataError when the arguments of `paint_semantic` do not fit together."""
    if not len(parts) == len(classes) == len(ranks):
        raise DataError(
            f"Each mask needs one class and one score: found {len(parts)} masks, {len(classes)} "
            f"classes and {len(ranks)} scores."
        )
    for part_index, part in enumerate(parts):
        if part.shape != tuple(hw):
            raise DataError(
                f"Mask {part_index} has shape {part.shape}, but the label map is {tuple(hw)} "
                "(height, width); all masks must be in the original frame."
            )
