"""Measure a run on the user's machine: this library's path and the plain one, in turns."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from wps_sam.bench.comparison import PathAgreement, compare_paths
from wps_sam.bench.machine import busy_cores, describe_machine
from wps_sam.bench.path_process import Cut, PathProcess, RunToMeasure
from wps_sam.bench.report import BenchReport, stage_costs
from wps_sam.bench.stages import PathName
from wps_sam.errors import ConfigError
from wps_sam.inference.sources import ImageToPredict

_PATHS: tuple[PathName, ...] = ("ours", "plain")


@dataclass(frozen=True)
class BenchJob:
    """What to measure.

    Attributes:
        run: The run.
        images: At least one.
        repeats: How often each image is cut by each path; 1 or more.
    """

    run: RunToMeasure
    images: tuple[ImageToPredict, ...]
    repeats: int = 3


def run_bench(job: BenchJob, on_progress: Callable[[int], None] = lambda done: None) -> BenchReport:
    """Measure both paths: each by itself, then in turns, stage by stage.

    Each path has a process of its own from the beginning to the end, and only one of them works at
    a time. Ours keeps freed memory as the command does; the plain path is left alone.

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
    machine = describe_machine() | busy_cores()
    with ExitStack() as processes:
        paths, alone = {}, {}
        for name in _PATHS:
            process = PathProcess(job.run, name, keeps_memory=name == "ours")
            paths[name] = processes.enter_context(process)
            alone[name] = paths[name].alone(job.images)
            on_progress(len(job.images))
        turns = _take_turns(paths, job.images, job.repeats, on_progress)
    return BenchReport(
        sam=paths["ours"].sam_name,
        device=paths["ours"].device,
        machine=machine,
        images=len(job.images),
        repeats=job.repeats,
        costs=stage_costs([turn.ours for turn in turns], [turn.plain for turn in turns]),
        ours_alone=alone["ours"],
        plain_alone=alone["plain"],
        agreement=PathAgreement.total(turn.agreement for turn in turns[: len(job.images)]),
    )


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
    paths: dict[PathName, PathProcess],
    images: Sequence[ImageToPredict],
    repeats: int,
    on_progress: Callable[[int], None],
) -> list[_Turn]:
    """Cut each image by both paths, one after the other, `repeats` times over all images.

    So whatever else the machine does meets both paths alike. Who begins changes from turn to turn,
    and for one image from repeat to repeat.
    """
    turns = []
    for repeat in range(repeats):
        for position, image in enumerate(images):
            order = _PATHS if (repeat + position) % 2 == 0 else _PATHS[::-1]
            cuts: dict[PathName, Cut] = {name: paths[name].cut(image) for name in order}
            agreement = compare_paths(cuts["ours"].prediction, cuts["plain"].prediction)
            turns.append(_Turn(cuts["ours"].seconds, cuts["plain"].seconds, agreement))
            on_progress(1)
    return turns
