"""SAM's goldens and the two models they are compared with."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from wps_sam.sam.build import load_sam
from wps_sam.sam.frozen import FrozenSam

GOLDENS = Path(__file__).parent.parent / "goldens"


@pytest.fixture(scope="session")
def toy_weights_path() -> Path:
    return GOLDENS / "sam_vit_toy.safetensors"


@pytest.fixture(scope="session")
def toy_golden() -> dict[str, torch.Tensor]:
    with np.load(GOLDENS / "sam_vit_toy.npz") as file:
        return {key: torch.from_numpy(file[key]).float() for key in file.files}


@pytest.fixture(scope="session")
def mobile_golden() -> dict[str, NDArray[np.generic]]:
    with np.load(GOLDENS / "mobile_sam_onnx.npz") as file:
        return {key: file[key] for key in file.files}


@pytest.fixture(scope="session")
def toy_sam(toy_weights_path: Path) -> FrozenSam:
    """A small ViT SAM (side 256, features 16 x 16); tests must not change it."""
    return load_sam(toy_weights_path)


@pytest.fixture(scope="session")
def mobile_sam() -> FrozenSam:
    """The bundled MobileSAM; tests must not change it."""
    return load_sam("mobile_sam")
