"""Score a prediction file against a truth file; no model is involved."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wps_sam.evaluation.confusion import ConfusionCounts, Counts
from wps_sam.evaluation.image_scores import ImageScores, PairScores, pair_scores
from wps_sam.evaluation.matching import Matching, match_predictions
from wps_sam.evaluation.merging import (
    ClassGroups,
    group_classes,
    left_right_rule,
    merge_counts,
)
from wps_sam.evaluation.metrics import ClassMeans, ClassScore, class_means, class_scores
from wps_sam.evaluation.official_code import OfficialCodeCounts, OfficialCodeScores
from wps_sam.evaluation.overlap import overlap_parts
from wps_sam.evaluation.parts import ImageParts
from wps_sam.evaluation.predictions import PredictionFile, read_predictions
from wps_sam.evaluation.truth import Truth, open_truth


@dataclass(frozen=True)
class MergedScores:
    """Scores after some classes were counted as one.

    Attributes:
        groups: The coarser classes.
        members: Merged name -> the classes it stands for.
        classes: G + 1 scores, background first.
        means: Their means.
    """

    groups: ClassGroups
    members: Mapping[str, list[str]]
    classes: tuple[ClassScore, ...]
    means: ClassMeans


@dataclass(frozen=True)
class Evaluation:
    """All scores of one prediction file.

    Attributes:
        class_names: C names, the truth's order.
        counts: (C + 1, C + 1) int64 pixels; rows truth, columns prediction, 0 background.
        ignored_pixels: Pixels in ignored (crowd) regions, left out of every count.
        classes: C + 1 class scores, background first.
        means: Means over classes.
        merged: Scores with left and right (or what the caller chose) merged; None if nothing is.
        pairs: Means over (image, class) pairs.
        official_code: The published script's figures; not comparable with the others.
        images: One score per image, in the truth's order.
        skipped: Reason -> number of truth records that were left out.
        notes: What a reader of the scores should know.
    """

    class_names: tuple[str, ...]
    counts: Counts
    ignored_pixels: int
    classes: tuple[ClassScore, ...]
    means: ClassMeans
    merged: MergedScores | None
    pairs: PairScores
    official_code: OfficialCodeScores
    images: ImageScores
    skipped: Mapping[str, int]
    notes: tuple[str, ...]

    @property
    def miou(self) -> float | None:
        """Data-set-level class mIoU over the parts, without background, in 0..1."""
        return self.means.miou

    @property
    def macc(self) -> float | None:
        """Data-set-level class mACC over the parts, without background, in 0..1."""
        return self.means.macc

    def to_dict(self) -> dict[str, Any]:
        """Everything but the pictures as plain values for JSON; undefined scores are None."""
        merged = self.merged
        return {
            **self.means.to_dict(),
            **self.pairs.to_dict(),
            "images": len(self.images),
            "ignored_pixels": self.ignored_pixels,
            "classes": [vars(score) for score in self.classes],
            "merged": merged
            and {
                **merged.means.to_dict(),
                "merged_classes": dict(merged.members),
                "classes": [vars(score) for score in merged.classes],
            },
            "official_code": self.official_code.to_dict(),
            "confusion": {
                "names": [score.name for score in self.classes],
                "rows": "truth",
                "columns": "prediction",
                "pixels": self.counts.tolist(),
            },
            "image_miou": {image.file_name: image.miou for image in self.images},
            "truth_records_skipped": dict(self.skipped),
            "notes": list(self.notes),
        }


def evaluate_predictions(
    predictions: PredictionFile | str | Path,
    truth: Truth | str | Path,
    *,
    merge: Mapping[str, str] | None = None,
) -> Evaluation:
    """Score predictions at original resolution; one image is in memory at a time.

    Args:
        predictions: A prediction file, opened or as a path.
        truth: A truth with masks, opened or as a path.
        merge: Class name -> merged name for the second, coarser table; None merges the classes
            that differ only in the words left and right (`left_right_rule`).

    Returns:
        The scores.

    Raises:
        PredictionError: The predictions do not fit the truth, or a mask is damaged.
        DataError: The truth cannot be read or has no masks.
        ConfigError: `merge` names an unknown class.
    """
    if not isinstance(predictions, PredictionFile):
        predictions = read_predictions(predictions)
    if not isinstance(truth, Truth):
        truth = open_truth(truth)
    groups = group_classes(
        truth.class_names, left_right_rule(truth.class_names) if merge is None else merge
    )
    matching = match_predictions(predictions, truth)
    confusion, official = ConfusionCounts(len(truth.class_names)), OfficialCodeCounts()
    images = _count_images(predictions, truth, matching, confusion, official)
    classes = class_scores(confusion.matrix, truth.class_names)
    return Evaluation(
        class_names=truth.class_names,
        counts=confusion.matrix,
        ignored_pixels=confusion.ignored_pixels,
        classes=classes,
        means=class_means(classes),
        merged=_merged_scores(confusion.matrix, groups, truth.class_names),
        pairs=pair_scores(images),
        official_code=official.scores(),
        images=images,
        skipped=truth.skip_counts(),
        notes=(*truth.notes, *matching.notes),
    )


def _count_images(
    predictions: PredictionFile,
    truth: Truth,
    matching: Matching,
    confusion: ConfusionCounts,
    official: OfficialCodeCounts,
) -> ImageScores:
    """Add every image to the counts, one at a time, and return each image's own score."""
    images = ImageScores(len(truth.class_names))
    for index, image in enumerate(truth.images):
        true_parts = truth.parts(index)
        predicted = in_truth_classes(
            predictions.parts(matching.image_index[index]), matching.class_index
        )
        overlap = overlap_parts(true_parts, predicted)
        counts = overlap.class_counts(len(truth.class_names))
        confusion.add_counts(counts, overlap.ignored_pixels)
        official.add(true_parts, predicted)
        images.add(image.file_name, counts)
    return images


def in_truth_classes(parts: ImageParts, class_index: NDArray[np.int64]) -> ImageParts:
    """Renumber predicted classes.

    Args:
        parts: Parts in the prediction file's classes.
        class_index: (C_predicted,) int64, the truth's class of each, from `match_predictions`.

    Returns:
        The same parts in the truth's classes.
    """
    return replace(parts, class_index=class_index[parts.class_index])


def _merged_scores(
    counts: Counts, groups: ClassGroups, class_names: tuple[str, ...]
) -> MergedScores | None:
    """Score the coarser classes; None where no class is merged."""
    if not groups.merges_anything:
        return None
    classes = class_scores(merge_counts(counts, groups), groups.names)
    return MergedScores(groups, groups.members(class_names), classes, class_means(classes))
