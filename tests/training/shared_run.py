"""Trains small prompters in a folder; tests start it alone and in two processes at once.

Arguments: the folder; and for one recipe in place of both, its number of epochs.
"""

import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.console import Console

from small_prompters import SMALL_DENSE, SMALL_QUERY
from training.conftest import embedded
from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.labels.open import open_weak_labels
from wps_sam.prompter.build import PrompterConfig
from wps_sam.sam.build import load_sam
from wps_sam.training import self_training
from wps_sam.training.fit import fit, with_learnt_boxes
from wps_sam.training.job import TrainingJob
from wps_sam.training.processes import first_process_first, join_processes, processes_here
from wps_sam.training.recipes import RECIPES, Recipe

SAM = Path(__file__).parent.parent / "goldens" / "sam_vit_toy.safetensors"

PARTS = (1, 4, 0, 2, 3, 1, 2)
"""Of each image: unequal, so that a mean of the processes' means is not the mean of the batch."""


def write_labels(folder: Path) -> Path:
    """Seven pictures with unlike numbers of parts; every third validates, five are learnt from."""
    rng = np.random.default_rng(0)
    annotations: list[dict[str, Any]] = []
    for i, parts in enumerate(PARTS):
        Image.fromarray(rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)).save(folder / f"{i}.png")
        for j in range(parts):
            box = [3 + 14 * j, 5 + 2 * i, 10 + 2 * j, 12]
            annotations.append(
                {"id": len(annotations), "image_id": i, "category_id": 7 + j % 2, "bbox": box}
            )
    names = [
        {"id": i, "file_name": f"{i}.png", "height": 48, "width": 64} for i in range(len(PARTS))
    ]
    classes = [{"id": 7, "name": "lid"}, {"id": 8, "name": "knob"}]
    content = {"images": names, "categories": classes, "annotations": annotations}
    (folder / "labels.json").write_text(json.dumps(content))
    return folder / "labels.json"


def recipes() -> dict[str, Recipe]:
    """Both recipes, small, and without what each process draws for itself."""
    prompters: dict[str, PrompterConfig] = {
        "paper": replace(SMALL_QUERY, dropout=0.0),
        "strong": replace(SMALL_DENSE, dropout=0.0, shake=0.0),
    }
    small = {}
    for name, prompter in prompters.items():
        optimiser = replace(RECIPES[name].optimiser, warmup_steps=2)
        small[name] = replace(
            RECIPES[name], prompter=prompter, optimiser=optimiser, epochs=4, batch_size=2
        )
    return small


def train(folder: Path, recipe: Recipe, supervision: str) -> None:
    """Train in this process, or with the others that were started; leaves a run folder."""
    here = processes_here()
    join_processes(here, torch.device("cpu"))
    job = TrainingJob(recipe, supervision, 0, "32-true", "cpu")  # type: ignore[arg-type]  # a word
    sam = load_sam(str(SAM))
    cache = EmbeddingCache(folder / "cache", Fingerprint.of(sam))
    labels, held_out = open_weak_labels(folder / "labels.json").split_every(3)
    with first_process_first():
        plain = embedded(cache, sam, labels)
        val = embedded(cache, sam, held_out)
    fit(
        job,
        sam,
        str(SAM),
        cache,
        [with_learnt_boxes(job, sam, cache, plain)],
        val,
        folder / f"{recipe.name}-{here.count}",
        console=Console(width=200),
    )


def changes() -> list[tuple[object, str, Any]]:
    """What to set to what, so that runs can be compared: object, name and value."""
    # As they are, they take full steps along gradients that are 0 but for rounding.
    optimisers = [getattr(torch.optim, name) for name in ("Adam", "AdamW")]
    steady = [(torch.optim, kind.__name__, partial(kind, eps=1e-3)) for kind in optimisers]
    # So few steps teach little, and something is to be corrected.
    return [*steady, (self_training, "LEAST_SCORE", 0.0)]


def train_both(folder: Path) -> None:
    """Train both recipes."""
    small = recipes()
    train(folder, small["paper"], "box")
    train(folder, small["strong"], "point")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for where, name, value in changes():
        setattr(where, name, value)
    if len(sys.argv) == 2:
        train_both(Path(sys.argv[1]))
    else:
        train(Path(sys.argv[1]), replace(recipes()["paper"], epochs=int(sys.argv[2])), "box")
