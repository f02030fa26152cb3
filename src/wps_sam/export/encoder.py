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
from wps_sam.export.openvino_file import compile_for_cpu
from wps_sam.extra_packages import EXPORT, extra_package
from wps_sam.sam.frozen import FrozenSam

_LARGEST_ERROR = 0.15
"""Of features, relative to their length.

bfloat16 keeps 8 bits of every number; of photographs 0.015 to 0.056 were measured, by processor
(docs/performance.md). A graph that computes something else is off by 1 or so.
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
            ConfigError: A package is missing, or this SAM has not been taught to OpenVINO.
        """
        for name in ("onnx", "onnxscript", "openvino"):
            extra_package(name, EXPORT)
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

    def preprocess(self, images: Sequence[NDArray[np.uint8]]) -> Tensor:
        """See FrozenSam.preprocess."""
        return self._sam.preprocess(images)

    def encode(self, pixels: Tensor) -> Tensor:
        """See FrozenSam.encode.

        Raises:
            ExportError: OpenVINO gives other features than PyTorch, on the first image.
        """
        return torch.cat([self._features(one) for one in pixels[:, None].numpy()])

    def _features(self, pixels: NDArray[np.float32]) -> Tensor:
        """(1, 3, side, side) -> (1, C, h, w)."""
        return torch.from_numpy(self._checked([pixels])["features"].copy())

    @cached_property
    def _checked(self) -> Any:
        """The compiled encoder, once it was compared with the SAM."""
        sam = self._sam
        with tempfile.TemporaryDirectory() as folder:
            compiled = compile_for_cpu(bfloat16_encoder(sam, Path(folder)))
        generator = torch.Generator().manual_seed(0)
        pixels = torch.randn((1, 3, sam.image_side, sam.image_side), generator=generator)
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
