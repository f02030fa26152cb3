"""Hand-computed scores of whole files: every figure here was worked out on squared paper."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from wps_sam.errors import ConfigError, PredictionError
from wps_sam.evaluation.evaluate import evaluate_predictions
from wps_sam.evaluation.intervals import Interval
from wps_sam.evaluation.predictions import read_predictions
from wps_sam.evaluation.truth import open_truth
from wps_sam.geometry.masks import mask_to_rle

from .conftest import box

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evaluation.conftest import Scene

HW = (10, 10)

ORACLE = {
    "made_by": "wps-sam 0.1.0 oracle",
    "sam": "mobile_sam",
    "prompt": "box",
    "mask": "single",
    "keep_groups": False,
}
"""What `wps-sam oracle` says in the `info` of its predictions."""


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


def test_share_of_the_oracle(scene: Scene) -> None:
    # 16 true pixels; the prediction finds 8 of them, the oracle 12, neither anything else.
    scene.true("a.jpg", "wheel", square(0, 0))
    scene.predict("a.jpg", "wheel", square(0, 0) & square(2, 0))
    predictions = read_predictions(scene.predictions_path)
    oracle = scene.folder / "oracle.json"
    scene.predictions["annotations"].clear()
    scene.predict("a.jpg", "wheel", square(0, 0) & square(1, 0))
    scene.predictions["info"] = ORACLE
    oracle.write_text(json.dumps(scene.predictions))
    result = evaluate_predictions(predictions, scene.truth_path, oracle=oracle)
    assert result.miou == 0.5
    assert result.oracle is not None
    assert result.oracle.miou == result.oracle.macc == 0.75
    assert result.oracle.miou_share == pytest.approx(0.5 / 0.75, abs=1e-12)
    assert result.oracle.macc_share == pytest.approx(0.5 / 0.75, abs=1e-12)
    # Of the 8 missed pixels the oracle finds 4.
    assert result.anatomy.bad_mask_split == {"bad_prompt": 0.25, "sam_limit": 0.25}
    written = result.to_dict()["oracle"]
    assert written["predictions"] == str(oracle)
    assert written["statement"] == (
        "SAM mobile_sam given the true boxes, single mask, one prompt a polygon"
    )
    assert result.notes == ()


def test_what_is_no_oracle_is_refused(scene: Scene) -> None:
    scene.true("a.jpg", "wheel", square(0, 0))
    with pytest.raises(
        PredictionError, match=r"predictions\.json was not made by `wps-sam oracle`"
    ):
        scene.evaluate(oracle=scene.predictions_path)


def test_notes_on_predictions_and_oracle(scene: Scene) -> None:
    scene.image("b.jpg")
    scene.true("b.jpg", "wheel", square(0, 0))
    truth = open_truth(scene.truth_path, holdout=2)
    scene.predictions["info"] = {"sam": "vit_b", "keep_groups": True}
    predictions = read_predictions(scene.predictions_path)
    scene.predictions["info"] = ORACLE
    scene.predictions["categories"].pop()
    result = evaluate_predictions(predictions, truth, oracle=scene.predictions_path)
    left_out = "1 predicted images are outside the held-out share and not scored."
    assert result.notes == (
        left_out,
        f"{predictions.source} was made with --keep-groups, but is scored without it: AP, PQ and "
        "the error anatomy count other parts. Score with --keep-groups.",
        "Oracle: The model does not know these classes, which score 0: door.",
        f"Oracle: {left_out}",
        "The oracle was made with another SAM (mobile_sam) than the predictions (vit_b): its share "
        "says how the two SAMs differ as well as how good the prompts are.",
    )
    truth = open_truth(scene.truth_path, holdout=2, keep_groups=True)
    result = evaluate_predictions(predictions, truth, oracle=scene.predictions_path)
    assert [note for note in result.notes if "keep-groups" in note] == [
        f"{scene.predictions_path} was made without --keep-groups, but is scored with it: AP, PQ "
        "and the error anatomy count other parts. Score without --keep-groups."
    ]


def test_true_parts_without_a_pixel_are_not_missed(scene: Scene) -> None:
    scene.true("a.jpg", "wheel", [[0, 0, 4, 0, 4, 4, 0, 4], [20, 20, 25, 20, 25, 25]])
    scene.predict("a.jpg", "wheel", square(0, 0))
    result = scene.evaluate()
    assert result.average_precision.ap == pytest.approx(1, abs=1e-12)
    assert result.average_precision.ar == pytest.approx(1, abs=1e-12)
    assert result.skipped == {"part without a pixel": 1}


def test_oracle_of_other_images_is_refused(scene: Scene) -> None:
    scene.true("a.jpg", "wheel", square(0, 0))
    predictions = read_predictions(scene.predictions_path)
    scene.predictions["images"].clear()
    scene.predictions["info"] = ORACLE
    with pytest.raises(PredictionError, match=r"no predictions for 1 of 1 images"):
        evaluate_predictions(predictions, scene.truth_path, oracle=scene.predictions_path)


def test_supercategories(scene: Scene) -> None:
    # A dog's head called a cat's head is right for the animal's head, and so is the tail.
    scene = type(scene)(scene.folder, ("dog head", "cat head", "tail"))
    for record, group in zip(scene.truth["categories"], ("head", "head", ""), strict=True):
        record["supercategory"] = group
    scene.image("a.jpg")
    scene.true("a.jpg", "dog head", square(0, 0))
    scene.true("a.jpg", "tail", square(5, 5))
    scene.predict("a.jpg", "cat head", square(0, 0))
    scene.predict("a.jpg", "tail", square(5, 5))
    result = scene.evaluate()
    assert result.miou == 0.5
    assert result.supercategories is not None
    assert result.supercategories.means.miou == 1
    assert result.supercategories.members == {"head": ["dog head", "cat head"]}


# The 40 parts of PartImageNet by supercategory, in the order of their category ids from 0.
PART_IMAGE_NET = {
    "Quadruped": ("Head", "Body", "Foot", "Tail"),
    "Biped": ("Head", "Body", "Hand", "Foot", "Tail"),
    "Fish": ("Head", "Body", "Fin", "Tail"),
    "Bird": ("Head", "Body", "Wing", "Foot", "Tail"),
    "Snake": ("Head", "Body"),
    "Reptile": ("Head", "Body", "Foot", "Tail"),
    "Car": ("Body", "Tier", "Side Mirror"),
    "Bicycle": ("Body", "Head", "Seat", "Tier"),
    "Boat": ("Body", "Sail"),
    "Aeroplane": ("Head", "Body", "Engine", "Wing", "Tail"),
    "Bottle": ("Mouth", "Body"),
}


def part_image_net(tmp_path: Path) -> tuple[Path, Path]:
    """Truth and predictions of three images of 20 x 20, written as PartImageNet's files are."""
    classes = [(kind, f"{kind} {part}") for kind, parts in PART_IMAGE_NET.items() for part in parts]
    categories = [
        {"id": index, "name": name, "supercategory": kind}
        for index, (kind, name) in enumerate(classes)
    ]
    names = ("n02100583_1.JPEG", "n02486261_8883.JPEG", "n04285008_3.JPEG")
    images = [
        {"id": index, "file_name": name, "height": 20, "width": 20}
        for index, name in enumerate(names)
    ]

    def polygon(left: int, top: int, side: int) -> list[int]:
        right, bottom = left + side, top + side
        return [left, top, right, top, right, bottom, left, bottom]

    def write(name: str, parts: Sequence[tuple[Any, ...]], is_truth: bool) -> Path:
        records = []
        for number, (image, category_id, *places) in enumerate(parts):
            if is_truth:
                more: dict[str, Any] = {"segmentation": [polygon(*place) for place in places]}
                more |= {"area": sum(side**2 for *_, side in places), "iscrowd": 0}
            else:
                ((left, top, side),) = places
                rle = mask_to_rle(box((20, 20), top, left, top + side, left + side))
                more = {"segmentation": rle, "score": 0.9}
            record = {"id": number, "image_id": image, "category_id": category_id}
            records.append(record | {"bbox": [*places[0], places[0][-1]]} | more)
        content = {"images": images, "categories": categories, "annotations": records}
        path = tmp_path / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    truth = [
        (0, 0, (0, 0, 4)),  # Quadruped Head
        (0, 1, (8, 0, 6)),  # Quadruped Body
        (0, 2, (0, 10, 3), (6, 10, 3)),  # Quadruped Foot, two polygons
        (1, 4, (0, 0, 4)),  # Biped Head
        (1, 6, (8, 8, 4)),  # Biped Hand
        (2, 25, (0, 0, 4)),  # Car Tier
        (2, 26, (10, 0, 2)),  # Car Side Mirror
    ]
    predicted = [
        (0, 4, (0, 0, 4)),  # called Biped Head
        (0, 0, (8, 0, 6)),  # called Quadruped Head
        (0, 2, (0, 10, 3)),  # one of the two feet
        (1, 4, (0, 0, 4)),  # right
        (1, 7, (8, 8, 4)),  # called Biped Foot
        (2, 25, (0, 0, 4)),  # right
        (2, 24, (10, 0, 2)),  # called Car Body
        (2, 38, (10, 10, 4)),  # Bottle Mouth, invented
    ]
    return write("predictions.json", predicted, False), write("val.json", truth, True)


def test_supercategories_of_partimagenet(tmp_path: Path) -> None:
    result = evaluate_predictions(*part_image_net(tmp_path))
    assert len(result.class_names) == 40
    assert (result.class_names[0], result.class_names[26]) == ("Quadruped Head", "Car Side Mirror")
    # Feet 9 of 18; Biped Head 16 of 16 + 16 predicted; Tier 16 of 16; the other four have none.
    assert result.miou == pytest.approx((1 / 2 + 1 / 2 + 1) / 7, abs=1e-12)
    assert result.means.classes_only_predicted == ("Biped Foot", "Car Body", "Bottle Mouth")
    assert result.merged is None
    coarser = result.supercategories
    assert coarser is not None
    assert coarser.groups.names == tuple(PART_IMAGE_NET)
    assert coarser.members["Car"] == ["Car Body", "Car Tier", "Car Side Mirror"]
    assert [len(coarser.members[kind]) for kind in PART_IMAGE_NET] == [
        4, 5, 4, 5, 2, 4, 3, 4, 2, 5, 2
    ]  # fmt: skip
    # Quadruped: true 16 + 36 + 18 = 70, predicted 36 + 9 = 45, all right: 45 / 70. Biped: true 32,
    # predicted 16 + 32 = 48, of which 32 right: 32 / 48. Car: 20 / 20. Bottle: predicted only.
    assert coarser.means.miou == pytest.approx((45 / 70 + 32 / 48 + 1) / 3, abs=1e-12)
    assert coarser.means.macc == pytest.approx((45 / 70 + 1 + 1) / 3, abs=1e-12)
    assert coarser.means.classes_in_mean == 3
    assert coarser.means.classes_only_predicted == ("Bottle",)
    assert coarser.means.miou_true_or_predicted_classes == pytest.approx(
        (45 / 70 + 32 / 48 + 1 + 0) / 4, abs=1e-12
    )
    # Every supercategory is in one image.
    assert coarser.intervals.miou is None
    assert coarser.intervals.rare_classes == ("Quadruped", "Biped", "Car")


def test_every_group_of_scores_has_its_interval(scene: Scene) -> None:
    # Two like images with 16 of 16 pixels of the left mirror right; one also has the right mirror,
    # called left.
    scene = type(scene)(scene.folder, ("left_mirror", "right_mirror"))
    for name in ("a.jpg", "b.jpg"):
        scene.image(name)
        scene.true(name, "left_mirror", square(0, 0))
        scene.predict(name, "left_mirror", square(0, 0))
    scene.true("a.jpg", "right_mirror", square(5, 5))
    scene.predict("a.jpg", "left_mirror", square(5, 5))
    result = scene.evaluate()
    assert result.merged is not None
    assert result.merged.intervals.class_iou == {"mirror": Interval(1, 1)}
    assert result.merged.intervals.miou == Interval(1, 1)
    assert result.intervals.rare_classes == ("right_mirror",)
    # Left mirror: IoU 32/48 over both images, deviations +-(16 - 2/3 x 16)/48 = +-1/9; at 95 % with
    # 1 degree of freedom 0 to 1, and the right mirror's IoU of 0 is 0 to 1.
    assert result.intervals.miou == Interval(0, 1)
    scores = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert scores["merged"]["intervals"]["miou"] == {"low": 1, "high": 1}
    # PQ: left mirror two matches and one false part, 2 / 2.5; right mirror one miss.
    assert result.panoptic.pq == pytest.approx(0.4, abs=1e-12)
    assert set(scores["intervals"]["pq"]) == set(scores["intervals"]["boundary_miou"])


def test_every_score_of_one_scene_by_hand(scene: Scene) -> None:
    # A wheel found but for one row of four, and a door that is not there.
    scene.true("a.jpg", "wheel", square(0, 0))
    scene.predict("a.jpg", "wheel", square(0, 0) & square(1, 0))
    scene.predict("a.jpg", "door", square(5, 5))
    scores = scene.evaluate().to_dict()
    assert scores["miou"] == scores["macc"] == 0.75
    assert scores["miou_true_or_predicted_classes"] == 0.375
    # Bands are 1 pixel wide. True 4 x 4: 12 pixels around a hole of 2 x 2. Predicted 3 x 4, the
    # lower rows: 10 around a hole of 1 x 2. Common: 2 + 2 + 4 pixels in the three rows.
    assert scores["boundary"]["boundary_miou"] == pytest.approx(8 / 14, abs=1e-12)
    # One match of IoU 0.75; the door is a false segment of a class of its own.
    assert scores["panoptic"]["pq"] == 0.375
    # AP counts at IoU 0.50, 0.55 .. 0.75: six thresholds of ten; the door has no truth.
    assert scores["average_precision"]["ap"] == pytest.approx(0.6, abs=1e-12)
    assert scores["average_precision"]["ap75"] == pytest.approx(1, abs=1e-12)
    assert scores["error_anatomy"]["lost"] == {
        "missed_part": 0,
        "false_part": 0,
        "wrong_class": 0,
        "left_right_swap": 0,
        "bad_mask": 0.25,
    }
    assert scores["part_unit"] == "polygon"
    # One image says nothing about others.
    assert scores["intervals"]["miou"] is None
    assert scores["oracle"] is None
    json.dumps(scores, allow_nan=False)


def test_merge_table_names_the_sides(scene: Scene) -> None:
    scene.true("a.jpg", "wheel", square(0, 0))
    scene.predict("a.jpg", "door", square(0, 0))
    assert scene.evaluate().anatomy.lost["wrong_class"] == 1
    swapped = scene.evaluate(merge={"wheel": "thing", "door": "thing"}).anatomy.lost
    assert swapped["left_right_swap"] == 1
    assert swapped["wrong_class"] == 0


def test_rare_classes_are_named(scene: Scene) -> None:
    for number in range(2):
        name = f"{number}.jpg"
        scene.image(name)
        scene.true(name, "wheel", square(0, 0))
    assert scene.evaluate().notes == ()
    scene.true("a.jpg", "door", square(0, 0))
    (note,) = scene.evaluate().notes
    assert note == (
        "True in a single image: door. How they vary is not known: they have no interval, and "
        "those of the means take them to vary as the others do."
    )


TOP, BOTTOM, INNER = (0, 0), (5, 5), (1, 1, 2)
Placed = tuple[str, tuple[int, ...]]


# Boundary bands are 1 pixel wide here: 12 of the 16 pixels of a square. In "overlapping", the true
# door is a ring of 12 pixels around the wheel, which is the band of the predicted door as well.
@pytest.mark.parametrize(
    ("true", "predicted", "boundary", "pairs"),
    [
        pytest.param([("wheel", TOP)], [("wheel", TOP)], 1, 1, id="perfect"),
        pytest.param([("wheel", TOP)], [], 0, 0, id="empty prediction"),
        pytest.param([], [("wheel", TOP)], None, 0, id="false positive only"),
        pytest.param(
            [("wheel", TOP), ("door", BOTTOM)], [("door", BOTTOM)], 0.5, 0.5, id="missed part"
        ),
        pytest.param([("wheel", TOP)], [("door", TOP)], 0, 0, id="wrong class"),
        pytest.param(
            [("wheel", TOP), ("door", BOTTOM)],
            [("door", TOP), ("wheel", BOTTOM)],
            0,
            0,
            id="swapped sides",
        ),
        pytest.param(
            [("door", TOP), ("wheel", INNER)], [("door", TOP)], 0.5, 0.375, id="overlapping"
        ),
        pytest.param(
            [("wheel", TOP)], [("wheel", TOP), ("door", BOTTOM)], 1, 0.5, id="absent from truth"
        ),
        pytest.param([], [], None, None, id="image without parts"),
        pytest.param(
            [("wheel", TOP), ("crowd", BOTTOM)],
            [("wheel", TOP), ("door", BOTTOM)],
            1,
            1,
            id="ignored region",
        ),
    ],
)
def test_boundary_and_pairs_by_hand(
    scene: Scene,
    true: list[Placed],
    predicted: list[Placed],
    boundary: float | None,
    pairs: float | None,
) -> None:
    # A truth file without any annotation is refused; one ignored pixel changes nothing.
    scene.true("a.jpg", "door", square(9, 9, 1), iscrowd=1)
    for name, place in true:
        if name == "crowd":
            scene.true("a.jpg", "door", square(*place), iscrowd=1)
        else:
            scene.true("a.jpg", name, square(*place))
    for name, place in predicted:
        scene.predict("a.jpg", name, square(*place))
    result = scene.evaluate()
    assert result.boundary.boundary_miou == boundary
    assert result.pairs.miou_image_class_pairs == pairs
