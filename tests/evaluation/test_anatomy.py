"""Causes of lost IoU, each worked out by hand on a strip of a few pixels.

A strip is written as one letter for each pixel: `.` background, a letter a part. Class by letter:
w wheel, d door, l left_mirror, r right_mirror, h handle; W is a second wheel.
"""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from wps_sam.errors import PredictionError
from wps_sam.evaluation.anatomy import CAUSES, AnatomyCounts, ClassAnatomy, ErrorAnatomy
from wps_sam.evaluation.merging import left_right_rule
from wps_sam.evaluation.metrics import class_means, class_scores
from wps_sam.evaluation.overlap import overlap_parts
from wps_sam.evaluation.parts import ImageParts
from wps_sam.evaluation.runs import rle_to_runs
from wps_sam.geometry.masks import mask_to_rle

NAMES = ("wheel", "door", "left_mirror", "right_mirror", "handle")
LETTERS = {"w": 0, "W": 0, "d": 1, "l": 2, "r": 3, "h": 4}
NOTHING_LOST = dict.fromkeys(CAUSES, 0.0)


def parts(masks: NDArray[np.bool_], classes: list[int], ignored: NDArray[np.bool_]) -> ImageParts:
    """Parts of one image from (P, H, W) masks and (I, H, W) ignored regions."""
    hw = (masks.shape[1], masks.shape[2])
    return ImageParts(
        hw,
        np.array(classes, np.int64),
        tuple(rle_to_runs(mask_to_rle(mask), hw) for mask in masks),
        np.zeros(len(masks)),
        tuple(rle_to_runs(mask_to_rle(mask), hw) for mask in ignored),
    )


def strip(text: str) -> ImageParts:
    """Parts of an image of one row; each letter is a part, `x` an ignored pixel."""
    row = np.array(list(text))
    letters = sorted(set(text) - {".", "x"})
    masks = np.array([row == letter for letter in letters], bool).reshape(-1, 1, len(row))
    ignored = (row == "x").reshape(1, 1, -1)
    return parts(masks, [LETTERS[letter] for letter in letters], ignored[: int("x" in text)])


def anatomy(*images: tuple[str, ...]) -> ErrorAnatomy:
    """Anatomy of images given as (truth, prediction) or (truth, prediction, oracle)."""
    counts = AnatomyCounts(NAMES, left_right_rule(NAMES))
    for image in images:
        truth, predicted, *oracle = (strip(text) for text in image)
        overlap = overlap_parts(truth, predicted)
        if oracle:
            counts.add_with_oracle(overlap, truth, predicted, oracle[0])
        else:
            counts.add(overlap)
    return counts.result()


def by_name(result: ErrorAnatomy) -> dict[str, ClassAnatomy]:
    return {row.name: row for row in (*result.classes, *result.only_predicted)}


def lost(row: ClassAnatomy) -> dict[str, float]:
    """What a class loses, without the causes that cost nothing."""
    return {cause: value for cause, value in row.lost.items() if value}


def counted(row: ClassAnatomy) -> dict[str, int]:
    return {kind: count for kind, count in row.parts.items() if count}


def test_perfect() -> None:
    result = anatomy(("wwd.", "wwd."))
    assert [row.name for row in result.classes] == ["wheel", "door"]
    assert result.lost == NOTHING_LOST
    assert result.only_predicted == ()
    assert result.bad_mask_split is None
    for row in result.classes:
        assert row.iou == 1
        assert counted(row) == {"true_parts": 1, "matched": 1, "predicted_parts": 1}
    assert result.advice() == ["Every pixel of every class is right: there is nothing left to fix."]


def test_empty_prediction() -> None:
    result = anatomy(("wwd.", "...."))
    assert result.lost == NOTHING_LOST | {"missed_part": 1.0}
    assert counted(by_name(result)["wheel"]) == {"true_parts": 1, "missed": 1}


def test_image_without_parts_costs_only_what_is_invented() -> None:
    result = anatomy(("....", "...."))
    assert result.classes == ()
    assert result.lost == NOTHING_LOST
    assert result.advice() == ["No class has a true pixel, so there is no loss to explain."]
    # Wheel: 2 of 2 right in the first image, 2 invented in the second: IoU 2 / 4.
    result = anatomy(("ww..", "ww.."), ("....", "ww.."))
    assert result.lost == NOTHING_LOST | {"false_part": 0.5}
    told = {"true_parts": 1, "matched": 1, "predicted_parts": 2, "false_part": 1}
    assert counted(result.classes[0]) == told


def test_class_absent_from_truth_is_told_apart_and_not_in_the_mean() -> None:
    result = anatomy(("ww..", "wwdd"))
    assert [row.name for row in result.classes] == ["wheel"]
    assert result.lost == NOTHING_LOST
    assert [(row.name, row.iou) for row in result.only_predicted] == [("door", 0)]
    assert lost(result.only_predicted[0]) == {"false_part": 1.0}


def test_missed_part_of_two() -> None:
    # Wheels of 3 and 1 pixels, the second is missed: IoU 3 / 4.
    result = anatomy(("www.W", "www.."))
    (wheel,) = result.classes
    assert (wheel.iou, lost(wheel)) == (0.75, {"missed_part": 0.25})
    assert counted(wheel) == {"true_parts": 2, "matched": 1, "missed": 1, "predicted_parts": 1}


def test_duplicate_on_its_own_part_costs_nothing_and_beside_it_is_false() -> None:
    # The second wheel has 1 pixel on the true wheel (right all the same) and 1 beside it: 4 / 5.
    result = anatomy(("wwww..", "wwwWW."))
    (wheel,) = result.classes
    assert (wheel.iou, lost(wheel)) == (0.8, {"false_part": 0.2})
    assert wheel.parts["false_part"] == 1


def test_bad_mask() -> None:
    # Wheel at 0-3, predicted at 1-4: 3 in common, 1 missing, 1 too many: 3 / 5.
    (wheel,) = anatomy(("wwww.", ".wwww")).classes
    assert wheel.iou == 0.6
    assert lost(wheel) == {"bad_mask": 0.4}


def test_wrong_class__partners_share_it_the_rest_is_a_bad_mask() -> None:
    # Wheel at 0-3, a door predicted at 1-4 instead: IoU 3 / 5 although the names differ.
    # Wheel loses 3 pixels to the name and 1 to the mask, of a union of 4; the door likewise.
    # Doors elsewhere put the door into the mean: 4 right of a union of 8.
    result = anatomy(("wwww.", ".dddd"), ("dddd", "dddd"))
    wheel, door = result.classes
    assert lost(wheel) == {"wrong_class": 0.75, "bad_mask": 0.25}
    assert lost(door) == {"wrong_class": 3 / 8, "bad_mask": 1 / 8}
    assert result.lost["wrong_class"] == pytest.approx((3 / 4 + 3 / 8) / 2, abs=1e-15)
    assert counted(wheel) == {"true_parts": 1, "wrong_class": 1}
    assert counted(door) == {"true_parts": 1, "matched": 1, "predicted_parts": 2}


def test_one_mirror_on_the_wrong_side() -> None:
    result = anatomy(("ll..", "rr.."))
    (left,) = result.classes
    assert lost(left) == {"left_right_swap": 1.0}
    assert counted(left) == {"true_parts": 1, "left_right_swap": 1}
    assert lost(by_name(result)["right_mirror"]) == {"left_right_swap": 1.0}


def test_both_mirrors_swapped() -> None:
    result = anatomy(("ll..rr", "rr..ll"))
    assert result.lost == NOTHING_LOST | {"left_right_swap": 1.0}
    assert [row.parts["left_right_swap"] for row in result.classes] == [1, 1]


def test_swapped_neighbours_are_seen_even_if_one_spills_over() -> None:
    # Left at 0-9, right at 10-19. Predicted right 0-12, left 13-19. Right on right: 3 / 20 = 0.15,
    # over the threshold; right on left 10 / 13 and left on right 7 / 10 are the better story.
    # Left: 10 not found (shared with right), 7 too many (shared): 17 of a union of 17.
    # Right: 3 found, 7 not found (on left), 10 too many (on left): union 20.
    result = anatomy(("l" * 10 + "r" * 10, "r" * 13 + "l" * 7))
    left, right = result.classes
    assert lost(left) == {"left_right_swap": 1.0}
    assert right.iou == 3 / 20
    assert lost(right) == {"left_right_swap": 17 / 20}


def test_loose_mask_of_the_right_name_beats_a_tighter_one_of_another() -> None:
    # Wheel at 0-9; wheel predicted at 0-2 (3 / 10), a door at 3-7 (5 / 10, less than twice).
    # The door is false and smaller, so the 5 wheel pixels under it are its doing; 2 are the mask's.
    result = anatomy(("w" * 10, "wwwddddd.."))
    (wheel,) = result.classes
    assert lost(wheel) == {"false_part": 0.5, "bad_mask": 0.2}
    assert counted(wheel) == {"true_parts": 1, "matched": 1, "predicted_parts": 1}


def test_same_class_with_a_tiny_overlap_is_missed_and_false() -> None:
    # Wheels of 6 with 1 common pixel: IoU 1 / 11 < 0.1; 5 missed and 5 false of a union of 11.
    (wheel,) = anatomy(("wwwwww.....", ".....wwwwww")).classes
    assert lost(wheel) == {"missed_part": 5 / 11, "false_part": 5 / 11}


def test_an_iou_of_exactly_a_tenth_pairs() -> None:
    # 1 common pixel of a union of 10: found, 9 pixels of mask wrong.
    (wheel,) = anatomy(("wwwww.....", "....wwwwww")).classes
    assert lost(wheel) == {"bad_mask": 0.9}
    # Door on wheel, the same sizes: 1 shared pixel has the wrong name, 4 of 5 are the mask's.
    (wheel,) = anatomy(("wwwww.....", "....dddddd")).classes
    assert lost(wheel) == {"wrong_class": 0.2, "bad_mask": 0.8}


def test_missed_handle_on_a_door_is_not_the_fault_of_the_doors_mask() -> None:
    # Door of 6 with a handle of 1 on it (door on handle: 1 / 7; the door is taken).
    # The door has 1 pixel too many because the smaller handle was not painted over it: 6 / 7.
    result = anatomy(("dddhddd", "ddddddd"))
    door, handle = result.classes
    assert lost(handle) == {"missed_part": 1.0}
    assert door.iou == 6 / 7
    assert lost(door) == {"missed_part": pytest.approx(1 / 7, abs=1e-15)}
    # The reverse: an invented handle takes 1 of the door's 7 pixels.
    result = anatomy(("ddddddd", "dddhddd"))
    assert lost(result.classes[0]) == {"false_part": pytest.approx(1 / 7, abs=1e-15)}


def test_spill_over_a_larger_missed_part_stays_a_bad_mask() -> None:
    # Door at 0-2, predicted at 0-3; the wheel of 7 (3-9) is missed (door on wheel: 1 / 10; the door
    # is taken). Found, the larger wheel would lie under the door: the door spills.
    result = anatomy(("dddwwwwwww", "dddd......"))
    wheel, door = result.classes
    assert lost(wheel) == {"missed_part": 1.0}
    assert lost(door) == {"bad_mask": 0.25}
    # The reverse: an invented door of 7 lies over 1 of the wheel's 4 pixels.
    result = anatomy(("wwww......", "wwwddddddd"))
    assert lost(result.classes[0]) == {"bad_mask": 0.25}


def test_overlapping_parts_are_compared_as_painted_and_hidden_ones_not_counted() -> None:
    # A door of 4 with a wheel of 2 painted on it; the prediction's wheel covers 1 pixel of it.
    # Painted truth ddww, painted prediction dddw: door 2 / 3, wheel 1 / 2, both found. Of the two
    # equal wheels in the truth, the later is on top and the first has no pixel left.
    none = np.zeros((0, 1, 4), bool)
    masks = np.array([[[1, 1, 1, 1]], [[0, 0, 1, 1]], [[0, 0, 1, 1]], [[0, 0, 0, 1]]], bool)
    truth, predicted = parts(masks[:3], [1, 0, 0], none), parts(masks[[0, 3, 3]], [1, 0, 0], none)
    counts = AnatomyCounts(NAMES, {})
    counts.add(overlap_parts(truth, predicted))
    result = counts.result()
    assert [row.iou for row in result.classes] == [1 / 2, 2 / 3]
    for row in result.classes:
        assert list(lost(row)) == ["bad_mask"]
        assert counted(row) == {"true_parts": 1, "matched": 1, "predicted_parts": 1}


def test_ignored_pixels_cost_nothing() -> None:
    # The invented door lies in the ignored region; the wheel loses 1 of its 2 scored pixels.
    result = anatomy(("wwxx", ".wdd"))
    assert lost(result.classes[0]) == {"bad_mask": 0.5}
    assert result.only_predicted == ()
    # The oracle is not asked there either: it is right on the 1 wrong pixel that is scored.
    result = anatomy(("wwxx", ".wdd", "wwww"))
    assert result.bad_mask_split == {"bad_prompt": 0.5, "sam_limit": 0.0}


def test_oracle_splits_bad_masks() -> None:
    # Wheel at 1-6, predicted at 3-8: 2 not found, 2 too many, 4 right: union 8.
    # Oracle 2-7: of those not found it has pixel 2, not 1; of those too many it has 7, not 8.
    result = anatomy((".wwwwww..", "...wwwwww", "..wwwwww."))
    assert lost(result.classes[0]) == {"bad_mask": 0.5}
    assert result.classes[0].bad_mask_split == {"bad_prompt": 2 / 8, "sam_limit": 2 / 8}


@pytest.mark.parametrize(
    ("predicted", "oracle", "bad_prompt", "sam_limit"),
    [
        # Wheel at 0-3. Predicted at 0-7: 4 pixels too many of a union of 8.
        ("wwwwwwww", "wwww....", 0.5, 0),
        ("wwwwwwww", "wwwwwwww", 0, 0.5),
        ("wwwwwwww", "wwwwdddd", 0.5, 0),  # another class: not the prediction's mistake
        # Predicted at 0-1: 2 not found of a union of 4.
        ("ww......", "wwww....", 0.5, 0),
        ("ww......", "ww......", 0, 0.5),
        ("ww......", "wwdd....", 0, 0.5),  # another class: not found either
    ],
)
def test_oracle_by_side(predicted: str, oracle: str, bad_prompt: float, sam_limit: float) -> None:
    split = anatomy(("wwww....", predicted, oracle)).bad_mask_split
    assert split == {"bad_prompt": bad_prompt, "sam_limit": sam_limit}


def test_oracle_splits_nothing_but_bad_masks() -> None:
    # A missed wheel and a swapped mirror that the oracle gets right are no bad prompts.
    result = anatomy(("ww.ll", "...rr", "ww.ll"))
    assert result.lost["missed_part"] == result.lost["left_right_swap"] == 0.5
    assert result.bad_mask_split == {"bad_prompt": 0.0, "sam_limit": 0.0}


def test_oracle_of_another_size_or_for_some_images_only_is_refused() -> None:
    image, split, bad = ("ww..", "ww.."), ("ww..", "ww..", "ww.."), ("ww..", "ww..", "ww...")
    with pytest.raises(PredictionError, match=r"image 2 .*of \(1, 4\); found \(1, 5\).*same orig"):
        anatomy(split, bad)
    with pytest.raises(PredictionError, match=r"Image 2 comes without .* but 1 of the 1 images"):
        anatomy(split, image)
    with pytest.raises(PredictionError, match=r"Image 3 comes with .* but 0 of the 2 images"):
        anatomy(image, image, split)


def test_to_dict_is_plain() -> None:
    result = anatomy(("wwww.", ".wwww", "wwww."), ("dd", "..", "dd"))
    content = json.loads(json.dumps(result.to_dict()))
    assert content["lost"] == pytest.approx(NOTHING_LOST | {"missed_part": 0.5, "bad_mask": 0.2})
    assert content["bad_mask_split"] == {"bad_prompt": 0.2, "sam_limit": 0.0}
    assert [row["parts"]["matched"] for row in content["classes"]] == [1, 0]


def test_advice_names_the_costliest_causes_and_classes() -> None:
    # Handle: 1 of 2 missed, half its IoU. Left mirror: swapped, all of its IoU. Wheel: mask, 0.4.
    # Door: 1 of 25 pixels missing. Over 4 classes: swap 25, missed 12.5, mask (40 + 4) / 4 = 11.
    images = (("hh.", "hh."), ("hh.", "..."), ("ll.", "rr."), ("wwww.", ".wwww"))
    swap, missed, mask = anatomy(*images, ("d" * 25, "d" * 24 + ".")).advice()
    assert swap.startswith(
        "Left and right swapped cost 25.0 points of mIoU, most on left_mirror (1 of 1 parts): check"
    )
    assert missed.startswith(
        "Missed parts cost 12.5 points of mIoU, most on handle (1 of 2 parts missed): label more"
    )
    assert mask.startswith(
        "Masks of found parts that do not fit cost 11.0 points of mIoU, most on wheel (40.0 points "
        "of its IoU) and door (4.0 points of its IoU): check"
    )


def test_advice_with_an_oracle_tells_prompts_from_the_limit_of_sam() -> None:
    # 4 of 8 wheel pixels not found; the oracle finds 3 of them. 12.5 is over a tenth of the loss.
    advice = anatomy(("wwwwwwww", "wwww....", "wwwwwww.")).advice()
    assert [text.split(" points of mIoU")[0] for text in advice] == [
        "Masks that the same SAM draws right from the true box cost 37.5",
        "Pixels that SAM gets wrong even from the true box cost 12.5",
    ]


def test_advice_names_only_classes_with_such_parts() -> None:
    # The door loses a pixel to the missed handle, but no door is missed; likewise for false parts.
    (text,) = anatomy(("dddhddd", "ddddddd")).advice()
    assert "most on handle (1 of 1 parts missed): label" in text
    (text,) = anatomy(("ddddddd", "dddhddd")).advice()
    assert text.startswith("Parts where there are none cost 14.3 points of mIoU: check")
    (text,) = anatomy(("ww..", "ww.W")).advice()
    assert "most on wheel (false parts: 1): check" in text


def test_advice_leaves_out_what_hardly_matters() -> None:
    # Of wheels of 50 and 50 pixels, one is missed and one is found but for 1: 1 / 51 of the loss.
    (text,) = anatomy(("w" * 50 + "." + "W" * 50, "w" * 49 + "." * 52)).advice()
    assert text.startswith("Missed parts cost 50.0 points")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.booleans())
def test_causes_add_up_to_the_loss(seed: int, with_oracle: bool) -> None:
    rng = np.random.default_rng(seed)
    counts = AnatomyCounts(NAMES, left_right_rule(NAMES))
    confusion = np.zeros((len(NAMES) + 1, len(NAMES) + 1), np.int64)

    def some(num_ignored: int = 0) -> ImageParts:
        masks = rng.random((rng.integers(0, 6) + num_ignored, 6, 5)) < rng.random()
        classes = rng.integers(0, len(NAMES), len(masks) - num_ignored).tolist()
        return parts(masks[num_ignored:], classes, masks[:num_ignored])

    for _ in range(3):
        truth, predicted = some(int(rng.integers(0, 2))), some()
        overlap = overlap_parts(truth, predicted)
        confusion += overlap.class_counts(len(NAMES))
        if with_oracle:
            counts.add_with_oracle(overlap, truth, predicted, some())
        else:
            counts.add(overlap)
    result, scores = counts.result(), class_scores(confusion, NAMES)
    iou = {score.name: score.iou for score in scores if score.iou is not None}
    for row in (*result.classes, *result.only_predicted):
        assert row.iou == iou[row.name]
        assert sum(row.lost.values()) == pytest.approx(1 - row.iou, abs=1e-12)
    means = class_means(scores)
    assert len(result.classes) == means.classes_in_mean
    assert {row.name for row in result.only_predicted} == set(means.classes_only_predicted)
    if means.miou is not None:
        assert sum(result.lost.values()) == pytest.approx(1 - means.miou, abs=1e-12)
    rows: list[ClassAnatomy | ErrorAnatomy] = [*result.classes, *result.only_predicted, result]
    for part in rows:
        assert min(part.lost.values()) >= 0
        assert (part.bad_mask_split is not None) == with_oracle
        split = part.bad_mask_split or {"not split": part.lost["bad_mask"]}
        assert min(split.values()) >= 0
        assert sum(split.values()) == pytest.approx(part.lost["bad_mask"], abs=1e-12)
    assert 1 <= len(result.advice()) <= 3


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_split_agrees_with_a_count_pixel_by_pixel(seed: int) -> None:
    # One wheel, found, so that all its wrong pixels are bad masks: the oracle alone decides.
    rng = np.random.default_rng(seed)
    core = np.zeros((5, 6), bool)
    core[1:4, 1:5] = True
    truth, predicted = (core ^ (rng.random(core.shape) < 0.15) for _ in range(2))
    oracle = core ^ (rng.random(core.shape) < 0.3)
    none = np.zeros((0, 5, 6), bool)
    images = [parts(mask[None], [0], none) for mask in (truth, predicted, oracle)]
    counts = AnatomyCounts(NAMES, {})
    counts.add_with_oracle(overlap_parts(images[0], images[1]), *images)
    wrong, worse = truth != predicted, oracle != truth
    shares = np.array([(wrong & ~worse).sum(), (wrong & worse).sum()]) / (truth | predicted).sum()
    split = counts.result().bad_mask_split
    assert split == pytest.approx({"bad_prompt": shares[0], "sam_limit": shares[1]}, abs=1e-12)
