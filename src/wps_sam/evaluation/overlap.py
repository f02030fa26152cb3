"""How the painted parts of one image overlap: the one count from which the scores are derived.

Truth and prediction are each painted by the overlap rule (smaller part on top), so that every
pixel belongs to at most one true and one predicted part; then pixels are counted by (true part,
predicted part). Class counts, panoptic quality and the error anatomy are sums over this table.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wps_sam.errors import PredictionError
from wps_sam.evaluation.confusion import Counts, count_pixels
from wps_sam.evaluation.parts import ImageParts


@dataclass(frozen=True)
class ImageOverlap:
    """Pixels of one image by (true part, predicted part); ignored pixels are not in it.

    Attributes:
        true_class: (T,) int64, class of each true part.
        predicted_class: (P,) int64, class of each predicted part, in the truth's classes.
        pixels: (T + 1, P + 1) int64, original frame; row and column 0 are background, k is part
            k - 1.
        ignored: (P + 1,) int64, pixels of the background and of each predicted part in ignored
            regions.
    """

    true_class: NDArray[np.int64]
    predicted_class: NDArray[np.int64]
    pixels: NDArray[np.int64]
    ignored: NDArray[np.int64]

    @property
    def ignored_pixels(self) -> int:
        """Number of pixels in ignored regions."""
        return int(self.ignored.sum())

    def class_counts(self, num_classes: int) -> Counts:
        """Add up the parts of each class.

        Args:
            num_classes: C.

        Returns:
            (C + 1, C + 1) int64; rows truth, columns prediction, 0 background.
        """
        rows = np.concatenate([[0], self.true_class + 1])
        columns = np.concatenate([[0], self.predicted_class + 1])
        counts: Counts = np.zeros((num_classes + 1, num_classes + 1), np.int64)
        np.add.at(counts, (rows[:, None], columns[None, :]), self.pixels)
        return counts


def overlap_parts(truth: ImageParts, predicted: ImageParts) -> ImageOverlap:
    """Paint one image's parts, truth and prediction by the same rule, and count their overlap.

    Args:
        truth: True parts.
        predicted: Predicted parts in the truth's classes.

    Returns:
        The table.

    Raises:
        PredictionError: The two have different sizes.
    """
    if truth.hw != predicted.hw:
        raise PredictionError(
            "Truth and prediction must have one size (height, width) in the original frame; found "
            f"{truth.hw} and {predicted.hw}. Predict the original image files."
        )
    true_map, predicted_map = truth.part_map(), predicted.part_map()
    ignore = truth.ignore_mask()
    most = max(len(truth.runs), len(predicted.runs))
    pixels = count_pixels(true_map, predicted_map, most, ignore)
    hidden = np.zeros(len(predicted.runs) + 1, np.int64)
    if ignore is not None:
        hidden = np.bincount(predicted_map[ignore], minlength=len(hidden))
    return ImageOverlap(
        true_class=truth.class_index,
        predicted_class=predicted.class_index,
        pixels=pixels[: len(truth.runs) + 1, : len(predicted.runs) + 1],
        ignored=hidden,
    )
