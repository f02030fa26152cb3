"""A Ray cluster of two workers on this machine, pictures, and a segmenter that is never right."""

import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from small_prompters import SMALL_DENSE
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.prompter.dense.model import DensePrompter
from wps_sam.sam.frozen import FrozenSam


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    """Two CPUs, 100 MB for objects, nothing that looks outside."""
    ray = pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(
        address="local",
        num_cpus=2,
        object_store_memory=100_000_000,
        _memory=8_000_000_000,  # so that two workers fit, whatever this machine has
        include_dashboard=False,
        log_to_driver=False,
    )
    yield
    ray.shutdown()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Nine pictures of noise, two of them the same, and a file that is none."""
    folder = tmp_path / "photos"
    (folder / "more").mkdir(parents=True)
    for number in range(8):
        noise = np.random.default_rng(number).integers(0, 256, (40, 50 + number, 3), np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
    (folder / "more" / "copy.png").write_bytes((folder / "3.png").read_bytes())
    (folder / "5 broken.jpg").write_bytes(b"no photograph")
    return folder


@pytest.fixture
def segmenter(toy_sam: FrozenSam) -> PartSegmenter:
    """A prompter with random weights: parts of all kinds, others in each picture."""
    torch.manual_seed(0)
    prompter = DensePrompter(
        SMALL_DENSE, 2, embed_hw=toy_sam.embed_hw, image_side=toy_sam.image_side
    )
    return PartSegmenter(
        toy_sam,
        prompter,
        class_names=("lid", "knob"),
        category_ids=(7, 9),
        score_threshold=0.0,
    )


def dies_once(worker: type[Any], marker: Path, method: str, *, after: bool) -> type[Any]:
    """A worker that is killed, as by the system, once in a job, when another is at work.

    Args:
        worker: What it is else.
        marker: A file; whoever makes it dies.
        method: In which of its methods.
        after: At its end instead of its beginning.
    """

    def die() -> None:
        try:
            marker.touch(exist_ok=False)
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)

    def wait_for_another() -> None:
        workers = marker.with_name("workers")
        workers.mkdir(exist_ok=True)
        (workers / str(os.getpid())).touch()
        deadline = time.monotonic() + 60
        while len(list(workers.iterdir())) < 2:  # none has died yet
            if time.monotonic() > deadline:
                raise TimeoutError("Only one process works.")
            time.sleep(0.05)

    # In here, as Ray sends what is defined in a function by value, and no worker has this module.
    def dying(self: Any, *arguments: Any) -> Any:
        wait_for_another()
        if not after:
            die()
        result = getattr(worker, method)(self, *arguments)
        if after:
            die()
        return result

    return type("Dying", (worker,), {method: dying})


def files_below(folder: Path, pattern: str = "*") -> dict[str, bytes]:
    """What is in a folder: path and content of each file."""
    files: Sequence[Path] = [path for path in folder.rglob(pattern) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
