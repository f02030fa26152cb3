"""A run in memory that finds three boxes in every image, and images to cut."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.inference.sources import ImageToPredict, find_images
from wps_sam.prompter.interface import PartPrompts, Prompter
from wps_sam.sam.frozen import FrozenSam

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
