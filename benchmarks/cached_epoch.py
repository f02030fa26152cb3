"""An epoch of `paper` over cached features, beside encoding each image with SAM ViT-B every time.

    python -m benchmarks.cached_epoch [--images 320] [--epochs 4] [--precision 32-true]
                                      [--cache DIR]

Drawn scenes are embedded, unless the cache holds them (`--cache` keeps one between runs); then
`paper` learns them as `wps-sam train` does: features read from the cache, matching, log and
checkpoints included, nothing to validate on. The first epoch warms up; the others count. The image
encoder of SAM ViT-B, with random weights, encodes an image as the published code does for every
image of every step: once in a process that hands freed memory back, as the published code's does,
and once in one that keeps it. Writes cached_epoch.json beside this file.
"""

import argparse
import json
import tempfile
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console

from benchmarks.end_to_end import spread
from benchmarks.training_step import seconds_of_vit_b
from wps_sam.allocator import keep_freed_memory
from wps_sam.bench.machine import describe_machine
from wps_sam.bench.own_process import OwnProcess
from wps_sam.cli.embed_labels import embed_labels
from wps_sam.cli.label_place import LabelPlace
from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.sam.build import load_sam
from wps_sam.toy import ToyConfig, draw_toy_dataset
from wps_sam.training.fit import fit
from wps_sam.training.job import TrainingJob
from wps_sam.training.recipes import get_recipe

RESULT = Path(__file__).with_suffix(".json")


def seconds_of_epochs(
    images: int, epochs: int, precision: str, cache_root: Path, folder: Path
) -> list[float]:
    """Seconds of every epoch but the first."""
    toy, run = folder / "toy", folder / "run"
    draw_toy_dataset(toy, ToyConfig(train=images, val=0))
    sam = load_sam("mobile_sam")
    cache = EmbeddingCache(cache_root, Fingerprint.of(sam))
    train = embed_labels(cache, sam, LabelPlace(toy / "annotations/train/train.json").weak_labels())
    job = TrainingJob(get_recipe("paper", epochs=epochs), "box", 0, precision, "cpu")
    fit(job, sam, "mobile_sam", cache, [train], None, run, console=Console(quiet=True))
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    ends = [line["seconds"] for line in lines if "train/loss" in line]
    return [end - start for start, end in pairwise(ends)]


def seconds_of_encoding(keeps_memory: bool) -> float:
    """Seconds of SAM ViT-B for an image, in a process of its own."""
    with OwnProcess() as process:
        if keeps_memory:
            process.do(keep_freed_memory)
        return process.do(seconds_of_vit_b)


def measure(images: int, epochs: int, precision: str, cache: Path | None) -> dict[str, Any]:
    """All numbers."""
    vit_b = {
        "as the published code runs": seconds_of_encoding(False),
        "freed memory kept": seconds_of_encoding(True),
    }
    keep_freed_memory()  # as the command does
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seconds = seconds_of_epochs(images, epochs, precision, cache or folder / "cache", folder)
    return {
        "images": images,
        "epochs": len(seconds),
        "precision": precision,
        "seconds_an_image_of_an_epoch": median(seconds) / images,
        "vit_b_seconds_an_image": vit_b,
        "times_cheaper": {
            name: spread([(encode + one / images) / (one / images) for one in seconds])
            for name, encode in vit_b.items()
        },
        "machine": describe_machine(),
    }


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--images", type=int, default=320)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--precision", default="32-true", help="as for wps-sam train")
    parser.add_argument("--cache", type=Path)
    given = parser.parse_args()
    if given.epochs < 2:
        parser.error(f"--epochs {given.epochs}: the first one warms up; give 2 or more")
    result = measure(given.images, given.epochs, given.precision, given.cache)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
