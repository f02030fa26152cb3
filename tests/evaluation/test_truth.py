"""Truth masks: which are read, which are left out and counted, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from wps_sam.errors import ConfigError, DataError
from wps_sam.evaluation.truth import open_truth

if TYPE_CHECKING:
    from tests.evaluation.conftest import ClassMask, Scene

SQUARE = [1, 1, 5, 1, 5, 4, 1, 4]


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
    scene.true("a.jpg", "wheel", [SQUARE, [6, 6, 9, 6, 9, 9, 6, 9]])
    parts = open_truth(scene.truth_path).parts(0)
    assert len(parts.runs) == 1
    assert class_mask(parts, 0).sum() == 12 + 9


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
    assert truth.skipped[0].record == "annotation 1 of image 1 (a.jpg)"
    assert len(truth.parts(0).runs) == 1
    assert "_background_" in truth.notes[0]


def test_crowd_becomes_ignored(scene: Scene) -> None:
    scene.true("a.jpg", "wheel", [SQUARE], iscrowd=True)
    scene.true("a.jpg", "wheel", [SQUARE], iscrowd=False)
    parts = open_truth(scene.truth_path).parts(0)
    assert len(parts.runs) == len(parts.ignored) == 1


def test_holdout_scores_every_nth_image(scene: Scene) -> None:
    for name in "bcdefg":
        scene.image(f"{name}.jpg")
    scene.true("c.jpg", "wheel", [SQUARE])
    truth = open_truth(scene.truth_path, holdout=3)
    assert [image.file_name for image in truth.images] == ["c.jpg", "f.jpg"]
    assert truth.left_out == ("a.jpg", "b.jpg", "d.jpg", "e.jpg", "g.jpg")
    assert len(truth.parts(0).runs) == 1
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
        DataError, match=r"truth\.json has 3 annotations with boxes but no masks.*mIoU.*polygons"
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
    ],
    ids=["text", "mixed", "odd", "nan", "other size", "short runs", "no size"],
)
def test_damaged_masks_are_named(scene: Scene, segmentation: Any, message: str) -> None:
    scene.true("a.jpg", "wheel", segmentation)
    with pytest.raises(DataError, match=message):
        open_truth(scene.truth_path).parts(0)


def test_repeated_file_names_are_refused(scene: Scene) -> None:
    scene.image("b.jpg")
    scene.true("a.jpg", "wheel", [SQUARE])
    scene.truth["images"][1] |= {"file_name": "a.jpg", "path": "other/a.jpg"}
    with pytest.raises(DataError, match=r"1 file names that stand for several.*a\.jpg"):
        open_truth(scene.truth_path)
