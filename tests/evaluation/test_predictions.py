"""Prediction files: each way to be wrong has its message."""

from __future__ import annotations

import tracemalloc
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from wps_sam.errors import PredictionError
from wps_sam.evaluation.predictions import read_predictions

if TYPE_CHECKING:
    from evaluation.conftest import ClassMask, Scene

EYE = np.eye(10, dtype=bool)
KEYS = ("images", "categories", "annotations")


def test_masks_come_back_with_class_and_score(scene: Scene, class_mask: ClassMask) -> None:
    scene.image("b.jpg", (4, 3))
    scene.predict("b.jpg", "door", np.eye(4, 3, dtype=bool), score=0.25)
    predictions = read_predictions(scene.predictions_path)
    assert predictions.class_names == ("wheel", "door")
    assert predictions.category_ids == (5, 6)
    assert len(predictions.parts(0).runs) == 0
    parts = predictions.parts(1)
    assert parts.class_index.tolist() == [1]
    assert parts.scores.tolist() == [0.25]
    assert (class_mask(parts, 1) == np.eye(4, 3)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": None}, r"annotation 1 needs a score, a finite number; found None"),
        ({"score": float("nan")}, r"annotation 1 needs a score.*found nan"),
        ({"score": float("inf")}, r"annotation 1 needs a score.*found inf"),
        ({"score": "0.5"}, r"annotation 1 needs a score.*found '0.5'"),
        ({"score": True}, r"annotation 1 needs a score.*found True"),
        ({"score": 10**400}, r"annotation 1 needs a score, a finite number; found 1000"),
        ({"category_id": 77}, r"annotation 1 has category_id 77.*\[1, 5, 6\]"),
        ({"category_id": None}, r"annotation 1 has category_id None"),
        ({"category_id": True}, r"annotation 1 has category_id True"),
        ({"image_id": 9}, r"annotation 1 belongs to image 9, which is not in the file's 1 images"),
        ({"image_id": None}, r"annotation 1 needs image_id"),
        ({"image_id": True}, r"annotation 1 needs image_id \(a number or text\); found True"),
        ({"segmentation": [[1, 1, 5, 5, 1, 5]]}, r"annotation 1 needs a run-length mask.*list"),
        ({"segmentation": None}, r"annotation 1 needs a run-length mask.*NoneType"),
    ],
)
def test_bad_annotations(scene: Scene, change: dict[str, Any], message: str) -> None:
    scene.predictions["categories"].append({"id": 1, "name": "window"})
    scene.predict("a.jpg", "wheel", EYE)
    scene.predictions["annotations"][0] |= change
    with pytest.raises(PredictionError, match=message + r".*wps-sam predict"):
        read_predictions(scene.predictions_path)


@pytest.mark.parametrize("order", list(permutations(KEYS)), ids="-".join)
def test_keys_come_in_any_order(scene: Scene, order: tuple[str, ...]) -> None:
    scene.predict("a.jpg", "door", EYE, score=0.25)
    scene.predictions = {"info": {"list": [1]}} | {key: scene.predictions[key] for key in order}
    predictions = read_predictions(scene.predictions_path)
    assert predictions.class_names == ("wheel", "door")
    assert predictions.parts(0).scores.tolist() == [0.25]
    scene.predictions["annotations"][0]["image_id"] = 9
    with pytest.raises(PredictionError, match=r"annotation 1 belongs to image 9"):
        read_predictions(scene.predictions_path)


def test_masks_keep_the_order_of_the_file_however_images_are_mixed(scene: Scene) -> None:
    scene.image("b.jpg")
    for number in range(6):
        scene.predict("ab"[number % 2] + ".jpg", "wheel", EYE, score=number / 8)
    predictions = read_predictions(scene.predictions_path)
    assert predictions.parts(0).scores.tolist() == [0, 0.25, 0.5]
    assert predictions.parts(1).scores.tolist() == [0.125, 0.375, 0.625]
    assert predictions.parts(-1).scores.tolist() == [0.125, 0.375, 0.625]
    with pytest.raises(IndexError):
        predictions.parts(2)


def test_memory_does_not_grow_with_the_masks(scene: Scene) -> None:
    # 400 masks of 50,000 characters are 20 MB; the bound leaves room for a chunk and a batch.
    rle = {"size": [10, 10], "counts": "0" * 50_000}
    for _ in range(400):
        scene.predict("a.jpg", "wheel", rle)
    path = scene.predictions_path
    tracemalloc.start()
    read_predictions(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert path.stat().st_size > 20e6
    assert peak < 8e6


def test_score_left_out(scene: Scene) -> None:
    scene.predict("a.jpg", "wheel", EYE)
    del scene.predictions["annotations"][0]["score"]
    with pytest.raises(PredictionError, match=r"needs a score.*found no score"):
        read_predictions(scene.predictions_path)


@pytest.mark.parametrize(
    ("rle", "message"),
    [
        ({"size": [9, 10], "counts": [90]}, r"annotation 1 of image a\.jpg.*size is 9 x 10"),
        ({"size": [10, 10], "counts": [90]}, r"annotation 1 of image a\.jpg.*adding up to 90"),
        ({"size": [10, 10], "counts": "0000"}, r"annotation 1 of image a\.jpg.*adding up to 0"),
        ({"size": [10, 10]}, r"annotation 1 of image a\.jpg.*counts"),
        ({"size": [0, 10], "counts": []}, r"1 or more; found 0 x 10\. Write the file again"),
    ],
    ids=["size", "short", "short text", "no counts", "one period"],
)
def test_bad_masks(scene: Scene, rle: dict[str, Any], message: str) -> None:
    scene.predict("a.jpg", "wheel", rle)
    predictions = read_predictions(scene.predictions_path)
    with pytest.raises(PredictionError, match=message):
        predictions.parts(0)


@pytest.mark.parametrize(
    ("key", "index", "change", "message"),
    [
        ("images", 0, {"height": None}, r"an image needs id, file_name, height and width"),
        ("images", 0, {"height": 0}, r"size of at least 1 x 1"),
        ("images", 0, {"height": float("inf")}, r"an image needs id.*found \{.*inf"),
        ("images", 0, {"height": True}, r"an image needs id, file_name, height and width"),
        ("images", 0, {"id": [1]}, r"number or text as id"),
        ("images", 0, {"id": True}, r"number or text as id"),
        ("images", 1, {"id": 1}, r"image id 1 occurs more than once"),
        ("images", 1, {"file_name": "a.jpg"}, r"file_name 'a\.jpg' occurs more than once"),
        ("categories", 0, {"id": "x"}, r"a category needs id \(a whole number\) and name"),
        ("categories", 0, {"id": float("inf")}, r"a category needs id"),
        ("categories", 0, {"id": True}, r"a category needs id"),
        ("categories", 0, {"id": 6}, r"category id 6 occurs more than once"),
        ("categories", 0, {"name": "door"}, r"category name 'door' occurs more than once"),
    ],
)
def test_bad_images_and_categories(
    scene: Scene, key: str, index: int, change: dict[str, Any], message: str
) -> None:
    scene.image("b.jpg")
    scene.predictions[key][index] |= change
    with pytest.raises(PredictionError, match=message):
        read_predictions(scene.predictions_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", r"cannot be read as JSON: .*line 1 column 2 \(char 1\)"),
        (b"", "cannot be read as JSON: the file is empty"),
        (b"\xff\xfe", "cannot be read as JSON: byte 0 is 0xff"),
        (b'{"images": [], "categories": [], "annotations": [', "cannot be read as JSON: .*char 49"),
        (b'{"images": [], "images": []}', "cannot be read as JSON: The key 'images' occurs twice"),
        (b"[]", "bare list"),
        (b'"x"', "images is NoneType"),
        (b'{"images": [], "categories": {}}', "categories is dict"),
        (b'{"images": [], "categories": []}', "annotations is NoneType"),
        (b'{"images": [], "categories": [], "annotations": [3]}', "record 0 of annotations"),
        (b'{"images": [3], "categories": [], "annotations": []}', "an image needs"),
    ],
)
def test_bad_files(tmp_path: Path, text: bytes, message: str) -> None:
    path = tmp_path / "predictions.json"
    path.write_bytes(text)
    with pytest.raises(PredictionError, match=message):
        read_predictions(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(PredictionError, match=r"No prediction file at .*none\.json.*predict RUN"):
        read_predictions(tmp_path / "none.json")
    with pytest.raises(PredictionError, match="Predictions come first, then the truth"):
        read_predictions(tmp_path / "none.json")
    with pytest.raises(PredictionError, match="cannot be read"):
        read_predictions(tmp_path)


def test_info_is_kept_wherever_it_stands(scene: Scene) -> None:
    assert read_predictions(scene.predictions_path).info == {}
    scene.predictions["info"] = {"sam": "tiny", "failed": ["b.jpg"]}
    assert read_predictions(scene.predictions_path).info == scene.predictions["info"]
    scene.predictions = {"info": scene.predictions.pop("info")} | scene.predictions
    assert read_predictions(scene.predictions_path).info["sam"] == "tiny"
    for other in ([1], "text", None):
        scene.predictions["info"] = other
        assert read_predictions(scene.predictions_path).info == {}


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ([[1, 1, 5, 5, 1, 5]], r"truth\.json looks like a label file, which has polygons\."),
        (EYE, r"truth\.json looks like a label file, which has no scores\."),
    ],
    ids=["polygons", "run lengths"],
)
def test_the_truth_in_place_of_the_predictions(scene: Scene, mask: Any, message: str) -> None:
    scene.true("a.jpg", "wheel", mask)
    order = r" Predictions come first, then the truth.*evaluate PREDICTIONS TRUTH.*--oracle takes"
    with pytest.raises(PredictionError, match=message + order):
        read_predictions(scene.truth_path)
    del scene.truth["images"][0]["width"]
    with pytest.raises(PredictionError, match=r"an image needs.*If it is a label file:" + order):
        read_predictions(scene.truth_path)
