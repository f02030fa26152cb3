"""The `paper` recipe on 400 photographs of cars: mIoU against steps, next to the oracle.

    python -m benchmarks.carparts_paper DATA --work DIR [--seeds 0 1 2] [--epochs 20] [--points 4]
        [--precision bf16-mixed]

DATA is the Car-Parts annotations.json (18 classes). Every 5th image is held out; the others, with
the boxes of their polygons, are all that training sees. A run that was cut off goes on where it
stopped. Writes carparts_paper.json beside this file, or carparts_paper_bf16-mixed.json.
"""

import argparse
import json
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from wps_sam.bench.machine import describe_machine
from wps_sam.cli.main import main as wps_sam

HOLDOUT = 5
RESULT = Path(__file__).with_suffix(".json")


def run_folder(work: Path, seed: int, epochs: int, precision: str) -> Path:
    """Where a run is."""
    numbers = "" if precision == "32-true" else f"-{precision}"
    return work / f"paper-seed{seed}-epochs{epochs}{numbers}"


def train_one(data: Path, work: Path, seed: int, epochs: int, points: int, precision: str) -> None:
    """One seed: train, or go on training; masks are scored `points` times, the last at the end."""
    run = run_folder(work, seed, epochs, precision)
    held_out = ["--holdout", str(HOLDOUT)]
    resume = ["--resume"] if (run / "checkpoints" / "last.ckpt").exists() else []
    settings = ["--recipe", "paper", "--seed", str(seed), "--epochs", str(epochs)]
    settings += ["--precision", precision]
    settings += ["--mask-validations", str(points), "--out", str(run), *resume, *held_out]
    _call("train", str(data), *settings)


def _call(*words: str) -> None:
    status = wps_sam(list(words))
    if status != 0:
        raise SystemExit(f"wps-sam {' '.join(words)} ended with status {status}")


def curve(lines: list[dict[str, float]]) -> list[dict[str, float]]:
    """The epochs of metrics.jsonl at which masks were scored."""
    return [
        {"step": line["step"], "miou": line["val/miou"], "macc": line["val/macc"]}
        for line in lines
        if "val/miou" in line
    ]


def spread(values: list[float]) -> dict[str, float]:
    """Mean and sample standard deviation."""
    return {"mean": mean(values), "stdev": stdev(values) if len(values) > 1 else 0.0}


def collect(work: Path, seeds: list[int], epochs: int, precision: str) -> dict[str, Any]:
    """Gather the oracle and all seeds that have come to their end."""
    oracle = json.loads((work / "oracle-box" / "metrics.json").read_text())
    runs: list[dict[str, Any]] = []
    for seed in seeds:
        run = run_folder(work, seed, epochs, precision)
        if not (run / "validation.json").exists():
            continue
        kept = json.loads((run / "validation.json").read_text())
        lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        agreements = [line["val/box_agreement"] for line in lines]
        best = max(range(len(lines)), key=lambda i: (agreements[i], i))
        runs.append(
            {
                "seed": seed,
                "steps": lines[-1]["step"],
                "box_agreement_by_step": {
                    line["step"]: line["val/box_agreement"] for line in lines
                },
                "masks_by_step": curve(lines),
                "kept_weights": {"step": lines[best]["step"], **kept},
            }
        )
    mious = [run["kept_weights"]["miou"] for run in runs]
    return {
        "what": "paper recipe, Car-Parts, every 5th image held out, MobileSAM, dataset-level mIoU "
        "over 18 part classes; kept weights = best box agreement, no mask was looked at",
        "epochs": epochs,
        "precision": precision,
        "seeds": [run["seed"] for run in runs],
        "miou_of_kept_weights": spread(mious),
        "oracle_box_single_mask": {"miou": oracle["miou"], "macc": oracle["macc"]},
        "share_of_oracle": spread([value / oracle["miou"] for value in mious]),
        "runs": runs,
        "machine": describe_machine(),
    }


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--points", type=int, default=4)
    parser.add_argument("--precision", default="32-true", help="as for wps-sam train")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    if not (given.work / "oracle-box" / "metrics.json").exists():
        _call(
            "oracle", str(given.data), "--prompt", "box", "--holdout", str(HOLDOUT),
            "--out", str(given.work / "oracle-box"),
        )  # fmt: skip
    result = RESULT
    if given.precision != "32-true":
        result = RESULT.with_name(f"{RESULT.stem}_{given.precision}.json")
    for seed in given.seeds:
        train_one(given.data, given.work, seed, given.epochs, given.points, given.precision)
        found = collect(given.work, given.seeds, given.epochs, given.precision)
        result.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
