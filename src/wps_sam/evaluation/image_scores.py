"""Scores image by image: the (image, class) pairs, intervals over images, a gallery's ranking."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from wps_sam.evaluation.class_rows import ClassRows, pixel_columns
from wps_sam.evaluation.confusion import Counts


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


class ImageScores(Sequence[ImageScore]):
    """The scores of N images; only names are in memory, pixel counts wait on disk.

    Attributes:
        file_names: N names, the truth's.
        rows: (3, C) true, predicted and correct pixels of each image.
    """

    def __init__(self, num_classes: int) -> None:
        """Start with no image.

        Args:
            num_classes: C, without background.
        """
        self.file_names: list[str] = []
        self.rows = ClassRows(3, num_classes)

    def add(self, file_name: str, counts: Counts) -> None:
        """Keep what matters of one image's counts.

        Args:
            file_name: The truth's name of the image.
            counts: (C + 1, C + 1) int64 of this image alone, background first.
        """
        self.file_names.append(file_name)
        self.rows.add(pixel_columns(counts))

    def __len__(self) -> int:
        """N."""
        return len(self.file_names)

    @overload
    def __getitem__(self, index: int) -> ImageScore: ...

    @overload
    def __getitem__(self, index: slice) -> list[ImageScore]: ...

    def __getitem__(self, index: int | slice) -> ImageScore | list[ImageScore]:
        """One image's score, or those of a slice."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"There are {len(self)} images; found index {index}.")
        index %= len(self)
        occurs, pixels = self.rows.image(index)
        return ImageScore(self.file_names[index], occurs.astype(np.int32), *pixels.astype(np.int64))


def pair_scores(images: ImageScores) -> PairScores:
    """Average over (image, class) pairs.

    Args:
        images: Scores of all images.

    Returns:
        The means and how many pairs they cover.
    """
    iou_sum = true_iou_sum = 0.0
    pairs = true_pairs = 0
    for true, predicted, correct in images.rows.blocks():
        iou, is_pair = image_class_iou(true, predicted, correct)
        is_true = true > 0
        iou_sum += float(iou.sum())
        true_iou_sum += float(iou[is_true].sum())
        pairs += int(np.count_nonzero(is_pair))
        true_pairs += int(np.count_nonzero(is_true))
    return PairScores(
        miou_image_class_pairs=iou_sum / pairs if pairs else None,
        miou_image_true_class_pairs=true_iou_sum / true_pairs if true_pairs else None,
        pairs=pairs,
        true_pairs=true_pairs,
    )


def image_class_iou(
    true: NDArray[np.float64], predicted: NDArray[np.float64], correct: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """IoU of each class within each image.

    Args:
        true: (B, C) true pixels.
        predicted: (B, C) predicted pixels.
        correct: (B, C) pixels that are both.

    Returns:
        (B, C) float64 IoU, 0 where the class does not occur, and (B, C) bool, whether it does.
    """
    union = true + predicted - correct
    occurs = union > 0
    return np.divide(correct, union, out=np.zeros_like(union), where=occurs), occurs
