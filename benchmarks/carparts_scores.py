"""Every score on Car-Parts: eight oracles (the paper's table 1), and trained runs beside them.

    python -m benchmarks.carparts_scores DATA --work DIR [--runs RUN ...]

DATA is the Car-Parts annotations.json. Every 5th image is scored. The oracles: SAM given the boxes
or their centre points, its single mask or the best of three, one prompt a polygon or one an
annotation (which may hold several pieces, such as two wheels). RUN is a folder that `wps-sam train
... --holdout 5` left; its share is that of the box oracle, single mask, one prompt a polygon.
Work that was cut off goes on where it stopped. Writes carparts_scores.json beside this file.
"""

import argparse
import json
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

from wps_sam.bench.machine import describe_machine
from wps_sam.cli.main import main as wps_sam

HOLDOUT = "5"
RESULT = Path(__file__).with_suffix(".json")
NUMBERS = (
    "miou",
    "macc",
    "miou_with_background",
    "miou_image_class_pairs",
    "pixel_accuracy",
    "images",
    "part_unit",
)


def summary(folder: Path) -> dict[str, Any]:
    """The scores of a metrics.json that are worth a line in a table."""
    scores = json.loads((folder / "metrics.json").read_text())
    means = scores["merged"]
    return {
        **{name: scores[name] for name in NUMBERS},
        "miou_interval_95": scores["intervals"]["miou"],
        "miou_left_right_merged": means["miou"],
        "boundary_miou": scores["boundary"]["boundary_miou"],
        "panoptic": {name: scores["panoptic"][name] for name in ("pq", "sq", "rq")},
        "average_precision": _numbers(scores["average_precision"]),
        "official_code_not_comparable": _numbers(scores["official_code"]),
        "oracle": _without_path(scores["oracle"]),
        "lost": scores["error_anatomy"]["lost"],
        "bad_mask_split": scores["error_anatomy"]["bad_mask_split"],
        "class_iou": {score["name"]: score["iou"] for score in scores["classes"]},
    }


def _without_path(share: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A share of the oracle; where the oracle's file lay says nothing to others."""
    if share is None:
        return None
    return {name: value for name, value in share.items() if name != "predictions"}


def _numbers(table: Mapping[str, Any]) -> dict[str, float | None]:
    """The plain numbers of a table."""
    return {
        name: value
        for name, value in table.items()
        if value is None or (isinstance(value, int | float) and not isinstance(value, bool))
    }


def oracle(data: Path, work: Path, prompt: str, mask: str, grouped: bool) -> Path:
    """Make and score one oracle, unless that was done; return its folder."""
    folder = work / f"oracle-{prompt}-{mask}-{'grouped' if grouped else 'polygons'}"
    shared = ["--holdout", HOLDOUT, "--out", str(folder), *(["--keep-groups"] if grouped else [])]
    if not (folder / "predictions.json").exists():
        cache = ["--cache", str(work / "cache")]
        _call("oracle", str(data), "--prompt", prompt, "--mask", mask, *cache, *shared)
    elif not (folder / "metrics.json").exists():
        _call("evaluate", str(folder), str(data), *shared)
    return folder


def trained(data: Path, work: Path, run: Path, bound: Path) -> Path:
    """Predict with a trained run and score it beside an oracle; return the folder."""
    folder = work / f"scores-{run.name}"
    shared = ["--holdout", HOLDOUT, "--out", str(folder)]
    if not (folder / "predictions.json").exists():
        _call("predict", str(run), str(data), "--format", "coco", *shared)
    if not (folder / "metrics.json").exists():
        log = ["--training-log", str(run / "metrics.jsonl")]
        _call("evaluate", str(folder), str(data), "--oracle", str(bound), *log, *shared)
    return folder


def _call(*words: str) -> None:
    status = wps_sam(list(words))
    if status != 0:
        raise SystemExit(f"wps-sam {' '.join(words)} ended with status {status}")


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--runs", type=Path, nargs="*", default=[])
    given = parser.parse_args()
    variants = list(product(("box", "point"), ("single", "best-of-3"), (False, True)))
    folders = [oracle(given.data, given.work, *variant) for variant in variants]
    runs = [trained(given.data, given.work, run, folders[0]) for run in given.runs]
    content = {
        "what": "Car-Parts, every 5th image (80 of 400), MobileSAM, all scores of wps-sam evaluate",
        "oracles": {folder.name: summary(folder) for folder in folders},
        "runs": {folder.name: summary(folder) for folder in runs},
        "machine": describe_machine(),
    }
    RESULT.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
