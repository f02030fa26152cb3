"""A SAM's image encoder in OpenVINO and bfloat16, to fill an embedding cache with."""

import tempfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wps_sam.errors import ConfigError, ExportError
from wps_sam.export.bfloat16 import bfloat16_encoder
from wps_sam.export.check_pictures import drawn_pictures
from wps_sam.export.openvino_file import compile_for_cpu
from wps_sam.extra_packages import ENCODER, extra_package
from wps_sam.sam.frozen import FrozenSam
from wps_sam.sam.shape_checks import check_pixels

_LARGEST_ERROR = 0.1
"""Of features, relative to their length.

bfloat16 keeps 8 bits of every number; 0.015 was measured on this picture with MobileSAM, and up to
0.045 on photographs (docs/performance.md).
"""


class Bfloat16OpenvinoEncoder:
    """Encodes as a SAM does, in bfloat16; converted when the first image comes.

    Attributes:
        device: The CPU.
    """

    device = torch.device("cpu")

    def __init__(self, sam: FrozenSam) -> None:
        """Take a SAM, which is not copied.

        Args:
            sam: Of the first SAM's family, on the CPU.

        Raises:
            ConfigError: This SAM cannot be converted, or is not on the CPU.
        """
        if sam.feature_dim != sam.embed_dim:
            raise ConfigError(
                f"--encoder openvino-bf16: {sam.name} cannot be converted yet, as its encoder also "
                "gives finer features. Leave --encoder out, or take mobile_sam, a RepViT-SAM or a "
                "SAM ViT."
            )
        if sam.device != self.device:
            raise ConfigError(
                f"--encoder openvino-bf16 computes on the CPU, found the device {sam.device}. Add "
                "--device cpu, or leave --encoder out."
            )
        self._sam = sam

    @property
    def image_side(self) -> int:
        """That of the SAM."""
        return self._sam.image_side

    def preprocess(self, images: Sequence[NDArray[np.uint8]]) -> Tensor:
        """See FrozenSam.preprocess."""
        return self._sam.preprocess(images)

    def encode(self, pixels: Tensor) -> Tensor:
        """Compute image features, one image after the other.

        Args:
            pixels: (B, 3, side, side) float32 from `preprocess`; B = 0 is legal.

        Returns:
            (B, C, h, w) float32.

        Raises:
            ConfigError: A package is missing, or `pixels` is of another shape.
            ExportError: OpenVINO gives other features than PyTorch.
        """
        sam = self._sam
        check_pixels(sam.name, sam.image_side, pixels)
        found = torch.empty((len(pixels), sam.feature_dim, *sam.embed_hw))
        for features, one in zip(found, pixels[:, None].numpy(), strict=True):
            features.copy_(torch.from_numpy(self._compiled([one])["features"][0]))
        return found

    @cached_property
    def _compiled(self) -> Any:
        """The encoder in OpenVINO, once it was compared with the SAM's own."""
        for name in ("onnx", "onnxscript", "openvino"):
            extra_package(name, ENCODER)
        sam = self._sam
        with tempfile.TemporaryDirectory() as folder:
            compiled = compile_for_cpu(bfloat16_encoder(sam, Path(folder)))
        pixels = sam.preprocess([next(iter(drawn_pictures())).image])
        expected = sam.encode(pixels)
        found = torch.from_numpy(compiled([pixels.numpy()])["features"])
        error = float((found - expected).norm() / expected.norm())
        if not error <= _LARGEST_ERROR:
            raise ExportError(
                f"--encoder openvino-bf16: features differ from PyTorch's by {error:.2g} of their "
                f"length, expected {_LARGEST_ERROR} at most. Leave --encoder out, and report "
                "this with your versions of torch, onnxscript and openvino."
            )
        return compiled
