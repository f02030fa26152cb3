"""Hand-computed scores of whole files: every figure here was worked out on squared paper."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from wps_sam.errors import ConfigError

if TYPE_CHECKING:
    from tests.evaluation.conftest import Scene

HW = (10, 10)


def square(top: int, left: int, side: int = 4) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """A filled square in an image of 10 x 10."""
    mask = np.zeros(HW, dtype=bool)
    mask[top : top + side, left : left + side] = True
    return mask


def test_perfect(scene: Scene) -> None:
    scene.true("a.jpg", "wheel", square(0, 0))
    scene.true("a.jpg", "door", square(5, 5))
    scene.predict("a.jpg", "wheel", square(0, 0))
    scene.predict("a.jpg", "door", square(5, 5))
    result = scene.evaluate()
    assert result.miou == result.macc == 1
    assert result.means.miou_with_background == result.means.pixel_accuracy == 1
    assert result.pairs.miou_image_class_pairs == 1
    assert result.counts.tolist() == [[68, 0, 0], [0, 16, 0], [0, 0, 16]]


def test_empty_prediction(scene: Scene) -> None:
    scene.true("a.jpg", "wheel", square(0, 0))
    result = scene.evaluate()
    assert result.miou == result.macc == 0
    # Background: 84 right of 100 in the union; its accuracy is 1.
    assert result.means.miou_with_background == pytest.approx(0.84 / 2, abs=1e-12)
    assert result.means.macc_with_background == 0.5
    assert result.means.pixel_accuracy == 0.84
    assert result.pairs.miou_image_class_pairs == 0


def test_false_positive_only__class_absent_from_truth(scene: Scene) -> None:
    scene.true("a.jpg", "wheel", square(0, 0))
    scene.predict("a.jpg", "wheel", square(0, 0))
    scene.predict("a.jpg", "door", square(5, 5))
    result = scene.evaluate()
    assert result.miou == 1
    assert result.means.classes_in_mean == 1
    assert result.means.classes_only_predicted == ("door",)
    assert result.classes[2].iou == 0
    assert result.classes[2].accuracy is None
    assert result.means.miou_true_or_predicted_classes == 0.5
    assert result.pairs.miou_image_class_pairs == 0.5
    assert result.pairs.miou_image_true_class_pairs == 1
    assert result.means.pixel_accuracy == 0.84


def test_missed_part_of_two(scene: Scene) -> None:
    scene.true("a.jpg", "wheel", square(0, 0))
    scene.true("a.jpg", "door", square(5, 5))
    scene.predict("a.jpg", "door", square(5, 5))
    result = scene.evaluate()
    assert result.miou == 0.5
    assert result.macc == 0.5
    assert [score.iou for score in result.classes[1:]] == [0, 1]
    assert result.classes[1].precision is None


def test_wrong_class(scene: Scene) -> None:
    scene.true("a.jpg", "wheel", square(0, 0))
    scene.predict("a.jpg", "door", square(0, 0))
    result = scene.evaluate()
    assert result.counts.tolist() == [[84, 0, 0], [0, 0, 16], [0, 0, 0]]
    assert result.miou == 0
    assert result.means.miou_with_background == 0.5
    assert result.pairs.pairs == 2


def test_half_overlap(scene: Scene) -> None:
    scene.true("a.jpg", "wheel", square(0, 0))
    scene.predict("a.jpg", "wheel", square(0, 2))
    result = scene.evaluate()
    assert result.miou == pytest.approx(8 / 24, abs=1e-12)
    assert result.macc == 0.5
    assert result.classes[1].precision == 0.5


def test_counts_are_summed_before_the_ratio(scene: Scene) -> None:
    scene.image("b.jpg")
    scene.true("a.jpg", "wheel", square(0, 0))
    scene.predict("a.jpg", "wheel", square(0, 0))
    scene.true("b.jpg", "wheel", square(0, 0, side=2))
    result = scene.evaluate()
    assert result.miou == pytest.approx(16 / 20, abs=1e-12)
    assert result.pairs.miou_image_class_pairs == 0.5
    assert [image.miou for image in result.images] == [1, 0]


def test_overlap__smaller_part_is_on_top_on_both_sides(scene: Scene) -> None:
    scene.true("a.jpg", "wheel", square(2, 2, side=2))
    scene.true("a.jpg", "door", square(0, 0, side=6))
    scene.predict("a.jpg", "door", square(0, 0, side=6), score=0.9)
    scene.predict("a.jpg", "wheel", square(2, 2, side=2), score=0.1)
    result = scene.evaluate()
    assert result.miou == 1
    assert [score.true_pixels for score in result.classes] == [64, 4, 32]


def test_image_without_parts__costs_only_what_is_invented(scene: Scene) -> None:
    scene.image("empty.jpg")
    scene.true("a.jpg", "wheel", square(0, 0))
    scene.predict("a.jpg", "wheel", square(0, 0))
    result = scene.evaluate()
    assert result.miou == 1
    assert result.images[1].miou is None
    assert result.pairs.pairs == 1
    scene.predict("empty.jpg", "wheel", square(0, 0))
    result = scene.evaluate()
    assert result.miou == 0.5
    assert result.images[1].miou == 0


def test_crowd_region_is_not_scored(scene: Scene) -> None:
    scene.true("a.jpg", "wheel", square(0, 0))
    scene.true("a.jpg", "wheel", square(0, 2), iscrowd=1)
    scene.predict("a.jpg", "wheel", square(0, 0))
    scene.predict("a.jpg", "wheel", square(0, 3, side=3))
    scene.predict("a.jpg", "door", square(8, 8, side=2))
    result = scene.evaluate()
    assert result.ignored_pixels == 16
    assert result.counts.sum() == 84
    # The wheel keeps its columns 0 and 1: 8 pixels, all found.
    assert result.classes[1].iou == 1
    assert result.counts[0, 2] == 4


def test_left_right_swap(scene: Scene) -> None:
    for content in (scene.truth, scene.predictions):
        content["categories"][0]["name"] = "left_mirror"
        content["categories"][1]["name"] = "right_mirror"
    scene.true("a.jpg", "left_mirror", square(0, 0))
    scene.true("a.jpg", "right_mirror", square(5, 5))
    scene.predict("a.jpg", "right_mirror", square(0, 0))
    scene.predict("a.jpg", "left_mirror", square(5, 5))
    result = scene.evaluate()
    assert result.miou == 0
    assert result.merged is not None
    assert result.merged.means.miou == 1
    assert result.merged.members == {"mirror": ["left_mirror", "right_mirror"]}
    assert result.merged.classes[1].true_pixels == 32


def test_merge_table_replaces_the_rule(scene: Scene) -> None:
    scene.true("a.jpg", "wheel", square(0, 0))
    scene.predict("a.jpg", "door", square(0, 0))
    assert scene.evaluate().merged is None
    result = scene.evaluate(merge={"wheel": "thing", "door": "thing"})
    assert result.merged is not None
    assert result.merged.means.miou == 1
    with pytest.raises(ConfigError, match=r"names classes that do not exist: weel.*wheel, door"):
        scene.evaluate(merge={"weel": "thing"})


def test_all_notes_reach_the_result_and_json(scene: Scene) -> None:
    scene.predictions["categories"] = scene.predictions["categories"][:1]
    scene.true("a.jpg", "wheel", [[0, 0, 4, 0, 4, 4, 0, 4], [0, 0, 1, 1]])
    result = scene.evaluate()
    assert result.notes == ("The model does not know these classes, which score 0: door.",)
    content = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert content["truth_records_skipped"] == {"polygon with fewer than 3 points": 1}
    assert content["miou"] == 0
    assert content["classes_absent"] == ["door"]
    assert content["merged"] is None
    assert content["official_code"]["comparable_with_miou"] is False
    assert content["confusion"]["names"] == ["background", "wheel", "door"]
    assert content["image_miou"] == {"a.jpg": 0}


def test_predicted_classes_in_another_order_are_matched_by_name(scene: Scene) -> None:
    scene.predictions["categories"] = [{"id": 90, "name": "door"}, {"id": 2, "name": "wheel"}]
    scene.true("a.jpg", "wheel", square(0, 0))
    scene.predict("a.jpg", "wheel", square(0, 0))
    assert scene.evaluate().miou == 1
