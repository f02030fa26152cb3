"""The `paper` recipe on 400 photographs of cars: mIoU against steps, next to the oracle.

    python -m benchmarks.carparts_paper DATA --work DIR [--seeds 0 1 2] [--epochs 20] [--points 4]

DATA is the Car-Parts annotations.json (18 classes). Every 5th image is held out; the others, with
the boxes of their polygons, are all that training sees. A run that was cut off goes on where it
stopped. Writes carparts_paper.json beside this file.
"""

import argparse
import json
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmarks.machine import describe_machine
from wps_sam.cli.main import main as wps_sam

HOLDOUT = 5
RESULT = Path(__file__).with_suffix(".json")


def train_one(data: Path, work: Path, seed: int, epochs: int, points: int) -> None:
    """One seed: train, or go on training; the run scores its masks at `points` places."""
    run = work / f"paper-seed{seed}-epochs{epochs}"
    held_out = ["--holdout", str(HOLDOUT)]
    resume = ["--resume"] if (run / "checkpoints" / "last.ckpt").exists() else []
    settings = ["--recipe", "paper", "--seed", str(seed), "--epochs", str(epochs)]
    settings += ["--mask-validations", str(points), "--out", str(run), *resume, *held_out]
    _call("train", str(data), *settings)


def _call(*words: str) -> None:
    status = wps_sam(list(words))
    if status != 0:
        raise SystemExit(f"wps-sam {' '.join(words)} ended with status {status}")


def curve(run: Path) -> list[dict[str, float]]:
    """The epochs of metrics.jsonl at which masks were scored."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [
        {
            "epoch": line["epoch"],
            "step": line["step"],
            "miou": line["val/miou"],
            "macc": line["val/macc"],
            "box_agreement": line["val/box_agreement"],
        }
        for line in lines
        if "val/miou" in line
    ]


def spread(values: list[float]) -> dict[str, float]:
    """Mean and sample standard deviation."""
    return {"mean": mean(values), "stdev": stdev(values) if len(values) > 1 else 0.0}


def collect(work: Path, seeds: list[int], epochs: int) -> dict[str, Any]:
    """Gather all seeds and the oracle."""
    oracle = json.loads((work / "oracle-box" / "metrics.json").read_text())
    runs: list[dict[str, Any]] = []
    for seed in seeds:
        run = work / f"paper-seed{seed}-epochs{epochs}"
        if (run / "metrics.jsonl").exists() and curve(run)[-1]["epoch"] == epochs:
            runs.append({"seed": seed, "curve": curve(run)})
    last = [run["curve"][-1]["miou"] for run in runs]
    return {
        "what": "paper recipe, Car-Parts, every 5th image held out, MobileSAM, part level mIoU",
        "steps": runs[0]["curve"][-1]["step"],
        "epochs": epochs,
        "seeds": [run["seed"] for run in runs],
        "miou_at_last_step": spread(last),
        "oracle_box_single_mask": {"miou": oracle["miou"], "macc": oracle["macc"]},
        "share_of_oracle": spread([value / oracle["miou"] for value in last]),
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
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    if not (given.work / "oracle-box" / "metrics.json").exists():
        _call(
            "oracle", str(given.data), "--prompt", "box", "--holdout", str(HOLDOUT),
            "--out", str(given.work / "oracle-box"),
        )  # fmt: skip
    for seed in given.seeds:
        train_one(given.data, given.work, seed, given.epochs, given.points)
        RESULT.write_text(
            json.dumps(collect(given.work, given.seeds, given.epochs), indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
