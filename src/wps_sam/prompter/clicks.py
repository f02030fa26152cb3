"""Clicks: points inside a box that tell SAM which of the things in it is meant.

A box alone can mean several things. In the box of a car's door, SAM cuts out the sheet metal and
leaves the window; with points on both, it cuts out the door. For a wheel, points on rim and tyre
only disturb. So each class is prompted either with its box alone or with its box and three points,
whichever makes SAM fill the labelled boxes of that class better. No true mask has a say.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from wps_sam.prompter.extents import mask_extents
from wps_sam.prompter.interface import PartTargets
from wps_sam.prompter.overlap import iou
from wps_sam.sam.frozen import FrozenSam

CLICKS_UV = ((0.5, 0.3), (0.5, 0.5), (0.5, 0.7))
"""Where the points are: x in widths of the box, y in its heights."""

BOXES_PER_CLASS = 24
"""How many labelled boxes of a class are tried; they are spread evenly over the images."""


def prompt_with_clicks(sam: FrozenSam, boxes_xyxy: Tensor) -> Tensor:
    """Prompt SAM with boxes and the points inside them.

    Args:
        sam: Its prompt encoder does the work.
        boxes_xyxy: (P, 4) float, SAM frame.

    Returns:
        (P, 5, 256) float32: three points, then the box's two corners. SAM's "not a point" is left
        out, as always where a box is given.
    """
    place = torch.tensor(CLICKS_UV, device=boxes_xyxy.device)
    points = boxes_xyxy[:, None, :2] + place * (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2])[:, None]
    return torch.cat([sam.prompt_points(points)[:, :-1], sam.prompt_boxes(boxes_xyxy)], dim=1)


def prompt_parts(
    sam: FrozenSam, boxes_xyxy: Tensor, class_index: Tensor, clicked: Tensor
) -> tuple[Tensor, ...]:
    """Prompt each part as its class wants it.

    Args:
        sam: Its prompt encoder does the work.
        boxes_xyxy: (P, 4) float, SAM frame.
        class_index: (P,) int64.
        clicked: (C,) bool, of `choose_clicks`.

    Returns:
        P tensors (T_p, 256) float32; T_p is 5 with points and 2 without.
    """
    with_points = clicked[class_index]
    alone = iter(sam.prompt_boxes(boxes_xyxy[~with_points]))
    both = iter(prompt_with_clicks(sam, boxes_xyxy[with_points]))
    return tuple(next(both if is_clicked else alone) for is_clicked in with_points.tolist())


@torch.no_grad()
def choose_clicks(
    sam: FrozenSam,
    targets: Sequence[PartTargets],
    features_of: Callable[[int], Tensor],
    num_classes: int,
) -> Tensor:
    """Try both prompts on labelled boxes of each class.

    A mask is as good as it fills its box (IoU of the box around the mask with the labelled box)
    and as SAM itself thinks (its guess of the mask's IoU): the product counts.

    Args:
        sam: Decodes the masks.
        targets: Labelled boxes of the training images.
        features_of: Gives the (256, h, w) features of the image at a position.
        num_classes: C.

    Returns:
        (C,) bool on the CPU: which classes are better prompted with points too. A class without a
        labelled box is not.
    """
    gain = torch.zeros(num_classes, dtype=torch.float64)
    for position, rows in _sample(targets, num_classes):
        boxes = targets[position].learnt_boxes[rows].to(sam.device)
        features = features_of(position)[None]
        with_points = _quality(sam, features, prompt_with_clicks(sam, boxes), boxes)
        alone = _quality(sam, features, sam.prompt_boxes(boxes), boxes)
        class_index = targets[position].class_index[rows]
        gain.index_add_(0, class_index, (with_points - alone).cpu().double())
    return gain > 0


def _sample(targets: Sequence[PartTargets], num_classes: int) -> list[tuple[int, list[int]]]:
    """Choose `BOXES_PER_CLASS` labelled parts of each class -> (image, its chosen rows)."""
    parts: list[list[tuple[int, int]]] = [[] for _ in range(num_classes)]
    for position, target in enumerate(targets):
        for row, class_index in enumerate(target.class_index.tolist()):
            parts[class_index].append((position, row))
    chosen: dict[int, list[int]] = {}
    for of_class in parts:
        count = min(len(of_class), BOXES_PER_CLASS)
        for i in range(count):
            position, row = of_class[i * len(of_class) // count]
            chosen.setdefault(position, []).append(row)
    return sorted(chosen.items())


def _quality(sam: FrozenSam, features: Tensor, tokens: Tensor, boxes_xyxy: Tensor) -> Tensor:
    """How well SAM's masks fill their boxes, times SAM's own guess: (P, T, 256) -> (P,)."""
    image_index = torch.zeros(len(tokens), dtype=torch.long)
    decoded = sam.decode(features, tokens, image_index)
    extents = mask_extents(decoded.low_res_logits[:, 0] > 0, sam.image_side)
    return iou(extents, boxes_xyxy) * decoded.iou[:, 0].float()
