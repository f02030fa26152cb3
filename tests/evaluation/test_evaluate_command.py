"""`wps-sam evaluate` prints the scores and writes its two files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from wps_sam import __version__
from wps_sam.cli.evaluate import evaluate, read_training_log
from wps_sam.cli.main import main
from wps_sam.cli.score_files import dump_scores
from wps_sam.errors import ConfigError, DataError
from wps_sam.evaluation.report.summary import headline_figures, other_figures, percent

if TYPE_CHECKING:
    from evaluation.conftest import Scene


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
    log.write_text('{"step": 1}\n[1]\n')
    with pytest.raises(
        DataError, match=r"metrics\.jsonl, line 2: expected a JSON object .*, found \[1\]\. Give"
    ):
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
        if record["category_id"] == ids.get("right_mirror"):
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
    assert "3 images better in B, 0 worse, 4 equal" in printed
    assert f"A: {picture_scene.folder.name}, B: second" in printed
    assert "class A B B - A 95 %" in printed
    # left_mirror: 4 of 7 photos right, then all: 4 / 7 = 57.1 %, 100 %.
    # The gains 1, 1, 1, 0, 0, 0, 0 have the standard error 0.202, and t of 6 degrees is 2.447.
    assert "left_mirror 57.1 100.0 +42.9 -6.6 to +92.3" in printed
    comparison = json.loads((out / "comparison.json").read_text())
    assert [one["predictions"] for one in comparison["scored"]] == [
        first,
        f"{second}/predictions.json",
    ]
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
    picture_scene.predictions["info"] = {"made_by": "wps-sam 1 oracle"}
    oracle = Path(second_predictions(picture_scene))
    evaluate([first], picture_scene.truth_path, oracle=oracle, out=out)
    share = json.loads((out / "metrics.json").read_text())["oracle"]
    assert share["miou_share"] < 1
    assert "Share of the oracle, mIoU" in capsys.readouterr().out
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


def test_prints_every_mean(picture_scene: Scene, capsys: pytest.CaptureFixture[str]) -> None:
    for one in (picture_scene.truth, picture_scene.predictions):
        for record, kind in zip(one["categories"], ("round", "round", "flat", "flat"), strict=True):
            record["supercategory"] = kind
    evaluate([str(picture_scene.predictions_path)], picture_scene.truth_path)
    printed = " ".join(capsys.readouterr().out.split())
    result = picture_scene.evaluate()
    for figure in (*headline_figures(result), *other_figures(result)):
        assert f" {figure.name} {percent(figure.value)} " in printed
    assert "mIoU, super-categories" in printed
    assert "official_code mean F1 (not comparable)" in printed
    assert "Classes merged (names without left and right), counted as one class: left_" in printed
    assert "Super-categories (the truth file's), counted as one class: wheel <b> + left_" in printed


def test_one_image_is_no_plural_and_has_no_interval(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    square = np.ones((10, 10), dtype=bool)
    scene.true("a.jpg", "wheel", square)
    scene.predict("a.jpg", "wheel", square)
    evaluate([str(scene.predictions_path), second_predictions(scene)], scene.truth_path)
    printed = " ".join(capsys.readouterr().out.split())
    assert "second: 1 image, in %" in printed
    assert "1 images" not in printed
    assert "difference +0.0, p" in printed


def test_without_a_true_part__files_are_written_without_a_comparison(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.predict("a.jpg", "wheel", np.ones((10, 10), dtype=bool))
    crowd = {"counts": [0, 100], "size": [10, 10]}
    scene.true("a.jpg", "wheel", crowd, iscrowd=1)
    out = scene.folder / "scores"
    evaluate([str(scene.predictions_path), second_predictions(scene)], scene.truth_path, out=out)
    assert "A and B are not compared: no image has a true part" in " ".join(
        capsys.readouterr().out.split()
    )
    names = sorted(path.name for path in out.iterdir())
    assert names == ["metrics.json", "metrics_second.json", "report.html"]
    text = (out / "report.html").read_text()
    assert "A and B are not compared" in text
    assert "B is second" in text


def test_files_of_an_earlier_comparison_are_removed(
    picture_scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    out = picture_scene.folder / "scores"
    first, truth = str(picture_scene.predictions_path), picture_scene.truth_path
    evaluate([first, second_predictions(picture_scene)], truth, out=out)
    (out / "notes.txt").write_text("mine")
    assert "Removed" not in capsys.readouterr().out
    evaluate([first], truth, out=out)
    names = sorted(path.name for path in out.iterdir())
    assert names == ["metrics.json", "notes.txt", "report.html"]
    removed = (
        f"Removed {out / 'metrics_second.json'}, {out / 'comparison.json'}: left by an earlier"
    )
    assert removed in capsys.readouterr().out


def test_two_files_in_one_folder_are_called_by_their_stems(
    picture_scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    first = picture_scene.predictions_path
    other = first.with_name("better.json")
    other.write_text(first.read_text())
    evaluate([str(first), str(other)], picture_scene.truth_path)
    assert "A: predictions, B: better" in capsys.readouterr().out


def test_options_may_stand_between_predictions_and_truth(picture_scene: Scene) -> None:
    first, second = str(picture_scene.predictions_path), second_predictions(picture_scene)
    out = picture_scene.folder / "scores"
    words = [first, second, "--holdout", "5", "--out", str(out), str(picture_scene.truth_path)]
    assert main(["evaluate", *words]) == 0
    assert json.loads((out / "comparison.json").read_text())["scored"][1]["holdout"] == 5


def test_metrics_say_what_was_scored(picture_scene: Scene) -> None:
    picture_scene.predictions["info"] = {"model": "a run"}
    table = picture_scene.folder / "merge.yaml"
    table.write_text("left_mirror: round\n")
    predictions, truth = str(picture_scene.predictions_path), picture_scene.truth_path
    out = picture_scene.folder / "scores"
    evaluate([predictions], truth, out=out, holdout=2, merge=table, keep_groups=True)
    assert json.loads((out / "metrics.json").read_text())["scored"] == {
        "predictions": predictions,
        "info": {"model": "a run"},
        "truth": str(truth),
        "holdout": 2,
        "split": None,
        "keep_groups": True,
        "classes": None,
        "merge": str(table),
        "oracle": None,
        "wps_sam_version": __version__,
    }


def test_metrics_have_one_line_for_each_row_of_the_matrix(picture_scene: Scene) -> None:
    out = picture_scene.folder / "scores"
    evaluate([str(picture_scene.predictions_path)], picture_scene.truth_path, out=out)
    lines = [line.strip().rstrip(",") for line in (out / "metrics.json").read_text().splitlines()]
    rows = json.loads((out / "metrics.json").read_text())["confusion"]["pixels"]
    assert len(rows) == 5
    assert all(json.dumps(row) in lines for row in rows)


def test_dump_scores__layout_and_numbers() -> None:
    values = {"a": {"b": [1, 2], "c": {}}, "rows": [[1, 2], [3, 4]], "none": None, "t": ("x",)}
    assert dump_scores(values) == (
        '{\n  "a": {\n    "b": [1, 2],\n    "c": {}\n  },\n'
        '  "rows": [\n    [1, 2],\n    [3, 4]\n  ],\n  "none": null,\n  "t": ["x"]\n}\n'
    )
    for bad in ({"x": float("nan")}, {"x": [[float("inf")]]}):
        with pytest.raises(ValueError, match="not JSON compliant"):
            dump_scores(bad)
