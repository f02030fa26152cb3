"""Scores image by image: the (image, class) pairs, intervals over images, a gallery's ranking."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from wps_sam.evaluation.confusion import Counts
from wps_sam.evaluation.metrics import mean_of

Column = Literal["true_pixels", "predicted_pixels", "correct_pixels"]


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
    """The scores of N images in flat columns: 100,000 images take some 30 megabytes.

    Attributes:
        num_classes: C, without background.
        file_names: N names, the truth's.
    """

    def __init__(self, num_classes: int) -> None:
        """Start with no image.

        Args:
            num_classes: C, without background.
        """
        self.num_classes = num_classes
        self.file_names: list[str] = []
        self._ends = array("q", [0])
        self._class_index = array("i")
        self._columns: dict[Column, array[int]] = {
            "true_pixels": array("q"),
            "predicted_pixels": array("q"),
            "correct_pixels": array("q"),
        }

    def add(self, file_name: str, counts: Counts) -> None:
        """Keep what matters of one image's counts.

        Args:
            file_name: The truth's name of the image.
            counts: (C + 1, C + 1) int64 of this image alone, background first.
        """
        true, predicted = counts.sum(axis=1)[1:], counts.sum(axis=0)[1:]
        occurs = np.flatnonzero(true + predicted)
        correct = np.diagonal(counts)[1:]
        self.file_names.append(file_name)
        self._class_index.extend(occurs.tolist())
        for column, values in zip(self._columns.values(), (true, predicted, correct), strict=True):
            column.extend(values[occurs].tolist())
        self._ends.append(len(self._class_index))

    def table(self, column: Column) -> csr_array:
        """One column as a table of images and classes.

        Args:
            column: Which pixel counts.

        Returns:
            (N, C) sparse int64.
        """
        parts = (
            np.array(self._columns[column], np.int64),
            np.array(self._class_index, np.int32),
            np.array(self._ends, np.int64),
        )
        return csr_array(parts, shape=(len(self), self.num_classes))

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
        rows = slice(self._ends[index], self._ends[index + 1])
        columns = (np.array(column[rows], np.int64) for column in self._columns.values())
        return ImageScore(
            self.file_names[index], np.array(self._class_index[rows], np.int32), *columns
        )


def pair_scores(images: ImageScores) -> PairScores:
    """Average over (image, class) pairs.

    Args:
        images: Scores of all images.

    Returns:
        The means and how many pairs they cover.
    """
    true, predicted, correct = (
        images.table(name).data for name in ("true_pixels", "predicted_pixels", "correct_pixels")
    )
    iou = correct / (true + predicted - correct)
    true_iou = iou[true > 0]
    return PairScores(mean_of(iou), mean_of(true_iou), len(iou), len(true_iou))
