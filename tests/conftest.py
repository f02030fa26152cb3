"""Fixtures that many tests share: a small SAM, and caches of their own."""

from pathlib import Path

import pytest
import torch

from wps_sam.sam.build import load_sam
from wps_sam.sam.frozen import FrozenSam

GOLDENS = Path(__file__).parent / "goldens"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or fills the user's cache."""
    monkeypatch.setenv("WPS_SAM_CACHE", str(tmp_path / "embedding-cache"))


@pytest.fixture(scope="session")
def toy_sam() -> FrozenSam:
    """A small SAM with random weights: side 256, features (256, 16, 16)."""
    return load_sam(str(GOLDENS / "sam_vit_toy.safetensors"))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Two test runs side by side must not fight over cores; also fixes the order of sums."""
    torch.set_num_threads(1)
