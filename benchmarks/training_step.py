"""A training step of `paper` on cached features: beside an earlier commit, and beside an encoder.

    git worktree add ../before 24fce64        (the last commit before evaluation was rewritten)
    python -m benchmarks.training_step --before ../before [--turns 5]

Each turn runs a few steps (batch 8) of that commit, of ours, and of ours with `--precision
bf16-mixed`, one right after the other, in processes of their own; ours keeps freed memory as the
command does. Then the image encoder of SAM ViT-B with random weights encodes an image, as the
published code does for every image of every step. Writes training_step.json beside this file.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch
from transformers import SamVisionConfig
from transformers.models.sam.modeling_sam import SamVisionEncoder

from benchmarks.end_to_end import spread
from wps_sam.bench.machine import describe_machine
from wps_sam.toy import ToyConfig, draw_toy_dataset

RESULT = Path(__file__).with_suffix(".json")
OURS = Path(__file__).parent.parent

STEPS = """
import json, sys
from pathlib import Path
try:
    from wps_sam.allocator import keep_freed_memory
    keep_freed_memory()
except ImportError:
    pass
from benchmarks.cost import training_step
from wps_sam.sam.build import load_sam
words = {"in_bf16": True} if sys.argv[2] == "bf16" else {}
print(json.dumps(training_step(load_sam("mobile_sam"), "paper", Path(sys.argv[1]), 7, **words)))
"""


def seconds_a_step(tree: Path, toy: Path, numbers: str) -> float:
    """Median seconds of a step by the code of a checkout, in a process of its own."""
    paths = os.pathsep.join((str(tree / "src"), str(tree)))
    done = subprocess.run(
        [sys.executable, "-c", STEPS, str(toy), numbers],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    return float(found["seconds"]["median"])


@torch.inference_mode()
def seconds_of_vit_b(repeats: int = 3) -> float:
    """Median seconds in which SAM ViT-B, with random weights, encodes an image."""
    encoder = SamVisionEncoder(SamVisionConfig()).eval()
    pixels = torch.randn(1, 3, 1024, 1024)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        encoder(pixels)
        seconds.append(time.perf_counter() - start)
    return median(seconds)


def measure(before: Path, turns: int) -> dict[str, Any]:
    """All numbers."""
    with tempfile.TemporaryDirectory() as folder:
        toy = Path(folder) / "toy"
        draw_toy_dataset(toy, ToyConfig(train=16, val=0))
        ways = {
            "before": (before, "fp32"),
            "now": (OURS, "fp32"),
            "now_in_bf16": (OURS, "bf16"),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(turns):
            for name, (tree, numbers) in ways.items():
                seconds[name].append(seconds_a_step(tree, toy, numbers))
    step = median(seconds["now"])
    encode = seconds_of_vit_b()
    return {
        "batch": 8,
        "turns": turns,
        "seconds_a_step": {name: median(taken) for name, taken in seconds.items()},
        "times_faster": {
            name: spread([a / b for a, b in zip(seconds["before"], seconds[name], strict=True)])
            for name in ("now", "now_in_bf16")
        },
        "vit_b_seconds_an_image": encode,
        "epoch_with_vit_b_in_every_step_over_cached": (encode + step / 8) / (step / 8),
        "machine": describe_machine(),
    }


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--before", type=Path, required=True)
    parser.add_argument("--turns", type=int, default=5)
    given = parser.parse_args()
    result = measure(given.before.resolve(), given.turns)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
