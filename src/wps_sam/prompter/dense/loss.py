"""Loss of the dense prompter: graded class probabilities and box overlap, in both stages."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from wps_sam.prompter.dense.assignment import (
    PaddedTargets,
    assign_cells,
    match_boxes,
    pad_targets,
)
from wps_sam.prompter.dense.config import DenseCriterionConfig
from wps_sam.prompter.dense.model import DenseOutput
from wps_sam.prompter.dense.proposals import Proposals
from wps_sam.prompter.global_batch import mean_over_processes
from wps_sam.prompter.interface import Criterion, Losses, PartTargets
from wps_sam.prompter.overlap import generalised_iou, iou


class DenseCriterion(Criterion):
    """Graded classification plus GIoU of both stages, and L1 of the first."""

    def __init__(self, config: DenseCriterionConfig, image_side: int) -> None:
        """Keep the weights; `image_side` is the SAM frame's side in pixels."""
        self.config = config
        self.image_side = image_side

    def check(self, targets: PartTargets, image_name: str) -> None:
        """Accept everything: any number of parts can be learnt, and points get pseudo boxes."""

    def __call__(self, output: DenseOutput, targets: Sequence[PartTargets]) -> Losses:
        """Loss of a batch; each stage's terms are divided by the sum of the grades it hands out.

        Where several processes share the batch, that is the sum over all of them.
        """
        padded = pad_targets(targets, output.class_logits.device)
        first = self._proposal_terms(output.proposals, padded)
        second = self._refinement_terms(output, padded)
        config = self.config
        total = (
            config.loss_class * (first["class"] + second["second_class"])
            + config.loss_giou * (first["giou"] + second["second_giou"])
            + config.loss_l1 * first["l1"]
        )
        return Losses(total, {name: term.detach() for name, term in (first | second).items()})

    def _proposal_terms(self, proposals: Proposals, padded: PaddedTargets) -> dict[str, Tensor]:
        """First stage: classes of all cells, boxes of those that learn a part."""
        assigned = assign_cells(proposals, padded, self.config)
        total_grade = mean_over_processes(assigned.weight.sum(), least=1.0)
        classification = _graded_cross_entropy(proposals.class_logits, assigned.class_target)
        image, cell = torch.nonzero(assigned.weight > 0, as_tuple=True)
        weight = assigned.weight[image, cell]
        predicted = proposals.boxes_xyxy[image, cell]
        wanted = padded.boxes_xyxy[image, assigned.part[image, cell]]
        giou = ((1 - generalised_iou(predicted, wanted)) * weight).sum()
        l1 = ((predicted - wanted).abs().mean(1) / self.image_side * weight).sum()
        return {
            "class": classification / total_grade,
            "giou": giou / total_grade,
            "l1": l1 / total_grade,
        }

    def _refinement_terms(self, output: DenseOutput, padded: PaddedTargets) -> dict[str, Tensor]:
        """Second stage: a box is asked for the IoU that its corrected box has with its part."""
        part, has_part = match_boxes(output.looked_at, padded, self.config.second_iou)
        wanted = padded.boxes_xyxy.gather(1, part[..., None].expand(-1, -1, 4))
        grade = iou(output.boxes_xyxy.detach(), wanted) * has_part
        class_target = torch.zeros_like(output.class_logits)
        class_target.scatter_(2, padded.class_index.gather(1, part)[..., None], grade[..., None])
        total_grade = mean_over_processes(grade.sum(), least=1.0)
        giou = 1 - generalised_iou(output.boxes_xyxy[has_part], wanted[has_part])
        return {
            "second_class": _graded_cross_entropy(output.class_logits, class_target) / total_grade,
            "second_giou": (giou * grade[has_part]).sum() / total_grade,
        }


def _graded_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Varifocal-style sum: wrong confidence counts by the square of how wrong it is."""
    probability = logits.detach().sigmoid()
    focus = torch.where(target > 0, target, 0.75 * probability.square())
    loss = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (loss * focus).sum()
