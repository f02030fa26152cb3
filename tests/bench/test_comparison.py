"""Agreement of two predictions that are drawn by hand."""

import numpy as np
import pytest

from wps_sam.bench.comparison import PathAgreement, compare_paths
from wps_sam.geometry.masks import mask_to_box
from wps_sam.inference.prediction import PartPrediction

Part = tuple[int, tuple[int, int, int, int]]


def drawn(*parts: Part) -> PartPrediction:
    """Parts (class, (left, top, right, bottom)) in 10 x 20 pixels."""
    masks = np.zeros((len(parts), 10, 20), bool)
    for mask, (_, (left, top, right, bottom)) in zip(masks, parts, strict=True):
        mask[top:bottom, left:right] = True
    return PartPrediction(
        masks=masks,
        class_index=np.array([index for index, _ in parts], np.int64),
        class_names=("a", "b"),
        scores=np.linspace(0.9, 0.5, len(parts), dtype=np.float32),
        boxes_xyxy=np.array([mask_to_box(mask) for mask in masks], np.float32).reshape(-1, 4),
    )


def test_equal() -> None:
    parts: tuple[Part, ...] = ((0, (0, 0, 4, 4)), (1, (5, 5, 9, 9)))
    # The order does not count.
    assert compare_paths(drawn(*parts), drawn(*parts[::-1])) == PathAgreement(200, 200, 2)


def test_one_pixel() -> None:
    # 4 x 4 against 4 x 5: four pixels more, IoU 16 / 20.
    found = compare_paths(drawn((0, (0, 0, 4, 4))), drawn((0, (0, 0, 5, 4))))
    assert found == PathAgreement(200, 196, 0, 1)
    assert found.equal_share == pytest.approx(0.98)


def test_less_than_half__two_parts() -> None:
    # 4 x 4 each, 4 x 2 of them common: IoU 8 / 24. 8 pixels are in the one only, 8 in the other.
    found = compare_paths(drawn((0, (0, 0, 4, 4))), drawn((0, (0, 2, 4, 6))))
    assert found == PathAgreement(200, 184, 0, 0, 1, 1)


def test_another_class__two_parts() -> None:
    box = (0, 0, 4, 4)
    assert compare_paths(drawn((0, box)), drawn((1, box))) == PathAgreement(200, 184, 0, 0, 1, 1)


def test_twins__each_is_taken_once() -> None:
    twin: Part = (0, (0, 0, 4, 4))
    assert compare_paths(drawn(twin, twin), drawn(twin)) == PathAgreement(200, 200, 1, 0, 1, 0)
    assert compare_paths(drawn(), drawn(twin)) == PathAgreement(200, 184, 0, 0, 0, 1)


def test_total() -> None:
    found = PathAgreement.total([PathAgreement(10, 9, 1, 2, 3, 4), PathAgreement(30, 30, 1)])
    assert found == PathAgreement(40, 39, 2, 2, 3, 4)
    assert found.parts == 11
    assert found.equal_share == pytest.approx(0.975)
    assert PathAgreement().equal_share == 1
