"""What things cost: a training step, embedding, prediction, and the memory of the commands.

    python -m benchmarks.cost [--repeats 7]

Runs on drawn pictures with the bundled MobileSAM. Times are medians with the smallest and largest;
memory is the peak of a fresh process. Writes cost.json beside this file.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch

from wps_sam.allocator import keep_freed_memory
from wps_sam.bench.machine import describe_machine
from wps_sam.labels.open import open_weak_labels
from wps_sam.prompter.build import build_criterion, build_prompter
from wps_sam.prompter.teacher import teacher_targets
from wps_sam.sam.build import load_sam
from wps_sam.sam.frozen import FrozenSam
from wps_sam.toy import ToyConfig, draw_toy_dataset, draw_toy_scene
from wps_sam.training.recipes import RECIPES

RESULT = Path(__file__).with_suffix(".json")


def timed(work: Callable[[], object], repeats: int) -> dict[str, float]:
    """Seconds of `work`: median, smallest, largest; two runs go before to warm up."""
    for _ in range(2):
        work()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - start)
    return {"median": median(seconds), "min": min(seconds), "max": max(seconds)}


def training_step(
    sam: FrozenSam, recipe_name: str, toy: Path, repeats: int, *, in_bf16: bool = False
) -> dict[str, Any]:
    """One optimiser step at the recipe's batch size, features at hand."""
    recipe = RECIPES[recipe_name]
    labels = open_weak_labels(toy, split="train")
    images = labels.images[: recipe.batch_size]
    targets = [teacher_targets(sam, image, "box") for image in images]
    torch.manual_seed(0)
    features = torch.randn(len(images), sam.embed_dim, *sam.embed_hw)
    prompter = build_prompter(recipe.prompter, len(labels.class_names), sam)
    criterion = build_criterion(recipe.criterion, recipe.prompter, sam)
    optimiser = torch.optim.Adam(prompter.parameters(), recipe.optimiser.learning_rate)

    def step() -> None:
        optimiser.zero_grad()
        # Anew in each step, as Lightning does: inside one context, weights are rounded only once.
        with torch.autocast("cpu", torch.bfloat16, enabled=in_bf16):
            loss = criterion(prompter(features), targets).total
        torch.autograd.backward(loss)
        optimiser.step()

    parameters = sum(parameter.numel() for parameter in prompter.parameters())
    return {"seconds": timed(step, repeats), "batch": len(images), "parameters": parameters}


def peak_memory(*words: str) -> float:
    """Peak resident megabytes of `wps-sam WORDS` in a process of its own."""
    code = (
        "import sys; from wps_sam.bench.own_process import peak_memory;"
        "from wps_sam.cli.main import main; status = main(sys.argv[1:]);"
        "print('peak', peak_memory()); sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("peak"))
    return int(line.split()[1]) / 2**20


def memory(toy: Path, work: Path) -> dict[str, float]:
    """Peak memory of train (both recipes) and predict on the toy set."""
    label_file = str(toy / "annotations" / "train" / "train.json")
    cache = ["--cache", str(work / "cache")]
    found = {}
    for recipe in ("paper", "strong"):
        run = str(work / recipe)
        words = [
            "--out",
            run,
            "--recipe",
            recipe,
            "--epochs",
            "2",
            "--precision",
            "32-true",
            *cache,
        ]
        found[f"train_{recipe}"] = peak_memory("train", label_file, *words)
    # A threshold of 0.1 keeps more parts than a user would want: a hard case.
    images = str(toy / "images" / "train")
    words = ["--out", str(work / "predicted"), "--score-threshold", "0.1", "--limit", "4"]
    found["predict"] = peak_memory("predict", str(work / "strong"), images, *words)
    return found


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    keep_freed_memory()  # as the command does
    picture = draw_toy_scene(ToyConfig(), "train", 0).image
    with tempfile.TemporaryDirectory() as folder:
        toy, work = Path(folder) / "toy", Path(folder) / "work"
        draw_toy_dataset(toy, ToyConfig(train=16, val=0))
        peaks = memory(toy, work)
        sam = load_sam()
        features = sam.encode(sam.preprocess([picture]))
        tokens = sam.prompt_boxes(torch.tensor([[100.0, 100, 400, 400]])).expand(8, -1, -1)
        first = torch.zeros(8, dtype=torch.long)
        result = {
            "training_step": {
                name: training_step(sam, name, toy, repeats) for name in ("paper", "strong")
            },
            "encode_image_seconds": timed(lambda: sam.encode(sam.preprocess([picture])), repeats),
            "decode_8_parts_seconds": timed(lambda: _decode(sam, features, tokens, first), repeats),
            "peak_memory_mb": peaks,
            "machine": describe_machine(),
        }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


@torch.no_grad()
def _decode(
    sam: FrozenSam, features: torch.Tensor, tokens: torch.Tensor, image_index: torch.Tensor
) -> None:
    sam.decode(features, tokens, image_index)


if __name__ == "__main__":
    main()
