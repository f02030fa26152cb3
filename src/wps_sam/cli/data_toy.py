"""`wps-sam data toy`: draw the toy data set."""

from pathlib import Path

from rich.markup import escape

from wps_sam.cli.console import console
from wps_sam.toy import ToyConfig, draw_toy_dataset


def data_toy(
    *,
    out: Path,
    train: int = 160,
    val: int = 40,
    seed: int = 0,
    height: int = 384,
    width: int = 512,
) -> int:
    """Draw scenes of cars, birds, fish, bicycles and robots with exact part masks.

    Args:
        out: folder to write: images/{train,val}, annotations/{train,val}
        train: pictures to train on
        val: pictures to validate on
        seed: the same seed draws the same pictures
        height: of each picture, pixels
        width: of each picture, pixels
    """
    config = ToyConfig(train=train, val=val, seed=seed, height=height, width=width)
    summary = draw_toy_dataset(out, config)
    for split, count in summary.images.items():
        console.print(
            escape(f"{split}: {count} images, {summary.parts[split]} parts in {out}"),
            soft_wrap=True,
        )
    return 0
