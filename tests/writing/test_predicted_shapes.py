"""Predictions to shapes."""

import json
from pathlib import Path

from wps_sam.evaluation.predictions import read_predictions
from wps_sam.writing.predicted_shapes import predicted_images
from wps_sam.writing.shapes import ShapeRecord
from wps_sam.writing.writer import JOINED, WriteRemarks


def test_outline_box_and_score(tmp_path: Path) -> None:
    common = {"image_id": 3, "category_id": 8, "bbox": [0, 0, 1, 1], "area": 4, "iscrowd": 0}
    # 4 x 6 pixels (height x width), down the columns: the 2 x 2 pixels from (1, 1), then two
    # single pixels at (0, 0) and (5, 0).
    square = {"size": [4, 6], "counts": [5, 2, 2, 2, 13]}
    two = {"size": [4, 6], "counts": [0, 1, 19, 1, 3]}
    content = {
        "images": [
            {"id": 3, "file_name": "a.jpg", "height": 4, "width": 6},
            {"id": 4, "file_name": "b.jpg", "height": 4, "width": 6},
        ],
        "categories": [{"id": 2, "name": "door"}, {"id": 8, "name": "wheel"}],
        "annotations": [
            {"id": 1, "segmentation": square, "score": 0.75, **common},
            {"id": 2, "segmentation": two, "score": 0.5, **common},
        ],
    }
    path = tmp_path / "predictions.json"
    path.write_text(json.dumps(content))
    remarks = WriteRemarks()
    photographs = {"a.jpg": tmp_path / "a.jpg"}
    first, second = predicted_images(read_predictions(path), photographs, remarks)
    square_shape, two_shape = first.shapes
    (outline,) = square_shape.polygons or ()
    assert set(zip(outline[0::2], outline[1::2], strict=True)) == {(1, 1), (3, 1), (3, 3), (1, 3)}
    assert square_shape == ShapeRecord(
        1, "wheel", box_xyxy=(1, 1, 3, 3), polygons=(outline,), score=0.75
    )
    assert two_shape.box_xyxy == (0, 0, 6, 1)
    assert len(two_shape.polygons or ()) == 1
    assert remarks.notes == {JOINED: 1}
    assert remarks.first == {JOINED: "part 1 of a.jpg"}
    assert (first.image_path, second.image_path) == (tmp_path / "a.jpg", None)
    assert (second.image_id, second.hw, second.shapes) == (4, (4, 6), ())
