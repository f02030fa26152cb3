"""Run lengths: the compact form in which evaluation holds masks.

A mask of one megapixel has a few hundred runs, so painting runs is some ten times faster than
decoding each mask to pixels first, and a whole image's parts fit in a few kilobytes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pycocotools import mask as coco_mask

from wps_sam.errors import DataError
from wps_sam.geometry.masks import (
    MIN_POLYGON_VALUES,
    checked_polygon,
    decompress_counts,
    integer_runs,
    rle_fields,
)

Runs = NDArray[np.int64]
"""(R,) lengths of runs of 0s and 1s in turn (0s first), down the columns; they add up to H * W."""


def rle_to_runs(rle: Mapping[str, Any], hw: tuple[int, int]) -> Runs:
    """Read the run lengths of a COCO RLE and check that they fill the image exactly.

    Args:
        rle: `size` [H, W] and `counts`: compressed str or bytes, or an uncompressed list.
        hw: (height, width) of the image, original frame.

    Returns:
        (R,) int64 run lengths.

    Raises:
        DataError: The RLE is malformed, or its size or its runs do not fit the image.
    """
    height, width, counts = rle_fields(rle)
    if (height, width) != tuple(hw):
        raise DataError(
            f"the mask's size is {height} x {width} (height x width), but the image is "
            f"{hw[0]} x {hw[1]}; masks must be in the original frame of the image"
        )
    is_compressed = isinstance(counts, str | bytes)
    runs = decompress_counts(counts) if is_compressed else integer_runs(counts)
    if (runs < 0).any() or runs.sum() != height * width:
        raise DataError(
            f"the mask's runs must be 0 or more and add up to {height} x {width} = "
            f"{height * width}; found {len(runs)} runs adding up to {runs.sum()}; the mask is "
            "damaged or belongs to an image of another size"
        )
    return runs


def mask_to_runs(mask: ArrayLike) -> Runs:
    """Run lengths of a decoded mask.

    Args:
        mask: (H, W), bool or 0/1, original frame.

    Returns:
        (R,) int64 run lengths.
    """
    flat = np.asarray(mask).astype(bool, copy=False).T.reshape(-1)
    borders = np.flatnonzero(np.diff(flat, prepend=False))
    return np.diff(borders, prepend=0, append=flat.size).astype(np.int64)


def polygons_to_runs(polygons: Sequence[Sequence[float]], hw: tuple[int, int]) -> Runs:
    """Rasterise the union of polygons as COCO does, straight to run lengths.

    Args:
        polygons: Flat lists x0, y0, x1, y1, ... in pixels of the original frame; those with fewer
            than three points enclose no pixel.
        hw: (height, width) of the image.

    Returns:
        (R,) int64 run lengths.

    Raises:
        DataError: A polygon is not a flat list of finite numbers.
    """
    flat = [checked_polygon(polygon) for polygon in polygons if len(polygon) >= MIN_POLYGON_VALUES]
    if not flat:
        return np.array([hw[0] * hw[1]], np.int64)
    return rle_to_runs(coco_mask.merge(coco_mask.frPyObjects(flat, *hw)), hw)


def runs_area(runs: Runs) -> int:
    """Number of pixels in the mask."""
    return int(runs[1::2].sum())
