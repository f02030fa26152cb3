"""What `wps-sam predict --format` can write.

Pictures are written as each image is done, by a function of `FORMATS`. Formats of other tools are
written when all are, from predictions.json, by the writers of `wps_sam.writing`: so they are whole
after an interruption too.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wps_sam.errors import ConfigError
from wps_sam.evaluation.predictions import read_predictions
from wps_sam.inference.pictures import save_overlay, save_semantic
from wps_sam.inference.prediction import PartPrediction
from wps_sam.inference.sources import ImageToPredict
from wps_sam.labels.label_file import LabelCategory
from wps_sam.writing.cvat import CvatWriter
from wps_sam.writing.label_studio import LabelStudioWriter
from wps_sam.writing.labelme import LabelMeWriter
from wps_sam.writing.predicted_shapes import predicted_images
from wps_sam.writing.writer import ShapeWriter, WriteRemarks
from wps_sam.writing.yolo import YoloWriter

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
    """Do nothing: all images go to predictions.json, and from there to other tools' formats."""
    del outcome, out


_TOOLS: dict[str, Callable[[Path, Sequence[LabelCategory], str], ShapeWriter]] = {
    "yolo": lambda out, categories, version: YoloWriter(out, categories),
    "labelme": lambda out, categories, version: LabelMeWriter(out, categories),
    "cvat": lambda out, categories, version: CvatWriter(out, categories),
    "label_studio": lambda out, categories, version: LabelStudioWriter(
        out, categories, model_version=version
    ),
}
"""Opens the writer of another tool's format: folder, classes, and what made the predictions."""

FORMATS: dict[str, Callable[[Outcome, Path], None]] = {
    COCO: write_nothing_more,
    "semantic": write_semantic,
    "overlay": write_overlay,
    **dict.fromkeys(_TOOLS, write_nothing_more),
}
"""What to do for each image, by format."""


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


def write_other_tools(
    predictions: Path, images: Sequence[ImageToPredict], formats: Sequence[str]
) -> WriteRemarks:
    """Write predictions in the formats of other tools, one image in memory at a time.

    Args:
        predictions: The `predictions.json`; each format gets a folder of its own beside it.
        images: Where the photographs are, by their names.
        formats: Keys of `FORMATS`; those of pictures are passed over.

    Returns:
        What had to be changed.

    Raises:
        PredictionError: The file cannot be read.
        DataError: A name that a format cannot hold.
    """
    remarks = WriteRemarks()
    wanted = [name for name in formats if name in _TOOLS]
    if not wanted:
        return remarks
    found = read_predictions(predictions)
    names = zip(found.category_ids, found.class_names, strict=True)
    categories = [LabelCategory(number, name) for number, name in names]
    version = str(found.info.get("model", "wps-sam"))
    photographs = {image.name: image.path for image in images}
    with ExitStack() as unfinished:
        writers = [_TOOLS[name](predictions.parent / name, categories, version) for name in wanted]
        for writer in writers:
            unfinished.callback(writer.discard)
        for shapes in predicted_images(found, photographs, remarks):
            for writer in writers:
                writer.add(shapes)
        for writer in writers:
            writer.finish()
            remarks.add(writer.remarks)
    return remarks
