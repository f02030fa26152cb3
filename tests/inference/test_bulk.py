"""Many images, some of them broken."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from wps_sam.evaluation.predictions import read_predictions
from wps_sam.inference import bulk, decoding, writers
from wps_sam.inference.bulk import BulkJob, PredictReport, predict_images
from wps_sam.inference.journal import PredictionJournal
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.inference.sources import ImageToPredict, find_images


def run(
    segmenter: PartSegmenter, images: list[ImageToPredict], out: Path, *, batch_size: int = 1
) -> tuple[PredictReport, int]:
    """Predict into a folder; returns the report and the sum of progress."""
    out.mkdir(exist_ok=True)
    categories = list(zip(segmenter.category_ids, segmenter.class_names, strict=True))
    steps: list[int] = []
    with PredictionJournal(out, {}, categories) as journal:
        job = BulkJob(segmenter, journal, out, ["coco", "semantic"], batch_size=batch_size)
        report = predict_images(job, images, steps.append)
        journal.finish(images, {}, keep=bool(report.failures))
    return report, sum(steps)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 16])
def test_any_batch_size_gives_the_same_file(
    segmenter: PartSegmenter, photos: Path, tmp_path: Path, batch_size: int
) -> None:
    (photos / "b.png").unlink()
    images = find_images([str(photos)]).images
    report, steps = run(segmenter, images, tmp_path / "out", batch_size=batch_size)
    assert (report.predicted, report.parts, steps) == (3, 6, 3)
    run(segmenter, images, tmp_path / "reference")
    first, second = (
        (tmp_path / folder / "predictions.json").read_bytes() for folder in ("out", "reference")
    )
    assert first == second


def test_broken_image_is_listed_and_the_others_are_written(
    segmenter: PartSegmenter, photos: Path, tmp_path: Path
) -> None:
    (photos / "more" / "a.jpg").write_bytes(b"not a photograph")
    images = [
        *find_images([str(photos)]).images,
        ImageToPredict(9, "gone.jpg", None, None, "is missing"),
    ]
    report, steps = run(segmenter, images, tmp_path / "out", batch_size=2)
    assert steps == 5
    assert [name for name, _ in report.failures] == ["more/a.jpg", "gone.jpg"]
    assert "not a kind of image" in report.failures[0][1]
    assert report.failures[1][1] == "is missing"
    found = read_predictions(tmp_path / "out" / "predictions.json")
    assert [image.file_name for image in found.images] == ["a.jpg", "b.png", "z.jpg"]


def test_image_that_cannot_be_predicted_is_listed_too(
    segmenter: PartSegmenter, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (300, 200), "white").save(photos / "b.png")
    monkeypatch.setattr(decoding, "MOST_MASK_BYTES", 40_000)
    report, steps = run(
        segmenter, find_images([str(photos)]).images, tmp_path / "out", batch_size=3
    )
    assert (report.predicted, steps) == (3, 4)
    assert [name for name, _ in report.failures] == ["b.png"]
    assert "2 parts in an image of 200 x 300" in report.failures[0][1]


def test_second_run_does_only_what_failed(
    segmenter: PartSegmenter, photos: Path, tmp_path: Path
) -> None:
    broken = photos / "z.jpg"
    sound = broken.read_bytes()
    broken.write_bytes(sound[:100])
    images = find_images([str(photos)]).images
    report, _ = run(segmenter, images, tmp_path / "out")
    assert (report.predicted, len(report.failures)) == (3, 1)
    broken.write_bytes(sound)
    report, steps = run(segmenter, images, tmp_path / "out")
    assert (report.predicted, report.reused, steps) == (1, 3, 4)
    assert len(read_predictions(tmp_path / "out" / "predictions.json").images) == 4


def test_parts_without_a_pixel_are_counted(
    segmenter: PartSegmenter, photos: Path, tmp_path: Path
) -> None:
    segmenter.prompter.parts.append(((0.0, 240.0, 256.0, 256.0), 0, 0.9))  # type: ignore[union-attr, operator]  # a FixedPrompter
    images = find_images([str(photos)], limit=1).images
    report, _ = run(segmenter, images, tmp_path / "out")
    assert (report.parts, report.dropped_empty) == (2, 1)


def test_files_are_written_while_the_next_images_are_predicted__a_few_at_most(
    segmenter: PartSegmenter, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predicted: list[int] = []
    in_time: list[bool] = []
    gate = threading.Event()
    monkeypatch.setitem(
        writers.FORMATS, "semantic", lambda outcome, out: in_time.append(gate.wait(10))
    )
    predict_batch = segmenter.predict_batch

    def counted(images: Any, **settings: Any) -> Any:
        predicted.append(len(images))
        if len(predicted) == 2:  # the first image's files are not written yet
            gate.set()
        return predict_batch(images, **settings)

    monkeypatch.setattr(segmenter, "predict_batch", counted)
    monkeypatch.setattr(bulk, "_MOST_WAITING", 1)
    report, _ = run(segmenter, find_images([str(photos)]).images, tmp_path / "out")
    assert in_time == [True] * 4
    assert report.predicted == len(predicted) == 4


def test_no_more_than_a_few_results_wait(
    segmenter: PartSegmenter, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predicted: list[int] = []
    at_first_write: list[int] = []

    def write(outcome: writers.Outcome, out: Path) -> None:
        if not at_first_write:
            time.sleep(0.5)  # in which all four would be predicted
            at_first_write.append(len(predicted))

    predict_batch = segmenter.predict_batch

    def counted(images: Any, **settings: Any) -> Any:
        predicted.append(len(images))
        return predict_batch(images, **settings)

    monkeypatch.setitem(writers.FORMATS, "semantic", write)
    monkeypatch.setattr(segmenter, "predict_batch", counted)
    monkeypatch.setattr(bulk, "_MOST_WAITING", 1)
    run(segmenter, find_images([str(photos)]).images, tmp_path / "out")
    assert at_first_write == [2]


def test_stopped_while_a_write_fails__stopped_is_what_is_said(
    segmenter: PartSegmenter, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(outcome: writers.Outcome, out: Path) -> None:
        raise OSError(28, "No space left on device")

    def stop(images: Any, **settings: Any) -> Any:
        raise KeyboardInterrupt

    predict_batch = segmenter.predict_batch

    def first_only(images: Any, **settings: Any) -> Any:
        monkeypatch.setattr(segmenter, "predict_batch", stop)
        return predict_batch(images, **settings)

    monkeypatch.setitem(writers.FORMATS, "semantic", write)
    monkeypatch.setattr(segmenter, "predict_batch", first_only)
    with pytest.raises(KeyboardInterrupt):
        run(segmenter, find_images([str(photos)]).images, tmp_path / "out")


def test_large_results_do_not_wait_for_the_disk(
    segmenter: PartSegmenter, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    predict_batch = segmenter.predict_batch

    def checked(images: Any, **settings: Any) -> Any:
        assert len(written) == started[0]
        started[0] += 1
        return predict_batch(images, **settings)

    started = [0]
    monkeypatch.setattr(segmenter, "predict_batch", checked)
    monkeypatch.setattr(bulk, "_MOST_WAITING_BYTES", 1)
    monkeypatch.setitem(writers.FORMATS, "semantic", lambda outcome, out: written.append(1))
    run(segmenter, find_images([str(photos)]).images, tmp_path / "out")
    assert len(written) == 4


def test_a_full_disk_ends_the_job_and_keeps_what_was_written(
    segmenter: PartSegmenter, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def write(outcome: writers.Outcome, out: Path) -> None:
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        written.append(outcome.stem)

    monkeypatch.setitem(writers.FORMATS, "semantic", write)
    images = find_images([str(photos)]).images
    with pytest.raises(OSError, match="No space left"):
        run(segmenter, images, tmp_path / "out")
    monkeypatch.undo()
    report, _ = run(segmenter, images, tmp_path / "out")
    assert (report.reused, report.predicted) == (2, 2)
