"""The number type follows what the machine is faster in, unless the user says otherwise."""

from collections.abc import Iterator

import pytest
import torch

from wps_sam.training.precision import bf16_gain, choose_precision
from wps_sam.training.processes import ALONE, Processes


def set_gain(monkeypatch: pytest.MonkeyPatch, gain: float) -> None:
    monkeypatch.setattr("wps_sam.training.precision.bf16_gain", lambda: gain)


@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
@pytest.mark.parametrize("wanted", ["32-true", "bf16-mixed"])
def test_choose__what_the_user_says(
    monkeypatch: pytest.MonkeyPatch, wanted: str, device: str
) -> None:
    set_gain(monkeypatch, 9.0 if wanted == "32-true" else 0.1)
    assert choose_precision(wanted, device, ALONE) == wanted


@pytest.mark.parametrize(
    ("gain", "expected"),
    [(0.5, "32-true"), (1.4, "32-true"), (1.6, "bf16-mixed"), (2.5, "bf16-mixed")],
)
def test_choose__cpu_by_how_fast_it_is(
    monkeypatch: pytest.MonkeyPatch, gain: float, expected: str
) -> None:
    set_gain(monkeypatch, gain)
    assert choose_precision("auto", "cpu", ALONE) == expected


def test_choose__several_processes_on_cpus_decide_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    set_gain(monkeypatch, 9.0)
    assert choose_precision("auto", "cpu", Processes(count=2)) == "32-true"


def test_choose__mps_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    set_gain(monkeypatch, 9.0)
    assert choose_precision("auto", "mps", ALONE) == "32-true"


@pytest.mark.parametrize(("in_hardware", "expected"), [(True, "bf16-mixed"), (False, "32-true")])
@pytest.mark.parametrize("count", [1, 2])
def test_choose__cuda_that_computes_in_it(
    monkeypatch: pytest.MonkeyPatch, count: int, in_hardware: bool, expected: str
) -> None:
    def supported(including_emulation: bool = True) -> bool:
        return in_hardware or including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert choose_precision("auto", "cuda", Processes(count=count)) == expected


def test_gain__quickest_of_each_without_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    def clock() -> Iterator[float]:
        now = 0.0
        products = [(99.0, 99.0), (6.0, 4.0), (8.0, 2.0), (7.0, 3.0), (6.0, 9.0), (9.0, 9.0)]
        for exact, coarse in products:
            for taken in (exact, coarse):
                yield now
                now += taken
                if (exact, coarse) != products[0]:
                    yield now

    times = clock()
    monkeypatch.setattr("wps_sam.training.precision.time.perf_counter", lambda: next(times))
    assert bf16_gain() == pytest.approx(6.0 / 2.0)


def test_gain__of_this_machine() -> None:
    assert 0 < bf16_gain() < 1000
