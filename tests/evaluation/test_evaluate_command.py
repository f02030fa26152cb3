"""`wps-sam evaluate` prints the scores and writes its two files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from wps_sam.cli.evaluate import evaluate, read_training_log
from wps_sam.cli.main import main
from wps_sam.errors import ConfigError, DataError

if TYPE_CHECKING:
    from tests.evaluation.conftest import Scene


def test_writes_metrics_and_report(
    picture_scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    out = picture_scene.folder / "scores"
    evaluate([str(picture_scene.predictions_path)], picture_scene.truth_path, out=out)
    printed = capsys.readouterr().out
    assert "wheel <b>" in printed
    assert "mIoU" in printed
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["images"] == 7
    assert metrics["classes_only_predicted"] == ["right_mirror"]
    assert (out / "report.html").read_text().startswith("<!doctype html>")


def test_prints_only_without_out(picture_scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    evaluate([str(picture_scene.predictions_path)], picture_scene.truth_path, holdout=2)
    assert "outside the held-out share" in " ".join(capsys.readouterr().out.split())
    names = sorted(path.name for path in picture_scene.folder.iterdir() if path.suffix != ".png")
    assert names == ["predictions.json", "truth.json"]


def test_training_log__draws_the_learning_curve(picture_scene: Scene) -> None:
    log = picture_scene.folder / "metrics.jsonl"
    log.write_text('{"step": 1, "train/loss": 2.5}\n{"step": 2, "train/loss": 1.5}\n')
    out = picture_scene.folder / "scores"
    evaluate(
        [str(picture_scene.predictions_path)], picture_scene.truth_path, out=out, training_log=log
    )
    with_curve = (out / "report.html").read_text()
    evaluate([str(picture_scene.predictions_path)], picture_scene.truth_path, out=out)
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
        evaluate([str(picture_scene.predictions_path)], picture_scene.truth_path, out=out)
    assert out.read_text() == "keep me"


def second_predictions(scene: Scene) -> str:
    """Predictions in which every mirror is on its right side."""
    content = scene.predictions
    ids = {record["name"]: record["id"] for record in content["categories"]}
    for record in content["annotations"]:
        if record["category_id"] == ids["right_mirror"]:
            record["category_id"] = ids["left_mirror"]
    folder = scene.folder / "second"
    folder.mkdir()
    (folder / "predictions.json").write_text(json.dumps(content))
    return str(folder)


def test_two_files_are_compared(picture_scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    out = picture_scene.folder / "scores"
    first = str(picture_scene.predictions_path)
    second = second_predictions(picture_scene)
    assert main(["evaluate", first, second, str(picture_scene.truth_path), "--out", str(out)]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "3 images better, 0 worse, 4 equal" in printed
    comparison = json.loads((out / "comparison.json").read_text())
    metrics, other = (
        json.loads((out / name).read_text()) for name in ("metrics.json", "metrics_second.json")
    )
    assert comparison["first_miou"] == pytest.approx(metrics["miou"], abs=1e-12)
    assert comparison["second_miou"] == pytest.approx(other["miou"], abs=1e-12)
    assert comparison["names"][1] == "second"
    assert "second" in (out / "report.html").read_text()


def test_three_files_are_refused(picture_scene: Scene) -> None:
    name = str(picture_scene.predictions_path)
    with pytest.raises(ConfigError, match=r"found 3 prediction files\. Compare them two by two"):
        evaluate([name, name, name], picture_scene.truth_path)


def test_oracle__folder_or_file(picture_scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    first = str(picture_scene.predictions_path)
    out = picture_scene.folder / "scores"
    oracle = Path(second_predictions(picture_scene))
    evaluate([first], picture_scene.truth_path, oracle=oracle, out=out)
    share = json.loads((out / "metrics.json").read_text())["oracle"]
    assert share["miou_share"] < 1
    assert "Share of the oracle" in capsys.readouterr().out
    evaluate([first], picture_scene.truth_path, oracle=oracle / "predictions.json", out=out)
    assert json.loads((out / "metrics.json").read_text())["oracle"] == share


def test_merge__a_table_replaces_the_rule(
    picture_scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    name, truth = str(picture_scene.predictions_path), picture_scene.truth_path
    evaluate([name], truth)
    assert "left_mirror + right_mirror = mirror" in " ".join(capsys.readouterr().out.split())
    table = picture_scene.folder / "merge.yaml"
    table.write_text("left_mirror: round\nwheel <b>: round\n")
    evaluate([name], truth, merge=table)
    assert "wheel <b> + left_mirror = round" in " ".join(capsys.readouterr().out.split())
    table.write_text("")
    evaluate([name], truth, merge=table)
    assert "Counted as one class" not in capsys.readouterr().out


def test_keep_groups__two_pieces_are_one_part(picture_scene: Scene) -> None:
    squares = [[5, 5, 10, 5, 10, 10, 5, 10], [20, 5, 25, 5, 25, 10, 20, 10]]
    picture_scene.true("photo_0.png", "never $x$ seen", squares)
    out = picture_scene.folder / "scores"
    counts = []
    for keep_groups in (False, True):
        evaluate(
            [str(picture_scene.predictions_path)],
            picture_scene.truth_path,
            out=out,
            keep_groups=keep_groups,
        )
        metrics = json.loads((out / "metrics.json").read_text())
        missed = {row["name"]: row["parts"] for row in metrics["error_anatomy"]["classes"]}
        counts.append((metrics["part_unit"], missed["never $x$ seen"]["true_parts"]))
    assert counts == [("polygon", 2), ("annotation", 1)]
