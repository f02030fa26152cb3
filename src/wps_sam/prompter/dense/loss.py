"""Loss of the dense prompter: graded class probabilities and box overlap."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from wps_sam.prompter.dense.assignment import assign_cells, pad_targets
from wps_sam.prompter.dense.config import DenseCriterionConfig
from wps_sam.prompter.dense.model import DenseOutput
from wps_sam.prompter.interface import Criterion, Losses, PartTargets


def generalised_iou(a: Tensor, b: Tensor) -> Tensor:
    """GIoU (Rezatofighi et al., CVPR 2019, equation 1) of paired boxes (K, 4) xyxy -> (K,)."""
    left_top = torch.maximum(a[:, :2], b[:, :2])
    right_bottom = torch.minimum(a[:, 2:], b[:, 2:])
    intersection = (right_bottom - left_top).clamp(min=0).prod(1)
    union = (a[:, 2:] - a[:, :2]).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - intersection
    hull = (torch.maximum(a[:, 2:], b[:, 2:]) - torch.minimum(a[:, :2], b[:, :2])).prod(1)
    return intersection / union.clamp(min=1e-6) - (hull - union) / hull.clamp(min=1e-6)


class DenseCriterion(Criterion):
    """Task-aligned classification plus GIoU and L1 on the boxes of assigned cells."""

    def __init__(self, config: DenseCriterionConfig, image_side: int) -> None:
        """Keep the weights; `image_side` is the SAM frame's side in pixels."""
        self.config = config
        self.image_side = image_side

    def check(self, targets: PartTargets, image_name: str) -> None:
        """Accept everything: there is no limit on parts, and points get pseudo boxes."""

    def __call__(self, output: DenseOutput, targets: Sequence[PartTargets]) -> Losses:
        """Loss of a batch; each term is divided by the sum of the grades handed out."""
        padded = pad_targets(targets, output.class_logits.device)
        assigned = assign_cells(output, padded, self.config)
        total_grade = assigned.weight.sum().clamp(min=1.0)
        classification = _graded_cross_entropy(output.class_logits, assigned.class_target)
        classification = classification / total_grade

        image, cell = torch.nonzero(assigned.weight > 0, as_tuple=True)
        weight = assigned.weight[image, cell]
        predicted = output.boxes_xyxy[image, cell]
        wanted = padded.boxes_xyxy[image, assigned.part[image, cell]]
        giou = ((1 - generalised_iou(predicted, wanted)) * weight).sum() / total_grade
        l1 = (predicted - wanted).abs().mean(1) / self.image_side
        l1 = (l1 * weight).sum() / total_grade
        total = (
            self.config.loss_class * classification
            + self.config.loss_giou * giou
            + self.config.loss_l1 * l1
        )
        terms = {"class": classification.detach(), "giou": giou.detach(), "l1": l1.detach()}
        return Losses(total, terms)


def _graded_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Varifocal-style sum: wrong confidence counts by the square of how wrong it is."""
    probability = logits.detach().sigmoid()
    focus = torch.where(target > 0, target, 0.75 * probability.square())
    loss = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (loss * focus).sum()
