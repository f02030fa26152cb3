"""The same labels through every format: what rounding does to the boxes, and to what is learnt.

    python -m benchmarks.label_formats CARPARTS [--epochs 12] [--seeds 0 1 2] [--cache DIR]
                                       [--work DIR] [--out FILE]

CARPARTS is the Car-Parts folder (JPEGImages/, annotations.json). It is converted with `wps-sam data
convert` into each format and read back as weak labels. For each format: the largest distance of a
box side from the COCO one, beside the format's stated rounding; then a short training of recipe
`strong` on the same drawn split. COCO is trained with several seeds, so that the difference between
formats can be held against that between seeds. (Formats list images and classes in another order,
which alone makes another run of it.) Writes label_formats.json beside this file.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from wps_sam.bench.machine import describe_machine
from wps_sam.cli.data_convert import data_convert
from wps_sam.cli.train import train
from wps_sam.labels.open import open_weak_labels
from wps_sam.labels.weak_labels import WeakDataset

RESULT = Path(__file__).with_suffix(".json")
FORMATS = ("yolo", "labelme", "cvat", "label_studio")


def sorted_parts(labels: WeakDataset) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
    """Rows (rank of class name, x1, y1, x2, y2) of each image, by file name, in a fixed order."""
    rank = {name: i for i, name in enumerate(sorted(labels.class_names))}
    class_rank = np.array([rank[name] for name in labels.class_names])
    parts = {}
    for image in labels.images:
        rows = np.column_stack([class_rank[image.class_index], image.boxes_xyxy]).astype(np.float64)
        # Rounded keys, because sides that are equal in one format may differ in another.
        order = np.lexsort(np.round(rows[:, ::-1], 1).T)
        parts[Path(image.file_name).name] = rows[order]
    return parts


def compare(coco: WeakDataset, other: WeakDataset) -> dict[str, Any]:
    """Images, parts and the largest distance of a box side, in pixels."""
    first, second = sorted_parts(coco), sorted_parts(other)
    same_counts = first.keys() == second.keys() and all(
        len(first[name]) == len(second[name]) for name in first
    )
    if not same_counts or set(coco.class_names) != set(other.class_names):
        return {"equal": False}
    distance = 0.0
    for name, rows in first.items():
        # Parts are paired with their nearest of the same class: a rounded key may swap two rows.
        gap = np.abs(rows[:, None, 1:] - second[name][None, :, 1:]).max(2)
        gap = np.where(rows[:, None, 0] == second[name][None, :, 0], gap, np.inf)
        distance = max(distance, float(gap.min(1).max(initial=0)), float(gap.min(0).max(initial=0)))
    return {"equal": True, "largest_distance_pixels": distance}


def train_once(
    labels: Path, images: Path, work: Path, name: str, seed: int, epochs: int, cache: Path | None
) -> dict[str, float]:
    """Train on the drawn split of some labels; returns the scores of the kept weights."""
    data = work / f"{name}.yaml"
    content = {"labels": str(labels), "images": str(images), "split": {"val": 0.2, "seed": 0}}
    data.write_text(yaml.safe_dump(content))
    run = work / f"run-{name}-seed{seed}"
    if not (run / "validation.json").exists():
        train(
            data,
            out=run,
            val=data,
            split="train",
            val_split="val",
            epochs=epochs,
            seed=seed,
            cache=cache,
            precision="32-true",
            resume=(run / "checkpoints" / "last.ckpt").exists(),
        )
    scores = json.loads((run / "validation.json").read_text())
    lines = (run / "metrics.jsonl").read_text().splitlines()
    agreement = [json.loads(line).get("val/box_agreement") for line in lines]
    best = max(value for value in agreement if value is not None)
    return {"miou": scores["miou"], "macc": scores["macc"], "box_agreement": best}


def main() -> None:
    """Convert, compare, train and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("carparts", type=Path)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--work", type=Path, default=Path("label_formats_work"))
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    source, images = options.carparts / "annotations.json", options.carparts / "JPEGImages"
    coco = open_weak_labels(source)
    rows: dict[str, dict[str, Any]] = {}
    for name in FORMATS:
        folder = options.work / name
        if not folder.exists():
            data_convert(source, format=name, out=folder)
        rows[name] = compare(coco, open_weak_labels(folder))
        print(name, rows[name])
    arguments = (images, options.work)
    learnt: dict[str, list[dict[str, float]]] = {
        "coco": [
            train_once(source, *arguments, "coco", seed, options.epochs, options.cache)
            for seed in options.seeds
        ]
    }
    for name in FORMATS:
        folder = options.work / name
        learnt[name] = [
            train_once(folder, *arguments, name, options.seeds[0], options.epochs, options.cache)
        ]
    result = {
        "labels": {
            "images": len(coco.images),
            "parts": sum(len(i.boxes_xyxy) for i in coco.images),
        },
        "epochs": options.epochs,
        "seeds": {name: options.seeds[: len(runs)] for name, runs in learnt.items()},
        "read_back": rows,
        "learnt": learnt,
        "machine": describe_machine(),
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
