"""COCO keypoints: named ones are parts of their own, unnamed ones points on one part."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wps_sam.errors import DataError
from wps_sam.labels.formats.coco import open_coco
from wps_sam.labels.remarks import Skip
from wps_sam.labels.weak_reading import read_weak

Coco = dict[str, Any]
Write = Callable[[Any], Path]

OBJECT = "its category is an object whose keypoints are the parts"


@pytest.fixture
def bird(coco: Coco) -> Coco:
    """A category 7 that names three keypoints, with one object; category 0 stays a part."""
    coco["categories"][0] = {"id": 7, "name": "bird", "keypoints": ["beak", "left_eye", "tail"]}
    coco["annotations"][1] = {
        "id": 17,
        "image_id": 3,
        "category_id": 7,
        "bbox": [5, 5, 40, 30],
        "segmentation": [[5, 5, 45, 5, 45, 35]],
        "keypoints": [8, 9, 2, 0, 0, 0, 40.5, 30, 1],
        "num_keypoints": 2,
    }
    return coco


def test_named__each_labelled_one_is_a_part(bird: Coco, write: Write) -> None:
    dataset = read_weak(open_coco(write(bird)))
    # The own ids are 7 and 0, so the keypoints have 8, 9, 10; the bird itself is no class.
    assert dataset.class_names == ("door", "beak", "left_eye", "tail")
    assert dataset.category_ids == (0, 8, 9, 10)
    first = dataset.images[0]
    assert first.class_index.tolist() == [1, 3, 0]
    assert first.has_box.tolist() == [False, False, True]
    np.testing.assert_array_equal(first.points_xy[0], [[8, 9]])
    np.testing.assert_array_equal(first.points_xy[1], [[40.5, 30]])
    assert dataset.skipped == ()
    assert [note.record for note in dataset.notes] == ["category 7 'bird'"]


def test_named__record_and_ids(bird: Coco, write: Write) -> None:
    found = list(open_coco(write(bird)).annotations())
    assert [a.record for a in found] == [
        "annotation 16 of image 8 (b.jpg)",
        "keypoint 'beak' of annotation 17 of image 3 (a.jpg)",
        "keypoint 'tail' of annotation 17 of image 3 (a.jpg)",
        "annotation 18 of image 3 (a.jpg)",
    ]
    assert [a.annotation_id for a in found] == [16, 17, None, 18]
    assert [a.segmentation for a in found] == [None] * 4


@pytest.mark.parametrize(
    "change",
    [{"keypoints": [0] * 9}, {"keypoints": []}, {"keypoints": None}, {"iscrowd": 1}],
    ids=["none labelled", "empty", "null", "crowd"],
)
def test_named__object_without_keypoints_is_skipped(
    bird: Coco, write: Write, change: dict[str, Any]
) -> None:
    bird["annotations"][1].update(change)
    dataset = read_weak(open_coco(write(bird)))
    assert dataset.class_names == ("door", "beak", "left_eye", "tail")
    assert dataset.skipped == (Skip("annotation 17 of image 3 (a.jpg)", OBJECT, on_purpose=True),)


def test_named__equal_names_of_two_objects_get_the_objects_name(bird: Coco, write: Write) -> None:
    bird["categories"].append({"id": 30, "name": "fish", "keypoints": ["tail"]})
    dataset = read_weak(open_coco(write(bird)))
    assert dataset.class_names == ("door", "beak", "left_eye", "bird tail", "fish tail")
    assert dataset.category_ids == (0, 31, 32, 33, 34)


def test_unnamed__points_on_the_part(coco: Coco, write: Write) -> None:
    coco["annotations"][1]["keypoints"] = [12, 21, 2, 0, 0, 0, 39, 24.5, 1]
    dataset = read_weak(open_coco(write(coco)))
    first = dataset.images[0]
    assert dataset.class_names == ("wheel", "door")
    np.testing.assert_array_equal(first.boxes_xyxy[0], [10, 20, 40, 25])
    np.testing.assert_array_equal(first.points_xy[0], [[12, 21], [39, 24.5]])
    assert first.points_xy[1].shape == (0, 2)


def test_unnamed__empty_list_of_names(coco: Coco, write: Write) -> None:
    for category in coco["categories"]:
        category["keypoints"] = []
    assert read_weak(open_coco(write(coco))).class_names == ("wheel", "door")


def test_unnamed__none_labelled_and_no_box(coco: Coco, write: Write) -> None:
    coco["annotations"][1].update(bbox=None, keypoints=[0, 0, 0])
    (skip,) = read_weak(open_coco(write(coco))).skipped
    assert skip == Skip("annotation 17 of image 3 (a.jpg)", "no bbox and no usable polygon")


def test_points__the_simplest_point_file(coco: Coco, write: Write) -> None:
    coco["annotations"] = [{"image_id": 3, "category_id": 7, "points": [[5, 6]]}]
    dataset = read_weak(open_coco(write(coco)))
    np.testing.assert_array_equal(dataset.images[0].points_xy[0], [[5, 6]])
    assert dataset.images[0].has_box.tolist() == [False]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keypoints": [1, 2]}, r"keypoints must be a list x, y, v, .*found 2 values. Correct"),
        ({"keypoints": {"x": 1}}, r"keypoints must be a list .*found \"\{'x': 1\}\""),
        ({"keypoints": [1, "2", 2]}, r"annotation 17 of image 3 \(a\.jpg\): keypoints must be num"),
        ({"keypoints": [1, True, 2]}, r"keypoints must be numbers"),
        ({"keypoints": [1, 2, 7]}, r"a\.jpg\): keypoint 0 has visibility 7; expected 0 \(not lab"),
        ({"keypoints": [1, 2, 0, 1, 2, -1]}, r"keypoint 1 has visibility -1; expected 0"),
        ({"keypoints": [1, 2, float("nan")]}, r"keypoint 0 has visibility nan; expected 0"),
        (
            {"keypoints": [1, 2, 0.87]},
            r"0 .*, 1 \(hidden\) or 2 \(visible\)\. Correct the annotation",
        ),
        ({"keypoints": [1, 2, 2]}, r"has 1 keypoints, but its category names 3. Correct the ann"),
        ({"points": [[1, 2]]}, r"has both 'keypoints' and 'points'. Keep one of them"),
    ],
    ids=[
        "two",
        "no list",
        "text",
        "bool",
        "seven",
        "negative",
        "not a number",
        "score",
        "too few",
        "both",
    ],
)
def test_bad_keypoints(bird: Coco, write: Write, change: dict[str, Any], message: str) -> None:
    bird["annotations"][1].update(change)
    with pytest.raises(DataError, match=message):
        read_weak(open_coco(write(bird)))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("beak", r"category 7 \(bird\) has keypoints 'beak'; expected a list of names. Correct"),
        (["beak", 3], r"expected a list of names"),
        (["beak", " "], r"expected a list of names"),
        (["beak", "eye", "beak "], r"category 7 \(bird\) names the keypoint 'beak' twice"),
    ],
    ids=["no list", "number", "blank", "twice"],
)
def test_bad_names(bird: Coco, write: Write, names: Any, message: str) -> None:
    bird["categories"][0]["keypoints"] = names
    with pytest.raises(DataError, match=message):
        open_coco(write(bird))
