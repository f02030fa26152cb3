"""The stages from an image file to its written parts, and the seconds that each of them takes."""

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor

from wps_sam.errors import DataError
from wps_sam.images.reading import read_image
from wps_sam.inference.journal import PredictionJournal
from wps_sam.inference.prediction import PartPrediction
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.inference.sources import ImageToPredict
from wps_sam.inference.writers import Outcome, write_semantic
from wps_sam.prompter.interface import PartPrompts

PathName = Literal["ours", "plain"]

STAGES = {
    "read": "image file to pixels",
    "preprocess": "resize into SAM's square, normalise, pad",
    "encode": "SAM's image encoder",
    "prompter": "features to parts worth decoding",
    "decode": "SAM's mask decoder",
    "masks": "low-resolution logits to masks of the image's own size",
    "write": "line of predictions.json and semantic PNG",
}
"""What happens, in order: name -> meaning."""


class StageClock:
    """Adds up the seconds of each stage.

    Attributes:
        seconds: Stage -> seconds so far.
    """

    def __init__(self, device: torch.device) -> None:
        """Start at zero.

        Args:
            device: Where the model computes; its queue is emptied before the clock is read.
        """
        self.seconds = dict.fromkeys(STAGES, 0.0)
        self._device = device

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what is done inside as the stage `name`, a key of `STAGES`."""
        start = time.perf_counter()
        yield
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        elif self._device.type == "mps":
            torch.mps.synchronize()
        self.seconds[name] += time.perf_counter() - start


class PredictionPath(ABC):
    """One way from pixels to parts. Only what is abstract here differs between the ways.

    Dims: P parts, C channels and (h, w) cells of the features; a low-resolution mask has (4h, 4w).

    Attributes:
        name: What it is called in reports.
        segmenter: The run.
    """

    name: ClassVar[PathName]

    def __init__(self, segmenter: PartSegmenter) -> None:
        """Keep the run.

        Args:
            segmenter: Its SAM, prompter and classes are used; its own way of predicting is not.
        """
        self.segmenter = segmenter

    @abstractmethod
    def encode(self, pixels: Tensor) -> Tensor:
        """(1, 3, side, side) float32, normalised, SAM frame -> (1, C, h, w) float32."""

    @abstractmethod
    def decode(self, features: Tensor, prompts: PartPrompts) -> Tensor:
        """(1, C, h, w) and P parts -> (P, 4h, 4w) float32 logits over SAM's square."""

    @abstractmethod
    def to_prediction(
        self, low_res_logits: Tensor, prompts: PartPrompts, original_hw: tuple[int, int]
    ) -> PartPrediction:
        """(P, 4h, 4w) logits -> parts in the original frame, those without a pixel dropped."""


@dataclass(frozen=True)
class Output:
    """Where a path writes.

    Attributes:
        folder: Of the semantic PNGs and of predictions.json.
        journal: Takes the parts.
    """

    folder: Path
    journal: PredictionJournal


@contextmanager
def open_output(segmenter: PartSegmenter, folder: Path) -> Iterator[Output]:
    """Begin the predictions of a folder.

    Args:
        segmenter: Its classes are written.
        folder: Made if it is not there.

    Yields:
        Where to write; closed at the end.
    """
    folder.mkdir(parents=True, exist_ok=True)
    categories = list(zip(segmenter.category_ids, segmenter.class_names, strict=True))
    with PredictionJournal(folder, {"made_by": "wps-sam bench"}, categories) as journal:
        yield Output(folder, journal)


@torch.inference_mode()
def cut_image(
    path: PredictionPath, image: ImageToPredict, output: Output, clock: StageClock
) -> PartPrediction:
    """Take one image through all stages, one after the other.

    Args:
        path: The way.
        image: To read.
        output: Where the line of predictions.json and the semantic PNG go.
        clock: Told the seconds.

    Returns:
        The parts, original frame.

    Raises:
        DataError: The image is missing or cannot be read.
    """
    segmenter = path.segmenter
    sam, prompter = segmenter.sam, segmenter.prompter
    with clock.stage("read"):
        if image.path is None:
            raise DataError(image.problem)
        pixels = read_image(image.path, image.expected_hw)
    with clock.stage("preprocess"):
        square = sam.preprocess([pixels])
    with clock.stage("encode"):
        features = path.encode(square)
    with clock.stage("prompter"):
        offered = prompter(sam.for_prompter(features))
        prompts = prompter.select(offered, sam, segmenter.score_threshold)[0]
    with clock.stage("decode"):
        logits = path.decode(features, prompts)
    with clock.stage("masks"):
        prediction = path.to_prediction(logits, prompts, (pixels.shape[0], pixels.shape[1]))
    with clock.stage("write"):
        write_semantic(Outcome(image.stem, pixels, prediction), output.folder)
        output.journal.add(image, prediction)
    return prediction
