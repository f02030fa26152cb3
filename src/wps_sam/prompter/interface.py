"""What every prompter takes and gives.

A prompter, its criterion (the loss) and its targets meet only through the types here, so that
training and inference do not know which prompter they hold.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from wps_sam.sam.frozen import FrozenSam


@dataclass(frozen=True)
class PartTargets:
    """What the teacher says about the P labelled parts of one image; it cannot hold a mask.

    Attributes:
        class_index: (P,) int64.
        tokens: (P, 2, 256) float32, SAM's prompt encoding of the weak label (`p_i` in the paper).
        boxes_xyxy: (P, 4) float32, SAM frame. A point label is a box of zero size.
    """

    class_index: Tensor
    tokens: Tensor
    boxes_xyxy: Tensor

    def to(self, device: torch.device) -> "PartTargets":
        """Copy to another device."""
        return PartTargets(
            self.class_index.to(device), self.tokens.to(device), self.boxes_xyxy.to(device)
        )


@dataclass(frozen=True)
class PartPrompts:
    """The P parts a prompter found in one image, ready for SAM's mask decoder.

    Attributes:
        class_index: (P,) int64.
        scores: (P,) float32, probability of the class, highest first.
        tokens: (P, 2, 256) float32 prompt tokens.
        boxes_xyxy: (P, 4) float32, SAM frame: the tokens read as the corners of a box; without
            meaning under point supervision.
    """

    class_index: Tensor
    scores: Tensor
    tokens: Tensor
    boxes_xyxy: Tensor

    def __len__(self) -> int:
        """Number of parts, P."""
        return int(self.class_index.shape[0])


class Losses(NamedTuple):
    """A training loss and the named terms it is made of, for the logs."""

    total: Tensor
    terms: dict[str, Tensor]


class Prompter(nn.Module, ABC):
    """Image features to prompts. `forward` never sees a label."""

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
        """Return the loss of a batch: one `PartTargets` an image."""

    @abstractmethod
    def check(self, targets: PartTargets, image_name: str) -> None:
        """Raise `ConfigError` naming the image if these targets cannot be learnt."""
