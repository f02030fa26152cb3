"""Boundary IoU: class IoU counted only in a thin band inside each region's outline.

Mask IoU hardly sees the outline of a large region; boundary IoU (Cheng, Girshick, Dollar, Berg and
Kirillov, "Boundary IoU", CVPR 2021) weighs it alone. The band of a class holds its painted pixels
at most d away from a pixel of another label or from the outside of the image. Distances are
Chebyshev (a step may be diagonal), and d is 2 % of the image's diagonal, at least one pixel, as in
the published code. There the counts are per mask; here they are per class and summed over the data
set before the ratio is taken, like every other IoU of this package:

boundary IoU of a class = |true band and predicted band| / |true band or predicted band|.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from wps_sam.errors import PredictionError
from wps_sam.evaluation.class_rows import ClassRows, pixel_columns
from wps_sam.evaluation.confusion import ConfusionCounts
from wps_sam.evaluation.metrics import class_scores, mean_of
from wps_sam.evaluation.parts import LabelMap

_SHARE_OF_DIAGONAL = 0.02


@dataclass(frozen=True)
class BoundaryScores:
    """Boundary IoU over the data set, in 0..1.

    Attributes:
        boundary_miou: Mean over the part classes that have true band pixels (every class with true
            pixels, unless its whole true band is ignored); None where there is none.
        class_boundary_iou: Class name -> boundary IoU; None where the class has no band pixel,
            true or predicted.
    """

    boundary_miou: float | None
    class_boundary_iou: Mapping[str, float | None]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


class BoundaryCounts:
    """Band pixels of a data set, added image by image.

    Attributes:
        rows: (3, C) true, predicted and correct band pixels of each image.
    """

    def __init__(self, num_classes: int) -> None:
        """Start with no image.

        Args:
            num_classes: C, without background.
        """
        self._counts = ConfusionCounts(num_classes)
        self.rows = ClassRows(3, num_classes)

    def add(
        self,
        truth_map: LabelMap,
        predicted_map: LabelMap,
        ignore: NDArray[np.bool_] | None = None,
    ) -> None:
        """Add one image.

        Args:
            truth_map: (H, W) uint8 or uint16, original frame: 0 is background, k is class k - 1.
            predicted_map: (H, W) uint8 or uint16, likewise.
            ignore: (H, W) bool, True where a pixel is not scored. Ignored pixels leave the counts;
                they do not change where the bands lie.

        Raises:
            PredictionError: The maps differ in shape or hold a value above C.
        """
        maps = [truth_map, predicted_map, *([] if ignore is None else [ignore])]
        if len({array.shape for array in maps}) != 1:
            raise PredictionError(
                "Truth, prediction and ignored pixels must have one shape (H, W) in the original "
                f"frame; found {', '.join(str(array.shape) for array in maps)}. Predict the "
                "original image files."
            )
        true_band, predicted_band = inner_band(truth_map), inner_band(predicted_map)
        # Few pixels lie in a band, and picking them is cheaper than counting all.
        in_band = (true_band | predicted_band) > 0
        if ignore is not None:
            in_band &= ~ignore
        if in_band.flags.f_contiguous:  # read along the memory
            in_band, true_band, predicted_band = in_band.T, true_band.T, predicted_band.T
        pixels = np.flatnonzero(in_band)
        true_labels, predicted_labels = true_band.ravel()[pixels], predicted_band.ravel()[pixels]
        counts = self._counts.add(true_labels[None], predicted_labels[None])
        self.rows.add(pixel_columns(counts))

    def scores(self, class_names: Sequence[str]) -> BoundaryScores:
        """Derive the scores of the images added so far.

        Args:
            class_names: C names.

        Returns:
            The scores.
        """
        classes = class_scores(self._counts.matrix, class_names)[1:]
        return BoundaryScores(
            boundary_miou=mean_of([score.iou for score in classes if score.true_pixels]),
            class_boundary_iou={score.name: score.iou for score in classes},
        )


def band_width(hw: tuple[int, int]) -> int:
    """Width d of the band in pixels: 2 % of the image's diagonal, rounded, at least 1.

    Args:
        hw: (height, width) of the image, original frame.

    Returns:
        d.
    """
    return max(1, round(_SHARE_OF_DIAGONAL * float(np.hypot(*hw))))


def inner_band(label_map: LabelMap) -> LabelMap:
    """Keep only the pixels that lie in the inner band of their own region.

    A pixel is interior where the smallest and the largest label within d of it are equal, so that
    two filters with a square window serve all classes at once, however many there are.

    Args:
        label_map: (H, W) uint8 or uint16, original frame: 0 is background, k is class k - 1.

    Returns:
        (H, W), same dtype and memory order: k in the band of class k - 1, 0 elsewhere.
    """
    if label_map.flags.f_contiguous and not label_map.flags.c_contiguous:
        # OpenCV wants rows; a square window does not mind which way the image lies.
        return inner_band(label_map.T).T
    labels = np.ascontiguousarray(label_map)
    distance = band_width((labels.shape[0], labels.shape[1]))
    window = np.ones((2 * distance + 1, 2 * distance + 1), np.uint8)
    # Zeros around the image make its outside another label.
    lowest = cv2.erode(labels, window, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    highest = cv2.dilate(labels, window, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    band: LabelMap = labels * (lowest != highest)
    return band
