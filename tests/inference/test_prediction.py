"""The result type: its checks, its label map and what it turns into."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wps_sam.errors import DataError
from wps_sam.geometry.masks import rle_to_mask
from wps_sam.inference.prediction import PartPrediction


def empty_prediction() -> PartPrediction:
    return PartPrediction(
        masks=np.zeros((0, 6, 8), bool),
        class_index=np.zeros(0, np.int64),
        class_names=("wheel",),
        scores=np.zeros(0, np.float32),
        boxes_xyxy=np.zeros((0, 4), np.float32),
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"masks": np.zeros((3, 60, 80), np.uint8)},
            r"masks: found .* uint8, expected \(P, H, W\)",
        ),
        ({"masks": np.zeros((60, 80), bool)}, r"masks: found shape \(60, 80\)"),
        ({"masks": np.zeros((0, 0, 8), bool)}, r"H, W >= 1"),
        ({"scores": np.zeros(2, np.float32)}, r"scores: found shape \(2,\), expected \(3,\)"),
        ({"class_index": np.zeros((3, 1), np.int64)}, r"class_index: found shape \(3, 1\)"),
        ({"class_index": np.array([0.0, 1.0, 2.0])}, "class_index: found dtype float64"),
        ({"class_index": np.array([0, 1, 3])}, "found 0 to 3, expected 0 to 2 for 3 class names"),
        ({"class_index": np.array([0, -1, 2])}, "found -1 to 2"),
        ({"boxes_xyxy": np.zeros((3, 5), np.float32)}, r"boxes_xyxy: found shape \(3, 5\)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "/".join(value),
)
def test_refuses_what_does_not_fit(
    prediction: PartPrediction, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        replace(prediction, **change)


def test_semantic__smaller_part_is_on_top(prediction: PartPrediction) -> None:
    semantic = prediction.semantic
    assert semantic.dtype == np.uint8
    assert semantic[25, 25] == 3
    assert semantic[40, 40] == 2
    assert semantic[10, 65] == 1
    assert semantic[0, 0] == 0


def test_semantic__order_of_parts_does_not_matter(prediction: PartPrediction) -> None:
    turned = PartPrediction(
        prediction.masks[::-1],
        prediction.class_index[::-1],
        prediction.class_names,
        prediction.scores[::-1],
        prediction.boxes_xyxy[::-1],
    )
    assert np.array_equal(turned.semantic, prediction.semantic)


def test_semantic__empty() -> None:
    assert np.array_equal(empty_prediction().semantic, np.zeros((6, 8)))


def test_semantic__many_classes_need_16_bits(prediction: PartPrediction) -> None:
    names = tuple(f"part {i}" for i in range(300))
    many = replace(prediction, class_names=names, class_index=np.array([299, 0, 1]))
    assert many.semantic.dtype == np.uint16
    assert many.semantic.max() == 300
    only_low_classes = replace(prediction, class_names=names)
    assert only_low_classes.semantic.dtype == np.uint16  # the same for all images of a run


def test_to_detections(prediction: PartPrediction) -> None:
    detections = prediction.to_detections()
    assert len(detections) == 3
    assert list(detections.data["class_name"]) == ["door", "lamp", "wheel"]
    assert np.array_equal(detections.xyxy[2], [60, 5, 75, 15])
    assert list(detections.area) == [1600, 100, 150]


def test_to_detections__empty() -> None:
    assert len(empty_prediction().to_detections()) == 0


def test_to_coco_annotations(prediction: PartPrediction) -> None:
    records = prediction.to_coco_annotations("img-3", category_ids=(7, 9, 12), first_id=5)
    records = json.loads(json.dumps(records))
    assert [record["id"] for record in records] == [5, 6, 7]
    assert [record["category_id"] for record in records] == [9, 12, 7]
    assert {record["image_id"] for record in records} == {"img-3"}
    assert records[1]["bbox"] == [20, 20, 10, 10]
    assert records[1]["area"] == 100
    assert records[1]["score"] == 0.8
    assert np.array_equal(rle_to_mask(records[0]["segmentation"]), prediction.masks[0])


def test_to_coco_annotations__needs_an_id_for_each_class(prediction: PartPrediction) -> None:
    with pytest.raises(DataError, match="category_ids: found 2, expected one for each of 3"):
        prediction.to_coco_annotations(1, category_ids=(1, 2))


def test_save(prediction: PartPrediction, tmp_path: Path) -> None:
    image = np.zeros((60, 80, 3), np.uint8)
    paths = prediction.save(tmp_path / "new", "a.b", image)
    assert [path.name for path in paths] == ["a.b.png", "a.b.overlay.jpg"]
    with Image.open(paths[0]) as label_map:
        assert np.array_equal(np.asarray(label_map), prediction.semantic)
    assert paths[1].stat().st_size > 0
