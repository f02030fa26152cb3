"""Two workers write the predictions of one process."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.conftest import dies_once, files_below
from wps_sam.cluster import prediction, session
from wps_sam.cluster.listing import find_anywhere
from wps_sam.cluster.prediction import PredictWorker, _settings, predict_on_ray
from wps_sam.cluster.shards import ShardFolder
from wps_sam.cluster.stored_images import stamp
from wps_sam.errors import ConfigError
from wps_sam.geometry.masks import rle_to_mask
from wps_sam.inference.bulk import BulkJob, PredictReport, predict_images
from wps_sam.inference.journal import PredictionJournal
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.inference.sources import ImageToPredict, find_images

FORMATS = ["coco", "semantic"]


def run(
    segmenter: PartSegmenter, images: list[ImageToPredict], out: Path, **on_ray: Any
) -> PredictReport:
    """Predict into a folder, on the cluster if there are settings for it."""
    out.mkdir(exist_ok=True)
    categories = list(zip(segmenter.category_ids, segmenter.class_names, strict=True))
    with PredictionJournal(out, {"made_by": "test"}, categories) as journal:
        job = BulkJob(segmenter, journal, out, FORMATS)
        report = predict_on_ray(job, images, **on_ray) if on_ray else predict_images(job, images)
        failed = [name for name, _ in report.failures]
        journal.finish(images, {"failed": failed}, keep=bool(failed))
    return report


def of_user(out: Path) -> dict[str, bytes]:
    """The files that one process writes too."""
    return {
        path: content
        for path, content in files_below(out).items()
        if not path.startswith(("shards-", "predictions.partial"))
    }


def test_predict__same_bytes_as_one_process_also_when_a_worker_is_killed(
    cluster: None,
    photos: Path,
    segmenter: PartSegmenter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "_BLOCKS_A_WORKER", 2)  # 0 1 2, 3 4 broken, 5 6 7, copy
    images = find_images([str(photos)]).images
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    expected = run(segmenter, images, alone)
    # Killed when its shard is written, and before Ray has the answer.
    worker = dies_once(PredictWorker, tmp_path / "died", "_write", after=True)
    report = run(segmenter, images, shared, device="cpu", worker=worker)
    assert (tmp_path / "died").exists()
    assert len(list((tmp_path / "workers").iterdir())) >= 2
    assert report == expected
    assert report.predicted == 9
    assert [name for name, _ in report.failures] == ["5 broken.jpg"]
    assert of_user(shared) == of_user(alone)
    check_shards(shared)

    # One is mended, and one has changed: only these are done, by one worker.
    monkeypatch.setattr(session, "_workers", lambda *_: 1)
    monkeypatch.setattr(session, "_BLOCKS_A_WORKER", 1)
    (photos / "5 broken.jpg").write_bytes((photos / "1.png").read_bytes())
    (photos / "2.png").write_bytes((photos / "0.png").read_bytes())
    again = run(segmenter, images, shared, device="cpu")
    assert (again.predicted, again.reused, again.failures) == (2, 8, [])
    run(segmenter, images, tmp_path / "anew")
    assert of_user(shared) == of_user(tmp_path / "anew")
    check_shards(shared)


def check_shards(out: Path) -> None:
    """The shards have each part of predictions.json in a row, and each image once."""
    import pyarrow.parquet as pq

    coco = json.loads((out / "predictions.json").read_text())
    (folder,) = out.glob("shards-*")
    images = pq.read_table(folder / "images").to_pylist()
    assert sorted(row["name"] for row in images) == sorted(i["file_name"] for i in coco["images"])
    parts = pq.read_table(folder / "parts").to_pylist()
    assert len(parts) == len(coco["annotations"]) == sum(row["parts"] for row in images) > 9
    name_of = {image["id"]: image["file_name"] for image in coco["images"]}
    wanted = {(name_of[a["image_id"]], a["segmentation"]["counts"]): a for a in coco["annotations"]}
    for row in parts:
        annotation = wanted[row["image"], row["rle"]]
        assert row["bbox"] == annotation["bbox"]
        assert row["score"] == annotation["score"]
        assert row["class"] == {7: "lid", 9: "knob"}[annotation["category_id"]]
        mask = rle_to_mask({"size": [row["height"], row["width"]], "counts": row["rle"]})
        assert mask.sum() == row["area"]


def test_predict__an_image_that_is_missing_for_a_while_keeps_its_shard(
    photos: Path, segmenter: PartSegmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pyarrow")
    images = find_images([str(photos / "1.png")]).images
    out = tmp_path / "out"
    out.mkdir()
    with PredictionJournal(out, {}, [(7, "lid"), (9, "knob")]) as journal:
        job = BulkJob(segmenter, journal, out, FORMATS)
        row = {"name": "1.png", "stamp": stamp(images[0]), "height": 40, "width": 51, "parts": 0}
        ShardFolder(out, _settings(job)).write("a block", [row], [])
        before = files_below(out, "*.parquet")
        (photos / "1.png").unlink()
        failed = {"position": 0, "state": "failed", "reason": "is not there"}
        monkeypatch.setattr(prediction, "choose_kind", lambda device: "cpu")
        monkeypatch.setattr(prediction, "work_on", lambda *_: iter([failed]))
        monkeypatch.setattr(
            prediction, "extra_package", lambda name, extra: SimpleNamespace(put=lambda sent: sent)
        )
        report = predict_on_ray(job, images)
        assert report.failures == [("1.png", "is not there")]
        assert files_below(out, "*.parquet") == before
        assert not journal.has(images[0])


def test_predict__an_exported_file_cannot_be_sent(tmp_path: Path) -> None:
    job = BulkJob(object(), None, tmp_path, FORMATS)  # type: ignore[arg-type]  # not looked at
    with pytest.raises(ConfigError, match="--ray needs the folder of a run: an exported file"):
        predict_on_ray(job, [])


def test_predict__nothing_left_to_do_starts_no_worker(
    photos: Path, segmenter: PartSegmenter, tmp_path: Path
) -> None:
    images = find_anywhere([str(photos / "1.png")]).images
    (tmp_path / "out").mkdir()
    with PredictionJournal(tmp_path / "out", {}, [(7, "lid"), (9, "knob")]) as journal:
        job = BulkJob(segmenter, journal, tmp_path / "out", FORMATS)
        row = {"name": "1.png", "stamp": stamp(images[0]), "height": 40, "width": 51, "parts": 0}
        ShardFolder(tmp_path / "out", _settings(job)).write("a block", [row], [])
        report = predict_on_ray(job, images, lambda done: None)  # no cluster is there to ask
        assert report == PredictReport(reused=1)
        assert journal.has(images[0])
