"""Work in another process, and the memory of this one."""

import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wps_sam.bench import own_process
from wps_sam.bench.own_process import OwnProcess, peak_memory
from wps_sam.errors import DataError, PredictionError
from wps_sam.images.reading import read_image


def test_another_process_and_always_the_same() -> None:
    with OwnProcess() as process:
        assert process.do(os.getpid) == process.do(os.getpid) != os.getpid()


def test_errors_come_back(tmp_path: Path) -> None:
    with OwnProcess() as process, pytest.raises(DataError, match="gone"):
        process.do(read_image, tmp_path / "gone.png")


def test_ended_from_outside() -> None:
    with OwnProcess() as process, pytest.raises(PredictionError, match="too little memory"):
        process.do(os._exit, 9)


def test_close__in_the_middle_of_work() -> None:
    process, start = OwnProcess(), time.monotonic()
    with ThreadPoolExecutor() as waiting:
        found = waiting.submit(process.do, time.sleep, 60)
        time.sleep(0.2)
        process.close()
        with pytest.raises(PredictionError, match="ended from outside"):
            found.result()
    assert time.monotonic() - start < 30


def test_ctrl_c_is_for_the_process_that_waits() -> None:
    with OwnProcess() as process:
        number = process.do(os.getpid)
        os.kill(number, signal.SIGINT)
        assert process.do(os.getpid) == number


def test_peak__of_a_fresh_process_is_its_own() -> None:
    with OwnProcess() as process:
        here, there = peak_memory(), process.do(peak_memory)
    assert here is not None
    assert there is not None
    # This process has torch and a model; ru_maxrss of one that it starts would begin there.
    assert 5_000_000 < there < here / 2


def test_peak__from_status(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nVmPeak:\t  9 kB\nVmHWM:\t  2072 kB\nVmRSS:\t 1 kB\n")
    assert own_process._peak_by_status(status) == 2072 * 1024
    status.write_text("Name:\tpython\n")
    assert own_process._peak_by_status(status) is None


def test_peak__without_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_process, "_STATUS", tmp_path / "missing")
    if sys.platform != "win32":
        assert (peak_memory() or 0) > 10_000_000  # Python and numpy take more, whatever the unit
    monkeypatch.setitem(sys.modules, "resource", None)  # as on Windows
    assert peak_memory() is None
