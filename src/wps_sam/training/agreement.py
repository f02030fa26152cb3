"""Box agreement: a validation score that weak labels allow. It never looks at a mask.

Predicted and labelled parts of one class are paired by similarity, most similar first. With s the
similarity of a pair, agreement = 2 * sum(s) / (predicted + labelled): 1 when every label has its
equal, lower for missing, false and badly placed parts. Similarity is the IoU of boxes, and for
point labels 1 - distance / `POINT_REACH`, at least 0, between the label and the point, or the
centre of the box, that was predicted.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from wps_sam.geometry.boxes import box_center, box_iou
from wps_sam.prompter.interface import PartPrompts, PartTargets
from wps_sam.prompter.teacher import Supervision

POINT_REACH = 64.0  # pixels of the SAM frame: one sixteenth of its side


@dataclass
class BoxAgreement:
    """Running sums over images.

    Attributes:
        supervision: which similarity to use; under `mixed`, each label decides for itself.
        similarity: sum over pairs.
        predicted: number of predicted parts.
        labelled: number of labelled parts.
    """

    supervision: Supervision
    similarity: float = 0.0
    predicted: int = 0
    labelled: int = 0

    def add(self, prompts: PartPrompts, targets: PartTargets) -> None:
        """Count one image."""
        similarity = self._similarity(
            prompts.boxes_xyxy.detach().float().cpu().numpy(),
            targets.boxes_xyxy.float().cpu().numpy(),
        )
        same_class = prompts.class_index.cpu().numpy()[:, None] == targets.class_index.cpu().numpy()
        self.similarity += greedy_pairs(np.where(same_class, similarity, 0.0))
        self.predicted += similarity.shape[0]
        self.labelled += similarity.shape[1]

    def score(self) -> float:
        """Agreement so far, 0..1; 1 if there was nothing to find and nothing was found."""
        total = self.predicted + self.labelled
        return 2 * self.similarity / total if total else 1.0

    def _similarity(
        self, predicted: npt.NDArray[np.float32], labelled: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float64]:
        """Boxes (N, 4) and (P, 4), SAM frame -> (N, P) in 0..1; a point is a box of zero size."""
        overlap: npt.NDArray[np.float64] = box_iou(predicted, labelled)
        if self.supervision == "box":
            return overlap
        offset = box_center(predicted)[:, None] - box_center(labelled)[None]
        distance = np.linalg.norm(offset, axis=-1)
        near: npt.NDArray[np.float64] = np.clip(1 - distance / POINT_REACH, 0.0, 1.0)
        if self.supervision == "point":
            return near
        is_point = (labelled[:, :2] == labelled[:, 2:]).all(1)
        return np.where(is_point, near, overlap)


def greedy_pairs(similarity: npt.NDArray[np.float64]) -> float:
    """Sum of similarities (N, P) of pairs taken greedily, each row and column at most once."""
    left = similarity.copy()
    total = 0.0
    while left.size and left.max() > 0:
        row, column = np.unravel_index(left.argmax(), left.shape)
        total += float(left[row, column])
        left[row, :] = 0.0
        left[:, column] = 0.0
    return total
