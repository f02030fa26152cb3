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
        overlap_limit: of two boxes of one class that overlap more than this (IoU), the less
            probable one is dropped.
    """

    width: int = 128
    context_layers: int = 2
    heads: int = 8
    tower_layers: int = 2
    dropout: float = 0.0
    overlap_limit: float = 0.45


@dataclass(frozen=True)
class DenseCriterionConfig:
    """Task-aligned assignment and loss weights (Feng et al., TOOD, ICCV 2021).

    Attributes:
        top_cells: how many cells learn one part.
        align_class: exponent of the class probability in the alignment metric.
        align_box: exponent of the box IoU in the alignment metric.
        loss_class: weight of the class term.
        loss_giou: weight of the generalised IoU term.
        loss_l1: weight of the L1 term on box sides, in units of the SAM frame's side.
    """

    top_cells: int = 6
    align_class: float = 0.5
    align_box: float = 4.0
    loss_class: float = 1.0
    loss_giou: float = 2.0
    loss_l1: float = 5.0
