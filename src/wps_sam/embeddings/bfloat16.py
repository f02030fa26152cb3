"""A SAM's image encoder in PyTorch and bfloat16, to fill an embedding cache with."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from wps_sam.errors import ConfigError
from wps_sam.sam.frozen import FrozenSam


class Bfloat16Encoder:
    """Encodes as a SAM does, with products and convolutions in bfloat16 (PyTorch's autocast).

    On a GPU it is compiled when the first images come, for as many as came then.
    """

    def __init__(self, sam: FrozenSam) -> None:
        """Take a SAM, which is not copied."""
        self._sam = sam
        self._compiled = sam.device.type == "cuda"
        self._encode = torch.compile(sam.encode, dynamic=False) if self._compiled else sam.encode
        self._batch = 0

    @property
    def image_side(self) -> int:
        """That of the SAM."""
        return self._sam.image_side

    @property
    def device(self) -> torch.device:
        """That of the SAM."""
        return self._sam.device

    def preprocess(self, images: Sequence[NDArray[np.uint8]]) -> Tensor:
        """See FrozenSam.preprocess."""
        return self._sam.preprocess(images)

    def encode(self, pixels: Tensor) -> Tensor:
        """Compute image features.

        Args:
            pixels: (B, 3, side, side) float32 from `preprocess`; B = 0 is legal.

        Returns:
            (B, C, h, w) float32 without gradient.

        Raises:
            ConfigError: `pixels` is of another shape, or the encoder cannot be compiled.
        """
        with torch.autocast(self.device.type, torch.bfloat16):
            return self._encode_compiled(pixels) if self._compiled else self._encode(pixels)

    def _encode_compiled(self, pixels: Tensor) -> Tensor:
        """Encode as many as before; another number would be compiled again, for a minute."""
        # Takes a second, and matters only where something is compiled.
        from torch._dynamo.exc import TorchDynamoException

        count = len(pixels)
        self._batch = max(self._batch, count)
        try:
            return self._encode(pad(pixels, (0, 0, 0, 0, 0, 0, 0, self._batch - count)))[:count]
        except TorchDynamoException as error:
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise ConfigError(
                f"--encoder pytorch-bf16: the encoder cannot be compiled on {self.device} "
                f"({reason}). Install a C compiler, which torch.compile needs, or leave --encoder "
                "out."
            ) from error
