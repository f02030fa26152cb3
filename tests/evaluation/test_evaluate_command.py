"""`wps-sam evaluate` prints the scores and writes its two files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from wps_sam.cli.evaluate import evaluate

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
