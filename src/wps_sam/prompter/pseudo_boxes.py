"""Boxes for parts that are labelled with points, so that a prompter of boxes can learn them.

SAM cuts out three masks for a point: roughly a detail, a part and the whole. Which one is the part
differs from point to point, but parts of one class are often of one size. So of the boxes around
the three masks the one is taken whose size is nearest to the class's usual size.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from wps_sam.geometry.frames import SamFrame
from wps_sam.labels.weak_labels import WeakImage
from wps_sam.prompter.interface import PartTargets
from wps_sam.prompter.teacher import Supervision, label_tokens
from wps_sam.sam.frozen import FrozenSam

EMPTY_SIDE = 1 / 16
"""Side of the box around the point where SAM's mask is empty, in sides of the SAM frame."""


def with_pseudo_boxes(
    sam: FrozenSam,
    images: Sequence[WeakImage],
    targets: Sequence[PartTargets],
    supervision: Supervision,
    features_of: Callable[[int], Tensor],
) -> list[PartTargets]:
    """Give each part that is labelled with points a box to learn.

    A class's usual size is the median of its labelled boxes; where it has none, of the boxes around
    the first of SAM's masks, the finest as a rule.

    Args:
        sam: Decodes the masks.
        images: The labels.
        targets: What the teacher says about them.
        supervision: As for the teacher.
        features_of: Gives the (256, h, w) features of the image at a position.

    Returns:
        The targets, with `pseudo_xyxy`; labels themselves are not changed.
    """
    candidates = [
        _candidates_of_image(sam, image, target, supervision, features_of(position))
        for position, (image, target) in enumerate(zip(images, targets, strict=True))
    ]
    sizes = usual_sizes(targets, candidates)
    found = []
    for target, boxes in zip(targets, candidates, strict=True):
        pseudo, rows = target.boxes_xyxy.clone(), labelled_by_points(target)
        if rows.any():
            wanted = torch.stack([sizes[index] for index in target.class_index[rows].tolist()])
            pseudo[rows] = nearest_in_size(boxes, wanted)
        found.append(replace(target, pseudo_xyxy=pseudo))
    return found


def labelled_by_points(target: PartTargets) -> Tensor:
    """(P,) bool: which parts have a point label, which is a box of zero size."""
    return (target.boxes_xyxy[:, :2] == target.boxes_xyxy[:, 2:]).all(1)


@torch.no_grad()
def candidate_boxes(
    sam: FrozenSam, features: Tensor, prompts: Sequence[Tensor], places_xy: Tensor, frame: SamFrame
) -> Tensor:
    """Boxes around the three masks that SAM makes of each prompt.

    Args:
        sam: Decodes the masks.
        features: (256, h, w) float, of one image.
        prompts: P prompts (T_p, 256); their lengths may differ.
        places_xy: (P, 2) float32, SAM frame: where a small box goes if a mask is empty.
        frame: How the image sits in SAM's square; boxes are clipped to it.

    Returns:
        (P, 3, 4) float32 on the CPU, xyxy, SAM frame, in SAM's order of masks.
    """
    boxes = torch.zeros(len(prompts), 3, 4)
    for rows, tokens in same_length(prompts):
        image_index = torch.zeros(len(rows), dtype=torch.long)
        logits = sam.decode(features[None], tokens, image_index, multimask=True).low_res_logits
        boxes[rows] = _extents((logits > 0).cpu(), places_xy[rows], frame)
    return boxes


def same_length(prompts: Sequence[Tensor]) -> Iterator[tuple[list[int], Tensor]]:
    """Group prompts that SAM can decode together without padding.

    Args:
        prompts: P prompts (T_p, 256).

    Yields:
        Positions of the prompts of one length, and these prompts (N, T, 256).
    """
    for length in sorted({len(tokens) for tokens in prompts}):
        rows = [row for row, tokens in enumerate(prompts) if len(tokens) == length]
        yield rows, torch.stack([prompts[row] for row in rows])


def usual_sizes(targets: Sequence[PartTargets], candidates: Sequence[Tensor]) -> dict[int, Tensor]:
    """The usual width and height of each class.

    Args:
        targets: What the teacher says about each image.
        candidates: (P', 3, 4) for the P' parts of each image that are labelled with points.

    Returns:
        Class index -> (2,) float32, logarithms of width and height in pixels of the SAM frame:
        medians over the labelled boxes, or over the first candidates where the class has no box.
    """
    labelled: dict[int, list[Tensor]] = {}
    guessed: dict[int, list[Tensor]] = {}
    for target, boxes in zip(targets, candidates, strict=True):
        rows = labelled_by_points(target)
        for index, size in zip(
            target.class_index[~rows].tolist(), _log_size(target.boxes_xyxy[~rows]), strict=True
        ):
            labelled.setdefault(index, []).append(size)
        for index, size in zip(
            target.class_index[rows].tolist(), _log_size(boxes[:, 0]), strict=True
        ):
            guessed.setdefault(index, []).append(size)
    return {
        index: torch.stack(sizes).quantile(0.5, dim=0)
        for index, sizes in (guessed | labelled).items()
    }


def nearest_in_size(candidates: Tensor, log_sizes: Tensor) -> Tensor:
    """Choose the candidate of the most fitting size.

    Args:
        candidates: (P, M, 4) float32, xyxy.
        log_sizes: (P, 2) float32, logarithms of the wanted width and height.

    Returns:
        (P, 4): of each part, the candidate whose log width and log height differ least in sum.
    """
    distance = (_log_size(candidates) - log_sizes[:, None]).abs().sum(2)
    return candidates[torch.arange(len(candidates)), distance.argmin(1)]


def _candidates_of_image(
    sam: FrozenSam,
    image: WeakImage,
    target: PartTargets,
    supervision: Supervision,
    features: Tensor,
) -> Tensor:
    """(P', 3, 4) float32, SAM frame: candidates for the parts labelled with points."""
    rows = torch.nonzero(labelled_by_points(target)).squeeze(1)
    prompts = label_tokens(sam, image, supervision)
    frame = SamFrame((image.height, image.width), sam.image_side)
    chosen = [prompts[row] for row in rows.tolist()]
    return candidate_boxes(sam, features, chosen, target.boxes_xyxy[rows, :2], frame)


def _extents(masks: Tensor, places_xy: Tensor, frame: SamFrame) -> Tensor:
    """Boxes around masks (N, 3, h, w) bool over SAM's square -> (N, 3, 4) float32, SAM frame."""
    cell = frame.side / masks.shape[-1]
    height, width = frame.resized_hw
    sides = []
    for used, limit in ((masks.any(2), width), (masks.any(3), height)):
        cells = torch.arange(used.shape[-1])
        first = torch.where(used, cells, len(cells)).amin(-1) * cell
        last = (torch.where(used, cells, -1).amax(-1) + 1) * cell
        sides.append((first.clamp(max=limit), last.clamp(max=limit)))
    (left, right), (top, bottom) = sides
    boxes = torch.stack([left, top, right, bottom], dim=-1).float()
    is_empty = (boxes[..., 2:] <= boxes[..., :2]).any(-1)
    half = frame.side * EMPTY_SIDE / 2
    around = torch.cat([places_xy - half, places_xy + half], dim=1)
    return torch.where(is_empty[..., None], around[:, None], boxes)


def _log_size(boxes_xyxy: Tensor) -> Tensor:
    """Logarithms of width and height: (..., 4) -> (..., 2)."""
    return (boxes_xyxy[..., 2:] - boxes_xyxy[..., :2]).clamp(min=1e-3).log()
