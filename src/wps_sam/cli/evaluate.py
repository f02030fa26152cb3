"""`wps-sam evaluate`: score predictions against truth; no model is loaded."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape

from wps_sam.cli.console import console
from wps_sam.cli.score_tables import print_comparison, print_evaluation
from wps_sam.errors import ConfigError, DataError
from wps_sam.evaluation.comparison import compare
from wps_sam.evaluation.evaluate import evaluate_predictions
from wps_sam.evaluation.merge_table import read_merge_table
from wps_sam.evaluation.predictions import PredictionFile, read_predictions
from wps_sam.evaluation.report.write import write_report
from wps_sam.evaluation.truth import open_truth
from wps_sam.files import write_atomically

METRICS_FILE = "metrics.json"
SECOND_METRICS_FILE = "metrics_second.json"
COMPARISON_FILE = "comparison.json"
REPORT_FILE = "report.html"


def evaluate(
    predictions: list[str],
    data: Path,
    *,
    out: Path | None = None,
    oracle: Path | None = None,
    merge: Path | None = None,
    keep_groups: bool = False,
    images: Path | None = None,
    split: str | None = None,
    holdout: int | None = None,
    training_log: Path | None = None,
) -> int:
    """Score a predictions.json against true masks, or two of them against each other.

    Args:
        predictions: the predictions.json that `wps-sam predict` wrote, or its folder; with a
            second one, the two are compared image by image
        data: truth with masks: a COCO file or a folder in a known layout
        out: folder for metrics.json and report.html; without it, only the tables are printed
        oracle: predictions.json of `wps-sam oracle` for the same images, or its folder: adds the
            share of the oracle
        merge: YAML table of classes to count as one (default: those that differ only in the words
            left and right)
        keep_groups: count an annotation with several polygons as one part, as training with the
            same switch does
        images: folder of the photographs, if they are not beside the truth file
        split: which part of a data set with several, such as val
        holdout: score only every N-th image, the share that training with the same number held out
        training_log: metrics.jsonl of the run, to draw its learning curve in the report
    """
    if len(predictions) > 2:
        raise ConfigError(
            f"evaluate takes one or two prediction files and then the truth; found "
            f"{len(predictions)} prediction files. Compare them two by two."
        )
    if images is not None and not images.is_dir():
        raise ConfigError(f"--images {images} is not a folder; give the folder of the photographs.")
    if out is not None and out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out} is a file; give a folder, which may be new.")
    truth = open_truth(
        data, images_dir=images, split=split, holdout=holdout, keep_groups=keep_groups
    )
    table = None if merge is None else read_merge_table(merge)
    curve = None if training_log is None else read_training_log(training_log)
    bound = None if oracle is None else _open(oracle)
    files = [_open(Path(name)) for name in predictions]
    scored = [evaluate_predictions(file, truth, merge=table, oracle=bound) for file in files]
    names = _short_names(files)
    for name, evaluation in zip(names, scored, strict=True):
        print_evaluation(evaluation, name)
    comparison = compare(*scored) if len(scored) == 2 else None
    if comparison is not None:
        print_comparison(comparison, names)
    if out is None:
        return 0
    out.mkdir(parents=True, exist_ok=True)
    written = [out / METRICS_FILE]
    _write_json(out / METRICS_FILE, scored[0].to_dict())
    if comparison is not None:
        _write_json(out / SECOND_METRICS_FILE, scored[1].to_dict())
        _write_json(out / COMPARISON_FILE, {"names": names, **comparison.to_dict()})
        written += [out / SECOND_METRICS_FILE, out / COMPARISON_FILE]
    title = f"{' and '.join(names)}: {truth.source.stem}"
    written.append(
        write_report(
            out / REPORT_FILE,
            scored[0],
            truth,
            files[0],
            title=title,
            curve=curve,
            oracle=bound,
            second=None if comparison is None else (files[1], scored[1]),
            comparison=comparison,
            names=(names[0], names[-1]),
        )
    )
    console.print(f"Wrote {escape(', '.join(str(path) for path in written))}", soft_wrap=True)
    return 0


def _open(path: Path) -> PredictionFile:
    """Read a prediction file, which may be given as its folder."""
    return read_predictions(path / "predictions.json" if path.is_dir() else path)


def _short_names(files: Sequence[PredictionFile]) -> list[str]:
    """What to call the prediction files: their folders, or their paths where those are alike."""
    names = [file.source.resolve().parent.name for file in files]
    return names if len(set(names)) == len(names) else [str(file.source) for file in files]


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    write_atomically(path, text.encode())


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
