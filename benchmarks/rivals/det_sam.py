"""Det-SAM: a detector on SAM's features gives boxes, and SAM cuts the boxes out (paper, 3.1).

The detector is DETR (Carion et al., ECCV 2020) with the paper's own network: the same convolutions,
transformer and queries as the `paper` recipe, with a box head in the place of the token head.
"""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.rivals.training import SeenImages, train_network
from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.errors import ConfigError
from wps_sam.prompter.interface import Criterion, Losses, PartPrompts, PartTargets, Prompter
from wps_sam.prompter.overlap import generalised_iou
from wps_sam.prompter.query.config import QueryPrompterConfig
from wps_sam.prompter.query.model import QueryPrompter
from wps_sam.prompter.teacher import teacher_targets
from wps_sam.sam.frozen import FrozenSam
from wps_sam.training.job import LabelledFeatures
from wps_sam.training.recipes import OptimiserConfig

SCORE_THRESHOLD = 0.5
"""Least score of a part in prediction: above it, a class is the likeliest of all."""

# DETR's own settings (A.4 of its paper and its published code); matching and loss weigh alike.
_CLASS, _L1, _GIOU = 1.0, 5.0, 2.0
_NO_PART_WEIGHT = 0.1
_OPTIMISER = OptimiserConfig(
    kind="adamw",
    learning_rate=1e-4,
    weight_decay=1e-4,
    warmup_steps=250,  # this and the cosine as in the `paper` recipe
    gradient_norm_limit=0.1,
)


class DetectionOutput(NamedTuple):
    """What the L decoder layers say, the last one last.

    Attributes:
        class_logits: (L, B, S, C + 1) float32; the last class is no part.
        boxes_xyxy: (L, B, S, 4) float32, SAM frame.
    """

    class_logits: Tensor
    boxes_xyxy: Tensor


class DetectionPrompter(Prompter):
    """The paper's network with DETR's box head; SAM's prompt encoder makes tokens of its boxes."""

    emits_boxes: ClassVar[bool] = True

    def __init__(self, config: QueryPrompterConfig, num_classes: int, sam: FrozenSam) -> None:
        """Build with random weights for C classes."""
        super().__init__()
        self.image_side = sam.image_side
        self.network = QueryPrompter(
            config, num_classes, embed_dim=sam.embed_dim, embed_hw=sam.embed_hw
        )
        width = config.width
        self.network.token_head = nn.Sequential(  # centre x, y, width and height, 0..1
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, 4),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> DetectionOutput:
        """Classes and boxes after every decoder layer; all layers share the heads."""
        network, transformer = self.network, self.network.transformer
        memory = network.downsample(features).flatten(2).transpose(1, 2)
        for layer in transformer.encoder:
            memory = layer(memory, network.position)
        keys = memory + network.position
        x = network.queries.expand(len(features), -1, -1)
        states = []
        for layer in transformer.decoder:
            x = layer(x, network.queries, memory, keys)
            states.append(transformer.norm(x))
        hidden = torch.stack(states)
        centre, size = network.token_head(hidden).chunk(2, dim=-1)
        corners = torch.cat([centre - size / 2, centre + size / 2], dim=-1)
        return DetectionOutput(network.class_head(hidden), corners * self.image_side)

    def select(
        self, output: DetectionOutput, sam: FrozenSam, score_threshold: float
    ) -> list[PartPrompts]:
        """Keep the last layer's boxes whose best class is probable enough."""
        selected = []
        for logits, boxes in zip(output.class_logits[-1], output.boxes_xyxy[-1], strict=True):
            scores, class_index = logits.softmax(-1)[:, :-1].max(-1)
            order = scores.argsort(descending=True, stable=True)
            kept = order[scores[order] >= score_threshold]
            kept_boxes = boxes[kept].clamp(0, self.image_side)
            selected.append(
                PartPrompts(
                    class_index=class_index[kept],
                    scores=scores[kept],
                    tokens=sam.prompt_boxes(kept_boxes).unbind(),
                    boxes_xyxy=kept_boxes,
                )
            )
        return selected


class DetectionCriterion(Criterion):
    """DETR's loss (equation 2 and A.2), summed over the decoder layers."""

    def __init__(self, num_queries: int, image_side: int) -> None:
        """Keep S and the side of the SAM frame in pixels."""
        self.num_queries = num_queries
        self.image_side = image_side

    def check(self, targets: PartTargets, image_name: str) -> None:
        """Raise `ConfigError` if the image has more parts than there are queries."""
        parts = len(targets.class_index)
        if parts > self.num_queries:
            raise ConfigError(f"{image_name}: {parts} parts for {self.num_queries} queries.")

    def __call__(self, output: DetectionOutput, targets: Sequence[PartTargets]) -> Losses:
        """Loss of a batch; box terms are divided by its number of parts."""
        layers = [
            self._layer_terms(logits, boxes, targets)
            for logits, boxes in zip(output.class_logits, output.boxes_xyxy, strict=True)
        ]
        total = sum(
            (_CLASS * term["class"] + _L1 * term["l1"] + _GIOU * term["giou"] for term in layers),
            start=output.boxes_xyxy.new_zeros(()),
        )
        return Losses(total, {name: term.detach() for name, term in layers[-1].items()})

    def _layer_terms(
        self, class_logits: Tensor, boxes_xyxy: Tensor, targets: Sequence[PartTargets]
    ) -> dict[str, Tensor]:
        """Terms of one decoder layer: (B, S, C + 1) logits and (B, S, 4) boxes."""
        no_part = class_logits.shape[-1] - 1
        labels = torch.full_like(class_logits[..., 0], no_part, dtype=torch.long)
        found, wanted = [], []
        for i, target in enumerate(targets):
            queries = self._match(class_logits[i], boxes_xyxy[i], target)
            labels[i, queries] = target.class_index
            found.append(boxes_xyxy[i, queries])
            wanted.append(target.boxes_xyxy)
        matched, truth = torch.cat(found), torch.cat(wanted)
        weight = class_logits.new_ones(no_part + 1)
        weight[no_part] = _NO_PART_WEIGHT
        parts = max(1, len(truth))
        return {
            "class": F.cross_entropy(class_logits.flatten(0, 1), labels.flatten(), weight),
            "l1": (self._centred(matched) - self._centred(truth)).abs().sum() / parts,
            "giou": (1 - generalised_iou(matched, truth)).sum() / parts,
        }

    @torch.no_grad()
    def _match(self, class_logits: Tensor, boxes_xyxy: Tensor, target: PartTargets) -> Tensor:
        """(P,) int64: the query that each part is given to, by the Hungarian algorithm."""
        probability = class_logits.softmax(-1)[:, target.class_index].T
        distance = torch.cdist(self._centred(target.boxes_xyxy), self._centred(boxes_xyxy), p=1.0)
        overlap = generalised_iou(target.boxes_xyxy[:, None], boxes_xyxy)
        cost = _L1 * distance - _CLASS * probability - _GIOU * overlap
        _, columns = linear_sum_assignment(cost.cpu().numpy())  # rows come in order, as P <= S
        return torch.from_numpy(columns).to(boxes_xyxy.device)

    def _centred(self, boxes_xyxy: Tensor) -> Tensor:
        """(..., 4) xyxy in pixels -> centre x, y, width and height, 0..1."""
        low, high = (boxes_xyxy / self.image_side).chunk(2, dim=-1)
        return torch.cat([(low + high) / 2, high - low], dim=-1)


def train_det_sam(
    sam: FrozenSam,
    cache: EmbeddingCache,
    train_views: Sequence[LabelledFeatures],
    num_classes: int,
    steps: int,
    seed: int,
    *,
    batch_size: int = 8,
) -> Prompter:
    """Train the detector from boxes.

    Args:
        sam: Its prompt encoder makes tokens of boxes; training happens on its device.
        cache: Holds the features.
        train_views: As for `training.fit.fit`; every part has a box.
        num_classes: C.
        steps: Optimiser steps.
        seed: Of weights, order, views and dropout.
        batch_size: Images a step; the `paper` recipe's.

    Returns:
        The trained prompter, for a `PartSegmenter` with `SCORE_THRESHOLD`.

    Raises:
        ConfigError: An image has more parts than there are queries, or a part has no box.
    """
    torch.manual_seed(seed)
    config = QueryPrompterConfig()
    prompter = DetectionPrompter(config, num_classes, sam).to(sam.device)
    criterion = DetectionCriterion(config.num_queries, sam.image_side)
    seen = SeenImages.of(train_views)
    targets = [teacher_targets(sam, image, "box") for image in seen.labels]
    for image, target in zip(seen.labels, targets, strict=True):
        criterion.check(target, image.file_name)

    def loss_of(features: Tensor, positions: list[int]) -> Tensor:
        wanted = [targets[position].to(sam.device) for position in positions]
        return criterion(prompter(features), wanted).total

    train_network(
        prompter, loss_of, _OPTIMISER, cache, seen, steps=steps, batch_size=batch_size, seed=seed
    )
    return prompter
