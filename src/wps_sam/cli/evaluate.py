"""`wps-sam evaluate`: score predictions against truth; no model is loaded."""

import json
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from wps_sam.cli.console import console
from wps_sam.errors import ConfigError, DataError
from wps_sam.evaluation.evaluate import Evaluation, evaluate_predictions
from wps_sam.evaluation.predictions import read_predictions
from wps_sam.evaluation.report.summary import headline_figures, percent
from wps_sam.evaluation.report.write import write_report
from wps_sam.evaluation.truth import open_truth
from wps_sam.files import write_atomically

METRICS_FILE = "metrics.json"
REPORT_FILE = "report.html"


def evaluate(
    predictions: Path,
    data: Path,
    *,
    out: Path | None = None,
    images: Path | None = None,
    split: str | None = None,
    holdout: int | None = None,
    training_log: Path | None = None,
) -> int:
    """Score a predictions.json against true masks.

    Args:
        predictions: The predictions.json that `wps-sam predict` wrote, or its folder.
        data: Truth with masks: a COCO file or a folder in a known layout.
        out: Folder for metrics.json and report.html; without it, only the table is printed.
        images: Folder of the photographs, if they are not beside the truth file.
        split: Which part of a data set with several, such as val.
        holdout: Score only every N-th image, the share that training with the same number held out.
        training_log: metrics.jsonl of the run, to draw its learning curve in the report.
    """
    if images is not None and not images.is_dir():
        raise ConfigError(f"--images {images} is not a folder; give the folder of the photographs.")
    truth = open_truth(data, images_dir=images, split=split, holdout=holdout)
    if predictions.is_dir():
        predictions = predictions / "predictions.json"
    predicted = read_predictions(predictions)
    curve = None if training_log is None else read_training_log(training_log)
    evaluation = evaluate_predictions(predicted, truth)
    print_evaluation(evaluation)
    if out is None:
        return 0
    if out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out} is a file; give a folder, which may be new.")
    out.mkdir(parents=True, exist_ok=True)
    metrics = out / METRICS_FILE
    scores = json.dumps(evaluation.to_dict(), indent=2, allow_nan=False) + "\n"
    write_atomically(metrics, scores.encode())
    title = f"{predictions.parent.resolve().name}: {truth.source.stem}"
    report = write_report(out / REPORT_FILE, evaluation, truth, predicted, title=title, curve=curve)
    console.print(f"Wrote {escape(str(metrics))} and {escape(str(report))}")
    return 0


def read_training_log(path: Path) -> list[dict[str, float]]:
    """Read a run's metrics.jsonl.

    Raises:
        DataError: Missing, or a line is not JSON; the message names the line.
    """
    if not path.is_file():
        raise DataError(
            f"--training-log {path} is not a file; give the metrics.jsonl in a run folder."
        )
    lines = []
    for number, text in enumerate(path.read_text().splitlines(), start=1):
        try:
            lines.append(json.loads(text))
        except ValueError as error:
            raise DataError(
                f"{path}, line {number}: not JSON ({error}). Give the metrics.jsonl of a run."
            ) from error
    return lines


def print_evaluation(evaluation: Evaluation) -> None:
    """Print the scores of each class and the means.

    Args:
        evaluation: The scores.
    """
    table = Table(title=f"{len(evaluation.images)} images, pixel counts at original resolution")
    table.add_column("class")
    for name in ("IoU %", "accuracy %", "precision %"):
        table.add_column(name, justify="right")
    for score in (*evaluation.classes[1:], evaluation.classes[0]):
        numbers = (score.iou, score.accuracy, score.precision)
        table.add_row(escape(score.name), *(percent(number) for number in numbers))
    console.print(table)
    means = Table(show_header=False, box=None)
    for figure in headline_figures(evaluation):
        means.add_row(figure.name, percent(figure.value), f"[dim]{escape(figure.meaning)}[/dim]")
    official = percent(evaluation.official_code.mean_iou)
    means.add_row(
        "official_code IoU", official, "[dim]Not comparable: see the report's details.[/dim]"
    )
    console.print(means)
    for reason, count in evaluation.skipped.items():
        console.print(f"Left out of the truth: {count} x {escape(reason)}")
    for note in evaluation.notes:
        console.print(f"Note: {escape(note)}")
