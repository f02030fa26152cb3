"""The partial file and what becomes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wps_sam.evaluation.predictions import read_predictions
from wps_sam.inference.journal import PARTIAL_FILE, PREDICTIONS_FILE, PredictionJournal
from wps_sam.inference.prediction import PartPrediction
from wps_sam.inference.sources import ImageToPredict

CATEGORIES = [(7, "wheel"), (9, "door"), (12, "lamp")]
SETTINGS = {"model": "abc", "score_threshold": 0.3}


def open_journal(out: Path, **changes: Any) -> PredictionJournal:
    return PredictionJournal(out, {**SETTINGS, **changes}, CATEGORIES)


@pytest.fixture
def images(photos: Path) -> list[ImageToPredict]:
    return [ImageToPredict(f"id-{name}", name, photos / name) for name in ("a.jpg", "b.png")]


def test_predictions_file__evaluation_reads_it(
    tmp_path: Path, images: list[ImageToPredict], prediction: PartPrediction
) -> None:
    with open_journal(tmp_path) as journal:
        journal.add(images[1], prediction)
        journal.add(images[0], prediction)
        path = journal.finish(images, {"failed": []}, keep=False)
    found = read_predictions(path)
    assert [image.file_name for image in found.images] == ["a.jpg", "b.png"]
    assert found.images[0].image_id == "id-a.jpg"
    assert found.class_names == ("wheel", "door", "lamp")
    assert found.category_ids == (7, 9, 12)
    semantic = found.parts(1).label_map(3)
    assert np.array_equal(semantic, prediction.semantic)
    content = json.loads(path.read_text())
    assert content["info"] == {**SETTINGS, "failed": []}
    assert [record["id"] for record in content["annotations"]] == [1, 2, 3, 4, 5, 6]
    assert not (tmp_path / PARTIAL_FILE).exists()


def test_no_parts_at_all(
    tmp_path: Path, images: list[ImageToPredict], prediction: PartPrediction
) -> None:
    nothing = PartPrediction(
        prediction.masks[:0],
        prediction.class_index[:0],
        prediction.class_names,
        prediction.scores[:0],
        prediction.boxes_xyxy[:0],
    )
    with open_journal(tmp_path) as journal:
        journal.add(images[0], nothing)
        path = journal.finish(images, {}, keep=False)
    found = read_predictions(path)
    assert [image.hw for image in found.images] == [(60, 80)]
    assert found.parts(0).runs == ()


def interrupt(out: Path, images: list[ImageToPredict], prediction: PartPrediction) -> None:
    """Leave what a run leaves that stops after its first image."""
    with open_journal(out) as journal:
        journal.add(images[0], prediction)


def test_goes_on_where_it_stopped(
    tmp_path: Path, images: list[ImageToPredict], prediction: PartPrediction
) -> None:
    interrupt(tmp_path, images, prediction)
    assert not (tmp_path / PREDICTIONS_FILE).exists()
    with open_journal(tmp_path) as journal:
        assert [journal.has(image) for image in images] == [True, False]
        journal.add(images[1], prediction)
        path = journal.finish(images, {}, keep=False)
    assert len(read_predictions(path).images) == 2


def test_line_cut_off_by_a_crash_is_done_again(
    tmp_path: Path, images: list[ImageToPredict], prediction: PartPrediction
) -> None:
    interrupt(tmp_path, images, prediction)
    partial = tmp_path / PARTIAL_FILE
    with partial.open("ab") as file:
        file.write(b'{"name": "b.png", "stamp": "' + b"x" * 5000)
    with open_journal(tmp_path) as journal:
        assert [journal.has(image) for image in images] == [True, False]
        journal.add(images[1], prediction)
        path = journal.finish(images, {}, keep=True)
    assert len(read_predictions(path).images) == 2
    assert len(partial.read_bytes().splitlines()) == 3
    assert b"xxx" not in partial.read_bytes()


def test_nothing_is_taken_from_behind_a_damaged_line(
    tmp_path: Path, images: list[ImageToPredict], prediction: PartPrediction
) -> None:
    with open_journal(tmp_path) as journal:
        journal.add(images[0], prediction)
        journal.add(images[1], prediction)
    partial = tmp_path / PARTIAL_FILE
    header, first, second = partial.read_bytes().splitlines()
    partial.write_bytes(b"\n".join([header, first[:-9], second, b""]))
    with open_journal(tmp_path) as journal:
        assert [journal.has(image) for image in images] == [False, False]


@pytest.mark.parametrize("change", [{"model": "other"}, {"score_threshold": 0.4}], ids=str)
def test_other_settings_start_anew(
    tmp_path: Path, images: list[ImageToPredict], prediction: PartPrediction, change: dict[str, Any]
) -> None:
    interrupt(tmp_path, images, prediction)
    with open_journal(tmp_path, **change) as journal:
        assert not journal.has(images[0])
    assert len((tmp_path / PARTIAL_FILE).read_bytes().splitlines()) == 1


def test_changed_image_is_done_again(
    tmp_path: Path, images: list[ImageToPredict], prediction: PartPrediction
) -> None:
    interrupt(tmp_path, images, prediction)
    assert images[0].path is not None
    images[0].path.write_bytes(images[0].path.read_bytes() + b"0")
    with open_journal(tmp_path) as journal:
        assert not journal.has(images[0])
        path = journal.finish(images, {}, keep=True)
    assert read_predictions(path).images == ()
    images[0].path.unlink()
    with open_journal(tmp_path) as journal:
        assert not journal.has(images[0])


def test_crash_while_writing_leaves_the_old_file(
    tmp_path: Path,
    images: list[ImageToPredict],
    prediction: PartPrediction,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = tmp_path / PREDICTIONS_FILE
    target.write_text("old")

    def crash(*arguments: object) -> None:
        raise OSError("disk full")

    with open_journal(tmp_path) as journal:
        journal.add(images[0], prediction)
        monkeypatch.setattr(PredictionJournal, "_write_annotations", crash)
        with pytest.raises(OSError, match="disk full"):
            journal.finish(images, {}, keep=False)
    assert target.read_text() == "old"
    assert (tmp_path / PARTIAL_FILE).exists()
    assert not list(tmp_path.glob(".predictions*"))
