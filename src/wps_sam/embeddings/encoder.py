"""What fills an embedding cache: anything that encodes as a SAM does."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor


class ImageEncoder(Protocol):
    """What makes features: a SAM, or its encoder elsewhere."""

    @property
    def image_side(self) -> int:
        """See FrozenSam."""

    @property
    def device(self) -> torch.device:
        """Where it computes."""

    def preprocess(self, images: Sequence[npt.NDArray[np.uint8]]) -> Tensor:
        """See FrozenSam.preprocess."""

    def encode(self, pixels: Tensor) -> Tensor:
        """See FrozenSam.encode."""
