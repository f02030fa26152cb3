"""`auto` and the devices this machine has."""

import pytest
import torch

from wps_sam.errors import ConfigError
from wps_sam.inference.device import pick_device


def pretend(monkeypatch: pytest.MonkeyPatch, *, cuda: int, mps: bool) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(1, True, "cuda"), (1, False, "cuda"), (0, True, "mps"), (0, False, "cpu")],
)
def test_auto(monkeypatch: pytest.MonkeyPatch, cuda: int, mps: bool, expected: str) -> None:
    pretend(monkeypatch, cuda=cuda, mps=mps)
    assert pick_device("auto") == torch.device(expected)


def test_numbered_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, cuda=2, mps=False)
    assert pick_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(ConfigError, match="'cuda:2' is not here"):
        pick_device("cuda:2")


@pytest.mark.parametrize("wanted", ["cuda", "mps", "gpu", "", "cpu:1", "cuda:x"])
def test_not_here(monkeypatch: pytest.MonkeyPatch, wanted: str) -> None:
    pretend(monkeypatch, cuda=0, mps=False)
    with pytest.raises(ConfigError, match=f"Device {wanted!r} is not here; this machine has cpu"):
        pick_device(wanted)
