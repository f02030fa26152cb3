"""The frozen SAM with labelled boxes and points."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from wps_sam.errors import DataError
from wps_sam.evaluation.predictions import read_predictions
from wps_sam.inference.journal import PredictionJournal
from wps_sam.inference.oracle import encode_live, oracle_prediction, predict_oracle
from wps_sam.labels.weak_labels import WeakDataset, WeakImage

if TYPE_CHECKING:
    from tests.inference.conftest import BoxSam


def labelled(path: Path, boxes: list[list[float]], classes: list[int]) -> WeakImage:
    return WeakImage(
        image_id=path.name,
        path=path,
        file_name=path.name,
        height=100,
        width=200,
        class_index=np.array(classes, np.int64),
        boxes_xyxy=np.array(boxes, np.float32).reshape(-1, 4),
    )


def test_box__lands_on_the_labelled_pixels(box_sam: BoxSam, photos: Path) -> None:
    image = labelled(photos / "a.jpg", [[50, 25, 150, 75], [0, 0, 25, 25]], [1, 0])
    features = encode_live(box_sam)(image)
    found = oracle_prediction(box_sam, image, features, ("wheel", "door"), prompt="box")
    assert np.array_equal(found.boxes_xyxy, image.boxes_xyxy)
    assert list(found.class_index) == [1, 0]
    assert found.scores == pytest.approx([0.7, 0.7])


def test_point__only_the_centre_is_used(box_sam: BoxSam, photos: Path) -> None:
    features = encode_live(box_sam)(labelled(photos / "a.jpg", [], []))
    results = [
        oracle_prediction(
            box_sam, labelled(photos / "a.jpg", [box], [0]), features, ("wheel",), prompt="point"
        )
        for box in ([75.0, 25.0, 125.0, 75.0], [99.0, 49.0, 101.0, 51.0])
    ]
    # 32 SAM pixels around the centre (100, 50) are 25 image pixels.
    assert np.allclose(results[0].boxes_xyxy, [[87.5, 37.5, 112.5, 62.5]], atol=1)
    assert np.array_equal(results[0].masks, results[1].masks)


def test_best_of_3__is_the_one_sam_rates_best(box_sam: BoxSam, photos: Path) -> None:
    image = labelled(photos / "a.jpg", [[50, 25, 150, 75]], [0])
    found = oracle_prediction(
        box_sam, image, encode_live(box_sam)(image), ("wheel",), prompt="box", mask="best-of-3"
    )
    assert found.scores == pytest.approx([0.9])
    grown = np.array([[50 - 6.25, 25 - 6.25, 150 + 6.25, 75 + 6.25]])
    assert np.allclose(found.boxes_xyxy, grown, atol=1)


def test_all_images__those_without_labels_too(
    box_sam: BoxSam, photos: Path, tmp_path: Path
) -> None:
    images = (
        labelled(photos / "a.jpg", [[50, 25, 150, 75]], [0]),
        labelled(photos / "z.jpg", [], []),
    )
    labels = WeakDataset(tmp_path / "l.json", ("wheel",), (4,), images, ())
    with PredictionJournal(tmp_path, {}, [(4, "wheel")]) as journal:
        done = predict_oracle(box_sam, labels, encode_live(box_sam), journal, prompt="box")
        path = journal.finish(done, {}, keep=False)
    found = read_predictions(path)
    assert [(image.image_id, image.hw) for image in found.images] == [
        ("a.jpg", (100, 200)),
        ("z.jpg", (100, 200)),
    ]
    assert [len(found.parts(index).runs) for index in range(2)] == [1, 0]


def test_broken_image_ends_the_run(box_sam: BoxSam, photos: Path, tmp_path: Path) -> None:
    (photos / "a.jpg").write_bytes(b"")
    image = labelled(photos / "a.jpg", [], [])
    labels = WeakDataset(tmp_path / "l.json", ("wheel",), (4,), (image,), ())
    with (
        PredictionJournal(tmp_path, {}, [(4, "wheel")]) as journal,
        pytest.raises(DataError, match=r"a\.jpg"),
    ):
        predict_oracle(box_sam, labels, encode_live(box_sam), journal, prompt="box")
