"""Predictions that do not fit the truth are refused, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from wps_sam.errors import PredictionError
from wps_sam.evaluation.matching import match_predictions
from wps_sam.evaluation.predictions import read_predictions
from wps_sam.evaluation.truth import open_truth

if TYPE_CHECKING:
    from evaluation.conftest import Scene
    from wps_sam.evaluation.matching import Matching

EYE = np.eye(10, dtype=bool)


def match(scene: Scene, holdout: int | None = None) -> Matching:
    truth = open_truth(scene.truth_path, holdout=holdout)
    return match_predictions(read_predictions(scene.predictions_path), truth)


@pytest.fixture
def eight(scene: Scene) -> Scene:
    """a.jpg to h.jpg; a part in a.jpg and h.jpg."""
    for name in "bcdefgh":
        scene.image(f"{name}.jpg")
    scene.true("a.jpg", "wheel", EYE)
    scene.true("h.jpg", "wheel", EYE)
    return scene


def test_unknown_class(eight: Scene) -> None:
    eight.predictions["categories"][1]["name"] = "dor"
    with pytest.raises(
        PredictionError, match=r"does not have: dor\. The truth's classes are: wheel, door"
    ):
        match(eight)


def test_missing_images(eight: Scene) -> None:
    eight.predictions["images"] = eight.predictions["images"][:1]
    with pytest.raises(
        PredictionError,
        match=r"no predictions for 7 of 8 images.*b\.jpg, c\.jpg.*f\.jpg and 2 more.*--holdout",
    ):
        match(eight)


def test_extra_images(eight: Scene) -> None:
    eight.truth["images"].pop(1)
    with pytest.raises(PredictionError, match=r"has 1 images that .* does not have: b\.jpg"):
        match(eight)


def test_extra_images_of_the_same_file_are_left_out(eight: Scene) -> None:
    matching = match(eight, holdout=4)
    assert matching.image_index == (3, 7)
    assert matching.notes == ("6 predicted images are outside the held-out share and not scored.",)
    eight.predictions["images"] = [eight.predictions["images"][i] for i in (7, 3)]
    assert match(eight, holdout=4).image_index == (1, 0)
    eight.predictions["images"].append({"id": 99, "file_name": "z.jpg", "height": 1, "width": 1})
    with pytest.raises(PredictionError, match=r"z\.jpg"):
        match(eight, holdout=4)


def test_other_size(eight: Scene) -> None:
    eight.predictions["images"][2]["width"] = 20
    with pytest.raises(
        PredictionError, match=r"c\.jpg \(predicted 10 x 20, truth 10 x 10\).*original image"
    ):
        match(eight)


def test_file_names_match_by_their_last_part_if_that_is_unique(eight: Scene) -> None:
    for record in eight.predictions["images"]:
        record["file_name"] = "val\\" + record["file_name"]
    assert match(eight).image_index == tuple(range(8))
    eight.predictions["images"][1]["file_name"] = "train/a.jpg"
    with pytest.raises(PredictionError, match=r"no predictions for 2 of 8.*a\.jpg, b\.jpg"):
        match(eight)


def test_names_that_fit_two_truth_images_are_not_guessed(eight: Scene) -> None:
    eight.truth["images"][0]["file_name"] = "x/a.jpg"
    eight.truth["images"][1]["file_name"] = "y/a.jpg"
    eight.predictions["images"].pop(1)
    with pytest.raises(PredictionError, match=r"no predictions for 2 of 8.*x/a\.jpg, y/a\.jpg"):
        match(eight)


def test_a_name_of_an_image_left_out_is_not_taken_for_another(scene: Scene) -> None:
    # Of 1.jpg in two folders only the second is scored, and only the first was predicted.
    scene.truth["images"][0]["file_name"] = "a/1.jpg"
    scene.predictions["images"][0]["file_name"] = "a/1.jpg"
    scene.image("b/1.jpg")
    scene.true("a/1.jpg", "wheel", EYE)
    scene.true("b/1.jpg", "wheel", EYE)
    both = scene.predictions["images"]
    scene.predictions["images"] = both[:1]
    with pytest.raises(PredictionError, match=r"no predictions for 1 of 1 images.*: b/1\.jpg"):
        match(scene, holdout=2)
    # 1.jpg could be either of the two, whichever is scored.
    scene.predictions["images"][0]["file_name"] = "1.jpg"
    with pytest.raises(PredictionError, match=r"no predictions for 1 of 1 images.*: b/1\.jpg"):
        match(scene, holdout=2)
    scene.predictions["images"][0]["file_name"] = "a/1.jpg"
    scene.predictions["images"] = both[::-1]
    matching = match(scene, holdout=2)
    assert matching.image_index == (0,)
    assert matching.notes == ("1 predicted images are outside the held-out share and not scored.",)


def test_a_name_that_is_taken_makes_no_other_one_ambiguous(scene: Scene) -> None:
    scene.truth["images"][0]["file_name"] = "x/a.jpg"
    scene.predictions["images"][0]["file_name"] = "x/a.jpg"
    scene.image("y/a.jpg")
    scene.true("x/a.jpg", "wheel", EYE)
    scene.predictions["images"][1]["file_name"] = "a.jpg"
    assert match(scene).image_index == (0, 1)
