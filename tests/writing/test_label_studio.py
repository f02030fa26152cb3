"""Label Studio's tasks by hand (https://labelstud.io/guide/predictions)."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from wps_sam.labels.label_file import LabelCategory
from wps_sam.writing.label_studio import POINTS_APART, LabelStudioWriter
from wps_sam.writing.shapes import ImageShapes, ShapeRecord
from wps_sam.writing.writer import NO_POINTS

Make = Callable[..., ImageShapes]
Categories = tuple[LabelCategory, ...]


def write(out: Path, categories: Categories, image: ImageShapes, model: str | None = None) -> Any:
    writer = LabelStudioWriter(out, categories, model_version=model)
    writer.add(image)
    writer.finish()
    (task,) = json.loads((out / "tasks.json").read_text())
    return task, writer.remarks


def test_task_of_labels(
    tmp_path: Path,
    categories: Categories,
    one_image: Make,
    wheel_outline: ShapeRecord,
    door_box_and_point: ShapeRecord,
    wheel_points: ShapeRecord,
) -> None:
    image = one_image(wheel_outline, door_box_and_point, wheel_points, name="sub/a b.png")
    task, remarks = write(tmp_path, categories, image)
    assert task["data"] == {"image": "/data/local-files/?d=images/sub/a%20b.png"}
    (annotation,) = task["annotations"]
    assert [region["value"] for region in annotation["result"]] == [
        {
            "points": [[10, 10], [30, 10], [10, 50]],
            "closed": True,
            "polygonlabels": ["wheel"],
        },
        {
            **{"x": 10, "y": 10, "width": 20, "height": 40, "rotation": 0},
            "rectanglelabels": ["door & <roof>"],
        },
        {"x": 12.5, "y": 14, "width": 0.5, "keypointlabels": ["wheel"]},
        {"x": 14, "y": 18, "width": 0.5, "keypointlabels": ["wheel"]},
    ]
    for region in annotation["result"]:
        assert (region["original_width"], region["original_height"]) == (100, 50)
        assert region["type"] == f"{region['from_name']}labels"
    assert len({region["id"] for region in annotation["result"]}) == 4
    assert remarks.notes == {NO_POINTS: 1, POINTS_APART: 1}


def test_task_of_predictions(
    tmp_path: Path, categories: Categories, one_image: Make, wheel_outline: ShapeRecord
) -> None:
    shapes = (replace(wheel_outline, score=0.5), replace(wheel_outline, score=0.75))
    task, _ = write(tmp_path, categories, one_image(*shapes), "abc")
    (prediction,) = task["predictions"]
    assert "annotations" not in task
    assert (prediction["model_version"], prediction["score"]) == ("abc", 0.625)
    assert [region["score"] for region in prediction["result"]] == [0.5, 0.75]
    empty, _ = write(tmp_path / "empty", categories, one_image(), "abc")
    assert empty["predictions"] == [{"result": [], "model_version": "abc", "score": 0.0}]


def test_configuration_has_a_control_for_each_region(
    tmp_path: Path, categories: Categories, one_image: Make, wheel_outline: ShapeRecord
) -> None:
    write(tmp_path, categories, one_image(wheel_outline))
    view = ElementTree.parse(tmp_path / "label_config.xml").getroot()
    names = [(element.tag, element.get("name")) for element in view]
    assert names == [
        ("Image", "image"),
        ("RectangleLabels", "rectangle"),
        ("PolygonLabels", "polygon"),
        ("KeyPointLabels", "keypoint"),
    ]
    for control in list(view)[1:]:
        assert [label.get("value") for label in control] == ["wheel", "door & <roof>"]
