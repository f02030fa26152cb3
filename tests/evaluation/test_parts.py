"""Run lengths and painting from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wps_sam.errors import DataError
from wps_sam.evaluation.parts import ImageParts, ImagePositions, ScoredImage, ScoredImages
from wps_sam.evaluation.runs import Runs, polygons_to_runs, rle_to_runs, runs_area
from wps_sam.geometry.masks import mask_to_rle, paint_semantic, polygons_to_mask

if TYPE_CHECKING:
    from evaluation.conftest import ClassMask


def one_part(runs: Runs, hw: tuple[int, int]) -> ImageParts:
    return ImageParts(hw, np.zeros(1, np.int64), (runs,), np.zeros(1))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(0, 7), st.integers(1, 9), st.integers(1, 9))
def test_painting_agrees_with_the_overlap_rule(seed: int, count: int, h: int, w: int) -> None:
    rng = np.random.default_rng(seed)
    masks = rng.random((count, h, w)) < rng.random((count, 1, 1))
    classes, scores = rng.integers(0, 5, count), rng.integers(0, 3, count) / 2
    runs = tuple(rle_to_runs(mask_to_rle(mask), (h, w)) for mask in masks)
    parts = ImageParts((h, w), classes, runs, scores)
    painted = parts.label_map(5)
    assert (painted == paint_semantic(masks, classes, (h, w), scores, 5)).all()
    assert painted.dtype == np.uint8
    for mask, run in zip(masks, runs, strict=True):
        assert (one_part(run, (h, w)).label_map(1) == mask).all()
        assert runs_area(run) == mask.sum()


def test_many_classes_use_a_wider_type() -> None:
    parts = ImageParts((1, 2), np.array([299]), (np.array([1, 1]),), np.zeros(1))
    assert parts.label_map(300).tolist() == [[0, 300]]


def test_ignored_regions_are_united() -> None:
    none = ImageParts((1, 3), np.zeros(0, np.int64), (), np.zeros(0))
    assert none.ignore_mask() is None
    ignored = (np.array([0, 1, 2]), np.array([2, 1]))
    both = ImageParts((1, 3), np.zeros(0, np.int64), (), np.zeros(0), ignored)
    mask = both.ignore_mask()
    assert mask is not None
    assert mask.tolist() == [[True, False, True]]


def test_class_runs_pick_one_class(class_mask: ClassMask) -> None:
    runs = (np.array([0, 1, 2]), np.array([2, 1]), np.array([1, 1, 1]))
    parts = ImageParts((1, 3), np.array([4, 1, 4]), runs, np.zeros(3))
    assert class_mask(parts, 4).tolist() == [[True, True, False]]
    assert parts.class_runs(0) == []


def test_polygons_agree_with_geometry() -> None:
    polygons = [[1.0, 1, 6, 1, 6, 4, 1, 4], [2.5, 3, 9, 3, 5, 9], [0.0, 0, 1, 1]]
    runs = polygons_to_runs(polygons, (8, 10))
    painted = one_part(runs, (8, 10)).label_map(1)
    assert (painted == polygons_to_mask(polygons, (8, 10))).all()
    assert runs_area(polygons_to_runs([[0, 0, 1, 1]], (8, 10))) == 0


def test_runs_that_do_not_fit_are_refused() -> None:
    rle = mask_to_rle(np.eye(4))
    with pytest.raises(DataError, match=r"mask's size is 4 x 4.*image is 5 x 4"):
        rle_to_runs(rle, (5, 4))
    with pytest.raises(DataError, match=r"add up to 5 x 4 = 20.*adding up to 16"):
        rle_to_runs({"size": [5, 4], "counts": rle["counts"]}, (5, 4))
    with pytest.raises(DataError, match="adding up to 7"):
        rle_to_runs({"size": [2, 2], "counts": [3, 4]}, (2, 2))
    with pytest.raises(DataError, match="damaged"):
        rle_to_runs({"size": [2, 2], "counts": "~~~"}, (2, 2))


some_ids = st.integers() | st.integers(-3, 3) | st.text(max_size=3)
some_images = st.builds(
    ScoredImage,
    image_id=some_ids,
    file_name=st.text(st.characters(), max_size=8),  # lone surrogates too, as JSON may hold them
    height=st.integers(1, 2**70) | st.integers(1, 3),
    width=st.integers(1, 3),
)


@given(st.lists(some_images, max_size=8))
def test_images_come_back(images: list[ScoredImage]) -> None:
    flat = ScoredImages(iter(images))
    assert list(flat) == images
    assert [type(one.image_id) for one in flat] == [type(one.image_id) for one in images]
    assert flat == tuple(images)
    assert flat[1:] == images[1:]
    assert flat != [*images, ScoredImage(0, "", 1, 1)]
    with pytest.raises(IndexError):
        flat[len(images)]


# In Python -1 and -2 have the same hash.
@given(st.lists(some_ids, max_size=8, unique=True), some_ids)
def test_images_are_found_by_id(ids: list[int | str], other: int | str) -> None:
    positions = ImagePositions(ScoredImages(ScoredImage(one, "", 1, 1) for one in ids))
    assert [positions.find(one) for one in ids] == list(range(len(ids)))
    assert positions.find(other) == (ids.index(other) if other in ids else None)
    assert ImagePositions(ScoredImages([])).find(other) is None
