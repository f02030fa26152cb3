"""`wps-sam evaluate` prints the scores and writes its two files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from wps_sam.cli.evaluate import evaluate, read_training_log
from wps_sam.errors import ConfigError, DataError

if TYPE_CHECKING:
    from tests.evaluation.conftest import Scene


def test_writes_metrics_and_report(
    picture_scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    out = picture_scene.folder / "scores"
    evaluate(picture_scene.predictions_path, picture_scene.truth_path, out=out)
    printed = capsys.readouterr().out
    assert "wheel <b>" in printed
    assert "mIoU" in printed
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["images"] == 7
    assert metrics["classes_only_predicted"] == ["right_mirror"]
    assert (out / "report.html").read_text().startswith("<!doctype html>")


def test_prints_only_without_out(picture_scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate(picture_scene.predictions_path, picture_scene.truth_path, holdout=2)
    assert "outside the held-out share" in " ".join(capsys.readouterr().out.split())
    names = sorted(path.name for path in picture_scene.folder.iterdir() if path.suffix != ".png")
    assert names == ["predictions.json", "truth.json"]


def test_training_log__draws_the_learning_curve(picture_scene: Scene) -> None:
    log = picture_scene.folder / "metrics.jsonl"
    log.write_text('{"step": 1, "train/loss": 2.5}\n{"step": 2, "train/loss": 1.5}\n')
    out = picture_scene.folder / "scores"
    evaluate(picture_scene.predictions_path, picture_scene.truth_path, out=out, training_log=log)
    with_curve = (out / "report.html").read_text()
    evaluate(picture_scene.predictions_path, picture_scene.truth_path, out=out)
    assert "train/loss" in with_curve
    assert "train/loss" not in (out / "report.html").read_text()


def test_training_log__missing_or_damaged(picture_scene: Scene) -> None:
    log = picture_scene.folder / "metrics.jsonl"
    with pytest.raises(DataError, match=r"--training-log .*metrics\.jsonl is not a file"):
        read_training_log(log)
    log.write_text('{"step": 1}\n{"step": \n')
    with pytest.raises(DataError, match=r"metrics\.jsonl, line 2: not JSON"):
        read_training_log(log)


def test_out__a_file_is_refused_and_kept(picture_scene: Scene) -> None:
    out = picture_scene.folder / "scores"
    out.write_text("keep me")
    with pytest.raises(ConfigError, match=r"--out .*scores is a file; give a folder"):
        evaluate(picture_scene.predictions_path, picture_scene.truth_path, out=out)
    assert out.read_text() == "keep me"
