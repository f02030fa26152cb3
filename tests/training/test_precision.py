"""The number type follows the hardware, unless the user says otherwise."""

from typing import Any

import pytest
import torch

from wps_sam.training.precision import choose_precision


@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
@pytest.mark.parametrize("wanted", ["32-true", "bf16-mixed"])
def test_choose__what_the_user_says(wanted: str, device: str) -> None:
    assert choose_precision(wanted, device) == wanted


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, "bf16-mixed"),
        ({"avx512_bf16": False, "amx_bf16": True}, "bf16-mixed"),
        ({"avx512_bf16": False, "amx_bf16": False, "avx512_f": True}, "32-true"),
        ({"architecture": "aarch64"}, "32-true"),
    ],
)
def test_choose__cpu(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, Any], expected: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert choose_precision("auto", "cpu") == expected


def test_choose__cpu_of_an_older_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities")
    assert choose_precision("auto", "cpu") == "32-true"


@pytest.mark.parametrize(("has_bf16", "expected"), [(True, "bf16-mixed"), (False, "32-true")])
def test_choose__cuda(monkeypatch: pytest.MonkeyPatch, has_bf16: bool, expected: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: has_bf16)
    assert choose_precision("auto", "cuda") == expected


def test_choose__mps() -> None:
    assert choose_precision("auto", "mps") == "32-true"
