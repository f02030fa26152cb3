"""The dense prompter: a two-stage detector of parts on frozen SAM features.

SAM's own prompt encoder turns its boxes into tokens, so that predictions always lie where SAM's
mask decoder has seen prompts before.
"""

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from wps_sam.prompter.clicks import choose_clicks, prompt_parts
from wps_sam.prompter.dense.config import DensePrompterConfig
from wps_sam.prompter.dense.proposals import ProposalNetwork, Proposals, strongest_cells
from wps_sam.prompter.dense.refinement import BoxRefinement
from wps_sam.prompter.dense.suppression import suppress_overlaps
from wps_sam.prompter.interface import PartPrompts, PartTargets, Prompter
from wps_sam.sam.frozen import FrozenSam

_SLOPE_WEIGHT = 0.5


class DenseOutput(NamedTuple):
    """What the dense prompter emits for a batch.

    Attributes:
        proposals: What all N cells propose.
        cells: (B, K) int64, which of them were looked at again.
        looked_at: (B, K, 4) float32, SAM frame: the boxes that the second stage was given.
        class_logits: (B, K, C) float32, what the second stage says; sigmoid gives probabilities.
        boxes_xyxy: (B, K, 4) float32, SAM frame: the second stage's boxes.
    """

    proposals: Proposals
    cells: Tensor
    looked_at: Tensor
    class_logits: Tensor
    boxes_xyxy: Tensor

    def probabilities(self) -> Tensor:
        """(B, K, C) float32: the geometric mean of what both stages say of each class."""
        index = self.cells[..., None].expand(-1, -1, self.class_logits.shape[2])
        first = self.proposals.class_logits.gather(1, index).sigmoid()
        return (first * self.class_logits.sigmoid()).sqrt()


class DensePrompter(Prompter):
    """Cells of a 32 x 32 grid propose parts; the strongest are looked at more closely.

    Attributes:
        clicked: (C,) bool, which classes are prompted with points inside their box too (`clicks`).
    """

    emits_boxes: ClassVar[bool] = True
    clicked: Tensor

    def __init__(
        self,
        config: DensePrompterConfig,
        num_classes: int,
        *,
        embed_dim: int = 256,
        embed_hw: tuple[int, int] = (64, 64),
        image_side: int = 1024,
    ) -> None:
        """Build with random weights.

        Args:
            config: shape of the network.
            num_classes: C.
            embed_dim: channels of SAM's features.
            embed_hw: (height, width) of SAM's feature map.
            image_side: side of the SAM frame in pixels.
        """
        super().__init__()
        self.config = config
        self.image_side = image_side
        self.propose = ProposalNetwork(config, num_classes, embed_dim, embed_hw, image_side)
        self.refine = BoxRefinement(config, num_classes, embed_dim, image_side)
        self.register_buffer("clicked", torch.zeros(num_classes, dtype=torch.bool))

    def choose_prompts(
        self, sam: FrozenSam, targets: Sequence[PartTargets], features_of: Callable[[int], Tensor]
    ) -> tuple[int, ...]:
        """Choose which classes are prompted with points inside their box."""
        self.clicked.copy_(choose_clicks(sam, targets, features_of, len(self.clicked)))
        return tuple(torch.nonzero(self.clicked).squeeze(1).tolist())

    def forward(self, features: Tensor) -> DenseOutput:
        """Claim parts.

        Args:
            features: (B, 256, 64, 64) float32, SAM's image features.
        """
        proposals = self.propose(features)
        if self.training:  # peaks only: those of the background teach what is no part
            cells = strongest_cells(proposals, self.config.training_looks, 0.0)
        else:  # two parts of a class may be neighbours
            cells = strongest_cells(proposals, self.config.second_looks, _SLOPE_WEIGHT)
        boxes = proposals.boxes_xyxy.detach().gather(1, cells[..., None].expand(-1, -1, 4))
        if self.training:
            cells, boxes = cells.repeat(1, 2), torch.cat([boxes, self._shaken(boxes)], dim=1)
        boxes = boxes.clamp(0, self.image_side)
        class_logits, refined = self.refine(features, proposals.scene, boxes)
        return DenseOutput(proposals, cells, boxes, class_logits, refined)

    def _shaken(self, boxes_xyxy: Tensor) -> Tensor:
        """Boxes moved at random, so that the second stage learns to correct larger mistakes too."""
        size = (boxes_xyxy[..., 2:] - boxes_xyxy[..., :2]).repeat(1, 1, 2)
        moved = boxes_xyxy + torch.randn_like(boxes_xyxy) * size * self.config.shake
        return torch.cat(
            [
                torch.minimum(moved[..., :2], moved[..., 2:]),
                torch.maximum(moved[..., :2], moved[..., 2:]),
            ],
            dim=2,
        )

    def select(
        self, output: DenseOutput, sam: FrozenSam, score_threshold: float
    ) -> list[PartPrompts]:
        """Keep each box's best class where probable enough, without duplicates.

        Args:
            output: of `forward`.
            sam: encodes the kept boxes, and the points inside them, as prompt tokens.
            score_threshold: least probability.
        """
        selected = []
        for probabilities, boxes in zip(output.probabilities(), output.boxes_xyxy, strict=True):
            scores, class_index = probabilities.max(-1)
            boxes = boxes.clamp(0, self.image_side)
            kept = torch.nonzero(scores >= score_threshold).squeeze(1)
            kept = kept[scores[kept].argsort(descending=True, stable=True)]
            winners = suppress_overlaps(
                boxes[kept], scores[kept], class_index[kept], self.config.overlap_limit
            )
            kept = kept[winners]
            selected.append(
                PartPrompts(
                    class_index=class_index[kept],
                    scores=scores[kept],
                    tokens=prompt_parts(sam, boxes[kept], class_index[kept], self.clicked),
                    boxes_xyxy=boxes[kept],
                )
            )
        return selected
