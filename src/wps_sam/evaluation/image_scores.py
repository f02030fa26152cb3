"""Scores image by image: the (image, class) pairs, and what a gallery ranks by."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wps_sam.evaluation.confusion import Counts
from wps_sam.evaluation.metrics import mean_of


@dataclass(frozen=True)
class ImageScore:
    """Pixel counts of one image, kept only for the K part classes that occur in it.

    These are all that a mean over images or pairs, or an interval over images, needs.

    Attributes:
        file_name: The truth's name of the image.
        class_index: (K,) int32, classes that are true or predicted here, without background.
        true_pixels: (K,) int64.
        predicted_pixels: (K,) int64.
        correct_pixels: (K,) int64.
    """

    file_name: str
    class_index: NDArray[np.int32]
    true_pixels: NDArray[np.int64]
    predicted_pixels: NDArray[np.int64]
    correct_pixels: NDArray[np.int64]

    @property
    def class_iou(self) -> NDArray[np.float64]:
        """(K,) IoU of each class within this image; 0 where it is only true or only predicted."""
        union = self.true_pixels + self.predicted_pixels - self.correct_pixels
        return np.asarray(self.correct_pixels / union, np.float64)

    @property
    def miou(self) -> float | None:
        """Mean of `class_iou`; None for an image with no part, true or predicted."""
        return float(self.class_iou.mean()) if len(self.class_index) else None


@dataclass(frozen=True)
class PairScores:
    """Means over (image, class) pairs: every part of every image weighs the same.

    Attributes:
        miou_image_class_pairs: Mean IoU over all pairs of an image and a part class that is true
            or predicted in it; a missed and an invented class both count 0.
        miou_image_true_class_pairs: The same over the pairs whose class is true in the image, so
            that an invented class costs nothing (the published code pairs like this).
        pairs: Number of pairs in the first mean.
        true_pairs: Number of pairs in the second mean.
    """

    miou_image_class_pairs: float | None
    miou_image_true_class_pairs: float | None
    pairs: int
    true_pairs: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "miou_image_class_pairs": self.miou_image_class_pairs,
            "miou_image_true_class_pairs": self.miou_image_true_class_pairs,
            "pairs": self.pairs,
            "true_pairs": self.true_pairs,
        }


def image_score(file_name: str, counts: Counts) -> ImageScore:
    """Keep what matters of one image's counts.

    Args:
        file_name: The truth's name of the image.
        counts: (C + 1, C + 1) int64 of this image alone.

    Returns:
        The image's score.
    """
    true, predicted = counts.sum(axis=1)[1:], counts.sum(axis=0)[1:]
    occurs = np.flatnonzero(true + predicted)
    correct = np.diagonal(counts)[1:]
    return ImageScore(
        file_name, occurs.astype(np.int32), true[occurs], predicted[occurs], correct[occurs]
    )


def pair_scores(images: Iterable[ImageScore]) -> PairScores:
    """Average over (image, class) pairs.

    Args:
        images: Scores of all images.

    Returns:
        The means and how many pairs they cover.
    """
    all_iou: list[float] = []
    true_iou: list[float] = []
    for image in images:
        iou = image.class_iou
        all_iou.extend(iou.tolist())
        true_iou.extend(iou[image.true_pixels > 0].tolist())
    return PairScores(mean_of(all_iou), mean_of(true_iou), len(all_iou), len(true_iou))
