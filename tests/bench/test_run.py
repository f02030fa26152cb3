"""The whole measurement on a toy run; processes of their own are replaced by a plain call."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from wps_sam.bench import run as run_module
from wps_sam.bench.report import TOTAL, BenchReport
from wps_sam.bench.run import BenchJob, measure_alone, run_bench
from wps_sam.bench.stages import STAGES, cut_image
from wps_sam.errors import CheckpointError, ConfigError, DataError
from wps_sam.inference.sources import ImageToPredict


@pytest.fixture(autouse=True)
def same_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Call here what another process would be sent, after the same packing and unpacking."""

    def call(work: Callable[..., Any], *arguments: object) -> Any:
        found = getattr(import_module(work.__module__), work.__name__)
        return found(*pickle.loads(pickle.dumps(arguments)))

    monkeypatch.setattr(run_module, "in_own_process", call)


@pytest.fixture
def job(run_folder: Path, images: tuple[ImageToPredict, ...]) -> BenchJob:
    return BenchJob(run_folder, images, repeats=2, device="cpu")


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


def test_paths_begin_in_turns(job: BenchJob, monkeypatch: pytest.MonkeyPatch) -> None:
    order = []

    def recorded(path: Any, image: ImageToPredict, *more: Any) -> Any:
        order.append((path.name, image.name))
        return cut_image(path, image, *more)

    monkeypatch.setattr(run_module, "cut_image", recorded)
    monkeypatch.setattr(run_module, "in_own_process", lambda *words: None)
    run_bench(job)
    warm, rounds = order[:2], order[2:]
    assert warm == [("ours", "0.png"), ("plain", "0.png")]
    first = [("ours", "0.png"), ("plain", "0.png"), ("plain", "1.png"), ("ours", "1.png")]
    second = [("plain", "0.png"), ("ours", "0.png"), ("ours", "1.png"), ("plain", "1.png")]
    assert rounds == first + second


@pytest.mark.parametrize("name", ["ours", "plain"])
def test_alone__broken_image(job: BenchJob, photos: Path, name: Any) -> None:
    (photos / "1.png").write_bytes(b"no photograph")
    with pytest.raises(DataError, match=r"1\.png"):
        measure_alone(job, name)


@pytest.mark.parametrize("repeats", [0, -1])
def test_repeats(job: BenchJob, repeats: int) -> None:
    with pytest.raises(ConfigError, match=f"--repeats must be 1 or more; found {repeats}"):
        run_bench(replace(job, repeats=repeats))


def test_no_images(job: BenchJob) -> None:
    with pytest.raises(ConfigError, match="Found no image to measure on"):
        run_bench(replace(job, images=()))


def test_no_run(job: BenchJob, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere"):
        run_bench(replace(job, run=tmp_path / "nowhere"))
