"""A run that finds three boxes in every image, in memory and in a folder, and images to cut."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.inference.sources import ImageToPredict, find_images
from wps_sam.prompter.build import build_prompter
from wps_sam.prompter.interface import PartPrompts, Prompter
from wps_sam.prompter.query.config import QueryPrompterConfig
from wps_sam.prompter.store import ModelInfo, save_model
from wps_sam.sam.frozen import FrozenSam

TOY_SAM = Path(__file__).parent.parent / "goldens" / "sam_vit_toy.safetensors"
CLASS_NAMES = ("wheel", "door [left]")
BOXES = ((40.0, 40.0, 160.0, 120.0), (10.0, 90.0, 200.0, 160.0), (60.0, 20.0, 90.0, 60.0))


class ThreeBoxes(Prompter):
    """Finds `BOXES` as classes 1, 0, 1 whatever the image."""

    def forward(self, features: Tensor) -> Any:
        return features

    def select(self, output: Any, sam: FrozenSam, score_threshold: float) -> list[PartPrompts]:
        boxes = torch.tensor(BOXES)
        prompts = PartPrompts(
            class_index=torch.tensor([1, 0, 1]),
            scores=torch.tensor([0.9, 0.8, 0.7]),
            tokens=sam.prompt_boxes(boxes).unbind(),
            boxes_xyxy=boxes,
        )
        return [prompts] * len(output)


@pytest.fixture
def segmenter(toy_sam: FrozenSam) -> PartSegmenter:
    return PartSegmenter(
        toy_sam, ThreeBoxes(), class_names=CLASS_NAMES, category_ids=(4, 8), score_threshold=0.25
    )


@pytest.fixture
def run_folder(tmp_path: Path, toy_sam: FrozenSam) -> Path:
    """A saved run that finds the same box three times as class 1."""
    config = QueryPrompterConfig(3, encoder_layers=1, decoder_layers=1, width=32, heads=2)
    torch.manual_seed(0)
    prompter = build_prompter(config, 2, toy_sam)
    weights = prompter.state_dict()
    weights["class_head.bias"] = torch.tensor([0.0, 5.0, 0.0])
    weights["token_head.2.bias"] = toy_sam.prompt_boxes(torch.tensor(BOXES[:1])).flatten()
    prompter.load_state_dict(weights)
    info = ModelInfo(
        class_names=CLASS_NAMES,
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


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two images of noise, one wide and one tall."""
    (tmp_path / "photos").mkdir()
    for index, hw in enumerate(((60, 90), (80, 50))):
        noise = np.random.default_rng(index).integers(0, 256, (*hw, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / "photos" / f"{index}.png")
    return tmp_path / "photos"


@pytest.fixture
def images(photos: Path) -> tuple[ImageToPredict, ...]:
    return tuple(find_images([str(photos)]).images)
