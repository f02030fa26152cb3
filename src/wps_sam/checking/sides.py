"""Left and right parts that lie the other way round than in the rest of the data set."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wps_sam.checking.findings import Case, Cases, Finding
from wps_sam.checking.splits import CheckedSplit, picture
from wps_sam.geometry.boxes import box_center
from wps_sam.labels.sides import find_pairs, flip_index
from wps_sam.labels.weak_labels import WeakImage

FEWEST_IMAGES = 10
"""In which two parts lie clearly side by side; with fewer there is no majority to speak of."""

MAJORITY = 0.9
"""This share of the images must agree on the order of two parts. Parts without a usual order (the
lights of a car that is seen from all around) are left alone."""

CLEAR_DISTANCE = 0.5
"""Of the mean box width; centres closer than this lie over each other, not side by side."""

_MOST_WITNESSES = 3  # drawn beside the suspicious part


class _Sides(NamedTuple):
    """The parts of one image that are the only one of their class and have a box.

    Attributes:
        split: Its split.
        image: The image.
        rows: (K,) their rows in the image.
        classes: (K,) their classes in the list of all splits.
        order: (K, K) 1 where part j lies clearly right of part i, -1 where left, else 0.
    """

    split: CheckedSplit
    image: WeakImage
    rows: NDArray[np.int64]
    classes: NDArray[np.int64]
    order: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Usual:
    """The usual order of classes that tell left from right.

    Attributes:
        order: (C, C) 1 where class j usually lies right of class i, -1 where left, 0 where that is
            not known or says nothing of left and right.
        share: (C, C) how many of the images agree, 0..1.
    """

    order: NDArray[np.int64]
    share: NDArray[np.float64]


def check_sides(splits: Sequence[CheckedSplit]) -> list[Finding]:
    """Compare the order of parts in each image with their usual order.

    A left part gives itself away by what lies beside it: its right partner, or a part in the
    middle (a car that shows its left door has the bonnet to the left of it). An order counts only
    if the mirrored one holds for the partners (with a right door the bonnet is to the right).
    A part is suspicious if more orders speak against its name than for it.

    Args:
        splits: All splits; they make one majority.

    Returns:
        The finding `left-right`, if any.
    """
    read = [split for split in splits if split.weak is not None]
    known = [split.weak.class_names for split in splits if split.weak is not None]
    names = list(dict.fromkeys(name for classes in known for name in classes))
    flip = flip_index(names, _pairs(read, names))
    usual = _usual_order(read, names, flip)
    cases = Cases()
    for one in _all_sides(read, names) if usual.order.any() else ():
        expected = usual.order[np.ix_(one.classes, one.classes)]
        agreement = expected * one.order
        for i in np.flatnonzero((agreement == -1).sum(axis=1) > (agreement == 1).sum(axis=1)):
            cases.add(_case(one, int(i), agreement[i], usual, names))
    return cases.finding(
        "left-right",
        "warning",
        "Left and right perhaps swapped",
        f"The part lies on another side of its neighbours than in at least {MAJORITY:.0%} of the "
        "images that show them.",
        "Look whether the name should be its partner's. Left and right should be the object's own "
        "in all images, or the viewer's in all. A mirrored photograph also looks like this.",
    )


def _pairs(splits: Sequence[CheckedSplit], names: Sequence[str]) -> list[tuple[str, str]]:
    """Left and right classes, as the user wrote them or else by the names."""
    stated = next((s.labels.left_right for s in splits if s.labels.left_right is not None), None)
    pairs = find_pairs(names) if stated is None else stated
    return [(left, right) for left, right in pairs if left in names and right in names]


def _all_sides(splits: Sequence[CheckedSplit], names: Sequence[str]) -> Iterator[_Sides]:
    """The images with at least two parts that can be compared."""
    position = {name: index for index, name in enumerate(names)}
    for split in splits:
        assert split.weak is not None
        index_of = np.array([position[name] for name in split.weak.class_names])
        for image in split.weak.images:
            found, first, counts = np.unique(
                image.class_index, return_index=True, return_counts=True
            )
            alone = (counts == 1) & image.has_box[first]
            if alone.sum() < 2:
                continue
            rows = first[alone]
            boxes = image.boxes_xyxy[rows].astype(np.float64)
            x, width = box_center(boxes)[:, 0], boxes[:, 2] - boxes[:, 0]
            distance = x[None, :] - x[:, None]
            clear = np.abs(distance) >= CLEAR_DISTANCE * (width[None, :] + width[:, None]) / 2
            order = np.where(clear, np.sign(distance), 0).astype(np.int64)
            yield _Sides(split, image, rows, index_of[found[alone]], order)


def _usual_order(
    splits: Sequence[CheckedSplit], names: Sequence[str], flip: NDArray[np.int64]
) -> _Usual:
    """Count the orders and keep those that have a majority and a mirror image."""
    counts = np.zeros((2, len(names), len(names)), np.int64)
    for one in _all_sides(splits, names):
        square = np.ix_(one.classes, one.classes)
        counts[0][square] += one.order == 1
        counts[1][square] += one.order == -1
    total = counts.sum(axis=0)
    share = counts.max(axis=0) / np.maximum(total, 1)
    is_known = (total >= FEWEST_IMAGES) & (share >= MAJORITY)
    order = np.where(is_known, np.where(counts[0] > counts[1], 1, -1), 0)
    is_sided = flip != np.arange(len(names))
    tells = is_sided[:, None] & (order[np.ix_(flip, flip)] == -order)
    return _Usual(np.where(tells, order, 0), share)


def _case(
    one: _Sides, i: int, agreement: NDArray[np.int64], usual: _Usual, names: Sequence[str]
) -> Case:
    """What speaks against the name of part i of an image."""
    here = int(one.classes[i])
    shares = usual.share[here, one.classes]
    against = [int(j) for j in np.argsort(-shares, kind="stable") if agreement[j] == -1]
    j = against[0]
    side, elsewhere = ("left", "right") if one.order[i, j] == 1 else ("right", "left")
    text = (
        f"lies {side} of {names[one.classes[j]]}, but {elsewhere} of it in {shares[j]:.0%} of the "
        f"images; {len(against)} of {np.count_nonzero(agreement)} neighbours speak against it"
    )
    shown = picture(one.image, [int(one.rows[i])], one.rows[against[:_MOST_WITNESSES]].tolist())
    return Case(one.split.name, f"{names[here]} in {one.image.file_name}", text, (shown,))
