"""Times `wps-sam demo` as a user runs it and keeps its score.

    python -m benchmarks.demo [--seeds 0 1 2]

Writes demo.json beside this file.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from benchmarks.machine import describe_machine
from wps_sam.cli.main import main as wps_sam

RESULT = Path(__file__).with_suffix(".json")


def run_demo(seed: int) -> dict[str, float]:
    """One demo in an empty folder: its minutes and its score on pictures it never saw."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        status = wps_sam(["demo", "--out", folder + "/demo", "--seed", str(seed)])
        minutes = (time.perf_counter() - start) / 60
        if status:
            raise SystemExit(f"the demo ended with status {status}")
        scores = json.loads((Path(folder) / "demo" / "metrics.json").read_text())
    return {"seed": seed, "minutes": minutes, "miou": scores["miou"], "macc": scores["macc"]}


def main() -> None:
    """Run the demo for each seed and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    runs = []
    for seed in parser.parse_args().seeds:
        runs.append(run_demo(seed))
        result = {
            "what": "wps-sam demo: toy pictures, recipe strong, boxes only; dataset-level mIoU",
            "runs": runs,
            "machine": describe_machine(),
        }
        RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
