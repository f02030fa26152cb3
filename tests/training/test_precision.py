"""The number type follows what the machine is faster in, unless the user says otherwise."""

import pytest
import torch

from wps_sam.training.precision import Precision, bf16_gain, choose_precision
from wps_sam.training.processes import ALONE, Processes


def set_gain(monkeypatch: pytest.MonkeyPatch, gain: float) -> None:
    monkeypatch.setattr("wps_sam.training.precision.bf16_gain", lambda: gain)


@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
@pytest.mark.parametrize("wanted", ["32-true", "bf16-mixed"])
def test_choose__what_the_user_says(
    monkeypatch: pytest.MonkeyPatch, wanted: Precision, device: str
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


@pytest.mark.parametrize(("of_the_other", "expected"), [(1.0, "32-true"), (2.0, "bf16-mixed")])
def test_choose__the_slowest_of_several_processes_decides(
    monkeypatch: pytest.MonkeyPatch, of_the_other: float, expected: str
) -> None:
    set_gain(monkeypatch, 9.0)
    monkeypatch.setattr(
        "wps_sam.training.precision.of_all_processes",
        lambda mine: {**mine, 0: torch.tensor(of_the_other)},
    )
    assert choose_precision("auto", "cpu", Processes(rank=1, count=2)) == expected


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


def test_gain__quickest_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {
        torch.float32: [99.0, 6.0, 8.0, 7.0, 6.0],
        torch.bfloat16: [50.0, 4.0, 2.0, 3.0, 9.0],
    }
    monkeypatch.setattr(
        "wps_sam.training.precision._seconds", lambda factor: seconds[factor.dtype].pop()
    )
    assert bf16_gain() == 6.0 / 2.0


def test_gain__of_this_machine() -> None:
    assert 0 < bf16_gain() < 1000
