"""RLE against pycocotools and by hand, polygons, and the overlap rule."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from wps_sam.errors import DataError
from wps_sam.geometry.masks import (
    mask_to_box,
    mask_to_rle,
    paint_semantic,
    polygon_to_box,
    polygons_to_mask,
    rle_area,
    rle_to_mask,
)


def random_mask(height: int, width: int, seed: int) -> NDArray[np.bool_]:
    """A blotchy mask, so that runs of many lengths occur."""
    rng = np.random.default_rng(seed)
    return np.repeat(rng.random((height, width)) > rng.random(), 1 + seed % 7, axis=0)[:height]


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@settings(max_examples=60)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(0, 10_000))
def test_rle__round_trip_and_pycocotools_agree(height: int, width: int, seed: int) -> None:
    mask = random_mask(height, width, seed)
    rle = mask_to_rle(mask)
    np.testing.assert_array_equal(rle_to_mask(rle), mask)
    np.testing.assert_array_equal(coco_mask.decode(rle).astype(bool), rle_to_mask(rle))


def test_rle__long_runs() -> None:
    # Runs above 32 and above 1024 need two and three characters, and shrinking runs a sign.
    mask = np.zeros((3000, 4), bool)
    mask[10:2500, 0] = mask[5:9, 1] = mask[2000:, 3] = True
    np.testing.assert_array_equal(rle_to_mask(mask_to_rle(mask)), mask)


def test_rle_to_mask__uncompressed_by_hand() -> None:
    # Down the columns: 1 zero, 2 ones, 3 zeros.
    mask = rle_to_mask({"size": [3, 2], "counts": [1, 2, 3]})
    np.testing.assert_array_equal(mask, [[0, 0], [1, 0], [1, 0]])
    assert mask.dtype == bool
    assert mask.flags.c_contiguous


def test_rle_to_mask__bytes_and_text_are_alike() -> None:
    rle = mask_to_rle(np.eye(5, dtype=bool))
    as_bytes = {"size": rle["size"], "counts": rle["counts"].encode()}
    np.testing.assert_array_equal(rle_to_mask(as_bytes), np.eye(5, dtype=bool))


@pytest.mark.parametrize(
    ("rle", "message"),
    [
        ({"size": [3, 2], "counts": [1, 2]}, r"add up to height x width = 3 x 2 = 6; found 2 runs"),
        ({"size": [3, 2], "counts": [8, -2]}, r"must be 0 or more"),
        ({"size": [3, 2], "counts": [1.5, 4.5]}, r"whole numbers; found \[1.5"),
        ({"size": [3, 2], "counts": [[1], 5]}, r"whole numbers"),
        ({"size": [3, 2], "counts": "12\x7f"}, r"are damaged: expected characters"),
        ({"size": [3, 2], "counts": ""}, r"are damaged"),
        ({"size": [3, 2], "counts": "1P"}, r"the last one ending a number"),
        ({"size": [3, 2], "counts": "P" * 20 + "1"}, r"impossible number"),
        ({"size": [0, 2], "counts": []}, r"size of 1 or more; found 0 x 2"),
        ({"counts": [6]}, r'needs "size" \[height, width\] and "counts"'),
        ({"size": 6, "counts": [6]}, r'needs "size"'),
        # Consistent, but a million million pixels would be allocated.
        ({"size": [10**6, 10**6], "counts": [10**12]}, r"1000000 x 1000000 pixels .* more than"),
        ({"size": [10**400, 1], "counts": [1]}, r"1{1}0{19} x 1 pixels .* more than"),
        # 2**64 wraps to 0, so that the sum would come out right.
        (
            {"size": [3, 2], "counts": [2**63 - 1, 2**63 - 1, 2, 6]},
            r"is 9223372036854775807 pixels long",
        ),
    ],
    ids=[
        *("short", "negative", "fraction", "ragged", "character", "empty"),
        *("cut-off", "too-long", "no-pixels", "no-size", "size-type"),
        *("absurd", "immense", "overflow"),
    ],
)
def test_rle_to_mask__damaged(rle: dict[str, Any], message: str) -> None:
    for function in (rle_to_mask, rle_area):
        with pytest.raises(DataError, match=message) as caught:
            function(rle)
        assert len(str(caught.value)) < 400


@pytest.mark.parametrize("counts", ["031O", b"031O", [0, 3, 1, 2]])  # O: 2 - 3 = -1
def test_rle_area__by_hand(counts: Any) -> None:
    assert rle_area({"size": [3, 2], "counts": counts}) == 5


def test_rle_to_mask__size_of_another_image() -> None:
    rle = mask_to_rle(np.ones((4, 6), bool))
    with pytest.raises(DataError, match=r"5 x 6 = 30; found .* adding up to 24.*another size"):
        rle_to_mask({**rle, "size": [5, 6]})


@pytest.mark.parametrize("shape", [(0, 3), (3,), (1, 2, 3)], ids=str)
def test_mask_to_rle__wrong_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"shape \(H, W\)"):
        mask_to_rle(np.zeros(shape, bool))


def test_polygons_to_mask__square_by_hand() -> None:
    mask = polygons_to_mask([[1, 1, 4, 1, 4, 3, 1, 3]], (5, 6))
    expected = np.zeros((5, 6), bool)
    expected[1:3, 1:4] = True
    np.testing.assert_array_equal(mask, expected)


def test_polygons_to_mask__union_and_outside() -> None:
    mask = polygons_to_mask([[-5, 0, 2, 0, 2, 1, -5, 1], [3, 0, 4, 0, 4, 1, 3, 1]], (2, 5))
    np.testing.assert_array_equal(mask, [[1, 1, 0, 1, 0], [0, 0, 0, 0, 0]])


def test_polygons_to_mask__four_numbers_are_no_box() -> None:
    assert not polygons_to_mask([[0, 0, 4, 4], [1, 1]], (5, 5)).any()
    assert polygons_to_mask([], (5, 4)).shape == (5, 4)


@pytest.mark.parametrize(
    "polygon",
    [[0, 0, 1, 0, 1, float("nan")], [0, 0, 1e9, 0, 1, 1], [0, 0, 1, 0, 1, 1, 2], [[0, 0]] * 6],
    ids=["nan", "absurd", "odd", "nested"],
)
def test_polygons_to_mask__rejects(polygon: list[float]) -> None:
    with pytest.raises(DataError, match=r"flat list x0, y0, x1, y1.*finite numbers"):
        polygons_to_mask([polygon], (5, 5))


def test_polygons_to_mask__text_in_it() -> None:
    broken: list[Any] = [0, 0, "a", 0, 1, 1]
    with pytest.raises(DataError, match=r"flat list of numbers; found.*'a'"):
        polygons_to_mask([broken], (5, 5))


@pytest.mark.parametrize("broken", [10**400, "a" * 4000, None])
def test_polygons_to_mask__number_of_hundreds_of_digits(broken: Any) -> None:
    with pytest.raises(DataError, match=r"A polygon must be a flat list") as caught:
        polygons_to_mask([[0, 0, 1, 0, broken, 1]], (5, 5))
    assert len(str(caught.value)) < 200


def test_polygon_to_box__hand_computed() -> None:
    np.testing.assert_array_equal(polygon_to_box([3, 9, 1, 4, 7.5, 2]), [1, 2, 7.5, 9])


def test_mask_to_box__exclusive_edges() -> None:
    mask = np.zeros((5, 7), bool)
    mask[2, 3] = True
    np.testing.assert_array_equal(mask_to_box(mask), [3, 2, 4, 3])
    mask[4, 6] = True
    np.testing.assert_array_equal(mask_to_box(mask), [3, 2, 7, 5])
    assert mask_to_box(mask).dtype == np.float32


def test_mask_to_box__empty_mask() -> None:
    np.testing.assert_array_equal(mask_to_box(np.zeros((4, 4), bool)), [0, 0, 0, 0])


def bar(start: int, stop: int) -> NDArray[np.bool_]:
    """A mask of one row and six columns, true from start to stop."""
    mask = np.zeros((1, 6), bool)
    mask[0, start:stop] = True
    return mask


def test_paint_semantic__smaller_part_on_top_whatever_the_order() -> None:
    small, large = bar(2, 4), bar(0, 6)
    for masks, classes in (([small, large], [4, 0]), ([large, small], [0, 4])):
        painted = paint_semantic(masks, classes, (1, 6))
        np.testing.assert_array_equal(painted, [[1, 1, 5, 5, 1, 1]])


def test_paint_semantic__ties() -> None:
    masks = np.stack([bar(0, 3), bar(2, 5)])
    later_wins = paint_semantic(masks, [0, 1], (1, 6))
    np.testing.assert_array_equal(later_wins, [[1, 1, 2, 2, 2, 0]])
    score_wins = paint_semantic(masks, [0, 1], (1, 6), scores=[0.9, 0.1])
    np.testing.assert_array_equal(score_wins, [[1, 1, 1, 2, 2, 0]])


def test_paint_semantic__area_beats_score() -> None:
    painted = paint_semantic([bar(0, 6), bar(0, 1)], [0, 1], (1, 6), scores=[0.9, 0.1])
    np.testing.assert_array_equal(painted, [[2, 1, 1, 1, 1, 1]])


@pytest.mark.parametrize(
    ("class_index", "num_classes", "dtype"),
    [(254, None, np.uint8), (255, None, np.uint16), (0, 255, np.uint8), (0, 256, np.uint16)],
    ids=str,
)
def test_paint_semantic__dtype(class_index: int, num_classes: int | None, dtype: type) -> None:
    painted = paint_semantic([bar(0, 1)], [class_index], (1, 6), num_classes=num_classes)
    assert painted.dtype == dtype
    assert painted[0, 0] == class_index + 1


def test_paint_semantic__nothing_to_paint() -> None:
    painted = paint_semantic([], [], (3, 4))
    assert painted.shape == (3, 4)
    assert painted.dtype == np.uint8
    assert not painted.any()


def test_paint_semantic__bad_input() -> None:
    with pytest.raises(DataError, match="found 1 masks, 2 classes and 2 scores"):
        paint_semantic([bar(0, 1)], [0, 1], (1, 6))
    with pytest.raises(DataError, match=r"Mask 0 has shape \(1, 6\), but the label map is \(2, 6"):
        paint_semantic([bar(0, 1)], [0], (2, 6))
    with pytest.raises(DataError, match="from 0 to 2; found 3 to 3"):
        paint_semantic([bar(0, 1)], [3], (1, 6), num_classes=3)
    with pytest.raises(DataError, match="found -1 to -1"):
        paint_semantic([bar(0, 1)], [-1], (1, 6))
