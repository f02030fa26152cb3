"""CVAT's masks come out as pycocotools, and a reader's eye, have them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from wps_sam.errors import DataError
from wps_sam.evaluation.cvat_masks import cvat_rle_to_runs
from wps_sam.evaluation.runs import mask_to_runs

# The mask of docs.cvat.ai, XML annotation format, moved towards the corner of a small image.
DOCUMENTED = (
    *(3, 5, 7, 7, 5, 9, 3, 11, 2, 11, 2, 12, 1, 12, 1, 26, 1, 12, 1, 12, 2, 11, 3, 9, 5, 7, 7, 5),
    3,
)


def encoded(counts: list[int], box: list[int], hw: tuple[int, int] = (20, 30)) -> dict[str, Any]:
    return {"kind": "cvat_rle", "image_hw": list(hw), "box": box, "runs": counts}


def test_cvat_rle_to_runs__by_hand() -> None:
    # Rows of the box, 3 wide: 0 1 1 / 1 0 0, with its corner at x 1, y 1 of a 4 x 5 image.
    mask = np.zeros((4, 5), bool)
    mask[1, 2:4] = mask[2, 1] = True
    runs = cvat_rle_to_runs(encoded([1, 3, 2], [1, 1, 3, 2], (4, 5)), (4, 5))
    # Down the columns: 6 off, pixel (2, 1) on, 2 off, (1, 2) on, 3 off, (1, 3) on, 6 off.
    assert runs.tolist() == [6, 1, 2, 1, 3, 1, 6]
    assert runs.tolist() == mask_to_runs(mask).tolist()


def test_cvat_rle_to_runs__documented_example() -> None:
    runs = cvat_rle_to_runs(encoded(list(DOCUMENTED), [4, 2, 13, 15]), (20, 30))
    # Along the rows of a box is down the columns of the transposed box, which COCO's code reads.
    rle = coco_mask.frPyObjects({"size": [13, 15], "counts": list(DOCUMENTED)}, 13, 15)
    mask = np.zeros((20, 30), bool)
    mask[2:17, 4:17] = coco_mask.decode(rle).T
    assert mask[2].nonzero()[0].tolist() == [7, 8, 9, 10, 11]
    assert runs.tolist() == mask_to_runs(mask).tolist()


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_cvat_rle_to_runs__any_mask(data: st.DataObject) -> None:
    height, width = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 6))
    left, top = data.draw(st.integers(0, 7 - width)), data.draw(st.integers(0, 8 - height))
    bits = data.draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width))
    mask = np.zeros((8, 7), bool)
    mask[top : top + height, left : left + width] = np.reshape(bits, (height, width))
    counts, is_on = [0], False
    for bit in bits:
        if bit != is_on:
            counts.append(0)
            is_on = bit
        counts[-1] += 1
    runs = cvat_rle_to_runs(encoded(counts, [left, top, width, height], (8, 7)), (8, 7))
    assert runs.tolist() == mask_to_runs(mask).tolist()


@pytest.mark.parametrize(
    ("counts", "box", "hw", "message"),
    [
        ([6], [0, 0, 3, 2], (4, 6), r"the mask's image is 4 x 5 .* but the image is 4 x 6"),
        ([6], [3, 0, 3, 2], (4, 5), r"box \(left 3, top 0, width 3, height 2\) does not fit"),
        ([6], [0, 3, 3, 2], (4, 5), r"does not fit into the image of 4 x 5"),
        ([5], [0, 0, 3, 2], (4, 5), r"add up to width x height = 3 x 2 = 6; found 1 runs adding"),
        ([7, -1], [0, 0, 3, 2], (4, 5), r"found 2 runs adding up to 6; the mask is damaged"),
        ([2**62, 2**62, 2**62, 2**62, 6], [0, 0, 3, 2], (4, 5), r"A run of a mask is 46.* long"),
        ([10**30], [0, 0, 3, 2], (4, 5), r"Run lengths must be whole numbers"),
    ],
)
def test_cvat_rle_to_runs__damaged(
    counts: list[int], box: list[int], hw: tuple[int, int], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        cvat_rle_to_runs(encoded(counts, box, (4, 5)), hw)


def test_cvat_rle_to_runs__absurd_image() -> None:
    hw = (10**9, 10**9)
    with pytest.raises(
        DataError, match=r"said to have 1000000000 x 1000000000 pixels .* more than"
    ):
        cvat_rle_to_runs(encoded([10**18], [0, 0, *hw], hw), hw)
