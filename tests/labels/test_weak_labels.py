"""The types: no mask can be held, and images can be split."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

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
        *("image_id", "path", "file_name", "height", "width", "class_index", "boxes_xyxy")
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
