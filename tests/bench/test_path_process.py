"""A path in another process, and in this one."""

from pathlib import Path
from typing import Any

import pytest

from wps_sam.bench import path_process
from wps_sam.bench.path_process import PathProcess, PathWorker, RunToMeasure
from wps_sam.bench.stages import STAGES
from wps_sam.errors import CheckpointError, DataError
from wps_sam.inference.sources import ImageToPredict


@pytest.fixture
def run(run_folder: Path) -> RunToMeasure:
    return RunToMeasure(run_folder, device="cpu")


def test_another_process(run: RunToMeasure, images: tuple[ImageToPredict, ...]) -> None:
    with PathProcess(run, "ours", keeps_memory=True) as path:
        alone, cut = path.alone(images), path.cut(images[1])
        assert path.device == "cpu"
    assert alone.images_per_second > 0
    assert list(cut.seconds) == list(STAGES)
    assert cut.prediction.masks.shape[1:] == (80, 50)


def test_another_process__no_run(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="nowhere"):
        PathProcess(RunToMeasure(tmp_path / "nowhere"), "plain", keeps_memory=False)


def test_memory_is_kept_where_it_is_asked_for(
    run: RunToMeasure, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[bool] = []
    monkeypatch.setattr(path_process, "keep_freed_memory", lambda: calls.append(True))
    PathWorker(run, "plain", keeps_memory=False)
    assert not calls
    worker = PathWorker(run, "ours", keeps_memory=True)
    assert calls == [True]
    assert (worker.sam_name, worker.device) == ("sam_vit_48x4", "cpu")


@pytest.mark.parametrize("name", ["ours", "plain"])
def test_alone__broken_image(
    run: RunToMeasure, images: tuple[ImageToPredict, ...], photos: Path, name: Any
) -> None:
    (photos / "1.png").write_bytes(b"no photograph")
    with pytest.raises(DataError, match=r"1\.png"):
        PathWorker(run, name, keeps_memory=False).alone(images)
