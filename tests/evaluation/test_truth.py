"""Truth masks: which are read, which are left out and counted, and what is refused."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from wps_sam.errors import ConfigError, DataError
from wps_sam.evaluation.truth import open_truth
from wps_sam.labels.open import open_weak_labels

if TYPE_CHECKING:
    from evaluation.conftest import ClassMask, Scene

SQUARE = [1, 1, 5, 1, 5, 4, 1, 4]
"""4 x 3 pixels."""

OTHER = [6, 6, 9, 6, 9, 9, 6, 9]
"""3 x 3 pixels."""

KEYS = ("images", "categories", "annotations")


def test_every_kind_of_mask_is_read(scene: Scene, class_mask: ClassMask) -> None:
    mask = np.zeros((10, 10), dtype=bool)
    mask[1:4, 1:5] = True
    runs = np.diff(np.flatnonzero(np.diff(mask.T.ravel(), prepend=False)))
    scene.true("a.jpg", "wheel", [SQUARE])
    scene.true("a.jpg", "wheel", SQUARE)
    scene.true("a.jpg", "wheel", mask)
    scene.true("a.jpg", "wheel", {"size": [10, 10], "counts": [11, *runs.tolist(), 56]})
    truth = open_truth(scene.truth_path)
    parts = truth.parts(0)
    assert parts.class_index.tolist() == [0, 0, 0, 0]
    masks = [parts.runs[i].tolist() for i in range(4)]
    assert masks[0] == masks[1] == masks[2] == masks[3]
    assert (class_mask(parts, 0) == mask).all()
    assert truth.skip_counts() == {}


def test_groups_stay_one_mask(scene: Scene, class_mask: ClassMask) -> None:
    scene.true("a.jpg", "wheel", [SQUARE, OTHER])
    truth = open_truth(scene.truth_path, keep_groups=True)
    parts = truth.parts(0)
    assert truth.part_unit == "annotation"
    assert len(parts.runs) == 1
    assert class_mask(parts, 0).sum() == 12 + 9


def test_each_polygon_is_a_part(scene: Scene, class_mask: ClassMask) -> None:
    scene.true("a.jpg", "wheel", [SQUARE, [1, 1], OTHER])
    scene.true("a.jpg", "door", [OTHER])
    scene.true("a.jpg", "door", np.eye(10, dtype=bool))
    truth = open_truth(scene.truth_path)
    parts = truth.parts(0)
    assert truth.part_unit == "polygon"
    assert parts.class_index.tolist() == [0, 0, 1, 1]
    assert [int(runs[1::2].sum()) for runs in parts.runs] == [12, 9, 9, 10]
    grouped = open_truth(scene.truth_path, keep_groups=True).parts(0)
    assert grouped.class_index.tolist() == [0, 1, 1]
    for class_index in (0, 1):
        assert (class_mask(parts, class_index) == class_mask(grouped, class_index)).all()


def test_units_are_those_of_training(scene: Scene) -> None:
    scene.image("b.jpg", with_file=True)
    Path(scene.folder / "a.jpg").write_bytes((scene.folder / "b.jpg").read_bytes())
    scene.true("a.jpg", "wheel", [SQUARE, OTHER])
    scene.true("b.jpg", "door", [SQUARE, [1, 1], OTHER, [0, 0, 4, 0, 4, 9]])
    scene.true("b.jpg", "wheel", OTHER)
    for keep_groups in (False, True):
        labels = open_weak_labels(scene.truth_path, keep_groups=keep_groups)
        truth = open_truth(scene.truth_path, keep_groups=keep_groups)
        for index, image in enumerate(labels.images):
            assert truth.parts(index).class_index.tolist() == image.class_index.tolist()


def test_a_damaged_polygon_is_named_among_its_annotation(scene: Scene) -> None:
    scene.true("a.jpg", "wheel", [SQUARE, [1, 2, 3, 4, 5, 6, 7]])
    truth = open_truth(scene.truth_path)
    with pytest.raises(DataError, match=r"polygon 1 of annotation 1 of image 1 \(a\.jpg\)"):
        truth.parts(0)


def test_supercategories(scene: Scene) -> None:
    scene.truth["categories"][1]["supercategory"] = "car"
    scene.truth["categories"].insert(0, {"id": 1, "name": "background", "supercategory": "none"})
    scene.true("a.jpg", "door", [SQUARE])
    truth = open_truth(scene.truth_path)
    assert truth.class_names == ("wheel", "door")
    assert truth.supercategories == ("", "car")


def test_an_unused_heading_shifts_no_class(scene: Scene) -> None:
    # Roboflow's category 0 is the group of all others; it is dropped unless an annotation has it.
    for category in scene.truth["categories"]:
        category["supercategory"] = "car"
    scene.truth["categories"].insert(0, {"id": 0, "name": "car", "supercategory": "none"})
    scene.true("a.jpg", "door", [SQUARE])
    truth = open_truth(scene.truth_path)
    assert truth.category_ids == (5, 6)
    assert truth.parts(0).class_index.tolist() == [1]
    assert "heading over other categories" in truth.notes[0]
    scene.true("a.jpg", "car", [SQUARE])
    truth = open_truth(scene.truth_path)
    assert truth.class_names == ("car", "wheel", "door")
    assert truth.parts(0).class_index.tolist() == [2, 0]


def test_a_heading_used_outside_the_holdout_stays(scene: Scene) -> None:
    for category in scene.truth["categories"]:
        category["supercategory"] = "car"
    scene.truth["categories"].insert(0, {"id": 0, "name": "car", "supercategory": "none"})
    scene.image("b.jpg")
    scene.true("a.jpg", "car", [SQUARE])
    scene.true("b.jpg", "door", [SQUARE])
    truth = open_truth(scene.truth_path, holdout=2)
    assert truth.class_names == ("car", "wheel", "door")


@pytest.mark.parametrize("order", list(permutations(KEYS)), ids="-".join)
def test_keys_come_in_any_order(scene: Scene, order: tuple[str, ...]) -> None:
    scene.true("a.jpg", "door", [SQUARE])
    scene.truth = {key: scene.truth[key] for key in order}
    assert open_truth(scene.truth_path).parts(0).class_index.tolist() == [1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": 1}, r"annotation id 1 occurs twice, for image 1 and image 2; each.*renumber"),
        ({"image_id": 9}, r"annotation 2 belongs to image 9, but no image has this id"),
        ({"category_id": 9}, r"annotation 2 of image 2 \(b\.jpg\) has category_id 9"),
    ],
    ids=["id", "image", "category"],
)
def test_unsound_annotations(scene: Scene, change: dict[str, Any], message: str) -> None:
    scene.image("b.jpg")
    scene.true("a.jpg", "wheel", [SQUARE])
    scene.true("b.jpg", "wheel", [SQUARE])
    scene.truth["annotations"][1] |= change
    with pytest.raises(DataError, match=message):
        open_truth(scene.truth_path)


def test_ids_of_different_kinds_are_different(scene: Scene) -> None:
    for number in (1, "1", 10**30, None):
        scene.true("a.jpg", "wheel", [SQUARE], id=number)
    del scene.truth["annotations"][3]["id"]
    assert len(open_truth(scene.truth_path).parts(0).runs) == 4


def test_only_the_first_skipped_records_are_held(scene: Scene) -> None:
    scene.true("a.jpg", "wheel", [SQUARE])
    for _ in range(500):
        scene.true("a.jpg", "wheel", [[1, 1]])
    truth = open_truth(scene.truth_path)
    assert truth.skip_counts() == {"polygon with fewer than 3 points": 500}
    assert [skip.record for skip in truth.first_skipped][:2] == [
        "annotation 2 of image 1 (a.jpg)",
        "annotation 3 of image 1 (a.jpg)",
    ]
    assert len(truth.first_skipped) == 20


def test_what_is_left_out_is_counted_and_named(scene: Scene) -> None:
    scene.truth["categories"].append({"id": 0, "name": "_background_"})
    scene.true("a.jpg", "wheel", [SQUARE, [1, 1, 2, 2]])
    scene.true("a.jpg", "wheel", [[1, 1]])
    scene.true("a.jpg", "door", [])
    scene.true("a.jpg", "_background_", [SQUARE])
    truth = open_truth(scene.truth_path)
    assert truth.class_names == ("wheel", "door")
    assert truth.skip_counts() == {
        "polygon with fewer than 3 points": 2,
        "annotation without a mask": 1,
        "annotation of a category that is no part": 1,
    }
    assert truth.first_skipped[0].record == "polygon 1 of annotation 1 of image 1 (a.jpg)"
    assert len(truth.parts(0).runs) == 1
    assert "_background_" in truth.notes[0]
    assert truth.notes[1:] == (
        "1 annotation has a box or points but no mask: what is predicted there counts as false, "
        "so scores are too low.",
    )
    scene.true("a.jpg", "door", [])
    assert open_truth(scene.truth_path).notes[1].startswith("2 annotations have a box or")


def test_a_part_without_a_pixel_is_left_out_and_counted(scene: Scene) -> None:
    scene.image("b.jpg")
    outside, line = [20, 20, 25, 20, 25, 25], [2, 2, 7, 2, 2, 2]
    scene.true("a.jpg", "door", [outside, SQUARE, line])
    scene.true("b.jpg", "door", {"size": [10, 10], "counts": [100]})
    scene.true("b.jpg", "wheel", [outside], iscrowd=1)
    truth = open_truth(scene.truth_path)
    parts = truth.parts(0)
    assert parts.class_index.tolist() == [1]
    assert [int(runs[1::2].sum()) for runs in parts.runs] == [12]
    assert len(parts.scores) == 1
    truth.parts(-2)
    assert truth.skip_counts() == {"part without a pixel": 2}
    assert truth.parts(1).runs == ()
    assert truth.skip_counts() == {"part without a pixel": 3}
    grouped = open_truth(scene.truth_path, keep_groups=True)
    assert len(grouped.parts(0).runs) == 1
    assert grouped.skip_counts() == {}


@pytest.mark.parametrize("value", ["no", "0", 2, 0.5, [1]])
def test_iscrowd_is_0_or_1(scene: Scene, value: Any) -> None:
    scene.true("a.jpg", "wheel", [SQUARE], iscrowd=value)
    with pytest.raises(DataError, match=r"annotation 1 of .*iscrowd must be 0 or 1; found .* type"):
        open_truth(scene.truth_path)


def test_iscrowd_may_be_null_or_a_float(scene: Scene) -> None:
    for value in (None, 0.0, 1.0):
        scene.true("a.jpg", "wheel", [SQUARE], iscrowd=value)
    parts = open_truth(scene.truth_path).parts(0)
    assert (len(parts.runs), len(parts.ignored)) == (2, 1)


@pytest.mark.parametrize("change", [{"category_id": True}, {"image_id": True}], ids=str)
def test_true_is_no_id(scene: Scene, change: dict[str, Any]) -> None:
    scene.truth["categories"][0]["id"] = 1
    scene.true("a.jpg", "wheel", [SQUARE], **change)
    with pytest.raises(DataError, match=r"annotation 1 has .*_id 'True' of type bool"):
        open_truth(scene.truth_path)


def test_crowd_becomes_one_ignored_region(scene: Scene) -> None:
    scene.true("a.jpg", "wheel", [SQUARE, OTHER], iscrowd=True)
    scene.true("a.jpg", "wheel", [SQUARE], iscrowd=False)
    parts = open_truth(scene.truth_path).parts(0)
    assert len(parts.runs) == len(parts.ignored) == 1
    assert parts.ignored[0][1::2].sum() == 12 + 9


def test_holdout_scores_every_nth_image(scene: Scene) -> None:
    for name in "bcdefg":
        scene.image(f"{name}.jpg")
    scene.true("c.jpg", "wheel", [SQUARE])
    truth = open_truth(scene.truth_path, holdout=3)
    assert [image.file_name for image in truth.images] == ["c.jpg", "f.jpg"]
    assert truth.left_out == ("a.jpg", "b.jpg", "d.jpg", "e.jpg", "g.jpg")
    assert len(truth.parts(0).runs) == 1
    assert len(truth.parts(-2).runs) == 1
    for bad in (1, 8):
        with pytest.raises(ConfigError, match=rf"holdout must be from 2 to .* 7 in .*found {bad}"):
            open_truth(scene.truth_path, holdout=bad)


def test_folder_with_splits(scene: Scene) -> None:
    scene.true("a.jpg", "wheel", [SQUARE])
    content = scene.truth_path.read_text()
    root = scene.folder / "set"
    for split in ("train", "val"):
        (root / "annotations" / split).mkdir(parents=True)
        (root / "annotations" / split / f"{split}.json").write_text(content)
        (root / "images" / split).mkdir(parents=True)
        (root / "images" / split / "a.jpg").write_bytes(b"")
    truth = open_truth(root, split="val")
    assert truth.source == root / "annotations" / "val" / "val.json"
    assert truth.image_path(0) == root / "images" / "val" / "a.jpg"
    with pytest.raises(DataError, match="train, val"):
        open_truth(root)


def test_images_dir(scene: Scene, tmp_path: Path) -> None:
    scene.true("a.jpg", "wheel", [SQUARE])
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"")
    truth = open_truth(scene.truth_path, images_dir=tmp_path / "photos")
    assert truth.image_path(0) == tmp_path / "photos" / "a.jpg"
    with pytest.raises(DataError, match=r"a\.jpg"):
        open_truth(scene.truth_path, images_dir=tmp_path / "nowhere").image_path(0)


def test_missing_size_is_read_from_the_image(scene: Scene) -> None:
    scene.image("b.png", (6, 9), with_file=True)
    del scene.truth["images"][1]["height"]
    scene.true("b.png", "wheel", [SQUARE])
    assert open_truth(scene.truth_path).images[1].hw == (6, 9)


def test_boxes_alone_are_refused(scene: Scene) -> None:
    for _ in range(3):
        scene.true("a.jpg", "wheel", [])
    with pytest.raises(
        DataError,
        match=r"has 3 annotations with boxes or points but no masks.*mIoU.*polygons",
    ):
        open_truth(scene.truth_path)


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ("text", r"annotation 1 of image 1 \(a\.jpg\): segmentation must be a list.*found str"),
        ([[1, 2, 3, 4, 5, 6], 7], r"annotation 1 .*each polygon must be a flat list"),
        ([[1, 2, 3, 4, 5, 6, 7]], r"annotation 1 of image 1 \(a\.jpg\).*flat list.*Correct"),
        ([[1, 2, 3, 4, 5, float("nan")]], r"annotation 1 of image 1 .*finite"),
        ({"size": [9, 9], "counts": [81]}, r"annotation 1 .*size is 9 x 9.*image is 10 x 10"),
        ({"size": [10, 10], "counts": [3]}, r"annotation 1 .*add up to 10 x 10.*adding up to 3"),
        ({"counts": [100]}, r"annotation 1 of image 1 .*needs"),
        ({"size": [0, 10], "counts": []}, r"found 0 x 10\. Correct the annotation or export"),
    ],
    ids=["text", "mixed", "odd", "nan", "other size", "short runs", "no size", "one period"],
)
def test_damaged_masks_are_named(scene: Scene, segmentation: Any, message: str) -> None:
    scene.true("a.jpg", "wheel", segmentation)
    with pytest.raises(DataError, match=message):
        open_truth(scene.truth_path).parts(0)


def test_repeated_file_names_are_refused(scene: Scene) -> None:
    scene.image("b.jpg")
    scene.true("a.jpg", "wheel", [SQUARE])
    scene.truth["images"][1] |= {"file_name": "a.jpg", "path": "other/a.jpg"}
    with pytest.raises(DataError, match=r"several images with the file name a\.jpg"):
        open_truth(scene.truth_path)
