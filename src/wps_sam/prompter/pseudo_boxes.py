"""Boxes for parts that are labelled with points, so that a prompter of boxes can learn them.

SAM cuts out three masks for a point: roughly a detail, a part and the whole. Which one is the part
differs from point to point. Four things tell: SAM's own guess of a mask's IoU; a mask on which
points of other parts lie is too large; people click on the middle of a part; and parts of one class
are often of one size. And where a mask leaks out of its part on one side, the other side, which is
about as far from the point, shows it.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from wps_sam.geometry.boxes import box_center
from wps_sam.geometry.frames import SamFrame
from wps_sam.labels.weak_labels import WeakDataset, WeakImage
from wps_sam.prompter.extents import mask_extents
from wps_sam.prompter.interface import PartTargets
from wps_sam.prompter.teacher import Supervision, label_tokens, teacher_targets
from wps_sam.prompter.token_lengths import same_length
from wps_sam.sam.frozen import FrozenSam

EMPTY_SIDE = 1 / 16
"""Side of the box around the point where SAM's mask is empty, in sides of the SAM frame."""

ROUNDS = 4
"""How often usual sizes and choices are made from each other."""

LOPSIDED = 2.0
"""How many times as far as to the left a box may reach from a drawn point to the right, and so on.
From a point that is the centre of a labelled box it reaches equally far."""

LEAST_REACH = 2.0
"""Pixels of the SAM frame; a box is taken to reach at least so far from the point to each side."""

LEAST_SHARE = 0.25
"""The shorter side of a drawn point counts as at least so much of a box's width or height."""

OFFSET_COST = 6.0
"""What a mask costs whose middle is a width or a height away from the point."""

OTHER_PART_COST = 0.5
"""What the point of another part costs a mask on which it lies."""


class Candidates(NamedTuple):
    """Boxes that the P' parts labelled with points in one image could have.

    Attributes:
        boxes_xyxy: (P', 3, 4) float32, SAM frame, around SAM's three masks, in SAM's order, and
            cut off where they reach much farther to one side of the point than to the other.
        merit: (P', 3) float32: SAM's guess of the mask's IoU, less what other parts' points on the
            mask and the distance of its middle from the point cost.
    """

    boxes_xyxy: Tensor
    merit: Tensor


def pseudo_labels(
    sam: FrozenSam,
    labels: WeakDataset,
    supervision: Supervision,
    features_of: Callable[[int], Tensor],
) -> WeakDataset:
    """Give each part that is labelled with points a box to learn.

    Args:
        sam: Decodes the masks.
        labels: The labels.
        supervision: As for the teacher.
        features_of: Gives the (256, h, w) features of the image at a position.

    Returns:
        The same parts, each with a box, and with points where that box was made of points: those
        drawn, or the centre of the labelled box, of which nothing else counts (supervision
        `point`).
    """
    targets = [teacher_targets(sam, image, supervision) for image in labels.images]
    candidates = [
        _candidates_of_image(sam, image, target, supervision, features_of(position))
        for position, (image, target) in enumerate(zip(labels.images, targets, strict=True))
    ]
    chosen = choose_boxes(targets, candidates)
    images = [
        _with_boxes(sam, image, target, boxes)
        for image, target, boxes in zip(labels.images, targets, chosen, strict=True)
    ]
    return replace(labels, images=tuple(images))


def labelled_by_points(target: PartTargets) -> Tensor:
    """(P,) bool: which parts have a point label, which is a box of zero size."""
    return (target.boxes_xyxy[:, :2] == target.boxes_xyxy[:, 2:]).all(1)


def choose_boxes(targets: Sequence[PartTargets], candidates: Sequence[Candidates]) -> list[Tensor]:
    """Choose a box for each part that is labelled with points.

    First the candidate of most merit; then, `ROUNDS` times, usual sizes are taken from what is
    chosen, and the candidate of most merit is chosen again, where a size that is off by a factor e
    in width or height costs 1.

    Args:
        targets: What the teacher says about each image.
        candidates: For the P' parts of each image that are labelled with points.

    Returns:
        (P', 4) float32 for each image, SAM frame.
    """
    chosen = [_best(found.boxes_xyxy, found.merit) for found in candidates]
    for _ in range(ROUNDS):
        sizes = usual_sizes(targets, chosen)
        for position, (target, found) in enumerate(zip(targets, candidates, strict=True)):
            of_class = target.class_index[labelled_by_points(target)].tolist()
            if of_class:
                wanted = torch.stack([sizes[index] for index in of_class])[:, None]
                cost = (_log_size(found.boxes_xyxy) - wanted).abs().sum(2)
                chosen[position] = _best(found.boxes_xyxy, found.merit - cost)
    return chosen


def usual_sizes(targets: Sequence[PartTargets], chosen: Sequence[Tensor]) -> dict[int, Tensor]:
    """The usual width and height of each class.

    Args:
        targets: What the teacher says about each image.
        chosen: (P', 4) boxes of the P' parts of each image that are labelled with points.

    Returns:
        Class index -> (2,) float32, logarithms of width and height in pixels of the SAM frame:
        medians over the labelled boxes, or over the chosen ones where the class has no box.
    """
    labelled: dict[int, list[Tensor]] = {}
    guessed: dict[int, list[Tensor]] = {}
    for target, boxes in zip(targets, chosen, strict=True):
        rows = labelled_by_points(target)
        for index, size in zip(
            target.class_index[~rows].tolist(), _log_size(target.boxes_xyxy[~rows]), strict=True
        ):
            labelled.setdefault(index, []).append(size)
        for index, size in zip(target.class_index[rows].tolist(), _log_size(boxes), strict=True):
            guessed.setdefault(index, []).append(size)
    return {
        index: torch.stack(sizes).quantile(0.5, dim=0)
        for index, sizes in (guessed | labelled).items()
    }


@torch.no_grad()
def find_candidates(
    sam: FrozenSam,
    features: Tensor,
    prompts: Sequence[Tensor],
    places_xy: Tensor,
    lopsided: Tensor,
    others_xy: Sequence[Tensor],
    frame: SamFrame,
) -> Candidates:
    """Cut out three masks for each prompt.

    Args:
        sam: Decodes the masks.
        features: (256, h, w) float, of one image.
        prompts: P prompts (T_p, 256); their lengths may differ.
        places_xy: (P, 2) float32, SAM frame: where the part's middle should be, and a small box
            goes if a mask is empty.
        lopsided: (P,) float32, 1 or more: how many times as far as to one side of that place a box
            may reach to the other.
        others_xy: P tensors (Q_p, 2) float32, SAM frame: where the other parts are.
        frame: How the image sits in SAM's square; boxes are clipped to it.

    Returns:
        The candidates, on the CPU.
    """
    boxes, merit = torch.zeros(len(prompts), 3, 4), torch.zeros(len(prompts), 3)
    for rows, tokens in same_length(prompts):
        image_index = torch.zeros(len(rows), dtype=torch.long)
        decoded = sam.decode(features[None], tokens, image_index, multimask=True)
        masks = (decoded.low_res_logits > 0).cpu()
        boxes[rows] = _extents(masks, places_xy[rows], frame)
        merit[rows] = decoded.iou.float().cpu()
        for row, mask in zip(rows, masks, strict=True):
            cells = (others_xy[row] / frame.side * mask.shape[-1]).long()
            x, y = cells.clamp(0, mask.shape[-1] - 1).unbind(1)
            merit[row] -= OTHER_PART_COST * mask[:, y, x].sum(1)
    middle, size = (boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]
    offset = ((middle - places_xy[:, None]) / size).abs().sum(2)
    return Candidates(_cut_off(boxes, places_xy, lopsided, frame), merit - OFFSET_COST * offset)


def _candidates_of_image(
    sam: FrozenSam,
    image: WeakImage,
    target: PartTargets,
    supervision: Supervision,
    features: Tensor,
) -> Candidates:
    """Candidates for the parts of an image that are labelled with points."""
    rows = torch.nonzero(labelled_by_points(target)).squeeze(1)
    prompts = label_tokens(sam, image, supervision)
    places = (target.boxes_xyxy[:, :2] + target.boxes_xyxy[:, 2:]) / 2
    others = [torch.cat([places[:row], places[row + 1 :]]) for row in rows.tolist()]
    frame = SamFrame((image.height, image.width), sam.image_side)
    chosen = [prompts[row] for row in rows.tolist()]
    lopsided = torch.tensor([_lopsided(len(image.points_xy[row])) for row in rows.tolist()])
    return find_candidates(sam, features, chosen, places[rows], lopsided, others, frame)


def _lopsided(drawn_points: int) -> float:
    """How lopsided a part may lie around its place, by how many points were drawn on it."""
    if drawn_points == 0:  # the place is the centre of a box
        return 1.0
    return LOPSIDED if drawn_points == 1 else float("inf")  # several points show how far it reaches


def _cut_off(boxes_xyxy: Tensor, places_xy: Tensor, lopsided: Tensor, frame: SamFrame) -> Tensor:
    """Pull in sides that are more than `lopsided` (P,) times as far away as their opposite.

    Args:
        boxes_xyxy: (P, 3, 4) float32, SAM frame.
        places_xy: (P, 2) float32, SAM frame.
        lopsided: (P,) float32.
        frame: How the image sits in SAM's square; boxes stay in it.
    """
    place = places_xy[:, None]
    before = (place - boxes_xyxy[..., :2]).clamp(min=LEAST_REACH)
    after = (boxes_xyxy[..., 2:] - place).clamp(min=LEAST_REACH)
    most = lopsided[:, None, None]
    # A click near a part's border must not make a sliver of it; the centre of a box is no click.
    least = torch.where(most > 1, (before + after) * LEAST_SHARE, 0.0)
    left_top = place - torch.minimum(before, most * torch.maximum(after, least))
    right_bottom = place + torch.minimum(after, most * torch.maximum(before, least))
    height, width = frame.resized_hw
    border = torch.tensor([width, height, width, height])
    return torch.minimum(torch.cat([left_top, right_bottom], dim=2).clamp(min=0), border)


def _with_boxes(sam: FrozenSam, image: WeakImage, target: PartTargets, boxes: Tensor) -> WeakImage:
    """Give the parts labelled with points boxes (P', 4), SAM frame; only they have points then."""
    frame = SamFrame((image.height, image.width), sam.image_side)
    rows = labelled_by_points(target).numpy()
    all_boxes = image.boxes_xyxy.copy()
    all_boxes[rows] = frame.boxes_to_original(boxes.numpy())
    centers = box_center(image.boxes_xyxy).astype(np.float32)
    points = tuple(
        (labelled if len(labelled) else center[None]) if is_point else labelled[:0]
        for is_point, labelled, center in zip(rows, image.points_xy, centers, strict=True)
    )
    return replace(image, boxes_xyxy=all_boxes, points_xy=points)


def _extents(masks: Tensor, places_xy: Tensor, frame: SamFrame) -> Tensor:
    """Boxes around masks (N, 3, h, w) bool over SAM's square -> (N, 3, 4) float32, SAM frame."""
    height, width = frame.resized_hw
    limit = torch.tensor([width, height, width, height])
    boxes = torch.minimum(mask_extents(masks, frame.side), limit)
    is_empty = (boxes[..., 2:] <= boxes[..., :2]).any(-1)
    half = frame.side * EMPTY_SIDE / 2
    around = torch.cat([places_xy - half, places_xy + half], dim=1).clamp(min=0)
    around = torch.minimum(around, limit)
    return torch.where(is_empty[..., None], around[:, None], boxes)


def _best(boxes_xyxy: Tensor, merit: Tensor) -> Tensor:
    """The box of most merit for each part: (P', 3, 4) and (P', 3) -> (P', 4)."""
    return boxes_xyxy[torch.arange(len(boxes_xyxy)), merit.argmax(1)]


def _log_size(boxes_xyxy: Tensor) -> Tensor:
    """Logarithms of width and height: (..., 4) -> (..., 2)."""
    return (boxes_xyxy[..., 2:] - boxes_xyxy[..., :2]).clamp(min=1e-3).log()
