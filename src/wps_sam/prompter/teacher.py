"""The teacher: SAM's own prompt encoder applied to weak labels (paper, section 3.2).

A part is prompted with its box or with its points, as `Supervision` says. SAM turns a box into two
tokens and K points into K + 1, the last of which says "not a point". A prompter emits equally many
tokens for every part, so shorter prompts are padded with SAM's "not a point" token.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wps_sam.errors import ConfigError
from wps_sam.geometry.boxes import box_center
from wps_sam.geometry.frames import SamFrame
from wps_sam.labels.weak_labels import WeakDataset, WeakImage
from wps_sam.prompter.interface import PartTargets
from wps_sam.sam.frozen import FrozenSam

Supervision = Literal["box", "point", "mixed"]
"""`box`: the box of every part. `point`: its points, or the centre of its box where it has none
(paper, section 4.3). `mixed`: its box, or its points where it has no box."""

FEWEST_TOKENS = 2
MOST_POINTS = 4
"""Points of one part that a prompt can have; of more, `spread_points` takes this many."""


def teacher_targets(
    sam: FrozenSam,
    image: WeakImage,
    supervision: Supervision,
    tokens_per_part: int = FEWEST_TOKENS,
) -> PartTargets:
    """Encode one image's weak labels as the tokens the prompter must learn to emit.

    Args:
        sam: Its prompt encoder does the work.
        image: The labels. Under `point`, of a box nothing but its centre is used.
        supervision: What the tokens stand for.
        tokens_per_part: T, 2 or more. Of a part with more points than T - 1, only so many are used.

    Returns:
        Tokens (P, T, 256). A point label is a box of zero size, in the middle of its points.

    Raises:
        ConfigError: Under `box`, a part has no box.
    """
    prompts = label_tokens(sam, image, supervision, most_points=tokens_per_part - 1)
    padding = sam.prompt_points(torch.zeros(1, 1, 2))[0, -1:].cpu()
    padded = [
        torch.cat([tokens, padding.expand(tokens_per_part - len(tokens), -1)]) for tokens in prompts
    ]
    empty = torch.zeros(0, tokens_per_part, sam.embed_dim)
    return PartTargets(
        class_index=torch.from_numpy(image.class_index).long(),
        tokens=torch.stack(padded) if padded else empty,
        boxes_xyxy=_labelled_places(image, supervision, SamFrame(_hw(image), sam.image_side)),
    )


def learnt_targets(sam: FrozenSam, image: WeakImage) -> PartTargets:
    """Encode an image in which SAM has given parts labelled with points a box (`pseudo_labels`).

    Args:
        sam: Its prompt encoder does the work.
        image: Every part has a box, and points where the box was made of points. In a crop, such a
            part may have lost its points; then nothing is known of it but the box.

    Returns:
        Tokens (P, 2, 256) of the boxes; `boxes_xyxy` has zero size where there are points, and
        `pseudo_xyxy` are the boxes to learn.
    """
    targets = teacher_targets(sam, image, "box")
    by_points = torch.from_numpy(image.has_points)
    places = _labelled_places(image, "point", SamFrame(_hw(image), sam.image_side))
    return replace(
        targets,
        boxes_xyxy=torch.where(by_points[:, None], places, targets.boxes_xyxy),
        pseudo_xyxy=targets.boxes_xyxy,
    )


def label_tokens(
    sam: FrozenSam, image: WeakImage, supervision: Supervision, *, most_points: int = MOST_POINTS
) -> list[Tensor]:
    """Prompt SAM with each labelled part of an image, as a human would.

    Args:
        sam: Its prompt encoder does the work.
        image: The labels.
        supervision: What to prompt with.
        most_points: Of a part with more points, only so many are used.

    Returns:
        P tensors (T_p, 256) float32 on the CPU: 2 tokens of a box, K + 1 of K points, points from
        left to right (SAM does not mind their order, but a prompter has to learn one).

    Raises:
        ConfigError: Under `box`, a part has no box.
    """
    boxed = _prompted_by_box(image, supervision)
    frame = SamFrame(_hw(image), sam.image_side)
    points = [
        None if is_box else _in_order(spread_points(labelled, most_points))
        for is_box, labelled in zip(boxed, _points(image), strict=True)
    ]
    tokens: dict[int, Tensor] = {}
    rows = np.flatnonzero(boxed)
    boxes = frame.boxes_to_sam(image.boxes_xyxy[rows]).astype(np.float32)
    tokens |= dict(zip(rows.tolist(), sam.prompt_boxes(torch.from_numpy(boxes)), strict=True))
    for count in sorted({len(several) for several in points if several is not None}):
        chosen = {row: p for row, p in enumerate(points) if p is not None and len(p) == count}
        scaled = frame.points_to_sam(np.stack(list(chosen.values()))).astype(np.float32)
        tokens |= dict(zip(chosen, sam.prompt_points(torch.from_numpy(scaled)), strict=True))
    return [tokens[row].float().cpu() for row in range(len(boxed))]


def tokens_per_part(images: Iterable[WeakImage], supervision: Supervision) -> int:
    """How many tokens the longest prompt of some images has.

    Args:
        images: The labels.
        supervision: What they are prompted with.

    Returns:
        T, from 2 to `MOST_POINTS` + 1.
    """
    most = FEWEST_TOKENS
    if supervision == "box":
        return most
    for image in images:
        boxed = _prompted_by_box(image, supervision)
        for is_box, points in zip(boxed, image.points_xy, strict=True):
            if not is_box:
                most = max(most, min(len(points), MOST_POINTS) + 1)
    return most


def check_prompts(labels: WeakDataset, supervision: Supervision, option: str) -> None:
    """Check that every part can be prompted as wanted.

    Args:
        labels: The labels.
        supervision: What to prompt with.
        option: The command-line option that chose it, for the message.

    Raises:
        ConfigError: Under `box`, parts have no box; the message counts them and names the first.
    """
    if supervision != "box":
        return
    parts = sum(len(image.class_index) for image in labels.images)
    lacking = [
        (image, int(row)) for image in labels.images for row in np.flatnonzero(~image.has_box)
    ]
    if lacking:
        image, row = lacking[0]
        name = labels.class_names[image.class_index[row]]
        raise ConfigError(
            f"{labels.source}: {len(lacking)} of {parts} parts have points but no box, the first a "
            f"{name!r} of {image.file_name}, and {option} box needs the box of each. Use {option} "
            f"mixed to take boxes where there are some and points elsewhere, or {option} point."
        )


def count_by_points(labels: WeakDataset, supervision: Supervision) -> int:
    """How many parts are prompted with points, or with the centre of their box."""
    return sum(
        int((~_prompted_by_box(image, supervision)).sum())
        for image in labels.images
        if supervision != "box"
    )


def count_thinned(labels: WeakDataset, supervision: Supervision) -> int:
    """How many parts have more points than a prompt can have, so that only some are used."""
    return sum(
        not is_box and len(points) > MOST_POINTS
        for image in labels.images
        if supervision != "box"
        for is_box, points in zip(
            _prompted_by_box(image, supervision), image.points_xy, strict=True
        )
    )


def spread_points(points_xy: NDArray[np.float32], most: int) -> NDArray[np.float32]:
    """Choose points that are far from each other (farthest-point sampling).

    The first is the one nearest to the middle of all; each next one is the farthest from those
    chosen.

    Args:
        points_xy: (K, 2), any frame.
        most: How many to choose at most, 1 or more.

    Returns:
        (min(K, most), 2), the points themselves if they are few enough.
    """
    if len(points_xy) <= most:
        return points_xy
    places = points_xy.astype(np.float64)
    chosen = [int(np.square(places - places.mean(0)).sum(1).argmin())]
    while len(chosen) < most:
        offset = places[:, None] - places[chosen][None]
        chosen.append(int(np.square(offset).sum(2).min(1).argmax()))
    return points_xy[chosen]


def _hw(image: WeakImage) -> tuple[int, int]:
    """(height, width) of the original frame."""
    return image.height, image.width


def _prompted_by_box(image: WeakImage, supervision: Supervision) -> NDArray[np.bool_]:
    """(P,) bool: which parts are prompted with their box; the others are with points."""
    if supervision == "point":
        return np.zeros(len(image.class_index), np.bool_)
    if supervision == "box" and not image.has_box.all():
        raise ConfigError(
            f"{image.file_name}: part {int(image.has_box.argmin())} has points but no box. Use "
            "mixed or point supervision for such labels."
        )
    return image.has_box


def _points(image: WeakImage) -> list[NDArray[np.float32]]:
    """The points of each part (K, 2), K >= 1, original frame; without any, its box's centre."""
    centers = box_center(image.boxes_xyxy).astype(np.float64)
    return [
        points if len(points) else center[None]
        for points, center in zip(image.points_xy, centers, strict=True)
    ]


def _in_order(points_xy: NDArray[np.float32]) -> NDArray[np.float32]:
    """Points (K, 2) from left to right, of equal x from top to bottom."""
    return points_xy[np.lexsort((points_xy[:, 1], points_xy[:, 0]))]


def _labelled_places(image: WeakImage, supervision: Supervision, frame: SamFrame) -> Tensor:
    """(P, 4) float32, SAM frame: the box, or the middle of the points as a box of zero size."""
    boxed = _prompted_by_box(image, supervision)
    middles = np.array([points.mean(0) for points in _points(image)]).reshape(-1, 2)
    points = frame.points_to_sam(middles).astype(np.float32)
    boxes = frame.boxes_to_sam(image.boxes_xyxy).astype(np.float32)
    places = np.where(boxed[:, None], boxes, np.tile(points, 2))
    return torch.from_numpy(places.astype(np.float32))
