"""What every prompter takes and gives.

A prompter, its criterion (the loss) and its targets meet only through the types here, so that
training and inference do not know which prompter they hold.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from wps_sam.sam.frozen import FrozenSam


@dataclass(frozen=True)
class PartTargets:
    """What the teacher says about the P labelled parts of one image; it cannot hold a mask.

    Attributes:
        class_index: (P,) int64.
        tokens: (P, T, 256) float32, SAM's prompt encoding of the weak label (`p_i` in the paper);
            T is 2 unless parts have several points.
        boxes_xyxy: (P, 4) float32, SAM frame: what is labelled. A point label is a box of zero
            size.
        pseudo_xyxy: (P, 4) float32, SAM frame: boxes to learn in the place of labelled points
            (`pseudo_boxes`, `box_correction`), and those labelled elsewhere; None where all labels
            are boxes, and for prompters that learn tokens.
    """

    class_index: Tensor
    tokens: Tensor
    boxes_xyxy: Tensor
    pseudo_xyxy: Tensor | None = None

    @property
    def learnt_boxes(self) -> Tensor:
        """(P, 4) float32, SAM frame: what a prompter of boxes is to learn."""
        return self.boxes_xyxy if self.pseudo_xyxy is None else self.pseudo_xyxy

    def to(self, device: torch.device) -> "PartTargets":
        """Copy to another device."""
        return PartTargets(
            self.class_index.to(device),
            self.tokens.to(device),
            self.boxes_xyxy.to(device),
            None if self.pseudo_xyxy is None else self.pseudo_xyxy.to(device),
        )


@dataclass(frozen=True)
class PartPrompts:
    """The P parts a prompter found in one image, ready for SAM's mask decoder.

    Attributes:
        class_index: (P,) int64.
        scores: (P,) float32, probability of the class, highest first.
        tokens: P tensors (T_p, 256) float32, prompt tokens; their number may differ from part to
            part.
        boxes_xyxy: (P, 4) float32, SAM frame: the box that is prompted with, or that the tokens are
            read as; without meaning where they stand for points only (`token_reading`).
    """

    class_index: Tensor
    scores: Tensor
    tokens: tuple[Tensor, ...]
    boxes_xyxy: Tensor

    def __len__(self) -> int:
        """Number of parts, P."""
        return int(self.class_index.shape[0])


class Losses(NamedTuple):
    """A training loss and the named terms it is made of, for the logs."""

    total: Tensor
    terms: dict[str, Tensor]


class Prompter(nn.Module, ABC):
    """Image features to prompts. `forward` never sees a label.

    Attributes:
        emits_boxes: Whether the tokens stand for a box whatever the labels were; else for what the
            labels were.
    """

    emits_boxes: ClassVar[bool] = False

    def choose_prompts(
        self, sam: FrozenSam, targets: Sequence[PartTargets], features_of: Callable[[int], Tensor]
    ) -> tuple[int, ...]:
        """Before training: find out from the labels how SAM is best prompted.

        Args:
            sam: decodes the masks that are compared.
            targets: of the training images.
            features_of: gives the (256, h, w) features of the image at a position.

        Returns:
            Classes that are prompted with points inside their box too.
        """
        del sam, targets, features_of  # a prompter whose prompts are learnt has no choice
        return ()

    @abstractmethod
    def forward(self, features: Tensor) -> Any:
        """Map features (B, 256, h, w) float32 to this prompter's own output type."""

    @abstractmethod
    def select(self, output: Any, sam: FrozenSam, score_threshold: float) -> list[PartPrompts]:
        """Keep the parts worth decoding, one `PartPrompts` an image, best first."""


class Criterion(ABC):
    """Compares a prompter's output with the teacher's targets."""

    @abstractmethod
    def __call__(self, output: Any, targets: Sequence[PartTargets]) -> Losses:
        """Return the loss of a batch: one `PartTargets` an image.

        Of a batch that several training processes share, each calls this with its own images,
        which may be none; the average of their losses is the loss of the whole batch
        (`global_batch`).
        """

    @abstractmethod
    def check(self, targets: PartTargets, image_name: str) -> None:
        """Raise `ConfigError` naming the image if these targets cannot be learnt."""
