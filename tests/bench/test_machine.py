"""The machine's description."""

import os
from pathlib import Path

import pytest

from wps_sam.bench import machine
from wps_sam.bench.machine import busy_cores, describe_machine


def test_describe_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    found = describe_machine()
    assert found["cores"] == os.cpu_count()
    assert found["torch_threads"] == 1  # set for all tests
    assert {"processor", "python", "wps-sam", "torch", "transformers"} <= set(found)
    monkeypatch.setattr(machine, "_PACKAGES", ("torch", "no-such-package"))
    assert "no-such-package" not in describe_machine()


def test_busy_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (1.234, 5, 6), raising=False)
    assert busy_cores() == {"load_before": 1.23}
    monkeypatch.delattr(os, "getloadavg")  # as on Windows
    assert busy_cores() == {}


def test_processor(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nmodel name\t: Some CPU: 3 GHz\nmodel name\t: Other\n")
    assert machine._processor(cpuinfo) == "Some CPU: 3 GHz"
    assert machine._processor(tmp_path / "missing")
