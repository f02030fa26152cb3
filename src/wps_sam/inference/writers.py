"""What `wps-sam predict --format` can write for an image: one function a format.

To add a format, write a function that takes an `Outcome` and a folder, and add a line to `FORMATS`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wps_sam.errors import ConfigError
from wps_sam.inference.pictures import save_overlay, save_semantic
from wps_sam.inference.prediction import PartPrediction

COCO = "coco"
DEFAULT_FORMATS = [COCO, "semantic", "overlay"]


@dataclass(frozen=True, eq=False)
class Outcome:
    """An image and its parts.

    Attributes:
        stem: Relative path of the output files without ending.
        image: (H, W, 3) uint8 RGB, original frame.
        prediction: Its parts.
    """

    stem: str
    image: NDArray[np.uint8]
    prediction: PartPrediction


def write_semantic(outcome: Outcome, out: Path) -> None:
    """Write `semantic/<stem>.png`: 0 = background, k = class k - 1."""
    save_semantic(outcome.prediction, out / "semantic" / f"{outcome.stem}.png")


def write_overlay(outcome: Outcome, out: Path) -> None:
    """Write `overlays/<stem>.jpg`: the parts drawn over the image."""
    save_overlay(outcome.prediction, outcome.image, out / "overlays" / f"{outcome.stem}.jpg")


def write_nothing_more(outcome: Outcome, out: Path) -> None:
    """Do nothing: the annotations of all images go to predictions.json in any case."""
    del outcome, out


FORMATS: dict[str, Callable[[Outcome, Path], None]] = {
    COCO: write_nothing_more,
    "semantic": write_semantic,
    "overlay": write_overlay,
}
"""Writer by format."""


def choose_formats(wanted: Sequence[str]) -> list[str]:
    """Check the formats that a user asked for.

    Args:
        wanted: Names of formats, in any order.

    Returns:
        Each once, in the order of `FORMATS`; `coco` is always among them.

    Raises:
        ConfigError: A name is unknown; the message lists the choices.
    """
    unknown = [name for name in wanted if name not in FORMATS]
    if unknown:
        raise ConfigError(f"--format {unknown[0]!r} is unknown; choose from {', '.join(FORMATS)}.")
    return [name for name in FORMATS if name == COCO or name in wanted]
