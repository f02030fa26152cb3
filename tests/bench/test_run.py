"""The whole measurement on a toy run; processes of their own are replaced by plain calls."""

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest

from wps_sam.bench import run as run_module
from wps_sam.bench.path_process import Cut, PathWorker, RunToMeasure
from wps_sam.bench.report import TOTAL, BenchReport
from wps_sam.bench.run import BenchJob, run_bench
from wps_sam.bench.stages import STAGES
from wps_sam.errors import CheckpointError, ConfigError
from wps_sam.inference.sources import ImageToPredict

order: list[tuple[str, str]] = []
"""Which path cut which image, one after the other."""


class HerePath(PathWorker):
    """Does here what another process would be sent, after the same packing and unpacking."""

    def __init__(self, run: RunToMeasure, name: Any, *, keeps_memory: bool) -> None:
        assert keeps_memory == (name == "ours")
        super().__init__(*pickle.loads(pickle.dumps((run, name))), keeps_memory=False)

    def __enter__(self) -> Self:
        """As of `PathProcess`."""
        return self

    def __exit__(self, *failure: object) -> None:
        """As of `PathProcess`."""

    def cut(self, image: ImageToPredict) -> Cut:
        order.append((self._path.name, image.name))
        cut: Cut = pickle.loads(pickle.dumps(super().cut(image)))
        return cut


@pytest.fixture(autouse=True)
def same_process(monkeypatch: pytest.MonkeyPatch) -> None:
    order.clear()
    monkeypatch.setattr(run_module, "PathProcess", HerePath)


@pytest.fixture
def job(run_folder: Path, images: tuple[ImageToPredict, ...]) -> BenchJob:
    return BenchJob(RunToMeasure(run_folder, device="cpu"), images, repeats=2)


def test_report(job: BenchJob) -> None:
    done: list[int] = []
    report: BenchReport = run_bench(job, done.append)
    assert done == [2, 2, 1, 1, 1, 1]  # each path alone, then two repeats of two images
    assert [cost.stage for cost in report.costs] == [*STAGES, TOTAL]
    for cost in report.costs:
        assert 0 < cost.ours.min <= cost.ours.median <= cost.ours.max
        assert cost.plain.min > 0
    assert (report.images, report.repeats, report.device) == (2, 2, "cpu")
    assert report.ours_alone.images_per_second > 0
    assert report.agreement.pixels == 60 * 90 + 80 * 50  # each image once, not once a repeat
    assert report.agreement.equal_share >= 0.999
    assert report.agreement.parts == 6
    assert report.agreement.only_ours == report.agreement.only_plain == 0


def test_paths_begin_in_turns(job: BenchJob) -> None:
    run_bench(job)
    warm, rounds = order[:2], order[2:]
    assert warm == [("ours", "0.png"), ("plain", "0.png")]
    first = [("ours", "0.png"), ("plain", "0.png"), ("plain", "1.png"), ("ours", "1.png")]
    second = [("plain", "0.png"), ("ours", "0.png"), ("ours", "1.png"), ("plain", "1.png")]
    assert rounds == first + second


@pytest.mark.parametrize("repeats", [0, -1])
def test_repeats(job: BenchJob, repeats: int) -> None:
    with pytest.raises(ConfigError, match=f"--repeats must be 1 or more; found {repeats}"):
        run_bench(replace(job, repeats=repeats))


def test_no_images(job: BenchJob) -> None:
    with pytest.raises(ConfigError, match="Found no image to measure on"):
        run_bench(replace(job, images=()))


def test_no_run(job: BenchJob, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere"):
        run_bench(replace(job, run=RunToMeasure(tmp_path / "nowhere")))
