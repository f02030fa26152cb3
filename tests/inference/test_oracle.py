"""The frozen SAM with labelled boxes and points."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor

from wps_sam.errors import ConfigError, DataError
from wps_sam.evaluation.predictions import read_predictions
from wps_sam.inference.journal import PredictionJournal
from wps_sam.inference.oracle import encode_live, oracle_prediction, predict_oracle
from wps_sam.labels.weak_labels import WeakDataset, WeakImage
from wps_sam.sam.frozen import DecodedMasks, FrozenSam

if TYPE_CHECKING:
    from inference.conftest import BoxSam


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


def with_points(path: Path) -> WeakImage:
    """Three parts: two points, a box, one point."""
    return replace(
        labelled(path, [[50, 25, 150, 75]] * 3, [0, 1, 0]),
        boxes_xyxy=np.array([[np.nan] * 4, [50, 25, 150, 75], [np.nan] * 4], np.float32),
        points_xy=tuple(
            np.array(points, np.float32).reshape(-1, 2)
            for points in ([[60.0, 50], [25, 50]], [], [[100.0, 50]])
        ),
    )


def test_mixed__boxes_and_points_each_in_its_place(
    box_sam: BoxSam, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed = box_sam._embed_points

    def one_token_more_than_points(points: Tensor, labels: Tensor) -> Tensor:
        return embed(points, labels)[:, :1].repeat(1, points.shape[1] + 1, 1)

    monkeypatch.setattr(box_sam, "_embed_points", one_token_more_than_points)
    image = with_points(photos / "a.jpg")
    features = encode_live(box_sam)(image)
    found = oracle_prediction(box_sam, image, features, ("wheel", "door"), prompt="mixed")
    assert list(found.class_index) == [0, 1, 0]
    # 32 SAM pixels around a point are 25 image pixels; of two points this SAM takes the left one.
    expected = np.array([[12.5, 37.5, 37.5, 62.5], [50, 25, 150, 75], [87.5, 37.5, 112.5, 62.5]])
    assert np.allclose(found.boxes_xyxy, expected, atol=1)


def test_mixed__several_points_are_one_prompt_without_padding(
    toy_sam: FrozenSam, photos: Path
) -> None:
    image = with_points(photos / "a.jpg")
    features = encode_live(toy_sam)(image)
    asked: list[tuple[int, ...]] = []
    decode = toy_sam.decode

    def watched(features: Tensor, tokens: Tensor, *rest: Any) -> DecodedMasks:
        asked.append(tuple(tokens.shape))
        return decode(features, tokens, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(toy_sam, "decode", watched)
        oracle_prediction(toy_sam, image, features, ("wheel", "door"), prompt="mixed")
    assert asked == [(2, 2, 256), (1, 3, 256)]


def test_box__a_part_without_one(box_sam: BoxSam, photos: Path) -> None:
    image = with_points(photos / "a.jpg")
    with pytest.raises(ConfigError, match=r"a\.jpg: part 0 has points but no box"):
        oracle_prediction(box_sam, image, torch.zeros(8, 16, 16), ("wheel", "door"), prompt="box")


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
