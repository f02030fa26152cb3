"""Masks to COCO segmentations and back, bit by bit."""

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from wps_sam.toy.tracing import BoolMask, outline_of, segmentation_of

HW = (20, 24)


def _drawn(*boxes: tuple[int, int, int, int]) -> BoolMask:
    mask = np.zeros(HW, dtype=bool)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = True
    return mask


def _decoded(mask: BoolMask) -> BoolMask:
    segmentation = segmentation_of(mask)
    if isinstance(segmentation, list):
        rle = coco_mask.merge(coco_mask.frPyObjects(segmentation, *HW))
    else:
        rle = segmentation
    decoded: BoolMask = coco_mask.decode(rle).astype(bool)
    return decoded


def test_outline_of__a_box_has_four_corners() -> None:
    assert outline_of(_drawn((3, 5, 9, 7))) == [(3, 5), (9, 5), (9, 7), (3, 7)]


@pytest.mark.parametrize(
    ("mask", "is_polygon"),
    [
        (_drawn((3, 5, 9, 7)), True),
        (_drawn((3, 5, 4, 6)), True),
        (_drawn((0, 0, 24, 20)), True),
        (_drawn((2, 2, 10, 5), (2, 5, 4, 15), (0, 8, 4, 9)), True),
        (_drawn((2, 2, 5, 5), (10, 10, 15, 15)), False),
        (_drawn((2, 2, 12, 12)) & ~_drawn((5, 5, 8, 8)), False),
        (_drawn((2, 2, 5, 5), (5, 5, 9, 9)), False),
        (_drawn((5, 2, 9, 5), (2, 5, 5, 9)), False),
        (_drawn((2, 2, 9, 9)) & ~_drawn((4, 4, 5, 5), (5, 5, 6, 6)), False),
        (_drawn((2, 2, 9, 9)) & ~_drawn((2, 2, 4, 4), (4, 4, 6, 6)), False),
        (_drawn((2, 2, 9, 9)) & ~_drawn((7, 2, 9, 4), (5, 4, 7, 6)), False),
        (_drawn(), False),
    ],
    ids=[
        "box",
        "pixel",
        "whole",
        "stairs",
        "two pieces",
        "hole",
        "corner",
        "other corner",
        "holes",
        "bay",
        "other bay",
        "empty",
    ],
)
def test_segmentation_of__is_exact(mask: BoolMask, is_polygon: bool) -> None:
    assert isinstance(segmentation_of(mask), list) == is_polygon
    np.testing.assert_array_equal(_decoded(mask), mask)


def test_segmentation_of__random_blobs_are_exact() -> None:
    rng = np.random.default_rng(5)
    polygons = 0
    for _ in range(60):
        x, y, r = rng.uniform(2, 20), rng.uniform(2, 16), rng.uniform(0.6, 9)
        rows, columns = np.mgrid[: HW[0], : HW[1]]
        mask = np.hypot(rows - y, (columns - x) * rng.uniform(0.4, 1.5)) <= r
        polygons += isinstance(segmentation_of(mask), list)
        np.testing.assert_array_equal(_decoded(mask), mask)
    assert polygons > 50
