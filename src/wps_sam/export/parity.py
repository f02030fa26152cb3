"""Whether an exported file finds what the model finds; files that do not are not kept."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wps_sam.errors import ExportError
from wps_sam.export.check_pictures import CheckPicture
from wps_sam.export.graph_file import FoundParts, GraphFile
from wps_sam.geometry.masks import mask_to_box
from wps_sam.inference.prediction import PartPrediction
from wps_sam.inference.segmenter import PartSegmenter

SCORE_LIMIT = 0.005
"""Most that a score may differ. Sums in another order move scores by about 1e-6; a pixel that
resizing rounds the other way, one in some thousands, by up to 5e-4."""

PIXEL_LIMIT = 0.001
"""Largest share of the picture's pixels in which a mask may differ. Only pixels on a mask's edge
do, where the logit is as good as 0; an edge is at most some percent of a picture."""

BOX_LIMIT = 0.01
"""Most that a box's side may move, in longer sides of the picture, but at least one pixel: a single
pixel more at a mask's tip moves a tight box."""

_SAME_PART = 0.5  # IoU from which two masks of one class are taken to be one part
_FEW = 6  # parts are enough to check on a picture where the run's threshold leaves none


@dataclass(frozen=True)
class Agreement:
    """How well file and model agree on one picture.

    Attributes:
        name: Of the picture.
        original_hw: (height, width) in pixels.
        score_threshold: That both were asked with.
        parts: How many the model finds.
        borderline: Parts that only one of both finds because their score is within `SCORE_LIMIT`
            of the threshold.
        score_gap: Largest difference of a score.
        pixel_gap: Largest share of the picture's pixels in which a mask differs.
        box_gap: Most that a box's side differs, in pixels.
    """

    name: str
    original_hw: tuple[int, int]
    score_threshold: float
    parts: int
    borderline: int
    score_gap: float
    pixel_gap: float
    box_gap: float


@torch.inference_mode()
def check_picture(
    segmenter: PartSegmenter, file: GraphFile, picture: CheckPicture, score_threshold: float
) -> Agreement:
    """Let model and file cut one picture, and compare.

    Where the model finds no part, both are asked with a lower threshold that leaves a few; for the
    file that number is exchanged in memory.

    Args:
        segmenter: The model, on the CPU.
        file: The loaded file.
        picture: To cut.
        score_threshold: The file's own.

    Returns:
        How well they agree.

    Raises:
        ExportError: They do not; says in what, how far, and what to do.
    """
    image = picture.image
    features = segmenter.sam.encode(segmenter.sam.preprocess([image]))
    offered = segmenter.prompter.select(segmenter.prompter(features), segmenter.sam, 0.0)[0]
    lowered = lowered_threshold(offered.scores, score_threshold)
    threshold = score_threshold if lowered is None else lowered
    hw = (image.shape[0], image.shape[1])
    expected = segmenter.predict_features(features[0], hw, score_threshold=threshold)
    asked = file if lowered is None else file.with_threshold(lowered)
    return compare(picture.name, expected, asked.run(image), threshold)


def lowered_threshold(scores: Tensor, score_threshold: float) -> float | None:
    """A threshold that leaves a few parts: in the widest gap between the best scores.

    Args:
        scores: (N,) float32, of all that the prompter offers, best first.
        score_threshold: The file's own.

    Returns:
        None where the file's own leaves a part, or nothing is offered at all.
    """
    if not len(scores) or float(scores[0]) >= score_threshold:
        return None
    best: list[float] = [*scores[: _FEW + 1].tolist(), 0.0][: _FEW + 1]
    _, low, high = max((high - low, low, high) for high, low in pairwise(best))
    return (low + high) / 2


def compare(
    name: str, expected: PartPrediction, found: FoundParts, score_threshold: float
) -> Agreement:
    """Compare what the model and the file found in one picture.

    Args:
        name: Of the picture.
        expected: The model's parts.
        found: The file's parts.
        score_threshold: That both were asked with.

    Returns:
        How well they agree.

    Raises:
        ExportError: They do not agree.
    """
    where = f"picture {name!r} of {expected.original_hw[0]} x {expected.original_hw[1]} pixels"
    _check_shapes(where, expected, found)
    pairs = _paired(expected, found)
    rows, others = [row for row, _ in pairs], [other for _, other in pairs]
    single = [
        *np.delete(expected.scores, rows).tolist(),
        *np.delete(found.scores, others).tolist(),
    ]
    far = max((abs(score - score_threshold) for score in single), default=0.0)
    if far > SCORE_LIMIT:
        raise _disagreement(
            where,
            f"the model finds {len(expected)} parts and the file {len(found.scores)}, and of one "
            f"that only one of them finds the score is {far:.4f} off the threshold",
            f"such parts only within {SCORE_LIMIT} of it",
        )
    gaps = Agreement(
        name=name,
        original_hw=expected.original_hw,
        score_threshold=score_threshold,
        parts=len(expected),
        borderline=len(single),
        score_gap=_gap(expected.scores[rows], found.scores[others]),
        pixel_gap=max(
            (float((expected.masks[row] != found.masks[other]).mean()) for row, other in pairs),
            default=0.0,
        ),
        box_gap=_gap(expected.boxes_xyxy[rows], found.boxes[others]),
    )
    _check_limits(where, gaps)
    return gaps


def _check_shapes(where: str, expected: PartPrediction, found: FoundParts) -> None:
    """Raise ExportError unless the file's arrays fit one another, the picture and the classes."""
    parts = len(found.scores)
    shapes = tuple(values.shape for values in found)
    wanted = ((parts, *expected.original_hw), (parts,), (parts,), (parts, 4))
    if shapes != wanted:
        raise _disagreement(where, f"the file's outputs have shapes {shapes}", f"{wanted}")
    for mask, box in zip(found.masks, found.boxes, strict=True):
        if not np.array_equal(mask_to_box(mask), box):
            raise _disagreement(
                where,
                f"the file gives the box {box.tolist()}",
                f"the tight box of its own mask, {mask_to_box(mask).tolist()}",
            )


def _check_limits(where: str, gaps: Agreement) -> None:
    """Raise ExportError if a gap is too wide."""
    box_limit = max(1.0, BOX_LIMIT * max(gaps.original_hw))
    for what, gap, limit in (
        ("scores", gaps.score_gap, SCORE_LIMIT),
        ("masks (share of the picture's pixels)", gaps.pixel_gap, PIXEL_LIMIT),
        ("boxes (pixels)", gaps.box_gap, box_limit),
    ):
        if not gap <= limit:  # so that a score that is no number fails too
            raise _disagreement(where, f"{what} differ by {gap:.2g}", f"at most {limit:.2g}")


def _paired(expected: PartPrediction, found: FoundParts) -> list[tuple[int, int]]:
    """Rows of the parts that both found; scores as good as equal may have changed places.

    Of the file's parts of the same class whose mask is about the same, the one with the nearest
    score is taken.
    """
    pairs = []
    free = set(range(len(found.scores)))
    for row, mask in enumerate(expected.masks):
        alike = [
            (abs(float(expected.scores[row] - found.scores[other])), other)
            for other in free
            if found.class_index[other] == expected.class_index[row]
            and _iou(mask, found.masks[other]) >= _SAME_PART
        ]
        if alike:
            _, other = min(alike)
            free.discard(other)
            pairs.append((row, other))
    return pairs


def _iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Intersection over union of two masks that are not both empty."""
    return int(np.count_nonzero(a & b)) / max(1, int(np.count_nonzero(a | b)))


def _gap(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Largest absolute difference; 0 of nothing."""
    return float(np.abs(a.astype(np.float64) - b).max(initial=0.0))


def _disagreement(where: str, found: str, expected: str) -> ExportError:
    """The error for a file that does not compute what the model does."""
    return ExportError(
        f"The exported file does not agree with the model on {where}: {found}; expected "
        f"{expected}. The file was deleted. Install the versions of torch, onnxscript, onnxruntime "
        "and openvino that constraints.txt names and export again; if that does not help, report "
        "this message."
    )
