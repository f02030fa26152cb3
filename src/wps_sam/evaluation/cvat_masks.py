"""Decode CVAT's masks: run lengths along the rows of a mask's own box.

COCO's run lengths go down the columns of the whole image.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from wps_sam.errors import DataError
from wps_sam.evaluation.runs import Runs, mask_to_runs
from wps_sam.geometry.masks import MAX_PIXELS, integer_runs


def cvat_rle_to_runs(segmentation: Mapping[str, Any], hw: tuple[int, int]) -> Runs:
    """Decode a mask that `wps_sam.labels.formats.cvat` handed on.

    Args:
        segmentation: `{"kind": "cvat_rle", "image_hw": [H, W], "box": [left, top, width, height],
            "runs": [...]}`; whole pixels of the original frame. The runs are lengths of runs of
            0s and 1s in turn (0s first), along the rows of the box.
        hw: (height, width) of the image, original frame.

    Returns:
        (R,) int64 run lengths.

    Raises:
        DataError: The image is too large, the box does not fit into it, or the runs do not fill the
            box.
    """
    left, top, width, height = segmentation["box"]
    if tuple(segmentation["image_hw"]) != tuple(hw):
        stated = segmentation["image_hw"]
        raise DataError(
            f"the mask's image is {stated[0]} x {stated[1]} (height x width), but the image is "
            f"{hw[0]} x {hw[1]}; masks must be in the original frame of the image"
        )
    if hw[0] * hw[1] > MAX_PIXELS:
        raise DataError(
            f"the image is said to have {hw[0]} x {hw[1]} pixels (height x width), more than "
            f"{MAX_PIXELS}; a mask of that size is not decoded"
        )
    if left + width > hw[1] or top + height > hw[0]:
        raise DataError(
            f"the mask's box (left {left}, top {top}, width {width}, height {height}) does not "
            f"fit into the image of {hw[0]} x {hw[1]} (height x width)"
        )
    runs = integer_runs(segmentation["runs"])
    if (runs < 0).any() or runs.sum() != width * height:
        raise DataError(
            f"the mask's runs must be 0 or more and add up to width x height = {width} x {height} "
            f"= {width * height}; found {len(runs)} runs adding up to {runs.sum()}; the mask is "
            "damaged"
        )
    mask = np.zeros(hw, bool)
    crop = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(height, width)
    mask[top : top + height, left : left + width] = crop
    return mask_to_runs(mask)
