"""Error anatomy: what the lost IoU consists of, so that a user sees what to label or fix next.

For class c with T_c true, P_c predicted and I_c common pixels, the loss is exactly

    1 - IoU_c = (T_c - I_c + P_c - I_c) / (T_c + P_c - I_c):

the true pixels of c that were not found and the predicted ones that are wrong, over the union.
Every such pixel gets one cause, so the causes of a class add up to 1 - IoU_c, and their means over
the classes in the mean add up to 1 - mIoU. Nothing is estimated.

Causes come from pairing the painted parts of each image one to one for the largest total IoU, where
a pair needs an IoU of 0.1 and a pair of one class counts double:

- a part without partner: `missed_part` (true) or `false_part` (predicted) for its own pixels. If it
  is the smaller one, it also takes the blame for the wrong pixels it shares with a part that has
  a partner: the smaller part is painted on top, so found (or left out) it would have set them
  right. Without this a missed handle would be charged to the mask of its door.
- partners of two classes: the pixels they share are `wrong_class`, or `left_right_swap` where the
  classes differ only in their side.
- all other wrong pixels: `bad_mask`. With the prediction of the oracle (the same SAM given the true
  boxes) these split into `bad_prompt`, which the oracle gets right, and `sam_limit`, which it gets
  wrong as well.

The names and the threshold of 0.1 follow TIDE (Bolya et al. 2020, "TIDE: A General Toolbox for
Identifying Object Detection Errors"), which splits AP and not IoU. A duplicate is a false part
here: on a true part of its own class it costs no IoU, elsewhere it is as wrong as any other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from wps_sam.errors import PredictionError
from wps_sam.evaluation.confusion import count_pixels
from wps_sam.evaluation.merging import group_classes
from wps_sam.evaluation.overlap import ImageOverlap
from wps_sam.evaluation.parts import ImageParts

CAUSES = ("missed_part", "false_part", "wrong_class", "left_right_swap", "bad_mask")
BAD_MASK_CAUSES = ("bad_prompt", "sam_limit")

# Positions in CAUSES.
_MISSED, _FALSE, _WRONG, _SWAP, _BAD_MASK = range(len(CAUSES))

_MIN_IOU = 0.1
# A pair of one class outweighs a pair of two classes of up to twice its IoU: between a loose mask
# of the right name and a tighter one of another name, the right name is what was meant.
_SAME_CLASS_WEIGHT = 2.0

_MOST_ADVICE = 3
_CLASSES_NAMED = 2
# A cause of less than a tenth of the loss is not worth a sentence; the largest has a sixth or more.
_LEAST_SHARE = 0.1

_ADVICE = {
    "missed_part": "Missed parts cost {points} points of mIoU{worst}: label more images that show "
    "such parts, or lower the score threshold.",
    "false_part": "Parts where there are none cost {points} points of mIoU{worst}: check that no "
    "such part lacks its label in the training images, or raise the score threshold.",
    "wrong_class": "Parts found under another name cost {points} points of mIoU{worst}: check "
    "their labels for mixed-up names and label more of them.",
    "left_right_swap": "Left and right swapped cost {points} points of mIoU{worst}: check that the "
    "labels mean the same side in every image, and label more images from both sides.",
    "bad_mask": "Masks of found parts that do not fit cost {points} points of mIoU{worst}: check "
    "that the labelled boxes are tight; with --oracle you see whether SAM can do better.",
    "bad_prompt": "Masks that the same SAM draws right from the true box cost {points} points of "
    "mIoU{worst}: label more images with tight boxes, or train longer.",
    "sam_limit": "Pixels that SAM gets wrong even from the true box cost {points} points of mIoU"
    "{worst}: more labels alone will hardly help there; another SAM or another of its masks may.",
}
# How a sentence says which class suffers most, from the class's `parts`.
_SUFFERERS = {
    "missed": "{name} ({missed} of {true_parts} parts missed)",
    "false_part": "{name} (false parts: {false_part})",
    "wrong_class": "{name} ({wrong_class} of {true_parts} parts)",
    "left_right_swap": "{name} ({left_right_swap} of {true_parts} parts)",
}


@dataclass(frozen=True)
class ClassAnatomy:
    """What the lost IoU of one class consists of.

    Attributes:
        name: Class name.
        iou: Intersection over union over the data set.
        lost: Cause -> IoU lost to it, 0..1, for all of `CAUSES`; they add up to 1 - `iou`.
        bad_mask_split: `bad_prompt` and `sam_limit`, which add up to `lost["bad_mask"]`; None
            without an oracle.
        parts: Numbers of parts with visible, scored pixels: `true_parts`, of which `matched`,
            `missed`, `wrong_class` and `left_right_swap`; `predicted_parts`, of which `false_part`.
            A part may be missed and yet lose no pixel, as when one mask covers two parts.
    """

    name: str
    iou: float
    lost: Mapping[str, float]
    bad_mask_split: Mapping[str, float] | None
    parts: Mapping[str, int]


@dataclass(frozen=True)
class ErrorAnatomy:
    """What the lost mIoU of a data set consists of.

    Attributes:
        classes: The classes in the mean (those with true pixels), in class order.
        only_predicted: Classes that are predicted but never true: their IoU is 0 and they are not
            in the mean, so what they cost shows only in the classes they were painted over.
        lost: Cause -> mIoU lost to it, for all of `CAUSES`; they add up to 1 - mIoU. All 0 where no
            class is in the mean.
        bad_mask_split: `bad_prompt` and `sam_limit`, which add up to `lost["bad_mask"]`; None
            without an oracle.
    """

    classes: tuple[ClassAnatomy, ...]
    only_predicted: tuple[ClassAnatomy, ...]
    lost: Mapping[str, float]
    bad_mask_split: Mapping[str, float] | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    def advice(self) -> list[str]:
        """What to label or fix next, in one to three sentences, the costliest cause first."""
        if not self.classes:
            return ["No class has a true pixel, so there is no loss to explain."]
        causes = _finest(self.lost, self.bad_mask_split)
        total = sum(causes.values())
        if not total:
            return ["Every pixel of every class is right: there is nothing left to fix."]
        ranked = sorted(causes, key=lambda cause: -causes[cause])
        worth = [cause for cause in ranked if causes[cause] >= _LEAST_SHARE * total]
        return [
            _ADVICE[cause].format(points=_points(causes[cause]), worst=self._worst(cause))
            for cause in worth[:_MOST_ADVICE]
        ]

    def _worst(self, cause: str) -> str:
        """The classes that lose most to a cause, as the middle of a sentence."""
        lost = {row.name: _finest(row.lost, row.bad_mask_split)[cause] for row in self.classes}
        count = "missed" if cause == "missed_part" else cause
        words = _SUFFERERS.get(count, "{name} ({points} points of its IoU)")
        # Classes around a missed or false part lose pixels to it without having one to fix.
        rows = [row for row in self.classes if lost[row.name] and row.parts.get(count, 1)]
        rows.sort(key=lambda row: -lost[row.name])
        named = [
            words.format(name=row.name, points=_points(lost[row.name]), **row.parts)
            for row in rows[:_CLASSES_NAMED]
        ]
        return f", most on {' and '.join(named)}" if named else ""


class AnatomyCounts:
    """Wrong pixels of a data set by class and cause, added image by image.

    Attributes:
        class_names: C names.
    """

    def __init__(self, class_names: Sequence[str], side_partners: Mapping[str, str]) -> None:
        """Start with no image.

        Args:
            class_names: C names, the truth's.
            side_partners: Class name -> name without its side, as `merging.left_right_rule` makes
                it; two classes of one name are left and right of each other.

        Raises:
            ConfigError: `side_partners` names an unknown class.
        """
        self.class_names = tuple(class_names)
        self._side_group = np.array(group_classes(class_names, side_partners).group_index, np.int64)
        pixels, table = (3, len(self.class_names)), (3, len(self.class_names), len(CAUSES))
        self._true_pixels, self._correct_pixels, self._bad_prompt = np.zeros(pixels, np.int64)
        self._lost, self._true_parts, self._predicted_parts = np.zeros(table, np.int64)
        self._images = self._oracle_images = 0

    def add(self, overlap: ImageOverlap) -> None:
        """Add one image.

        Args:
            overlap: Its table of overlapping parts.

        Raises:
            PredictionError: An image before it had an oracle.
        """
        self._count_image(has_oracle=False)
        self._add_causes(overlap, _image_causes(overlap, self._side_group))

    def add_with_oracle(
        self, overlap: ImageOverlap, truth: ImageParts, predicted: ImageParts, oracle: ImageParts
    ) -> None:
        """Add one image and split its bad masks by whether the oracle's masks are right there.

        Args:
            overlap: Table of overlapping parts of `truth` and `predicted`.
            truth: True parts.
            predicted: Predicted parts in the truth's classes.
            oracle: The oracle's parts in the truth's classes.

        Raises:
            PredictionError: The oracle's image has another size, or an image before had no oracle.
        """
        if oracle.hw != truth.hw:
            raise PredictionError(
                f"The oracle's prediction of image {self._images + 1} must have the truth's size "
                f"(height, width) of {truth.hw}; found {oracle.hw}. Make the oracle from the same "
                "original image files."
            )
        self._count_image(has_oracle=True)
        causes = _image_causes(overlap, self._side_group)
        self._add_causes(overlap, causes)
        says_true, says_predicted = _oracle_agreement(
            truth, predicted, oracle, len(self.class_names)
        )
        better = np.where(causes.true_side == _BAD_MASK, says_true, 0).sum(axis=1)
        np.add.at(self._bad_prompt, overlap.true_class, better[1:])
        # Of the wrongly predicted pixels, the oracle improves on those it does not predict so too.
        better = np.where(causes.predicted_side == _BAD_MASK, causes.wrong - says_predicted, 0)
        np.add.at(self._bad_prompt, overlap.predicted_class, better.sum(axis=0)[1:])

    def result(self) -> ErrorAnatomy:
        """The anatomy of all images added so far."""
        in_mean = np.flatnonzero(self._true_pixels)
        invented = np.flatnonzero((self._true_pixels == 0) & (self._lost.sum(axis=1) > 0))
        classes = tuple(self._class_anatomy(int(index)) for index in in_mean)
        splits = [row.bad_mask_split for row in classes if row.bad_mask_split is not None]
        return ErrorAnatomy(
            classes=classes,
            only_predicted=tuple(self._class_anatomy(int(index)) for index in invented),
            lost=_mean([row.lost for row in classes], CAUSES),
            bad_mask_split=_mean(splits, BAD_MASK_CAUSES) if self._oracle_images else None,
        )

    def _count_image(self, has_oracle: bool) -> None:
        """Count an image; refuse a data set of which only some images have an oracle."""
        if self._oracle_images != (self._images if has_oracle else 0):
            raise PredictionError(
                f"Image {self._images + 1} comes {'with' if has_oracle else 'without'} the "
                f"oracle's prediction, but {self._oracle_images} of the {self._images} images "
                "before it have one. Give the oracle for every image or for none: the split of "
                "the bad masks would not add up."
            )
        self._images += 1
        self._oracle_images += has_oracle

    def _add_causes(self, overlap: ImageOverlap, causes: "_ImageCauses") -> None:
        """Add the pixels and parts of one image by class and cause."""
        true, predicted = overlap.true_class, overlap.predicted_class
        pixels, wrong = overlap.pixels, causes.wrong
        np.add.at(self._true_pixels, true, pixels[1:].sum(axis=1))
        np.add.at(self._correct_pixels, true, (pixels - wrong)[1:].sum(axis=1))
        np.add.at(self._lost, (true[:, None], causes.true_side[1:]), wrong[1:])
        np.add.at(self._lost, (predicted[None, :], causes.predicted_side[:, 1:]), wrong[:, 1:])
        true_area, predicted_area = pixels.sum(axis=1), pixels.sum(axis=0)
        np.add.at(self._true_parts, (true, causes.true_part), true_area[1:] > 0)
        np.add.at(self._predicted_parts, (predicted, causes.predicted_part), predicted_area[1:] > 0)

    def _class_anatomy(self, index: int) -> ClassAnatomy:
        """Divide the pixels of one class by its union."""
        correct, lost = int(self._correct_pixels[index]), self._lost[index].tolist()
        union = correct + sum(lost)
        bad_prompt = int(self._bad_prompt[index])
        split = zip(BAD_MASK_CAUSES, (bad_prompt, lost[_BAD_MASK] - bad_prompt), strict=True)
        shares = {cause: pixels / union for cause, pixels in split}
        true_parts = self._true_parts[index].tolist()
        predicted_parts = self._predicted_parts[index].tolist()
        return ClassAnatomy(
            name=self.class_names[index],
            iou=correct / union,
            lost={cause: pixels / union for cause, pixels in zip(CAUSES, lost, strict=True)},
            bad_mask_split=shares if self._oracle_images else None,
            parts={
                "true_parts": sum(true_parts),
                "matched": true_parts[_BAD_MASK],
                "missed": true_parts[_MISSED],
                "wrong_class": true_parts[_WRONG],
                "left_right_swap": true_parts[_SWAP],
                "predicted_parts": sum(predicted_parts),
                "false_part": predicted_parts[_FALSE],
            },
        )


@dataclass(frozen=True)
class _ImageCauses:
    """Causes of one image's wrong pixels, as positions in `CAUSES`.

    Attributes:
        wrong: (T + 1, P + 1) int64, pixels whose true and predicted class differ.
        true_side: (T + 1, P + 1), why the true class loses them.
        predicted_side: (T + 1, P + 1), why the predicted class has them.
        true_part: (T,), what happened to each true part; `bad_mask` where it was found.
        predicted_part: (P,), likewise.
    """

    wrong: NDArray[np.int64]
    true_side: NDArray[np.int64]
    predicted_side: NDArray[np.int64]
    true_part: NDArray[np.int64]
    predicted_part: NDArray[np.int64]


def _image_causes(overlap: ImageOverlap, side_group: NDArray[np.int64]) -> _ImageCauses:
    """Give every wrong pixel its cause by the rules at the top of this file."""
    true, predicted = _pair_parts(overlap)
    true_class, predicted_class = overlap.true_class[true], overlap.predicted_class[predicted]
    named_wrong = np.where(side_group[true_class] == side_group[predicted_class], _SWAP, _WRONG)
    kind = np.where(true_class == predicted_class, _BAD_MASK, named_wrong)
    true_part = np.full(len(overlap.true_class), _MISSED)
    predicted_part = np.full(len(overlap.predicted_class), _FALSE)
    true_part[true] = predicted_part[predicted] = kind
    # The background is no part, so it is neither missed nor false.
    missed = np.concatenate([[False], true_part == _MISSED])[:, None]
    invented = np.concatenate([[False], predicted_part == _FALSE])[None, :]
    true_area, predicted_area = overlap.pixels.sum(axis=1), overlap.pixels.sum(axis=0)
    true_is_smaller = true_area[:, None] < predicted_area[None, :]
    predicted_is_smaller = predicted_area[None, :] < true_area[:, None]
    blames_false = np.where(invented & predicted_is_smaller, _FALSE, _BAD_MASK)
    blames_missed = np.where(missed & true_is_smaller, _MISSED, _BAD_MASK)
    true_side = np.where(missed, _MISSED, blames_false)
    predicted_side = np.where(invented, _FALSE, blames_missed)
    true_side[true + 1, predicted + 1] = predicted_side[true + 1, predicted + 1] = kind
    row_class = np.concatenate([[-1], overlap.true_class])
    column_class = np.concatenate([[-1], overlap.predicted_class])
    wrong = np.where(row_class[:, None] != column_class[None, :], overlap.pixels, 0)
    return _ImageCauses(wrong, true_side, predicted_side, true_part, predicted_part)


def _pair_parts(overlap: ImageOverlap) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pair the painted parts of one image; all classes at once.

    Class after class, two neighbours under each other's name would be torn apart as soon as one of
    them spills over a tenth of where it should have been.

    Returns:
        (N,) true parts and the (N,) predicted partner of each.
    """
    pixels, shared = overlap.pixels, overlap.pixels[1:, 1:]
    true_area, predicted_area = pixels.sum(axis=1), pixels.sum(axis=0)
    union = true_area[1:, None] + predicted_area[None, 1:] - shared
    iou = shared / np.maximum(union, 1)  # two hidden parts have no union
    same_class = overlap.true_class[:, None] == overlap.predicted_class[None, :]
    weight = np.where(iou >= _MIN_IOU, iou * np.where(same_class, _SAME_CLASS_WEIGHT, 1), 0)
    true, predicted = linear_sum_assignment(weight, maximize=True)
    kept = weight[true, predicted] > 0
    return true[kept], predicted[kept]


def _oracle_agreement(
    truth: ImageParts, predicted: ImageParts, oracle: ImageParts, num_classes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Wrong pixels by part where the oracle names the true class, and the predicted class.

    Returns:
        Two (T + 1, P + 1) int64 tables.
    """
    # Transposed, column-major maps lie flat in memory.
    true_map = truth.part_map().T.reshape(-1)
    predicted_map = predicted.part_map().T.reshape(-1)
    oracle_label = oracle.label_map(num_classes).T.reshape(-1)
    labels = [
        np.concatenate([[0], parts.class_index + 1]).astype(oracle_label.dtype)[part_map]
        for parts, part_map in ((truth, true_map), (predicted, predicted_map))
    ]
    wrong = labels[0] != labels[1]
    ignore = truth.ignore_mask()
    if ignore is not None:
        wrong &= ~ignore.T.reshape(-1)
    tables = []
    most = max(len(truth.runs), len(predicted.runs))
    for label in labels:
        # Few pixels are wrong, so picking them first makes the count cheap.
        agrees = wrong & (oracle_label == label)
        counts = count_pixels(true_map[agrees][None], predicted_map[agrees][None], most)
        tables.append(counts[: len(truth.runs) + 1, : len(predicted.runs) + 1])
    return tables[0], tables[1]


def _mean(rows: Sequence[Mapping[str, float]], causes: Sequence[str]) -> dict[str, float]:
    """Mean of each cause over classes; 0 where there is no class."""
    return {cause: sum(row[cause] for row in rows) / max(len(rows), 1) for cause in causes}


def _finest(lost: Mapping[str, float], split: Mapping[str, float] | None) -> dict[str, float]:
    """All causes, with the bad masks split where an oracle is there to split them."""
    if split is None:
        return dict(lost)
    return {cause: lost[cause] for cause in CAUSES[:_BAD_MASK]} | dict(split)


def _points(share: float) -> str:
    """A share of 1 in points of 100."""
    return f"{100 * share:.1f}"
