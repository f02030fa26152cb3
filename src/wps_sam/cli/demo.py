"""`wps-sam demo`: the whole program on drawn pictures, from nothing to a report."""

import json
import time
from pathlib import Path

from rich.markup import escape

from wps_sam.cli.console import console
from wps_sam.cli.evaluate import evaluate
from wps_sam.cli.oracle import OraclePrompts, prompt_with_labels
from wps_sam.cli.predict import predict
from wps_sam.cli.train import train
from wps_sam.errors import ConfigError
from wps_sam.labels.open import open_weak_labels
from wps_sam.sam.build import load_sam
from wps_sam.toy import ToyConfig, draw_toy_dataset, holds_toy_dataset


def demo(
    *,
    out: Path = Path("demo"),
    train_images: int = 100,
    val_images: int = 25,
    epochs: int = 24,
    seed: int = 0,
) -> int:
    """Draw toy pictures, learn their parts from boxes, cut new pictures, score the result.

    Run again with the same settings and folder, it goes on where it was cut off.

    Args:
        out: folder for everything the demo makes
        train_images: pictures to learn from
        val_images: pictures to cut and score
        epochs: passes over the training pictures
        seed: of pictures and training
    """
    started = time.monotonic()
    toy, run, predicted = out / "toy", out / "run", out / "predicted"
    _heading("1/4  Draw toy pictures; only the boxes of their parts are used to learn")
    config = ToyConfig(train=train_images, val=val_images, seed=seed)
    if not holds_toy_dataset(toy, config):
        draw_toy_dataset(toy, config)
    labels = {s: toy / "annotations" / s / f"{s}.json" for s in ("train", "val")}

    _heading("2/4  Learn from part boxes (recipe strong)")
    status = train(
        labels["train"],
        out=run,
        val=labels["val"],
        recipe="strong",
        epochs=epochs,
        seed=seed,
        views=0,  # the pictures show few things, and the demo is to be quick
        cache=out / "cache",
        mask_validations=0,
        resume=(run / "checkpoints" / "last.ckpt").exists(),
    )
    _heading("3/4  Cut the validation pictures into named parts")
    status = status or predict(run, [str(labels["val"])], out=predicted)
    _heading("4/4  Score against the exact masks, beside what SAM makes of the true boxes")
    if not status:
        bound = prompt_with_labels(
            load_sam("mobile_sam"),
            open_weak_labels(labels["val"]),
            OraclePrompts(),
            out / "oracle",
            out / "cache",
        )
        status = evaluate(
            [str(predicted)],
            labels["val"],
            out=out,
            oracle=bound,
            training_log=run / "metrics.jsonl",
        )
    if status:
        raise ConfigError(f"The demo stopped; see above. Delete {out} to start anew.")
    miou = json.loads((out / "metrics.json").read_text())["miou"]
    minutes = (time.monotonic() - started) / 60
    console.print(f"\nmIoU {miou:.3f} on {val_images} new pictures, in {minutes:.1f} minutes.")
    console.print(escape(f"Look at {out / 'report.html'}"), soft_wrap=True)
    return 0


def _heading(text: str) -> None:
    console.print(f"\n[bold]{escape(text)}[/]")
