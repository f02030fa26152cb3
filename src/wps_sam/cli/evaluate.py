"""`wps-sam evaluate`: score predictions against truth; no model is loaded."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.markup import escape

from wps_sam import __version__
from wps_sam.cli.console import console
from wps_sam.cli.label_place import LabelPlace
from wps_sam.cli.score_files import (
    COMPARISON_FILE,
    METRICS_FILE,
    SECOND_METRICS_FILE,
    write_score_files,
)
from wps_sam.cli.score_tables import print_comparison, print_evaluation
from wps_sam.errors import ConfigError, DataError
from wps_sam.evaluation.comparison import Comparison, compare
from wps_sam.evaluation.evaluate import evaluate_predictions
from wps_sam.evaluation.merge_table import read_merge_table
from wps_sam.evaluation.predictions import PredictionFile, read_predictions
from wps_sam.evaluation.report.write import write_report
from wps_sam.evaluation.result import Evaluation
from wps_sam.evaluation.truth import Truth

REPORT_FILE = "report.html"
_NOT_COMPARED = (
    "A and B are not compared: no image has a true part, so neither has an mIoU. Give a truth file "
    "with masks of parts."
)


def evaluate(
    predictions: list[str],
    data: Path,
    *,
    out: Path | None = None,
    oracle: Path | None = None,
    merge: Path | None = None,
    classes: Path | None = None,
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
        merge: YAML table of classes to count as one (default: those that differ only in their
            side, left or right)
        classes: class map file, as given to train: which classes to take, merge and rename
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
    truth = LabelPlace(data, images, split, holdout, keep_groups, classes).truth()
    table = None if merge is None else read_merge_table(merge)
    curve = None if training_log is None else read_training_log(training_log)
    bound = None if oracle is None else _open(oracle)
    files = [_open(Path(name)) for name in predictions]
    settings = {
        "truth": str(truth.source),
        "holdout": holdout,
        "split": split,
        "keep_groups": truth.part_unit == "annotation",
        "classes": None if classes is None else str(classes),
        "merge": None if merge is None else str(merge),
        "oracle": None if bound is None else str(bound.source),
        "wps_sam_version": __version__,
    }
    scored = [
        Scored(name, file, evaluate_predictions(file, truth, merge=table, oracle=bound), settings)
        for name, file in zip(_short_names(files), files, strict=True)
    ]
    comparison = _print(scored, merge)
    if out is not None:
        _write(out, truth, scored, comparison, bound, curve)
    return 0


class Scored(NamedTuple):
    """A prediction file, what to call it, its scores and how they were made."""

    name: str
    file: PredictionFile
    evaluation: Evaluation
    settings: Mapping[str, Any]

    @property
    def made_from(self) -> dict[str, Any]:
        """What was scored and how, as plain values for JSON."""
        source = {"predictions": str(self.file.source), "info": dict(self.file.info)}
        return source | dict(self.settings)


def _print(scored: Sequence[Scored], merge: Path | None) -> Comparison | None:
    """Print the scores; return how two prediction files differ, if that is defined."""
    rule = "names without left and right" if merge is None else f"your table {merge}"
    labels = [one.name for one in scored]
    if len(scored) > 1:
        labels = [f"{letter}: {name}" for letter, name in zip("AB", labels, strict=True)]
    for label, one in zip(labels, scored, strict=True):
        print_evaluation(one.evaluation, label, merge_rule=rule)
    if len(scored) == 1:
        return None
    first, second = (one.evaluation for one in scored)
    if not first.means.classes_in_mean:
        console.print(_NOT_COMPARED)
        return None
    comparison = compare(first, second)
    print_comparison(comparison, [one.name for one in scored])
    return comparison


def _write(
    out: Path,
    truth: Truth,
    scored: Sequence[Scored],
    comparison: Comparison | None,
    oracle: PredictionFile | None,
    curve: Sequence[Mapping[str, float]] | None,
) -> None:
    """Write the scores of one or two prediction files and the report."""
    out.mkdir(parents=True, exist_ok=True)
    names = [one.name for one in scored]
    made_from = [one.made_from for one in scored]
    content = {
        file_name: {"scored": source, **one.evaluation.to_dict()}
        for file_name, source, one in zip(
            (METRICS_FILE, SECOND_METRICS_FILE), made_from, scored, strict=False
        )
    }
    if comparison is not None:
        content[COMPARISON_FILE] = {"names": names, "scored": made_from, **comparison.to_dict()}
    written, removed = write_score_files(out, content)
    second = scored[1] if len(scored) > 1 else None
    report = write_report(
        out / REPORT_FILE,
        scored[0].evaluation,
        truth,
        scored[0].file,
        title=f"{' and '.join(names)}: {truth.source.stem}",
        curve=curve,
        notes=[_NOT_COMPARED] if second and comparison is None else [],
        oracle=oracle,
        second=second and (second.file, second.evaluation),
        comparison=comparison,
        names=(names[0], names[-1]),
    )
    paths = ", ".join(map(str, [*written, report]))
    console.print(f"Wrote {escape(paths)}", soft_wrap=True)
    if removed:
        old = ", ".join(map(str, removed))
        console.print(f"Removed {escape(old)}: left by an earlier comparison", soft_wrap=True)


def _open(path: Path) -> PredictionFile:
    """Read a prediction file, which may be given as its folder."""
    return read_predictions(path / "predictions.json" if path.is_dir() else path)


def _short_names(files: Sequence[PredictionFile]) -> list[str]:
    """What to call the prediction files: folders, file stems or, where both are alike, paths."""
    folders = [file.source.resolve().parent.name for file in files]
    stems = [file.source.stem for file in files]
    for names in (folders, stems):
        if len(set(names)) == len(names):
            return names
    return [str(file.source) for file in files]


def read_training_log(path: Path) -> list[dict[str, float]]:
    """Read a run's metrics.jsonl.

    Raises:
        DataError: Missing, or a line is no JSON object; the message names the line.
    """
    if not path.is_file():
        raise DataError(
            f"--training-log {path} is not a file; give the metrics.jsonl in a run folder."
        )
    text = path.read_text(encoding="utf-8", errors="replace")
    lines = enumerate(text.splitlines(), start=1)
    return [_log_line(path, number, line) for number, line in lines]


def _log_line(path: Path, number: int, text: str) -> dict[str, float]:
    """One line of a training log; DataError if it is no JSON object."""
    remedy = "Give the metrics.jsonl of a run."
    try:
        found = json.loads(text)
    except ValueError as error:
        raise DataError(f"{path}, line {number}: not JSON ({error}). {remedy}") from error
    if not isinstance(found, dict):
        raise DataError(
            f'{path}, line {number}: expected a JSON object such as {{"step": 1, "loss": 0.5}}, '
            f"found {text[:40]}. {remedy}"
        )
    return found
