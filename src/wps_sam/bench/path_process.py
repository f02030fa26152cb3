"""One path in a process of its own, so that memory is its own and is handled in its own way."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from wps_sam.allocator import keep_freed_memory
from wps_sam.bench.own_path import OwnPath
from wps_sam.bench.own_process import OwnProcess, peak_memory
from wps_sam.bench.plain_path import PlainPath
from wps_sam.bench.report import CostAlone
from wps_sam.bench.stages import Output, PathName, StageClock, cut_image, open_output
from wps_sam.errors import DataError
from wps_sam.inference.bulk import BulkJob, predict_images
from wps_sam.inference.prediction import PartPrediction
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.inference.sources import ImageToPredict

_FORMATS = ("coco", "semantic")


@dataclass(frozen=True)
class RunToMeasure:
    """The run, as every process loads it.

    Attributes:
        run: Folder that `wps-sam train` made.
        sam: Name or checkpoint of the SAM; None takes the run's own.
        device: As for `PartSegmenter.load`.
    """

    run: Path
    sam: str | None = None
    device: str = "auto"

    def load(self) -> PartSegmenter:
        """Load the run; raises as `PartSegmenter.load` does."""
        return PartSegmenter.load(self.run, sam=self.sam, device=self.device)


class Cut(NamedTuple):
    """An image cut once.

    Attributes:
        seconds: Stage -> seconds.
        prediction: The parts, original frame.
    """

    seconds: dict[str, float]
    prediction: PartPrediction


class PathWorker:
    """One path in this process.

    Attributes:
        sam_name: Name of the run's SAM.
        device: Where it computes.
    """

    def __init__(self, run: RunToMeasure, name: PathName, *, keeps_memory: bool) -> None:
        """Load the run.

        Args:
            run: What to load.
            name: Which path.
            keeps_memory: Whether freed memory is kept, as in the command; it is so from then on.
        """
        if keeps_memory:
            keep_freed_memory()
        segmenter = run.load()
        self._path = OwnPath(segmenter) if name == "ours" else PlainPath(segmenter)
        self.sam_name = segmenter.sam.name
        self.device = str(segmenter.sam.device)

    def alone(self, images: Sequence[ImageToPredict]) -> CostAlone:
        """Cut all images while nobody else does anything.

        `ours` runs what `wps-sam predict` runs, in which reading and writing may overlap with
        computing; `plain` runs stage after stage. One image goes before, to warm up.

        Returns:
            Speed, and peak memory of this process so far.

        Raises:
            DataError: An image cannot be read.
        """
        self.cut(images[0])
        segmenter = self._path.segmenter
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            with open_output(segmenter, Path(folder)) as output:
                if self._path.name == "ours":
                    _predict(segmenter, images, output)
                else:
                    clock = StageClock(segmenter.sam.device)  # nobody looks at it
                    for image in images:
                        cut_image(self._path, image, output, clock)
                output.journal.finish(images, {}, keep=False)
            seconds = time.perf_counter() - start
        return CostAlone(len(images) / seconds, peak_memory())

    def cut(self, image: ImageToPredict) -> Cut:
        """Cut one image, stage after stage; raises DataError if it cannot be read."""
        segmenter = self._path.segmenter
        clock = StageClock(segmenter.sam.device)
        with (
            tempfile.TemporaryDirectory() as folder,
            open_output(segmenter, Path(folder)) as output,
        ):
            prediction = cut_image(self._path, image, output, clock)
        return Cut(clock.seconds, prediction)


class PathProcess:
    """The same in another process; leave it as a context."""

    def __init__(self, run: RunToMeasure, name: PathName, *, keeps_memory: bool) -> None:
        """Load the run there; as `PathWorker`."""
        self._process = OwnProcess()
        try:
            self.sam_name, self.device = self._process.do(_open, run, name, keeps_memory)
        except BaseException:
            self._process.close()
            raise

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *failure: object) -> None:
        """End the process."""
        self._process.close()

    def alone(self, images: Sequence[ImageToPredict]) -> CostAlone:
        """As `PathWorker.alone`; PredictionError if the process was ended."""
        return self._process.do(_alone, images)

    def cut(self, image: ImageToPredict) -> Cut:
        """As `PathWorker.cut`; PredictionError if the process was ended."""
        return self._process.do(_cut, image)


_worker: PathWorker | None = None
"""Of a process that `PathProcess` started."""


def _open(run: RunToMeasure, name: PathName, keeps_memory: bool) -> tuple[str, str]:
    """Name of the SAM, and device."""
    global _worker
    _worker = PathWorker(run, name, keeps_memory=keeps_memory)
    return _worker.sam_name, _worker.device


def _alone(images: Sequence[ImageToPredict]) -> CostAlone:
    assert _worker is not None
    return _worker.alone(images)


def _cut(image: ImageToPredict) -> Cut:
    assert _worker is not None
    return _worker.cut(image)


def _predict(segmenter: PartSegmenter, images: Sequence[ImageToPredict], output: Output) -> None:
    """What `wps-sam predict` does; raises DataError where that would list an image as failed."""
    job = BulkJob(
        segmenter=segmenter,
        journal=output.journal,
        out=output.folder,
        formats=_FORMATS,
        batch_size=segmenter.images_a_call,
    )
    report = predict_images(job, images)
    if report.failures:
        name, reason = report.failures[0]
        raise DataError(f"{name}: {reason}")
