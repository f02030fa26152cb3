"""Which cells and which boxes learn which part.

Cells: task-aligned assignment (Feng et al., TOOD, ICCV 2021). Boxes of the second stage: the part
that they overlap most (Ren et al., Faster R-CNN, 2015).

Everything is batched over images; P is the largest number of parts in the batch and `is_part`
says which rows are real.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from wps_sam.prompter.dense.config import DenseCriterionConfig
from wps_sam.prompter.dense.proposals import Proposals
from wps_sam.prompter.interface import PartTargets
from wps_sam.prompter.overlap import iou


class PaddedTargets(NamedTuple):
    """Targets of a batch in rectangular tensors.

    Attributes:
        class_index: (B, P) int64, 0 where there is no part.
        boxes_xyxy: (B, P, 4) float32, SAM frame.
        is_part: (B, P) bool.
    """

    class_index: Tensor
    boxes_xyxy: Tensor
    is_part: Tensor


class Assignment(NamedTuple):
    """What each of N cells should say.

    Attributes:
        class_target: (B, N, C) float32 in 0..1: how well the cell's box fits, for its class.
        part: (B, N) int64, row of the part that the cell learns.
        weight: (B, N) float32, the cell's class target; 0 for cells that learn no part.
    """

    class_target: Tensor
    part: Tensor
    weight: Tensor


def pad_targets(targets: Sequence[PartTargets], device: torch.device) -> PaddedTargets:
    """Stack targets of different length; at least one row, so that no axis is empty."""
    parts = max(1, *(len(t.class_index) for t in targets)) if targets else 1
    class_index = torch.zeros(len(targets), parts, dtype=torch.long, device=device)
    boxes = torch.zeros(len(targets), parts, 4, device=device)
    is_part = torch.zeros(len(targets), parts, dtype=torch.bool, device=device)
    for i, target in enumerate(targets):
        count = len(target.class_index)
        class_index[i, :count] = target.class_index
        boxes[i, :count] = target.learnt_boxes
        is_part[i, :count] = True
    return PaddedTargets(class_index, boxes, is_part)


def _candidates(centers: Tensor, padded: PaddedTargets) -> Tensor:
    """Cells that may learn a part: centre inside its box, and always the nearest cell.

    Returns:
        (B, P, N) bool.
    """
    boxes = padded.boxes_xyxy[:, :, None]
    inside = ((centers >= boxes[..., :2]) & (centers <= boxes[..., 2:])).all(-1)
    part_centers = (boxes[..., :2] + boxes[..., 2:]) / 2
    distance = (centers - part_centers).square().sum(-1)
    inside.scatter_(2, distance.argmin(2, keepdim=True), True)
    return inside & padded.is_part[..., None]


@torch.no_grad()
def assign_cells(
    proposals: Proposals, padded: PaddedTargets, config: DenseCriterionConfig
) -> Assignment:
    """Give each part its best-aligned cells and grade them by how well they fit."""
    probability = proposals.class_logits.sigmoid()
    batch, cells, classes = probability.shape
    index = padded.class_index[:, :, None].expand(-1, -1, cells)
    class_score = probability.transpose(1, 2).gather(1, index)
    overlap = iou(padded.boxes_xyxy[:, :, None], proposals.boxes_xyxy[:, None])
    candidate = _candidates(proposals.cell_centers, padded)
    metric = class_score**config.align_class * overlap**config.align_box
    metric = torch.where(candidate, metric + 1e-9, 0.0)

    best, cell = metric.topk(min(config.top_cells, cells), dim=2)
    chosen = torch.zeros_like(candidate).scatter_(2, cell, best > 0)
    # A cell that several parts want goes to the part it aligns with best.
    part = torch.where(chosen, metric, -1.0).argmax(1)
    chosen &= torch.nn.functional.one_hot(part, metric.shape[1]).transpose(1, 2).bool()

    # TOOD's normalisation: within a part the best cell is asked for the part's best IoU.
    metric = metric * chosen
    peak = metric.amax(2, keepdim=True).clamp(min=1e-12)
    grade = metric / peak * (overlap * chosen).amax(2, keepdim=True).clamp(min=0.1)
    weight = grade.sum(1)
    class_target = probability.new_zeros(batch, cells, classes)
    cell_class = padded.class_index.gather(1, part)
    class_target.scatter_(2, cell_class[..., None], weight[..., None])
    return Assignment(class_target, part, weight)


@torch.no_grad()
def match_boxes(
    looked_at: Tensor, padded: PaddedTargets, least_iou: float
) -> tuple[Tensor, Tensor]:
    """Find the part that each box of the second stage is to become.

    Args:
        looked_at: (B, K, 4) float32, SAM frame.
        padded: The labelled parts.
        least_iou: A box that overlaps no part by at least this is to become nothing.

    Returns:
        Row of the part (B, K) int64, and whether there is one (B, K) bool.
    """
    overlap = iou(padded.boxes_xyxy[:, :, None], looked_at[:, None])  # padding has no area
    best, part = overlap.max(1)
    return part, best >= least_iou
