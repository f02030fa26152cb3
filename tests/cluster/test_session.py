"""Joining a cluster, and what it has."""

import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, Self

import pytest
import torch

from wps_sam.cluster import session
from wps_sam.cluster.embedding import EmbedWorker
from wps_sam.cluster.session import (
    choose_kind,
    copies_on_cpu,
    ray_cluster,
    work_on,
    worker_bytes,
)
from wps_sam.cluster.worker import Attempts
from wps_sam.errors import ClusterError, ConfigError
from wps_sam.inference.sources import ImageToPredict


class FakeRay(SimpleNamespace):
    """Remembers how it was started, and refuses if told to."""

    def __init__(self, resources: dict[str, float], refusal: Exception | None = None) -> None:
        super().__init__(started=[], stopped=0, joined=False)
        self.resources = resources
        self.refusal = refusal

    def is_initialized(self) -> bool:
        return bool(self.joined)

    def init(self, **settings: Any) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.started.append(settings)

    def shutdown(self) -> None:
        self.stopped += 1

    def cluster_resources(self) -> dict[str, float]:
        return self.resources


def use(monkeypatch: pytest.MonkeyPatch, ray: FakeRay) -> FakeRay:
    monkeypatch.setattr(session, "extra_package", lambda name, extra: ray)
    return ray


def test_cluster__local_is_started_and_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
    ray = use(monkeypatch, FakeRay({}))
    with ray_cluster("local"):
        assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
        assert not ray.stopped
    (started,) = ray.started
    assert started["address"] == "local"
    assert started["include_dashboard"] is False
    assert ray.stopped == 1


def test_cluster__one_that_is_joined_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = use(monkeypatch, FakeRay({}))
    ray.joined = True
    with ray_cluster("auto"):
        pass
    assert not ray.started
    assert not ray.stopped


def test_cluster__none_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeRay({}, ConnectionError("Could not find any running Ray instance.\n...")))
    expected = r"--ray auto: no Ray cluster could be joined \(Could not find any.*--ray local"
    with pytest.raises(ConfigError, match=expected), ray_cluster("auto"):
        pass


@pytest.mark.parametrize("error", [TimeoutError("too slow\n..."), TimeoutError()])
def test_cluster__none_can_be_started(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    use(monkeypatch, FakeRay({}, error))
    expected = r"--ray local: Ray could not be started .*(slow|TimeoutError)\).*leave --ray out\.$"
    with pytest.raises(ConfigError, match=expected), ray_cluster("local"):
        pass


def test_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeRay({"CPU": 8.0}))
    assert choose_kind("auto") == "cpu"
    with pytest.raises(ConfigError, match="--device cuda: the Ray cluster has no GPU"):
        choose_kind("cuda")
    with pytest.raises(ConfigError, match="--device 'mps' with --ray: choose auto, cpu or cuda"):
        choose_kind("mps")
    use(monkeypatch, FakeRay({"CPU": 8.0, "GPU": 2.0}))
    assert choose_kind("auto") == "cuda"
    assert choose_kind("cpu") == "cpu"


class FakeData(SimpleNamespace):
    """As much of Ray Data as is asked for; answers with given rows, or an error at their end."""

    def __init__(self, rows: list[dict[str, Any]], error: Exception | None = None) -> None:
        context = SimpleNamespace()
        super().__init__(
            DataContext=SimpleNamespace(get_current=lambda: context),
            ActorPoolStrategy=lambda size: f"a pool of {size}",
            tables=[],
            asked={},
        )
        self.rows = rows
        self.error = error

    def from_arrow(self, tables: list[Any]) -> Any:
        self.tables = tables
        return SimpleNamespace(map_batches=self.map_batches)

    def map_batches(self, worker: Any, **settings: Any) -> Any:
        self.asked = {"worker": worker, **settings}
        return SimpleNamespace(iter_rows=self.answers)

    def answers(self) -> Iterator[dict[str, Any]]:
        yield from self.rows
        if self.error is not None:
            raise self.error


class FakeRayError(Exception):
    """Ray's base of errors."""


def work(
    monkeypatch: pytest.MonkeyPatch, data: FakeData, images: int, kind: str = "cpu"
) -> list[dict[str, Any]]:
    ray = FakeRay({"CPU": 2.0, "memory": 64e9, "GPU": 1.0})
    ray.exceptions = SimpleNamespace(RayError=FakeRayError)

    def remote(**settings: Any) -> Any:
        # On no machine's share of CPUs; begun anew and asked again where its machine is lost.
        assert settings == {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1}
        return lambda kind: SimpleNamespace(remote=kind)

    ray.remote = remote
    found = {"ray": ray, "ray.data": data, "pyarrow": pytest.importorskip("pyarrow")}
    monkeypatch.setattr(session, "extra_package", lambda name, extra: found[name])
    listed = [(at, ImageToPredict(at, f"{at}.png", None)) for at in range(images)]
    return list(work_on(listed, EmbedWorker, {"more": 5}, kind, 3e9))


@pytest.mark.parametrize(
    ("images", "blocks"), [(3, [1, 1, 1]), (40, [3] * 13 + [1]), (5000, [256] * 19 + [136])]
)
def test_work__blocks(monkeypatch: pytest.MonkeyPatch, images: int, blocks: list[int]) -> None:
    row = {"state": "done"}
    data = FakeData([row])
    assert work(monkeypatch, data, images) == [row]
    assert [table.num_rows for table in data.tables] == blocks
    positions = [at for table in data.tables for at in table.column("position").to_pylist()]
    assert positions == list(range(images))


@pytest.mark.parametrize(
    ("kind", "needs"),
    [
        ("cpu", {"num_cpus": 1, "memory": 3e9, "compute": "a pool of 2"}),
        ("cuda", {"num_gpus": 1, "compute": "a pool of 1"}),
    ],
)
def test_work__what_is_asked_of_ray(
    monkeypatch: pytest.MonkeyPatch, kind: str, needs: dict[str, Any]
) -> None:
    data = FakeData([])
    work(monkeypatch, data, 40, kind)
    constructor = data.asked.pop("fn_constructor_kwargs")
    assert constructor.pop("more") == 5
    assert isinstance(constructor.pop("attempts"), Attempts)
    assert not constructor
    whole_blocks = {"batch_size": None, "batch_format": "pyarrow"}
    assert data.asked == {"worker": EmbedWorker, **whole_blocks, **needs}


@pytest.mark.parametrize(
    "data",
    [
        FakeData([{"state": "stopped", "reason": "the disk is full"}]),
        FakeData([], FakeRayError("Traceback:\n  line 1\nOSError: the disk is full\n")),
    ],
    ids=["said by the worker", "raised by the worker"],
)
def test_work__stopped(monkeypatch: pytest.MonkeyPatch, data: FakeData) -> None:
    expected = r"stopped by a worker: .*the disk is full\. What is done is kept"
    with pytest.raises(ClusterError, match=expected):
        work(monkeypatch, data, 3)


@pytest.mark.parametrize(
    ("resources", "kind", "workers"),
    [
        ({"CPU": 8.0, "memory": 64e9}, "cpu", 8),
        ({"CPU": 8.0, "memory": 7e9}, "cpu", 4),  # four of 1.5 GB, as the test asks for
        ({"CPU": 1.0, "memory": 1e9}, "cpu", 1),
        ({"CPU": 8.0, "memory": 7e9, "GPU": 2.0}, "cuda", 2),
    ],
)
def test_workers(resources: dict[str, float], kind: str, workers: int) -> None:
    assert session._workers(resources, kind, 1.5e9) == workers


def test_worker_bytes__grow_with_the_weights() -> None:
    small, large = torch.nn.Linear(2, 3), torch.nn.BatchNorm1d(1000)
    # 3 x 2 + 3 weights; 2 x 1000 weights and 2 x 1000 averages of 4 bytes, a count of 8 bytes.
    assert worker_bytes(small, large) - worker_bytes() == 2 * (4 * 9 + 4 * 4000 + 8)


class Elsewhere(torch.nn.Linear):
    """A model on a device that is no CPU; remembers where it was moved to."""

    moved_to = ""

    def to(self, device: str) -> Self:  # type: ignore[override]  # as much as is asked of it
        self.moved_to = device
        return self


def test_copies_on_cpu__leave_the_callers_models_where_they_are() -> None:
    here, there = torch.nn.Linear(1, 1), Elsewhere(1, 1, device="meta")
    assert copies_on_cpu(here)[0] is here
    first, second = copies_on_cpu(here, there)
    assert first is not here
    assert isinstance(second, Elsewhere)
    assert second.moved_to == "cpu"
    assert there.moved_to == ""
