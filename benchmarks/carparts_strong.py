"""The `strong` recipe on photographs of cars: its parts by themselves, few labels, points, rivals.

    python -m benchmarks.carparts_strong train DATA --work DIR --row ROW --seed SEED [--cache DIR]
    python -m benchmarks.carparts_strong collect --work DIR

DATA is the Car-Parts annotations.json (18 classes). Every 5th image is held out; the others, with
the boxes of their polygons, are all that training sees. `train` learns one row of the table with
one seed and scores the masks on the held-out images; a run that was cut off goes on where it
stopped. Rows that only change prediction are scored with the weights of the rows in
`SCORED_IN_PARTS`. Rivals
(benchmarks/rivals) see the same views for `--steps` steps. `collect` adds the runs in `--work` to
carparts_strong.json beside this file, where a run replaces one of the same row and seed.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any, cast

import numpy as np
import torch
from rich.console import Console

from benchmarks.rivals.det_sam import SCORE_THRESHOLD as DET_SAM_THRESHOLD
from benchmarks.rivals.det_sam import train_det_sam
from benchmarks.rivals.pixel_head import train_pixel_head
from benchmarks.rivals.training import Validation, score
from wps_sam.bench.machine import describe_machine
from wps_sam.cli.embed_labels import embed_labels, embed_views
from wps_sam.cli.encoder import EncoderRuntime, open_cache, open_encoder
from wps_sam.cli.label_place import LabelPlace
from wps_sam.cli.mask_validation import Predict, mask_measure
from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.embeddings.store import EmbeddingCache, default_cache_root
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.labels.weak_labels import WeakDataset, WeakImage
from wps_sam.prompter.dense.config import DenseCriterionConfig, DensePrompterConfig
from wps_sam.prompter.dense.model import DenseOutput, DensePrompter
from wps_sam.prompter.interface import Prompter
from wps_sam.prompter.store import load_info, load_prompter
from wps_sam.sam.build import load_sam
from wps_sam.training.fit import fit, with_learnt_boxes
from wps_sam.training.job import TrainingJob
from wps_sam.training.recipes import RECIPES, Recipe, get_recipe

HOLDOUT = 5
RESULT = Path(__file__).with_suffix(".json")
STRONG = RECIPES["strong"]


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        recipe: How to train.
        images: How many of the training images, spread evenly over the file; None takes all.
        supervision: What the labels are.
        off_centre: How far each part's point lies off the centre of its box: standard deviation,
            in sides of the box.
        precision: In which numbers, Lightning's word.
        encoder: What made the features; masks are scored on PyTorch's, as prediction makes them.
    """

    recipe: Recipe = STRONG
    images: int | None = None
    supervision: str = "box"
    off_centre: float = 0.0
    precision: str = "32-true"
    encoder: EncoderRuntime = "pytorch"


HALF = replace(STRONG, least_steps=STRONG.least_steps // 2)
"""A few dozen photographs stop improving sooner than hundreds."""

LONGER = replace(STRONG, least_steps=STRONG.least_steps * 2, extra_views=STRONG.extra_views * 2)
"""Whether more time and more views of each photograph would still help."""

SHORT = replace(STRONG, least_steps=STRONG.least_steps // 4)
"""What one part of the recipe gives is measured in a quarter of its steps."""

PAPER_EPOCHS = 12
"""Passes over 320 images in steps of 8: about as long as `SHORT` takes."""

ROWS = {
    "strong": Row(),
    "strong_in_bf16": Row(precision="bf16-mixed"),
    "longer_in_bf16": Row(LONGER, precision="bf16-mixed"),
    "points": Row(supervision="point"),
    "points_off_centre": Row(supervision="point", off_centre=0.1),
    **{f"{count}_images": Row(HALF, images=count) for count in (25, 50)},
    **{f"{count}_images": Row(images=count) for count in (100, 200)},
    "without_views": Row(replace(STRONG, extra_views=0)),
    "quarter_of_the_steps": Row(SHORT),
    "quarter_in_bf16": Row(SHORT, precision="bf16-mixed"),
    "quarter_without_views": Row(replace(SHORT, extra_views=0)),
    "quarter_without_views_on_bf16_features": Row(
        replace(SHORT, extra_views=0), encoder="openvino-bf16"
    ),
    "quarter_with_mirrored_view_only": Row(replace(SHORT, extra_views=1)),
    "quarter_with_one_cell_a_part": Row(
        replace(SHORT, criterion=DenseCriterionConfig(top_cells=1))
    ),
    "quarter_without_context": Row(replace(SHORT, prompter=DensePrompterConfig(context_layers=0))),
    **{
        f"paper_{queries}_queries": Row(
            get_recipe("paper", num_queries=queries, epochs=PAPER_EPOCHS)
        )
        for queries in (25, 50, 75, 100)
    },
}


RIVALS = ("det_sam", "pixel_head")


class FirstStage(DensePrompter):
    """What the cells propose, without the second look."""

    def forward(self, features: torch.Tensor) -> DenseOutput:
        """The second stage repeats the first."""
        output = super().forward(features)
        cells = output.cells[..., None]
        logits = output.proposals.class_logits.gather(
            1, cells.expand(-1, -1, output.class_logits.shape[2])
        )
        return output._replace(class_logits=logits, boxes_xyxy=output.looked_at)


def _first_stage(prompter: DensePrompter) -> Prompter:
    prompter.__class__ = FirstStage
    return prompter


def _without_points(prompter: DensePrompter) -> Prompter:
    prompter.clicked.zero_()
    return prompter


SAME_WEIGHTS: dict[str, Callable[[DensePrompter], Prompter]] = {
    "without_points_in_the_prompt": _without_points,
    "without_second_stage": _first_stage,
}


SCORED_IN_PARTS = ("strong",)
"""Rows whose weights are also scored without parts of prediction (`SAME_WEIGHTS`)."""

WITH_AVERAGE = ("with_average", "quarter_with_average")
"""Rows of a setting that is no more: an exponential moving average of the weights (decay 0.998).
Runs that have `averaged_weights` in the result file were learnt with it."""


def spread_evenly(labels: WeakDataset, count: int | None) -> WeakDataset:
    """So many images of a data set, at equal distances in the file."""
    if count is None:
        return labels
    total = len(labels.images)
    return labels.subset(i * total // count for i in range(count))


def with_points_off_centre(labels: WeakDataset, deviation: float, seed: int) -> WeakDataset:
    """Give each part a point drawn around the centre of its box.

    Args:
        labels: All parts have boxes.
        deviation: Standard deviation, in sides of the box. A point is never nearer to a side than
            a tenth of the box.
        seed: Of the draw.
    """
    generator = np.random.default_rng(seed)

    def drawn(image: WeakImage) -> WeakImage:
        low, high = image.boxes_xyxy[:, :2], image.boxes_xyxy[:, 2:]
        steps = generator.normal(0.5, deviation, low.shape).clip(0.1, 0.9)
        points = (low + steps * (high - low)).astype(np.float32)
        return replace(image, points_xy=tuple(points[:, None]))

    return replace(labels, images=tuple(drawn(image) for image in labels.images))


def train_row(data: Path, work: Path, name: str, seed: int, cache: Path) -> None:
    """Learn one row with one seed and score its masks."""
    row, run = ROWS[name], work / f"{name}-seed{seed}"
    sam, console = load_sam("mobile_sam"), Console()
    store, encoder = open_cache(cache, row.encoder, sam), open_encoder(row.encoder, sam)
    place = LabelPlace(data, holdout=HOLDOUT)
    labels, held_out = place.weak_labels().split_every(HOLDOUT)
    labels = spread_evenly(labels, row.images)
    if row.off_centre:
        labels = with_points_off_centre(labels, row.off_centre, seed)
        held_out = with_points_off_centre(held_out, row.off_centre, seed + 1)
    job = TrainingJob(
        row.recipe.for_images(len(labels.images)), row.supervision, seed, row.precision, "cpu"  # type: ignore[arg-type]  # a word
    )  # fmt: skip
    started = time.monotonic()
    plain = with_learnt_boxes(job, sam, store, embed_labels(store, encoder, labels))
    train = [plain, *embed_views(store, encoder, plain, job.recipe.extra_views, None)]
    validation = embed_labels(store, encoder, held_out)
    embedded = time.monotonic()
    resume = (run / "checkpoints" / "last.ckpt").exists()
    fit(job, sam, "mobile_sam", store, train, validation, run, console=console, resume=resume)
    seconds = {"embedding": embedded - started, "training": time.monotonic() - embedded}
    predicted = open_cache(cache, "pytorch", sam)
    scored = embed_labels(predicted, sam, held_out)
    measure = mask_measure(place, sam, predicted, scored, job.recipe.score_threshold, "box")
    if measure is None:
        raise SystemExit(f"{data} holds no masks to score with")

    def kept() -> Prompter:
        return load_prompter(run, sam, load_info(run))

    found = {"kept_weights": dict(measure(kept()))}
    if name in SCORED_IN_PARTS:
        for other, change in SAME_WEIGHTS.items():
            found[other] = dict(measure(change(cast(DensePrompter, kept()))))
    facts = {
        "seed": seed,
        "images": len(labels.images),
        "views_of_each": len(train),
        "seconds": {key: round(value, 1) for key, value in seconds.items()},
        "resumed": resume,
        "machine": describe_machine(),
    }
    (run / "scores.json").write_text(json.dumps({**facts, **found}, indent=1) + "\n")


def train_rival(data: Path, work: Path, name: str, seed: int, cache: Path, steps: int) -> None:
    """Learn a rival from the views that `strong` sees, and score its last weights."""
    run = work / f"{name}-seed{seed}"
    sam = load_sam("mobile_sam")
    store = EmbeddingCache(cache, Fingerprint.of(sam))
    place = LabelPlace(data, holdout=HOLDOUT)
    labels, held_out = place.weak_labels().split_every(HOLDOUT)
    plain = embed_labels(store, sam, labels)
    views = STRONG.for_images(len(labels.images)).extra_views
    train = [plain, *embed_views(store, sam, plain, views, None)]
    validation = Validation.read(place, sam, store, embed_labels(store, sam, held_out))
    settings = (sam, store, train, len(labels.class_names), steps, seed)
    started = time.monotonic()
    if name == "det_sam":
        prompter = train_det_sam(*settings)
        names, least = labels.class_names, DET_SAM_THRESHOLD
        segmenter = PartSegmenter(sam, prompter, class_names=names, score_threshold=least)
        predict: Predict = segmenter.predict_features
    else:
        predict = train_pixel_head(*settings).predict_features
    facts = {
        "seed": seed,
        "images": len(labels.images),
        "views_of_each": len(train),
        "steps": steps,
        "seconds": {"training": round(time.monotonic() - started, 1)},
        "machine": describe_machine(),
        "kept_weights": score(predict, validation),
    }
    run.mkdir(parents=True, exist_ok=True)
    (run / "scores.json").write_text(json.dumps(facts, indent=1) + "\n")


def collect(work: Path, recorded: dict[str, Any]) -> dict[str, Any]:
    """Mean and spread over seeds of every row that has come to its end.

    Args:
        work: Holds the runs.
        recorded: The rows as they stand in the result file; those of other runs stay.
    """
    table: dict[str, Any] = {}
    for name in (*ROWS, *WITH_AVERAGE, *RIVALS):
        by_seed = {run["seed"]: run for run in recorded.get(name, {}).get("runs", ())}
        finished = [_finished(run) for run in work.glob(f"{name}-seed*") if _is_done(run)]
        by_seed |= {run["seed"]: run for run in finished}
        if not by_seed:
            continue
        runs = [by_seed[seed] for seed in sorted(by_seed)]
        table[name] = _summary(runs, "kept_weights") | {"runs": runs}
        for other in SAME_WEIGHTS if name in SCORED_IN_PARTS else ():
            table[f"{name}_{other}"] = _summary(runs, other)
    return {
        "what": "recipe strong, Car-Parts, every 5th image held out, MobileSAM, dataset-level mIoU "
        "over 18 part classes; kept weights = best box agreement, no mask was looked at",
        "rows": table,
    }


def _is_done(run: Path) -> bool:
    return (run / "scores.json").exists()


def _finished(run: Path) -> dict[str, Any]:
    scores: dict[str, Any] = json.loads((run / "scores.json").read_text())
    if "steps" in scores:  # a rival
        return scores
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    agreement = {
        line["step"]: line["val/box_agreement"] for line in lines if "val/box_agreement" in line
    }
    return {**scores, "steps": lines[-1]["step"], "box_agreement_by_step": agreement}


def _summary(runs: list[dict[str, Any]], which: str) -> dict[str, Any]:
    """Mean and sample standard deviation of mIoU and of its share of the oracle."""
    found: dict[str, Any] = {"seeds": [run["seed"] for run in runs], "steps": runs[0]["steps"]}
    for name in ("miou", "share_of_oracle"):
        values = [run[which][name] for run in runs]
        found[name] = {
            "mean": mean(values),
            "stdev": stdev(values) if len(values) > 1 else None,
        }
    return found


def main() -> None:
    """Train a row, or write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    verbs = parser.add_subparsers(dest="verb", required=True)
    train = verbs.add_parser("train")
    train.add_argument("data", type=Path)
    train.add_argument("--row", choices=(*ROWS, *RIVALS), required=True)
    train.add_argument("--seed", type=int, required=True)
    train.add_argument("--steps", type=int, default=2000, help="of a rival")
    train.add_argument("--cache", type=Path, default=default_cache_root())
    gather = verbs.add_parser("collect")
    for verb in (train, gather):
        verb.add_argument("--work", type=Path, required=True)
    given = parser.parse_args()
    if given.verb == "train":
        given.work.mkdir(parents=True, exist_ok=True)
        place = (given.data, given.work, given.row, given.seed, given.cache)
        if given.row in RIVALS:
            train_rival(*place, given.steps)
        else:
            train_row(*place)
    else:
        recorded = json.loads(RESULT.read_text())["rows"] if RESULT.exists() else {}
        RESULT.write_text(json.dumps(collect(given.work, recorded), indent=1) + "\n")


if __name__ == "__main__":
    main()
