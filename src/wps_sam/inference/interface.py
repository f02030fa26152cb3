"""What bulk prediction needs of something that finds parts: a run in PyTorch, or a file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wps_sam.inference.prediction import PartPrediction

ImageInput = str | Path | Image.Image | NDArray[np.uint8]
"""An image file, a Pillow image as it is (no EXIF turn), or (H, W, 3) uint8 RGB."""


class Segmenter(Protocol):
    """Finds the named parts of images."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """C names, in class order."""

    @property
    def category_ids(self) -> tuple[int, ...]:
        """C ids that the classes had in the label file."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 hex; differs where results may."""

    @property
    def sam_name(self) -> str:
        """Name of the SAM in it."""

    @property
    def sam_fingerprint(self) -> str:
        """SHA-256 hex of that SAM's weights."""

    @property
    def images_a_call(self) -> int:
        """How many images a call of `predict_batch` had best be given."""

    def threshold_of(self, wanted: float | None) -> float:
        """The threshold of a call that asks for `wanted`; None takes the run's.

        Raises:
            ConfigError: It is outside 0 to 1.
        """

    def predict_batch(
        self, images: Sequence[ImageInput], *, score_threshold: float | None = None
    ) -> list[PartPrediction]:
        """Find the parts of several images.

        Args:
            images: Files, Pillow images or arrays (H, W, 3) uint8 RGB; sizes may differ.
            score_threshold: Least score, 0 to 1; None takes the run's.

        Returns:
            One result for each image, in order, original frame.

        Raises:
            DataError: An image cannot be read or cut.
            ConfigError: The threshold is outside 0 to 1.
        """
