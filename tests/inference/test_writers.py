"""Formats by name."""

import json
from pathlib import Path

import numpy as np
import pytest

from wps_sam.errors import ConfigError
from wps_sam.evaluation.predictions import read_predictions
from wps_sam.evaluation.truth import read_truth
from wps_sam.inference.bulk import BulkJob, predict_images
from wps_sam.inference.journal import PredictionJournal
from wps_sam.inference.prediction import PartPrediction
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.inference.sources import ImageToPredict, find_images
from wps_sam.inference.writers import (
    DEFAULT_FORMATS,
    FORMATS,
    Outcome,
    choose_formats,
    write_other_tools,
)
from wps_sam.labels.formats.cvat import open_cvat
from wps_sam.labels.formats.labelme import open_labelme
from wps_sam.labels.formats.yolo import open_yolo
from wps_sam.writing.labelme import LabelMeWriter


def test_coco_is_always_on() -> None:
    assert choose_formats(["overlay", "overlay"]) == ["coco", "overlay"]
    assert choose_formats([]) == ["coco"]
    assert choose_formats(DEFAULT_FORMATS) == ["coco", "semantic", "overlay"]


def test_unknown_format_lists_the_choices() -> None:
    with pytest.raises(ConfigError, match="--format 'png' is unknown; choose from coco, semantic"):
        choose_formats(["semantic", "png"])


@pytest.mark.parametrize(
    ("name", "files"),
    [("coco", []), ("semantic", ["semantic/s/a.b.png"]), ("overlay", ["overlays/s/a.b.jpg"])],
)
def test_files(prediction: PartPrediction, tmp_path: Path, name: str, files: list[str]) -> None:
    FORMATS[name](Outcome("s/a.b", np.zeros((60, 80, 3), np.uint8), prediction), tmp_path)
    found = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")]
    assert found == files


TOOLS = ("yolo", "labelme", "cvat", "label_studio")


def predicted(segmenter: PartSegmenter, photos: Path, out: Path) -> list[ImageToPredict]:
    """Predict three white images into a folder, as `wps-sam predict` does."""
    images = find_images([str(photos)], limit=3).images
    out.mkdir(exist_ok=True)
    categories = list(zip(segmenter.category_ids, segmenter.class_names, strict=True))
    with PredictionJournal(out, {"model": "abc"}, categories) as journal:
        predict_images(BulkJob(segmenter, journal, out, TOOLS), images)
        journal.finish(images, {}, keep=False)
    return images


def test_other_tools_get_the_predicted_parts(
    segmenter: PartSegmenter, photos: Path, tmp_path: Path
) -> None:
    images = predicted(segmenter, photos, tmp_path / "out")
    remarks = write_other_tools(tmp_path / "out/predictions.json", images, TOOLS)
    assert not remarks.skipped
    assert not remarks.notes
    expected = read_predictions(tmp_path / "out/predictions.json")
    opened = (
        open_yolo(tmp_path / "out/yolo/data.yaml"),
        open_labelme(tmp_path / "out/labelme"),
        open_cvat(tmp_path / "out/cvat/annotations.xml"),
    )
    for labels in opened:
        truth = read_truth(labels)
        assert truth.class_names == expected.class_names
        assert [image.file_name for image in truth.images] == ["a.jpg", "b.png", "more/a.jpg"]
        for index in range(3):
            found = truth.parts(index).label_map(3)
            assert found.any()
            assert np.array_equal(found, expected.parts(index).label_map(3))
    tasks = json.loads((tmp_path / "out/label_studio/tasks.json").read_text())
    assert [task["predictions"][0]["model_version"] for task in tasks] == ["abc"] * 3
    scores = [part["score"] for part in tasks[0]["predictions"][0]["result"]]
    assert scores == [0.9, 0.4]


def test_pictures_need_no_second_reading(tmp_path: Path) -> None:
    remarks = write_other_tools(tmp_path / "missing.json", [], ["coco", "semantic", "overlay"])
    assert not remarks.notes


def test_nothing_unfinished_after_an_error(
    segmenter: PartSegmenter, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = predicted(segmenter, photos, tmp_path / "out")

    def fail(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LabelMeWriter, "add", fail)
        with pytest.raises(KeyboardInterrupt):
            write_other_tools(
                tmp_path / "out/predictions.json", images, ["cvat", "label_studio", "labelme"]
            )
    for name in ("cvat", "label_studio", "labelme"):
        assert [path.name for path in (tmp_path / "out" / name).iterdir() if path.is_file()] == []
    write_other_tools(tmp_path / "out/predictions.json", images, ["cvat"])
    assert (tmp_path / "out/cvat/annotations.xml").exists()
