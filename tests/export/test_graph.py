"""The whole module, run by PyTorch, against the segmenter."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from wps_sam.export.graph import MaskDecoding, PartGraph
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.prompter.dense.model import DensePrompter
from wps_sam.sam.frozen import FrozenSam
from wps_sam.sam.mask_reach import cells_in_reach


def noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


def check(segmenter: PartSegmenter, threshold: float) -> int:
    """Compare on one picture, which needs no resizing; returns how many parts there are."""
    image = noise(96, 128)
    expected = segmenter.predict(image, score_threshold=threshold)
    with torch.inference_mode():
        found = PartGraph(segmenter, threshold)(torch.from_numpy(image))
    assert found.class_index.tolist() == expected.class_index.tolist()
    assert found.masks.shape == expected.masks.shape
    assert np.abs(found.scores.numpy() - expected.scores).max(initial=0) < 0.005
    assert (found.masks.numpy() != expected.masks).mean() < 0.001 if len(expected) else True
    assert found.boxes.shape == (len(expected), 4)
    return len(expected)


@pytest.mark.parametrize("clicked", [(0, 0, 0), (0, 1, 0), (1, 1, 1), (0, 0, 1)], ids=str)
def test_graph__dense_prompter_whichever_classes_are_clicked(
    dense_segmenter: PartSegmenter, clicked: tuple[int, ...]
) -> None:
    prompter = copy.deepcopy(dense_segmenter.prompter)
    assert isinstance(prompter, DensePrompter)
    prompter.clicked.copy_(torch.tensor(clicked))
    segmenter = PartSegmenter(
        dense_segmenter.sam,
        prompter,
        class_names=dense_segmenter.class_names,
        score_threshold=0.3,
    )
    assert check(segmenter, 0.3) > 1


def test_graph__query_prompter(query_segmenter: PartSegmenter) -> None:
    assert check(query_segmenter, 0.2) > 1


@pytest.mark.parametrize("kind", ["dense", "query"])
def test_graph__no_part(kind: str, request: pytest.FixtureRequest) -> None:
    assert check(request.getfixturevalue(f"{kind}_segmenter"), 1.0) == 0


class Watched(MaskDecoding):
    """Remembers what it was given."""

    def __init__(self, sam: FrozenSam) -> None:
        super().__init__(sam)
        self.given: list[tuple[Tensor, Tensor]] = []

    def forward(self, image: Any, tokens: Tensor, reach: Tensor | None) -> Tensor:
        assert reach is not None
        self.given.append((tokens, reach))
        return super().forward(image, tokens, reach)


def test_graph__masks_are_looked_for_near_their_own_boxes(dense_segmenter: PartSegmenter) -> None:
    sam, prompter = dense_segmenter.sam, copy.deepcopy(dense_segmenter.prompter)
    assert isinstance(prompter, DensePrompter)
    prompter.clicked.copy_(torch.tensor((0, 1, 0)))
    segmenter = PartSegmenter(
        sam, prompter, class_names=dense_segmenter.class_names, score_threshold=0.3
    )
    watched, image = Watched(sam), torch.from_numpy(noise(96, 128))
    with torch.inference_mode():
        graph = PartGraph(segmenter, 0.3, watched)
        graph(image)
        candidates = graph.part_finder.find(graph.encoder(graph.to_sam_frame(image)))
    assert candidates.boxes_xyxy is not None
    of_candidates = cells_in_reach(candidates.boxes_xyxy, sam.embed_hw, sam.image_side)
    for (tokens, reach), group in zip(watched.given, candidates.groups, strict=True):
        for prompt, cells in zip(tokens, reach, strict=True):
            (place,) = (group.tokens == prompt).all((1, 2)).nonzero()[:, 0].tolist()
            assert torch.equal(cells, of_candidates[place])
    assert 0 < torch.cat([reach for _, reach in watched.given]).float().mean() < 0.9
