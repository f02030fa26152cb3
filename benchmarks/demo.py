"""Times `wps-sam demo` as a user runs it and keeps its score.

    python -m benchmarks.demo [--seeds 0 1 2] [--note "alone on the machine"]

Writes demo.json beside this file; seeds measured earlier stay in it.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from wps_sam.bench.machine import describe_machine
from wps_sam.cli.main import main as wps_sam

RESULT = Path(__file__).with_suffix(".json")


def run_demo(seed: int, note: str) -> dict[str, Any]:
    """One demo in an empty folder: its minutes and its score on pictures it never saw."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        status = wps_sam(["demo", "--out", folder + "/demo", "--seed", str(seed)])
        minutes = (time.perf_counter() - start) / 60
        if status:
            raise SystemExit(f"the demo ended with status {status}")
        scores = json.loads((Path(folder) / "demo" / "metrics.json").read_text())
    return {
        "seed": seed,
        "minutes": minutes,
        "miou": scores["miou"],
        "macc": scores["macc"],
        "note": note,
        "machine": describe_machine(),
    }


def main() -> None:
    """Run the demo for each seed and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--note", default="")
    given = parser.parse_args()
    earlier = json.loads(RESULT.read_text())["runs"] if RESULT.exists() else []
    runs = {run["seed"]: run for run in earlier}
    for seed in given.seeds:
        runs[seed] = run_demo(seed, given.note)
        result = {
            "what": "wps-sam demo: toy pictures, recipe strong, boxes only; dataset-level mIoU",
            "runs": [runs[known] for known in sorted(runs)],
        }
        RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
