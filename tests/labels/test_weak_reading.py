"""Weak labels from COCO: which boxes come out, what is left out, and that no mask is read."""

import copy
import cProfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from wps_sam.errors import DataError
from wps_sam.images.reading import read_image
from wps_sam.labels.formats.coco import open_coco
from wps_sam.labels.label_file import LabelAnnotation, LabelCategory, LabelFile, LabelImage
from wps_sam.labels.remarks import Note, Skip
from wps_sam.labels.weak_labels import WeakDataset
from wps_sam.labels.weak_reading import read_weak

Coco = dict[str, Any]
Write = Callable[[Any], Path]

SQUARE = [10, 20, 40, 20, 40, 25, 10, 25]
OTHER = [0, 0, 5, 0, 5, 6]


def read_coco(
    path: Path, *, images_dir: Path | None = None, keep_groups: bool = False
) -> WeakDataset:
    """The weak labels of a COCO file."""
    return read_weak(open_coco(path, images_dir=images_dir), keep_groups=keep_groups)


def assert_same(first: WeakDataset, second: WeakDataset) -> None:
    """Two data sets hold the same bits."""
    assert first.class_names == second.class_names
    assert first.category_ids == second.category_ids
    for one, other in zip(first.images, second.images, strict=True):
        assert (one.image_id, one.path, one.file_name) == (
            *(other.image_id, other.path, other.file_name),
        )
        assert (one.height, one.width) == (other.height, other.width)
        assert one.class_index.tobytes() == other.class_index.tobytes()
        assert one.boxes_xyxy.tobytes() == other.boxes_xyxy.tobytes()
        assert [p.tolist() for p in one.points_xy] == [p.tolist() for p in other.points_xy]


def test_read_weak__boxes(coco: Coco, write: Write, tmp_path: Path) -> None:
    dataset = read_coco(write(coco))
    assert dataset.class_names == ("wheel", "door")
    assert dataset.category_ids == (7, 0)
    first, second = dataset.images
    assert (first.path, first.file_name) == (tmp_path / "a.jpg", "a.jpg")
    assert (first.height, first.width) == (40, 60)
    np.testing.assert_array_equal(first.class_index, [0, 1])
    np.testing.assert_array_equal(first.boxes_xyxy, [[10, 20, 40, 25], [0, 0, 60, 40]])
    np.testing.assert_array_equal(second.boxes_xyxy, [[1, 2, 4, 6]])
    assert first.class_index.dtype == np.dtype(np.int64)
    assert first.boxes_xyxy.dtype == np.dtype(np.float32)
    assert dataset.skipped == ()
    assert dataset.notes == ()


def test_read_weak__image_without_parts_stays(coco: Coco, write: Write) -> None:
    del coco["annotations"][0]
    dataset = read_coco(write(coco))
    assert dataset.images[1].boxes_xyxy.shape == (0, 4)
    assert dataset.images[1].class_index.dtype == np.int64


def test_read_weak__masks_are_never_needed(coco: Coco, write: Write) -> None:
    coco["images"].append({"id": 9, "file_name": "c.jpg", "height": 40, "width": 60})
    path = write(coco)
    Image.new("RGB", (60, 40)).save(path.parent / "c.jpg")
    rng = np.random.default_rng(0)
    coco["annotations"] = []
    for number in range(200):
        # Quarters are exact in binary, so x + width has no rounding.
        x0, y0, width, height = (rng.integers([-20, -20, 4, 4], [180, 100, 90, 90]) / 4).tolist()
        x1, y1 = x0 + width, y0 + height
        polygon = [x0, y0 + height / 2, x0 + width / 2, y0, x1, y0 + height / 4, x0 + width / 4, y1]
        coco["annotations"].append(
            {
                "id": number,
                "image_id": int(rng.choice([3, 8, 9])),
                "category_id": int(rng.choice([0, 7])),
                "bbox": [x0, y0, width, height],
                "segmentation": [polygon],
                "area": 5.0,
                "iscrowd": 0,
            }
        )
    with_polygons = read_coco(write(coco))
    stripped = copy.deepcopy(coco)
    for annotation in stripped["annotations"]:
        del annotation["segmentation"]
    without_polygons = read_coco(write(stripped))
    assert sum(len(image.class_index) for image in with_polygons.images) > 150
    assert_same(with_polygons, without_polygons)
    assert with_polygons.skip_counts() == without_polygons.skip_counts()


def test_read_weak__one_part_per_polygon(coco: Coco, write: Write) -> None:
    coco["annotations"][1]["segmentation"] = [SQUARE, OTHER]
    image = read_coco(write(coco)).images[0]
    expected = [[10, 20, 40, 25], [0, 0, 5, 6], [0, 0, 60, 40]]
    np.testing.assert_array_equal(image.boxes_xyxy, expected)
    np.testing.assert_array_equal(image.class_index, [0, 0, 1])


def test_read_weak__keep_groups(coco: Coco, write: Write) -> None:
    coco["annotations"][1]["segmentation"] = [SQUARE, OTHER]
    image = read_coco(write(coco), keep_groups=True).images[0]
    np.testing.assert_array_equal(image.boxes_xyxy, [[0, 0, 40, 25], [0, 0, 60, 40]])


@pytest.mark.parametrize(
    "segmentation",
    [{"size": [40, 60], "counts": "not decoded"}, {"counts": [1], "size": [1, 1]}, [], None],
    ids=["compressed", "uncompressed", "empty", "null"],
)
def test_read_weak__bbox_where_there_are_no_polygons(
    coco: Coco, write: Write, segmentation: Any
) -> None:
    expected = read_coco(write(coco))
    coco["annotations"][1]["segmentation"] = segmentation
    assert_same(read_coco(write(coco)), expected)


def test_read_weak__bare_polygon(coco: Coco, write: Write) -> None:
    coco["annotations"][1]["segmentation"] = OTHER
    np.testing.assert_array_equal(read_coco(write(coco)).images[0].boxes_xyxy[0], [0, 0, 5, 6])


@pytest.mark.parametrize(
    ("polygon", "reason"),
    [
        ([1, 2], "polygon with fewer than three points"),
        ([1, 2, 30, 30], "polygon with fewer than three points"),
        ([], "polygon with fewer than three points"),
        ([0, 0, 5, 0, 5], "polygon is not a list x0, y0, x1, y1, ... of finite numbers"),
        ([0, 0, 5, 0, 5, float("nan")], "polygon is not a list x0, y0, x1, y1, ... of fini"),
        ([0, 0, 5, 0, 5, "6"], "polygon is not a list"),
        ([0, 0, 5, 0, 5, 10**400], "polygon is not a list"),
        ("abc", "polygon is not a list"),
        ([0, 0, 5, 0, 9, 0], "box without area"),
        ([70, 0, 75, 0, 75, 6], "box outside the image"),
    ],
    ids=["2", "4", "0", "odd", "nan", "text", "huge", "no list", "line", "outside"],
)
def test_read_weak__bad_polygon_beside_a_good_one(
    coco: Coco, write: Write, polygon: Any, reason: str
) -> None:
    coco["annotations"][1]["segmentation"] = [SQUARE, polygon]
    dataset = read_coco(write(coco))
    np.testing.assert_array_equal(dataset.images[0].boxes_xyxy[0], [10, 20, 40, 25])
    assert len(dataset.images[0].class_index) == 2
    (skip,) = dataset.skipped
    assert skip.record == "polygon 1 of annotation 17 of image 3 (a.jpg)"
    assert skip.reason.startswith(reason)


def test_read_weak__bbox_when_all_polygons_are_bad(coco: Coco, write: Write) -> None:
    coco["annotations"][1]["segmentation"] = [[1, 2, 3, 4]]
    dataset = read_coco(write(coco))
    np.testing.assert_array_equal(dataset.images[0].boxes_xyxy[0], [10, 20, 40, 25])
    assert dataset.skipped == (
        Skip("polygon of annotation 17 of image 3 (a.jpg)", "polygon with fewer than three points"),
    )


NO_BOX = object()


@pytest.mark.parametrize(
    ("bbox", "reason"),
    [
        ([60, 0, 5, 5], "box outside the image"),
        ([-9, -9, 9, 9], "box outside the image"),
        ([10, 20, 0, 5], "box without area"),
        ([10, 20, 1e-9, 5], "box without area"),
        ([40, 25, -30, -5], "bbox with negative width or height: its corners are swapped"),
        ([10, 20, float("nan"), 5], "bbox has a number that is not finite"),
        ([10, 20, float("inf"), 5], "bbox has a number that is not finite"),
        ([10, 20, 10**400, 5], "bbox has a number that is not finite"),
        ([10, 20, "30", 5], "bbox is not four numbers [x, y, width, height]"),
        ([10, 20, None, 5], "bbox is not four numbers [x, y, width, height]"),
        ([10, 20, True, 5], "bbox is not four numbers [x, y, width, height]"),
        ([10, 20, 30], "bbox is not four numbers [x, y, width, height]"),
        ("10 20", "bbox is not four numbers [x, y, width, height]"),
        ([], "no bbox and no usable polygon"),
        (None, "no bbox and no usable polygon"),
        (NO_BOX, "no bbox and no usable polygon"),
    ],
    ids=[
        *("right of it", "touching corner", "zero width", "tiny", "swapped", "nan", "inf", "huge"),
        *("text", "null in it", "bool", "three", "string", "empty", "null", "no key"),
    ],
)
def test_read_weak__bad_bbox_is_skipped_and_counted(
    coco: Coco, write: Write, bbox: Any, reason: str
) -> None:
    coco["annotations"][1]["bbox"] = bbox
    if bbox is NO_BOX:
        del coco["annotations"][1]["bbox"]
    dataset = read_coco(write(coco))
    assert dataset.skipped == (Skip("annotation 17 of image 3 (a.jpg)", reason),)
    assert dataset.skip_counts() == {reason: 1}
    np.testing.assert_array_equal(dataset.images[0].boxes_xyxy, [[0, 0, 60, 40]])


@pytest.mark.parametrize("iscrowd", [1, True])
def test_read_weak__crowd(coco: Coco, write: Write, iscrowd: Any) -> None:
    coco["annotations"][1]["iscrowd"] = iscrowd
    coco["annotations"][2]["iscrowd"] = type(iscrowd)(0)
    dataset = read_coco(write(coco))
    assert dataset.skip_counts() == {"iscrowd: one region around many parts": 1}
    assert len(dataset.images[0].class_index) == 1


def test_read_weak__annotation_of_the_background(coco: Coco, write: Write) -> None:
    coco["categories"][0]["name"] = "_background_"
    dataset = read_coco(write(coco))
    assert dataset.class_names == ("door",)
    assert dataset.category_ids == (0,)
    np.testing.assert_array_equal(dataset.images[0].class_index, [0])
    assert dataset.skip_counts() == {"its category becomes no class": 1}
    assert dataset.note_counts() == {"stands for background and becomes no class": 1}


def test_read_weak__partly_outside_is_clipped_and_noted(coco: Coco, write: Write) -> None:
    coco["annotations"][1]["bbox"] = [-10, 30, 80, 30]
    dataset = read_coco(write(coco))
    np.testing.assert_array_equal(dataset.images[0].boxes_xyxy[0], [0, 30, 60, 40])
    (note,) = dataset.notes
    assert note.record == "annotation 17 of image 3 (a.jpg)"
    assert note.text == "box reached outside the image and was clipped"
    assert dataset.skipped == ()


def test_read_weak__rounding_is_not_worth_a_note(coco: Coco, write: Write) -> None:
    coco["annotations"][2]["bbox"] = [0, 0, 60.000001, 40]
    dataset = read_coco(write(coco))
    assert dataset.images[0].boxes_xyxy[1, 2] == 60
    assert dataset.notes == ()


def test_read_weak__speck_is_kept_and_noted(coco: Coco, write: Write) -> None:
    coco["annotations"][1]["segmentation"] = [SQUARE, [3, 3, 4, 3, 4, 4]]
    dataset = read_coco(write(coco))
    np.testing.assert_array_equal(dataset.images[0].boxes_xyxy[1], [3, 3, 4, 4])
    (note,) = dataset.notes
    assert note.record == "polygon 1 of annotation 17 of image 3 (a.jpg)"
    assert note.text.startswith("box under 2 pixels wide or high")


def test_read_weak__annotation_without_id(coco: Coco, write: Write) -> None:
    del coco["annotations"][1]["id"]
    coco["annotations"][1]["bbox"] = [0, 0, 0, 0]
    (skip,) = read_coco(write(coco)).skipped
    assert skip.record == "annotation at position 1 of image 3 (a.jpg)"


def test_read_weak__nothing_usable(coco: Coco, write: Write) -> None:
    for annotation in coco["annotations"]:
        annotation["bbox"] = [0, 0, 0, 0]
    coco["annotations"][0]["bbox"] = None
    message = r"none of its 3 annotations can be used \(2 x box without area; 1 x no bbox.*Check"
    with pytest.raises(DataError, match=message):
        read_coco(write(coco))


def test_read_weak__size_from_the_image(coco: Coco, write: Write) -> None:
    for image in coco["images"]:
        del image["height"], image["width"]
    coco["annotations"][1]["bbox"] = [10, 20, 300, 500]
    dataset = read_coco(write(coco))
    assert (dataset.images[0].height, dataset.images[0].width) == (40, 60)
    np.testing.assert_array_equal(dataset.images[0].boxes_xyxy[0], [10, 20, 60, 40])


def test_read_weak__missing_image(coco: Coco, write: Write) -> None:
    coco["images"][1]["file_name"] = "gone.jpg"
    with pytest.raises(DataError, match=r"image 8 \(gone\.jpg\) is missing. Tried: .*images.gone"):
        read_coco(write(coco))


def test_read_weak__two_records_lead_to_one_file(coco: Coco, write: Write) -> None:
    coco["images"][0]["file_name"] = "day/a.jpg"
    coco["images"][1]["file_name"] = "night/a.jpg"
    message = r"images 3 \(day/a\.jpg\) and 8 \(night/a\.jpg\) both lead to .*a\.jpg. Keep the fold"
    with pytest.raises(DataError, match=message):
        read_coco(write(coco))


def test_read_weak__record_size_differs_from_image(coco: Coco, write: Write) -> None:
    coco["images"][0]["height"] = 50
    image = read_coco(write(coco)).images[0]
    with pytest.raises(DataError, match=r"a\.jpg is 40 x 60 .*record says 50 x 60"):
        read_image(image.path, (image.height, image.width))


def test_read_weak__calls_per_annotation(coco: Coco, write: Write) -> None:
    """Large files are read in about twice the time of their parsing: no call for every corner."""
    few, many = (_calls_of_reading(coco, write, annotations=number) for number in (100, 1_100))
    # 66 calls here; one more for each of the 34 coordinates would be 100.
    assert (many - few) / 1_000 < 80


def _calls_of_reading(coco: Coco, write: Write, *, annotations: int) -> int:
    """The functions called, in Python and in C, to read a file of 17 corners an annotation."""
    polygon = [10.5, 20.25, 40.0, 20.25] * 8
    coco["annotations"] = [
        {
            "id": number,
            "image_id": 3 if number % 2 else 8,
            "category_id": 7,
            "bbox": [10.5, 20.25, 29.5, 9.75],
            "segmentation": [[*polygon, 12.0, 30.0]],
        }
        for number in range(annotations)
    ]
    path = write(coco)
    profile = cProfile.Profile()
    profile.runcall(read_coco, path)
    return sum(entry.callcount for entry in profile.getstats())


def test_read_weak__points_without_box(coco: Coco, write: Write) -> None:
    coco["annotations"][1] = {"id": 17, "image_id": 3, "category_id": 7, "points": [[10.5, 20]]}
    image = read_coco(write(coco)).images[0]
    assert image.has_box.tolist() == [False, True]
    np.testing.assert_array_equal(image.points_xy[0], [[10.5, 20]])
    assert image.points_xy[0].dtype == np.float32
    assert image.points_xy[1].shape == (0, 2)


def test_read_weak__points_beside_a_box(coco: Coco, write: Write) -> None:
    coco["annotations"][1]["points"] = [[12, 21], [39, 24]]
    dataset = read_coco(write(coco))
    np.testing.assert_array_equal(dataset.images[0].boxes_xyxy[0], [10, 20, 40, 25])
    np.testing.assert_array_equal(dataset.images[0].points_xy[0], [[12, 21], [39, 24]])
    assert dataset.notes == ()
    assert dataset.skipped == ()


def test_read_weak__a_point_beside_its_box_is_used_and_noted(coco: Coco, write: Write) -> None:
    coco["annotations"][1]["points"] = [[12, 21], [50, 24]]
    dataset = read_coco(write(coco))
    assert len(dataset.images[0].points_xy[0]) == 2
    assert dataset.notes == (
        Note("point 1 of annotation 17 of image 3 (a.jpg)", "point outside the box of its part"),
    )


def test_read_weak__each_piece_gets_the_points_inside_its_box(coco: Coco, write: Write) -> None:
    # SQUARE spans 10..40 x 20..25, OTHER 0..5 x 0..6; the last point is in neither.
    coco["annotations"][1].update(
        segmentation=[SQUARE, OTHER], points=[[11, 21], [1, 1], [40, 25], [30, 5]]
    )
    dataset = read_coco(write(coco))
    first, second, _ = dataset.images[0].points_xy
    np.testing.assert_array_equal(first, [[11, 21], [40, 25]])
    np.testing.assert_array_equal(second, [[1, 1]])
    assert dataset.skipped == (
        Skip(
            "point 3 of annotation 17 of image 3 (a.jpg)",
            "point in none of the pieces of its annotation",
        ),
    )


@pytest.mark.parametrize(
    ("bbox", "notes"),
    [
        (None, []),
        ([0, 0, 0, 0], ["its box cannot be used, but its points are: box without area"]),
        ([90, 0, 5, 5], ["its box cannot be used, but its points are: box outside the image"]),
    ],
    ids=["none", "zeros", "outside"],
)
def test_read_weak__points_in_the_place_of_a_bad_box(
    coco: Coco, write: Write, bbox: Any, notes: list[str]
) -> None:
    coco["annotations"][1].update(bbox=bbox, points=[[5, 6]])
    dataset = read_coco(write(coco))
    assert dataset.images[0].has_box.tolist() == [False, True]
    assert list(dataset.note_counts()) == notes
    assert dataset.skipped == ()


@pytest.mark.parametrize(
    ("point", "reason"),
    [
        ([60.5, 3], "point outside the image"),
        ([3, -1], "point outside the image"),
        ([3, float("nan")], "point has a number that is not finite"),
        ([10**400, 3], "point has a number that is not finite"),
        ([3], "point is not a pair of numbers [x, y]"),
        ([3, 4, 2], "point is not a pair of numbers [x, y]"),
        (["3", 4], "point is not a pair of numbers [x, y]"),
        ([True, 4], "point is not a pair of numbers [x, y]"),
        (7, "point is not a pair of numbers [x, y]"),
    ],
    ids=["right", "above", "nan", "huge", "one", "three", "text", "bool", "no list"],
)
def test_read_weak__bad_point_is_skipped_and_counted(
    coco: Coco, write: Write, point: Any, reason: str
) -> None:
    coco["annotations"][1].update(bbox=None, points=[[5, 6], point])
    dataset = read_coco(write(coco))
    np.testing.assert_array_equal(dataset.images[0].points_xy[0], [[5, 6]])
    assert dataset.skipped == (Skip("point 1 of annotation 17 of image 3 (a.jpg)", reason),)
    coco["annotations"][1]["points"] = [point]
    skipped = read_coco(write(coco)).skipped
    assert skipped == (
        Skip("point 0 of annotation 17 of image 3 (a.jpg)", reason),
        Skip("annotation 17 of image 3 (a.jpg)", "no usable point"),
    )


def test_read_weak__bad_points_and_a_bad_box_each_say_why(coco: Coco, write: Write) -> None:
    coco["annotations"][1].update(bbox=[0, 0, 0, 0], points=[[99, 3], [99, 4]])
    assert read_coco(write(coco)).skip_counts() == {
        "point outside the image": 2,
        "box without area": 1,
    }


def test_read_weak__points_that_are_no_list(coco: Coco, write: Write) -> None:
    coco["annotations"][1]["points"] = {"x": 1}
    dataset = read_coco(write(coco))
    assert dataset.images[0].has_box.all()
    assert dataset.skip_counts() == {"points are not a list of pairs [x, y]": 1}


def test_read_weak__rounding_is_clamped(coco: Coco, write: Write) -> None:
    coco["annotations"][1].update(bbox=None, points=[[60.000001, -0.000001]])
    dataset = read_coco(write(coco))
    np.testing.assert_array_equal(dataset.images[0].points_xy[0], [[60, 0]])


NUMBERS = st.one_of(st.integers(-100, 200), st.floats(), st.none(), st.text(max_size=3))
ANYTHING = st.one_of(NUMBERS, st.lists(st.one_of(NUMBERS, st.lists(NUMBERS, max_size=3))))


@given(bbox=st.one_of(st.none(), st.lists(NUMBERS, max_size=5)), points=ANYTHING)
@settings(deadline=None, max_examples=150)
def test_read_weak__any_points_give_sound_labels_or_a_reason(bbox: Any, points: Any) -> None:
    image = LabelImage(1, "a.jpg", 40, 60, 0)
    annotations = [
        LabelAnnotation("shape 0 of a.json", image, 7, bbox, None, points),
        LabelAnnotation("shape 1 of a.json", image, 7, [0, 0, 5, 5]),
    ]
    labels = LabelFile(
        path=Path("a.json"),
        label_format="coco",
        images=[image],
        categories=[LabelCategory(7, "wheel")],
        read_annotations=lambda: annotations,
        find_image=lambda record: Path("a.jpg"),
    )
    dataset = read_weak(labels)
    (found,) = dataset.images
    for part in found.points_xy:
        assert ((part >= 0) & (part <= [60, 40])).all()
    if len(found.class_index) == 1:
        assert dataset.skipped
