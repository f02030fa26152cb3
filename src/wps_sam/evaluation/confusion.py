"""Integer pixel counts of (true class, predicted class), summed over a data set."""

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wps_sam.errors import PredictionError

Counts = NDArray[np.int64]
"""(C + 1, C + 1) int64: rows are the truth, columns the prediction; index 0 is background and k is
class k - 1, as in the label maps of `wps_sam.geometry.masks.paint_semantic`."""

# Pixels counted at a time: keeps the 8-byte index of a very large image small.
_PIXELS_PER_BLOCK = 1 << 22


def count_pixels(
    truth_map: ArrayLike,
    predicted_map: ArrayLike,
    num_classes: int,
    ignore: ArrayLike | None = None,
) -> Counts:
    """Count the pixels of one image for each (true class, predicted class).

    Args:
        truth_map: (H, W) int, original frame: 0 is background, k is class k - 1.
        predicted_map: (H, W) int, likewise.
        num_classes: C, without background.
        ignore: (H, W) bool, True where a pixel is not scored; None scores all.

    Returns:
        (C + 1, C + 1) int64.

    Raises:
        PredictionError: The maps differ in shape or hold a value above C.
    """
    truth, predicted = np.asarray(truth_map), np.asarray(predicted_map)
    ignored = None if ignore is None else np.asarray(ignore).astype(bool, copy=False)
    shapes = {array.shape for array in (truth, predicted, ignored) if array is not None}
    if len(shapes) != 1 or truth.ndim != 2:
        raise PredictionError(
            "Truth, prediction and ignored pixels must have one shape (H, W) in the original "
            f"frame; found {truth.shape}, {predicted.shape}"
            f"{'' if ignored is None else f', {ignored.shape}'}. Upscale the prediction first."
        )
    _check_values(truth, "truth", num_classes)
    _check_values(predicted, "predicted", num_classes)
    if truth.flags.f_contiguous and predicted.flags.f_contiguous:
        # Column-major maps are flattened along their memory, which saves two copies.
        truth, predicted = truth.T, predicted.T
        ignored = None if ignored is None else ignored.T
    return _count_flat(
        truth.reshape(-1),
        predicted.reshape(-1),
        None if ignored is None else ignored.reshape(-1),
        num_classes + 1,
    )


def _check_values(labels: NDArray[Any], name: str, num_classes: int) -> None:
    """Raise PredictionError unless all values are in 0..C."""
    if labels.size and (labels.max() > num_classes or labels.min() < 0):
        raise PredictionError(
            f"The {name} label map must hold 0 (background) to {num_classes} (the last class); "
            f"found {labels.min()} to {labels.max()}."
        )


def _count_flat(
    truth: NDArray[Any], predicted: NDArray[Any], ignored: NDArray[np.bool_] | None, side: int
) -> Counts:
    """Count pairs of flat label maps into a (side, side) matrix, block by block."""
    counts = np.zeros(side * side, np.int64)
    for start in range(0, truth.size, _PIXELS_PER_BLOCK):
        block = slice(start, start + _PIXELS_PER_BLOCK)
        index = truth[block].astype(np.intp)
        index *= side
        index += predicted[block]
        if ignored is not None:
            index = index[~ignored[block]]
        counts += np.bincount(index, minlength=side * side)
    return counts.reshape(side, side)


class ConfusionCounts:
    """Pixel counts of a data set, added image by image; nothing is averaged on the way.

    Attributes:
        num_classes: C, without background.
        matrix: (C + 1, C + 1) int64 counts so far; rows truth, columns prediction, 0 background.
        ignored_pixels: Pixels left out so far.
    """

    def __init__(self, num_classes: int) -> None:
        """Start with no image.

        Args:
            num_classes: C, without background.
        """
        self.num_classes = num_classes
        self.matrix: Counts = np.zeros((num_classes + 1, num_classes + 1), np.int64)
        self.ignored_pixels = 0

    def add(
        self, truth_map: ArrayLike, predicted_map: ArrayLike, ignore: ArrayLike | None = None
    ) -> Counts:
        """Add one image.

        Args:
            truth_map: (H, W) int, original frame: 0 is background, k is class k - 1.
            predicted_map: (H, W) int, likewise.
            ignore: (H, W) bool, True where a pixel is not scored; None scores all.

        Returns:
            (C + 1, C + 1) int64, this image's own counts.

        Raises:
            PredictionError: The maps differ in shape or hold a value above C.
        """
        counts = count_pixels(truth_map, predicted_map, self.num_classes, ignore)
        self.add_counts(counts, 0 if ignore is None else int(np.count_nonzero(ignore)))
        return counts

    def add_counts(self, counts: Counts, ignored_pixels: int = 0) -> None:
        """Add the counts of one image.

        Args:
            counts: (C + 1, C + 1) int64.
            ignored_pixels: Pixels that were left out of them.
        """
        self.matrix += counts
        self.ignored_pixels += ignored_pixels

    def merge(self, other: Self) -> None:
        """Add the counts of another part of the data set (another process, another shard).

        Args:
            other: Counts over the same classes.

        Raises:
            PredictionError: The numbers of classes differ.
        """
        if other.num_classes != self.num_classes:
            raise PredictionError(
                f"Cannot add counts over {other.num_classes} classes to counts over "
                f"{self.num_classes}."
            )
        self.matrix += other.matrix
        self.ignored_pixels += other.ignored_pixels
