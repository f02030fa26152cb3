"""Boxes that SAM made of points, corrected by a prompter that has learnt from all of them.

SAM's box of one point may be of a detail or of the whole. A prompter that has seen many such boxes,
but not yet each of them often, says of a part what its class usually looks like there. Teaching it
its own answers where labels are weak is self-training.
"""

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from wps_sam.prompter.interface import PartPrompts, PartTargets
from wps_sam.prompter.overlap import iou
from wps_sam.prompter.pseudo_boxes import labelled_by_points

_SAME_PLACE = 1.0  # pixel of the SAM frame
_LEAST_HALF = 1.0  # likewise: no box is narrower than twice that


def correct_boxes(target: PartTargets, found: PartPrompts, image_side: int) -> Tensor:
    """Correct the boxes of parts that are labelled with points.

    Answers go to parts of their class, each to one, so that the sum of fits is largest. The fit of
    an answer and a point is the answer's score, times 1 minus the distance of the point from the
    box's middle in half widths or heights; of an answer and a labelled box, which is not corrected,
    the score times their IoU. Where the box so far has its middle in the point, the new one gets it
    there too: then the point is the centre of a box, of which nothing else was known.

    Args:
        target: P labelled parts of an image, with `pseudo_xyxy`.
        found: What the prompter finds in that image.
        image_side: Side of the SAM frame in pixels; boxes stay inside.

    Returns:
        (P, 4) float32, SAM frame: the boxes to learn from now on.
    """
    learnt = target.learnt_boxes.clone()
    boxes = found.boxes_xyxy.to(learnt)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = ((boxes[:, 2:] - boxes[:, :2]) / 2).clamp(min=_LEAST_HALF)
    part, answer = _shared_out(_fit(target, found, middle, half))
    by_points = labelled_by_points(target)[part]
    part, answer = part[by_points], answer[by_points]

    place = target.boxes_xyxy[part, :2]
    was_middle = (learnt[part, :2] + learnt[part, 2:]) / 2
    is_centred = (was_middle - place).abs().amax(1, keepdim=True) < _SAME_PLACE
    new_middle = torch.where(is_centred, place, middle[answer])
    # A centred box ends at the border on both sides, or it would not be centred any more.
    to_border = torch.minimum(place, image_side - place).clamp(min=_LEAST_HALF)
    new_half = torch.where(is_centred, torch.minimum(half[answer], to_border), half[answer])
    new = torch.cat([new_middle - new_half, new_middle + new_half], dim=1)
    learnt[part] = new.clamp(0, image_side)
    return learnt


def _fit(target: PartTargets, found: PartPrompts, middle: Tensor, half: Tensor) -> Tensor:
    """(P, N) float32, how well each answer fits each part; 0 where it does not."""
    learnt, place = target.learnt_boxes, target.boxes_xyxy
    distance = ((place[:, None, :2] - middle) / half).abs().amax(2)
    overlap = iou(place[:, None], found.boxes_xyxy.to(learnt))
    by_points = labelled_by_points(target)[:, None]
    nearness = torch.where(by_points, (1 - distance).clamp(min=0), overlap)
    same_class = target.class_index[:, None] == found.class_index.to(target.class_index)
    return found.scores.to(learnt) * nearness * same_class


def _shared_out(fit: Tensor) -> tuple[Tensor, Tensor]:
    """Rows and columns of (P, N) that go together, each at most once, where the fit is above 0."""
    part, answer = (
        torch.from_numpy(index) for index in linear_sum_assignment(fit.numpy(), maximize=True)
    )
    fits = fit[part, answer] > 0
    return part[fits], answer[fits]
