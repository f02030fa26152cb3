"""A SAM whose masks are the prompted boxes themselves, and a prompter that always says the same."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from wps_sam.geometry.masks import mask_to_box
from wps_sam.inference.prediction import PartPrediction
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.prompter.interface import PartPrompts, Prompter
from wps_sam.sam.frozen import DecodedMasks, FrozenSam
from wps_sam.sam.mask_reach import only_in_reach

SIDE = 256
CLASS_NAMES = ("wheel", "door", "lamp")


class BoxSam(FrozenSam):
    """Side 256. A token holds its box in pixels, and decoding fills that box.

    Of three candidates the second is rated best; they grow by 8 pixels to each side.
    """

    def __init__(self) -> None:
        super().__init__("box_sam", SIDE, (16, 16), 8)
        self.weight = nn.Parameter(torch.zeros(1))
        self.decode_calls = 0
        self.freeze()

    def _encode(self, pixels: Tensor) -> Tensor:
        return functional.pad(functional.adaptive_max_pool2d(pixels, 16), (0, 0, 0, 0, 0, 5))

    def _embed_boxes(self, boxes_xyxy: Tensor) -> Tensor:
        return functional.pad(boxes_xyxy, (0, 4))[:, None].repeat(1, 2, 1)

    def _embed_points(self, points_xy: Tensor, point_labels: Tensor) -> Tensor:
        boxes = torch.cat([points_xy[:, 0] - 16, points_xy[:, 0] + 16], dim=1)
        return self._embed_boxes(boxes)

    def decode(self, *given: Any, **named: Any) -> DecodedMasks:
        self.decode_calls += 1
        return super().decode(*given, **named)

    def share(self, features: Tensor) -> None:
        return None

    def decode_shared(
        self, image: None, tokens: Tensor, *, multimask: bool, reach: Tensor | None = None
    ) -> DecodedMasks:
        center = (torch.arange(64) + 0.5) * 4
        masks = []
        for grow in (0, 8, 16) if multimask else (0,):
            x0, y0, x1, y1 = (tokens[:, 0, :4] + torch.tensor([-grow, -grow, grow, grow])).T
            in_x = (center > x0[:, None]) & (center < x1[:, None])
            in_y = (center > y0[:, None]) & (center < y1[:, None])
            masks.append((in_y[:, :, None] & in_x[:, None, :]).float() * 16 - 8)
        iou = torch.tensor([0.2, 0.9, 0.5] if multimask else [0.7]).repeat(len(tokens), 1)
        found = torch.stack(masks, 1)
        return DecodedMasks(found if reach is None else only_in_reach(found, reach), iou)

    def dense_pe(self) -> Tensor:
        return torch.zeros(1, 8, 16, 16)

    def dense_prompt(self, mask_logits: Tensor | None = None) -> Tensor:
        return torch.zeros(1, 8, 16, 16)

    def _position_matrix(self) -> Tensor:
        return torch.ones(2, 4)

    def _label_codes(self) -> tuple[Tensor, Tensor, Tensor]:
        return torch.zeros(8), torch.zeros(8), torch.zeros(8)


class FixedPrompter(Prompter):
    """Finds the same boxes in every bright image and nothing in a dark one."""

    def __init__(self, parts: Sequence[tuple[tuple[float, ...], int, float]]) -> None:
        """Take (box xyxy in the SAM frame, class, score), best first."""
        super().__init__()
        self.parts = list(parts)

    def forward(self, features: Tensor) -> Any:
        return features.amax(dim=(1, 2, 3)) > 1

    def select(self, output: Any, sam: FrozenSam, score_threshold: float) -> list[PartPrompts]:
        return [self._prompts(sam, bool(bright), score_threshold) for bright in output]

    def _prompts(self, sam: FrozenSam, bright: bool, threshold: float) -> PartPrompts:
        parts = [part for part in self.parts if bright and part[2] >= threshold]
        boxes = torch.tensor([part[0] for part in parts]).reshape(-1, 4)
        return PartPrompts(
            class_index=torch.tensor([part[1] for part in parts], dtype=torch.long),
            scores=torch.tensor([part[2] for part in parts]),
            tokens=sam.prompt_boxes(boxes).unbind(),
            boxes_xyxy=boxes,
        )


LARGE_AND_SMALL = (
    ((64.0, 32.0, 192.0, 96.0), 1, 0.9),
    ((96.0, 48.0, 128.0, 80.0), 2, 0.4),
)
"""A part and a smaller one inside it; in a 100 x 200 image at (50, 25, 150, 75), (75, 37.5, ...)"""


@pytest.fixture
def box_sam() -> BoxSam:
    return BoxSam()


@pytest.fixture
def segmenter(box_sam: BoxSam) -> PartSegmenter:
    return segmenter_with(box_sam, LARGE_AND_SMALL)


def segmenter_with(
    sam: FrozenSam, parts: Sequence[tuple[tuple[float, ...], int, float]]
) -> PartSegmenter:
    return PartSegmenter(
        sam,
        FixedPrompter(parts),
        class_names=CLASS_NAMES,
        category_ids=(7, 9, 12),
        score_threshold=0.3,
    )


@pytest.fixture
def build_segmenter() -> Any:
    """`segmenter_with`, as test modules cannot import one another."""
    return segmenter_with


def white(height: int, width: int) -> NDArray[np.uint8]:
    return np.full((height, width, 3), 255, np.uint8)


def save_white(path: Path, height: int = 100, width: int = 200) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(white(height, width)).save(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Four white images, one in a sub-folder."""
    for name in ("a.jpg", "b.png", "more/a.jpg", "z.jpg"):
        save_white(tmp_path / "photos" / name)
    return tmp_path / "photos"


@pytest.fixture
def prediction() -> PartPrediction:
    """A door with a lamp inside it, and one wheel apart, in 60 x 80 pixels."""
    masks = np.zeros((3, 60, 80), bool)
    masks[0, 10:50, 10:50] = True
    masks[1, 20:30, 20:30] = True
    masks[2, 5:15, 60:75] = True
    return PartPrediction(
        masks=masks,
        class_index=np.array([1, 2, 0]),
        class_names=CLASS_NAMES,
        scores=np.array([0.9, 0.8, 0.7], np.float32),
        boxes_xyxy=np.array([mask_to_box(mask) for mask in masks]),
    )
