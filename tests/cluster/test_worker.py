"""What a worker does with a block that killed one before."""

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from wps_sam.cluster import worker as worker_module
from wps_sam.cluster.stored_images import RECORD_FIELDS, to_record
from wps_sam.cluster.worker import STOPPED, Attempts, BlockWorker, Outcome
from wps_sam.errors import ConfigError, DataError, ExportError
from wps_sam.inference.sources import ImageToPredict

pa = pytest.importorskip("pyarrow")
pytest.importorskip("ray")


class Killed(BaseException):
    """What takes the place of a signal."""


ERRORS = {
    "full": OSError(28, "No space left on device", "/data/out"),
    "huge": MemoryError("no 9 GB left"),
    "odd": RuntimeError("shape mismatch"),
    "long": OSError(36, "File name too long"),
    "refused": DataError("This image is not for us."),
    "unequipped": ConfigError("--encoder openvino-bf16 needs the package openvino."),
    "unconvertible": ExportError("The encoder cannot be converted."),
}


class Worker(BlockWorker):
    """Dies on images called deadly, breaks on those called broken, and raises `ERRORS`."""

    def __init__(self, attempts: Attempts) -> None:
        def remote(method: Callable[[str], Any]) -> SimpleNamespace:
            return SimpleNamespace(remote=method)

        super().__init__(
            SimpleNamespace(begin=remote(attempts.begin), finish=remote(attempts.finish))
        )
        self._ray = SimpleNamespace(get=lambda value: value)  # as if it were in another process
        self.calls: list[list[str]] = []
        self.known: list[Outcome] = []

    def found(self, records: Sequence[dict[str, Any]]) -> list[Outcome]:
        return self.known

    def work(
        self, records: Sequence[dict[str, Any]], images: Sequence[ImageToPredict]
    ) -> list[Outcome]:
        self.calls.append([image.name for image in images])
        if any(image.name == "deadly" for image in images):
            raise Killed
        for image in images:
            if image.name in ERRORS:
                raise ERRORS[image.name]
        return [
            Outcome(int(i.image_id), "failed" if i.name == "broken" else "done") for i in images
        ]


def block(*names: str) -> Any:
    columns = [(name, pa.type_for_alias(of)) for name, of in RECORD_FIELDS.items()]
    records = [to_record(5 + at, ImageToPredict(at, name, None)) for at, name in enumerate(names)]
    return pa.Table.from_pylist(records, pa.schema(columns))


def test_block__in_one_go() -> None:
    worker = Worker(Attempts())
    table = worker(block("a", "broken", "c"))
    assert worker.calls == [["a", "broken", "c"]]
    assert table.column("position").to_pylist() == [5, 6, 7]
    assert table.column("state").to_pylist() == ["done", "failed", "done"]


def test_block__deadly_image_is_left_out_in_the_end() -> None:
    attempts = Attempts()
    calls = []
    for _ in range(3):  # a new worker each time, as Ray makes them
        worker = Worker(attempts)
        with pytest.raises(Killed):
            worker(block("a", "deadly", "c"))
        calls.append(worker.calls)
    assert calls == [[["a", "deadly", "c"]], [["a"], ["deadly"]], [["a"], ["deadly"]]]
    table = Worker(attempts)(block("a", "deadly", "c"))
    assert table.column("state").to_pylist() == ["done", "failed", "done"]
    assert (
        "Image deadly was begun 2 times by workers that died" in table.column("reason")[1].as_py()
    )


def test_block__what_is_no_matter_of_an_image_stops_the_job() -> None:
    table = Worker(Attempts())(block("a", "full"))
    assert table.column("state").to_pylist() == [STOPPED]
    assert "No space left on device: '/data/out'" in table.column("reason")[0].as_py()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("huge", "MemoryError: no 9 GB left"),
        ("odd", "RuntimeError: shape mismatch"),
        ("long", "OSError: [Errno 36] File name too long"),
        ("refused", "DataError: This image is not for us."),
    ],
)
def test_block__an_error_is_of_one_image(name: str, reason: str) -> None:
    worker = Worker(Attempts())
    table = worker(block("a", name, "c"))
    assert worker.calls == [["a", name, "c"], ["a"], [name], ["c"]]
    assert table.column("position").to_pylist() == [5, 6, 7]
    assert table.column("state").to_pylist() == ["done", "failed", "done"]
    assert table.column("reason")[1].as_py() == reason
    assert Worker(Attempts())(block(name)).column("state").to_pylist() == ["failed"]


@pytest.mark.parametrize("name", ["unequipped", "unconvertible"])
def test_block__what_a_worker_lacks_stops_the_job_at_once(name: str) -> None:
    worker = Worker(Attempts())
    table = worker(block("a", name, "c"))
    assert worker.calls == [["a", name, "c"]]
    assert table.column("state").to_pylist() == [STOPPED]
    assert table.column("reason")[0].as_py() == str(ERRORS[name])


def test_block__a_full_disk_stops_the_job_also_image_by_image() -> None:
    worker = Worker(Attempts())
    table = worker(block("odd", "full"))
    assert worker.calls == [["odd", "full"], ["odd"], ["full"]]
    assert table.column("state").to_pylist() == [STOPPED]


def test_block__what_a_killed_worker_left_is_not_done_again() -> None:
    attempts = Attempts()
    attempts.begin("block 5")
    worker = Worker(attempts)
    worker.known = [Outcome(6, "done", parts=3)]
    table = worker(block("a", "b", "c"))
    assert worker.calls == [["a"], ["c"]]
    assert sorted(table.column("position").to_pylist()) == [5, 6, 7]


def test_workers_keep_freed_memory_as_the_command_does(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[bool] = []
    monkeypatch.setattr(worker_module, "keep_freed_memory", lambda: calls.append(True))
    Worker(Attempts())
    assert calls == [True]
