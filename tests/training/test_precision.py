"""The number type follows the device, unless the user says otherwise."""

import pytest
import torch

from wps_sam.training.precision import choose_precision


@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
@pytest.mark.parametrize("wanted", ["32-true", "bf16-mixed"])
def test_choose__what_the_user_says(wanted: str, device: str) -> None:
    assert choose_precision(wanted, device) == wanted


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_choose__32_bit_without_cuda(device: str) -> None:
    assert choose_precision("auto", device) == "32-true"


@pytest.mark.parametrize(("in_hardware", "expected"), [(True, "bf16-mixed"), (False, "32-true")])
def test_choose__cuda_that_computes_in_it(
    monkeypatch: pytest.MonkeyPatch, in_hardware: bool, expected: str
) -> None:
    def supported(including_emulation: bool = True) -> bool:
        return in_hardware or including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert choose_precision("auto", "cuda") == expected
