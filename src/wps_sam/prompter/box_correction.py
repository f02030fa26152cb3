"""Boxes that SAM made of points, corrected by a prompter that has learnt from all of them.

SAM's box of one point may be of a detail or of the whole. A prompter that learns many such boxes
cannot learn by heart which was which; what it says of a part is nearer to what its class usually
looks like. Teaching it its own answers where labels are weak is self-training.
"""

import torch
from torch import Tensor

from wps_sam.prompter.interface import PartPrompts, PartTargets
from wps_sam.prompter.pseudo_boxes import labelled_by_points

LEAST_SCORE = 0.2
"""Answers less sure than this correct nothing."""

_SAME_PLACE = 1.0  # pixel of the SAM frame


def correct_boxes(target: PartTargets, found: PartPrompts) -> Tensor:
    """Correct the boxes of parts that are labelled with points.

    Of the answers of a part's class around its point, the one is taken whose score, times 1 minus
    the distance of the point from the box's middle in half widths or heights, is highest. Where the
    box so far has its middle in the point, the new one gets it there too: then the point is the
    centre of a box, of which nothing else was known.

    Args:
        target: P labelled parts of an image, with `pseudo_xyxy`.
        found: What the prompter finds in that image.

    Returns:
        (P, 4) float32, SAM frame: the boxes to learn from now on.
    """
    learnt = target.learnt_boxes.clone()
    rows = torch.nonzero(labelled_by_points(target)).squeeze(1)
    if not len(rows) or not len(found):
        return learnt
    place = target.boxes_xyxy[rows, :2]
    boxes = found.boxes_xyxy.to(learnt)
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    distance = ((place[:, None] - middle) / half.clamp(min=_SAME_PLACE)).abs().amax(2)
    same_class = target.class_index[rows, None] == found.class_index.to(target.class_index)
    fit = found.scores.to(learnt) * (1 - distance).clamp(min=0) * same_class
    best, answer = fit.max(1)
    was_middle = (learnt[rows, :2] + learnt[rows, 2:]) / 2
    is_centred = (was_middle - place).abs().amax(1, keepdim=True) < _SAME_PLACE
    new_middle = torch.where(is_centred, place, middle[answer])
    new = torch.cat([new_middle - half[answer], new_middle + half[answer]], dim=1).clamp(min=0)
    learnt[rows] = torch.where(best[:, None] > 0, new, learnt[rows])
    return learnt
