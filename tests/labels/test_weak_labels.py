"""The types: no mask can be held, and images can be split."""

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from wps_sam.errors import DataError
from wps_sam.labels.remarks import Note, Skip
from wps_sam.labels.weak_labels import WeakDataset, WeakImage


def weak_image(number: int, parts: int = 1) -> WeakImage:
    """An image with some parts."""
    return WeakImage(
        image_id=number,
        path=Path(f"{number}.jpg"),
        file_name=f"{number}.jpg",
        height=4,
        width=5,
        class_index=np.zeros(parts, np.int64),
        boxes_xyxy=np.zeros((parts, 4), np.float32),
    )


def weak_dataset(images: int) -> WeakDataset:
    """A data set with some images."""
    skipped = (Skip("x", "small"), Skip("y", "odd"), Skip("z", "odd"))
    return WeakDataset(
        source=Path("labels.json"),
        class_names=("wheel",),
        category_ids=(1,),
        images=tuple(weak_image(number) for number in range(images)),
        skipped=skipped,
        notes=(Note("x", "clipped"),),
    )


def test_types__have_no_place_for_a_mask() -> None:
    assert [field.name for field in fields(WeakImage)] == [
        *("image_id", "path", "file_name", "height", "width"),
        *("class_index", "boxes_xyxy", "points_xy"),
    ]
    assert [field.name for field in fields(WeakDataset)] == [
        *("source", "class_names", "category_ids", "images", "skipped", "notes")
    ]


def test_weak_image__no_parts_is_legal() -> None:
    assert weak_image(0, parts=0).boxes_xyxy.shape == (0, 4)


def test_weak_image__arrays_must_fit() -> None:
    with pytest.raises(DataError, match=r"Image a\.jpg: expected .* found \(2,\) and \(3, 4\)"):
        WeakImage(
            image_id=1,
            path=Path("a.jpg"),
            file_name="a.jpg",
            height=4,
            width=5,
            class_index=np.zeros(2, np.int64),
            boxes_xyxy=np.zeros((3, 4), np.float32),
        )


def test_counts__most_frequent_first() -> None:
    dataset = weak_dataset(1)
    assert list(dataset.skip_counts().items()) == [("odd", 2), ("small", 1)]
    assert dataset.note_counts() == {"clipped": 1}


def test_subset__order_and_the_rest_stays() -> None:
    dataset = weak_dataset(4)
    chosen = dataset.subset([2, 0])
    assert [image.image_id for image in chosen.images] == [2, 0]
    assert chosen.skipped == dataset.skipped
    assert len(dataset.images) == 4


@pytest.mark.parametrize("index", [4, -1])
def test_subset__no_such_image(index: int) -> None:
    with pytest.raises(DataError, match=rf"images 0 to 3; there is no image {index}"):
        weak_dataset(4).subset([0, index])


@pytest.mark.parametrize(
    ("images", "n", "held_out"),
    [(10, 5, [4, 9]), (9, 5, [4]), (3, 5, []), (4, 2, [1, 3])],
    ids=str,
)
def test_split_every__hand_computed(images: int, n: int, held_out: list[int]) -> None:
    rest, held = weak_dataset(images).split_every(n)
    assert [image.image_id for image in held.images] == held_out
    expected_rest = [i for i in range(images) if i not in held_out]
    assert [image.image_id for image in rest.images] == expected_rest


@pytest.mark.parametrize("n", [1, 0, -3])
def test_split_every__nothing_would_be_left(n: int) -> None:
    with pytest.raises(DataError, match=f"every {n}th image leaves nothing to train on.*2 or more"):
        weak_dataset(4).split_every(n)


def with_points(
    boxes: list[list[float]], points: tuple[NDArray[np.float32], ...] = ()
) -> WeakImage:
    """An image with these boxes and points, all of class 0."""
    return WeakImage(
        image_id=1,
        path=Path("a.jpg"),
        file_name="a.jpg",
        height=40,
        width=60,
        class_index=np.zeros(len(boxes), np.int64),
        boxes_xyxy=np.array(boxes, np.float32).reshape(-1, 4),
        points_xy=points,
    )


NO_BOX = [np.nan] * 4
BOX = [1.0, 2.0, 5.0, 6.0]
NO_POINTS = np.zeros((0, 2), np.float32)
TWO_POINTS = np.array([[1, 2], [3, 4]], np.float32)


def test_weak_image__boxes_and_points_mixed() -> None:
    image = with_points([BOX, NO_BOX, BOX], (NO_POINTS, TWO_POINTS, TWO_POINTS[:1]))
    assert image.has_box.tolist() == [True, False, True]
    assert image.has_points.tolist() == [False, True, True]


def test_weak_image__without_points() -> None:
    image = with_points([BOX, BOX])
    assert [points.shape for points in image.points_xy] == [(0, 2), (0, 2)]
    assert image.has_points.tolist() == [False, False]
    assert with_points([]).has_points.dtype == np.bool_
    assert with_points([]).has_box.shape == (0,)


@pytest.mark.parametrize(
    ("boxes", "points", "message"),
    [
        ([BOX, NO_BOX], (), r"a\.jpg: part 1 has neither box nor point; expected four numbers"),
        ([BOX, NO_BOX], (TWO_POINTS, NO_POINTS), r"part 1 has neither box nor point"),
        ([[1, 2, np.nan, 4]], (TWO_POINTS,), r"part 0 has a box that is partly NaN"),
        ([BOX, BOX], (TWO_POINTS,), r"points \(K, 2\) for each of 2 parts; found \[\(2, 2\)\]"),
        ([BOX], (TWO_POINTS[0],), r"found \[\(2,\)\]"),
    ],
    ids=["no points at all", "none for this part", "half a box", "too few", "no pairs"],
)
def test_weak_image__points_must_fit(
    boxes: list[list[float]], points: tuple[NDArray[np.float32], ...], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        with_points(boxes, points)


def test_label_bytes__by_hand() -> None:
    # Class 0 as int64, the box 0 0 0 0 as float32; nothing more, as before there were points.
    assert weak_image(3).label_bytes() == bytes(8) + bytes(16)
    # Then how many points each part has, and 1.0 and 2.0 as little-endian float32.
    point = np.array([[1, 2]], np.float32)
    assert replace(weak_image(3), points_xy=(point,)).label_bytes() == (
        bytes(8) + bytes(16) + b"[1]" + bytes.fromhex("0000803f 00000040")
    )


def test_digest__of_what_is_labelled_wherever_it_is() -> None:
    labels = weak_dataset(2)
    first, second = labels.images
    moved = replace(first, path=Path("elsewhere") / first.path, image_id="x")
    same = replace(labels, source=Path("dataset.yaml"), images=(moved, second), skipped=())
    assert same.digest() == labels.digest()
    point = np.array([[1, 2]], np.float32)
    others = [
        replace(labels, class_names=("tyre",)),
        replace(labels, category_ids=(2,)),
        labels.subset([0]),
        labels.subset([1, 0]),
        *(
            replace(labels, images=(changed, second))
            for changed in (
                replace(first, file_name="other.jpg"),
                replace(first, width=6),
                replace(first, class_index=np.ones(1, np.int64)),
                replace(first, boxes_xyxy=np.ones((1, 4), np.float32)),
                replace(first, points_xy=(point,)),
                weak_image(0, parts=2),
            )
        ),
    ]
    digests = {other.digest() for other in (labels, *others)}
    assert len(digests) == len(others) + 1
    assert all(len(digest) == 64 for digest in digests)
