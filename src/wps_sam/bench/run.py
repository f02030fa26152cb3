"""Measure a run on the user's machine: this library's path and the plain one, in turns."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from wps_sam.bench.comparison import PathAgreement, compare_paths
from wps_sam.bench.machine import describe_machine
from wps_sam.bench.own_path import OwnPath
from wps_sam.bench.own_process import in_own_process, peak_memory
from wps_sam.bench.plain_path import PlainPath
from wps_sam.bench.report import BenchReport, CostAlone, stage_costs
from wps_sam.bench.stages import (
    Output,
    PathName,
    PredictionPath,
    StageClock,
    cut_image,
    open_output,
)
from wps_sam.errors import ConfigError, DataError
from wps_sam.inference.bulk import BulkJob, predict_images
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.inference.sources import ImageToPredict

_FORMATS = ("coco", "semantic")


@dataclass(frozen=True)
class BenchJob:
    """What to measure.

    Attributes:
        run: Folder that `wps-sam train` made.
        images: At least one.
        repeats: How often each image is cut by each path; 1 or more.
        sam: Name or checkpoint of the SAM; None takes the run's own.
        device: As for `PartSegmenter.load`.
    """

    run: Path
    images: tuple[ImageToPredict, ...]
    repeats: int = 3
    sam: str | None = None
    device: str = "auto"

    def load(self) -> PartSegmenter:
        """Load the run; raises as `PartSegmenter.load` does."""
        return PartSegmenter.load(self.run, sam=self.sam, device=self.device)


def run_bench(job: BenchJob, on_progress: Callable[[int], None] = lambda done: None) -> BenchReport:
    """Measure both paths: each alone in a process of its own, then in turns, stage by stage.

    Args:
        job: What to measure.
        on_progress: Told how many images were just done; `images * (repeats + 2)` in all.

    Returns:
        Times, memory, and how far the results agree.

    Raises:
        ConfigError: There are no repeats or no images, or a setting means nothing.
        CheckpointError: The run is missing or damaged.
        DataError: An image cannot be read.
        PredictionError: A process was ended for want of memory.
    """
    if job.repeats < 1:
        raise ConfigError(f"--repeats must be 1 or more; found {job.repeats}.")
    if not job.images:
        raise ConfigError("Found no image to measure on; expected at least one. Name some.")
    machine = describe_machine()
    segmenter = job.load()  # first, so that a mistake in the settings is told at once
    alone = {}
    names: tuple[PathName, ...] = ("ours", "plain")
    for name in names:
        alone[name] = in_own_process(measure_alone, job, name)
        on_progress(len(job.images))
    turns = _take_turns(segmenter, job.images, job.repeats, on_progress)
    first = turns[: len(job.images)]  # each image once
    return BenchReport(
        sam=segmenter.sam.name,
        device=str(segmenter.sam.device),
        machine=machine,
        images=len(job.images),
        repeats=job.repeats,
        costs=stage_costs([turn.ours for turn in turns], [turn.plain for turn in turns]),
        ours_alone=alone["ours"],
        plain_alone=alone["plain"],
        agreement=PathAgreement.total(turn.agreement for turn in first),
    )


def measure_alone(job: BenchJob, name: PathName) -> CostAlone:
    """Cut all images by one path; meant for a process of its own.

    Args:
        job: What to measure.
        name: `ours` runs what `wps-sam predict` runs, in which reading and writing may overlap with
            computing; `plain` runs stage after stage.

    Returns:
        Speed and peak memory of this process.

    Raises:
        As `run_bench`.
    """
    segmenter = job.load()
    path = OwnPath(segmenter) if name == "ours" else PlainPath(segmenter)
    clock = StageClock(segmenter.sam.device)  # nobody looks at it
    with tempfile.TemporaryDirectory() as folder:
        with open_output(segmenter, Path(folder) / "warm") as output:
            cut_image(path, job.images[0], output, clock)
        start = time.perf_counter()
        with open_output(segmenter, Path(folder)) as output:
            if name == "ours":
                _predict(segmenter, job.images, output)
            else:
                for image in job.images:
                    cut_image(path, image, output, clock)
            output.journal.finish(job.images, {}, keep=False)
        seconds = time.perf_counter() - start
    return CostAlone(len(job.images) / seconds, peak_memory())


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


@dataclass(frozen=True)
class _Turn:
    """One image cut once by each path.

    Attributes:
        ours: Stage -> seconds.
        plain: Likewise, on the plain path.
        agreement: Of the results.
    """

    ours: dict[str, float]
    plain: dict[str, float]
    agreement: PathAgreement


def _take_turns(
    segmenter: PartSegmenter,
    images: Sequence[ImageToPredict],
    repeats: int,
    on_progress: Callable[[int], None],
) -> list[_Turn]:
    """Cut each image by both paths, one after the other, `repeats` times over all images.

    So whatever else the machine does meets both paths alike. Who begins changes from turn to turn,
    and for one image from repeat to repeat. One image goes before, to warm up.
    """
    ours, plain = OwnPath(segmenter), PlainPath(segmenter)
    turns = []
    with (
        tempfile.TemporaryDirectory() as folder,
        open_output(segmenter, Path(folder) / "ours") as our_output,
        open_output(segmenter, Path(folder) / "plain") as plain_output,
    ):
        sides = ((ours, our_output), (plain, plain_output))
        for path, output in sides:
            cut_image(path, images[0], output, StageClock(segmenter.sam.device))
        for repeat in range(repeats):
            for position, image in enumerate(images):
                order = sides if (repeat + position) % 2 == 0 else sides[::-1]
                turns.append(_one_turn(order, image))
                on_progress(1)
    return turns


def _one_turn(order: Sequence[tuple[PredictionPath, Output]], image: ImageToPredict) -> _Turn:
    """Cut one image by both paths, in this order."""
    clocks = {path.name: StageClock(path.segmenter.sam.device) for path, _ in order}
    found = {path.name: cut_image(path, image, output, clocks[path.name]) for path, output in order}
    agreement = compare_paths(found["ours"], found["plain"])
    return _Turn(clocks["ours"].seconds, clocks["plain"].seconds, agreement)
