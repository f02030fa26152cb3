"""Fixtures that many tests share: a small SAM, a run of it, and caches of their own."""

from pathlib import Path

import pytest
import torch

from wps_sam.prompter.build import build_prompter
from wps_sam.prompter.query.config import QueryPrompterConfig
from wps_sam.prompter.store import ModelInfo, save_model
from wps_sam.sam.build import load_sam
from wps_sam.sam.frozen import FrozenSam

TOY_SAM = Path(__file__).parent / "goldens" / "sam_vit_toy.safetensors"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or fills the user's cache."""
    monkeypatch.setenv("WPS_SAM_CACHE", str(tmp_path / "embedding-cache"))


@pytest.fixture(autouse=True)
def no_faster_in_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    """What tests compute does not depend on the machine's processor."""
    monkeypatch.setattr("wps_sam.training.precision.bf16_gain", lambda: 1.0)


@pytest.fixture(scope="session")
def toy_sam() -> FrozenSam:
    """A small SAM with random weights: side 256, features (256, 16, 16)."""
    return load_sam(str(TOY_SAM))


@pytest.fixture
def run_folder(tmp_path: Path, toy_sam: FrozenSam) -> Path:
    """A saved run that finds the same box three times as class 1, whatever the image."""
    config = QueryPrompterConfig(3, encoder_layers=1, decoder_layers=1, width=32, heads=2)
    torch.manual_seed(0)
    prompter = build_prompter(config, 2, toy_sam)
    box = toy_sam.prompt_boxes(torch.tensor([[40.0, 40.0, 160.0, 120.0]]))
    weights = prompter.state_dict()
    weights["class_head.bias"] = torch.tensor([0.0, 5.0, 0.0])
    weights["token_head.2.bias"] = box.flatten()
    prompter.load_state_dict(weights)
    info = ModelInfo(
        class_names=("wheel", "door [left]"),
        category_ids=(4, 8),
        recipe="paper",
        supervision="box",
        score_threshold=0.25,
        sam_source=str(TOY_SAM),
        sam_fingerprint=toy_sam.fingerprint,
        prompter=config,
    )
    save_model(tmp_path / "run", prompter, info)
    return tmp_path / "run"


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Two test runs side by side must not fight over cores; also fixes the order of sums."""
    torch.set_num_threads(1)
