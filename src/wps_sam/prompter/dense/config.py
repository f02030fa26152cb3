"""Settings of the dense prompter and its loss; docs/strong-recipe.md says why each is there."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DensePrompterConfig:
    """The dense prompter's shape and how it picks parts.

    Attributes:
        width: channels inside.
        context_layers: transformer layers at a quarter of SAM's resolution, for context.
        heads: attention heads of those layers.
        tower_layers: 3x3 convolutions shared by the class and the box branch.
        dropout: probability in the context layers and before the class head.
        second_looks: how many cells' boxes the second stage corrects, which is also the most parts
            that an image can have.
        training_looks: the same in training, where fewer do.
        detail_width: channels of the full-resolution features that the second stage samples.
        refinement_width: channels inside the second stage.
        shake: in training, each box is looked at twice: as proposed, and with its sides moved by
            this many of its own sizes (standard deviation).
        overlap_limit: of two boxes of one class that overlap more than this (IoU), the less
            probable one is dropped.
    """

    width: int = 128
    context_layers: int = 2
    heads: int = 8
    tower_layers: int = 2
    dropout: float = 0.0
    second_looks: int = 128
    training_looks: int = 32
    detail_width: int = 64
    refinement_width: int = 256
    shake: float = 0.12
    overlap_limit: float = 0.45


@dataclass(frozen=True)
class DenseCriterionConfig:
    """Assignment of parts (`assignment`) and loss weights.

    Attributes:
        top_cells: how many cells learn one part.
        align_class: exponent of the class probability in the alignment metric.
        align_box: exponent of the box IoU in the alignment metric.
        second_iou: the second stage learns a part from boxes that overlap it by at least this.
        loss_class: weight of the class terms.
        loss_giou: weight of the generalised IoU terms.
        loss_l1: weight of the L1 term on box sides, in units of the SAM frame's side.
    """

    top_cells: int = 6
    align_class: float = 0.5
    align_box: float = 4.0
    second_iou: float = 0.4
    loss_class: float = 1.0
    loss_giou: float = 2.0
    loss_l1: float = 5.0
