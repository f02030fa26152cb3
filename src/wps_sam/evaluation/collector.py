"""Collects the counts of a data set image by image; `evaluate` and training's validation share it.

Only sums are in memory; what intervals and AP need of each image waits in temporary files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from wps_sam.evaluation.anatomy import AnatomyCounts
from wps_sam.evaluation.average_precision import AveragePrecisionCounts
from wps_sam.evaluation.boundary import BoundaryCounts
from wps_sam.evaluation.class_rows import ClassRows, pixel_columns
from wps_sam.evaluation.confusion import ConfusionCounts, Counts
from wps_sam.evaluation.image_scores import ImageScores, pair_scores
from wps_sam.evaluation.intervals import (
    Intervals,
    mean_iou_interval,
    pq_interval,
    score_intervals,
    share_interval,
)
from wps_sam.evaluation.merging import (
    ClassGroups,
    group_classes,
    left_right_rule,
    merge_counts,
    side_partners,
    supercategory_rule,
)
from wps_sam.evaluation.metrics import ClassMeans, class_means, class_scores
from wps_sam.evaluation.official_code import OfficialCodeCounts
from wps_sam.evaluation.oracle_share import OracleShare, oracle_share
from wps_sam.evaluation.overlap import overlap_parts
from wps_sam.evaluation.panoptic import PanopticCounts
from wps_sam.evaluation.parts import ImageParts
from wps_sam.evaluation.result import Evaluation, MergedScores
from wps_sam.evaluation.truth import Truth


@dataclass(frozen=True)
class TruthFacts:
    """What scores say about the truth beside its masks.

    Attributes:
        class_names: C names.
        supercategories: C names of coarser classes, "" where there is none.
        part_unit: What counts as one true part: a `polygon` or an `annotation`.
        notes: What a reader of the scores should know.
        left_right: Pairs of class names (left, right) as the user wrote them; None finds them by
            the names.
    """

    class_names: tuple[str, ...]
    supercategories: tuple[str, ...]
    part_unit: str
    notes: Sequence[str] = ()
    left_right: Sequence[tuple[str, str]] | None = None

    @classmethod
    def of(cls, truth: Truth, more_notes: Sequence[str] = ()) -> Self:
        """Gather the facts of a truth.

        Args:
            truth: What is true.
            more_notes: What a reader should know beside the truth's own notes.

        Returns:
            The facts.
        """
        return cls(
            class_names=truth.class_names,
            supercategories=truth.supercategories,
            part_unit=truth.part_unit,
            notes=(*truth.notes, *more_notes),
            left_right=truth.labels.left_right,
        )


class ScoreCollector:
    """Every count that the scores of a data set need."""

    def __init__(self, facts: TruthFacts, merge: Mapping[str, str] | None = None) -> None:
        """Start with no image.

        Args:
            facts: Classes and more about the truth.
            merge: Class name -> merged name for a second, coarser table, and the classes that count
                as sides of each other in the error anatomy; None takes the classes that differ only
                in their side (`left_right_rule`).

        Raises:
            ConfigError: `merge` names an unknown class.
        """
        names = facts.class_names
        self._facts = facts
        coarser = (
            left_right_rule(names, facts.left_right) if merge is None else merge,
            supercategory_rule(names, facts.supercategories),
        )
        self._merged, self._super = (_MergedCounts(group_classes(names, one)) for one in coarser)
        self._images = ImageScores(len(names))
        self._confusion = ConfusionCounts(len(names))
        self._boundary = BoundaryCounts(len(names))
        self._panoptic = PanopticCounts(len(names))
        self._precision = AveragePrecisionCounts(len(names))
        self._official = OfficialCodeCounts()
        sides = side_partners(names, facts.left_right) if merge is None else merge
        self._anatomy = AnatomyCounts(names, sides)
        self._oracle = ConfusionCounts(len(names))
        self._oracle_images = ImageScores(len(names))

    def add(
        self,
        file_name: str,
        truth: ImageParts,
        predicted: ImageParts,
        oracle: ImageParts | None = None,
    ) -> None:
        """Add one image.

        Args:
            file_name: The truth's name of the image.
            truth: True parts.
            predicted: Predicted parts in the truth's classes.
            oracle: What SAM makes of the true boxes, in the truth's classes; give it for all
                images or for none.
        """
        classes = len(self._facts.class_names)
        overlap = overlap_parts(truth, predicted)
        counts = overlap.class_counts(classes)
        self._images.add(file_name, counts)
        self._confusion.add_counts(counts, overlap.ignored_pixels)
        self._merged.add(counts)
        self._super.add(counts)
        self._boundary.add(
            truth.label_map(classes), predicted.label_map(classes), truth.ignore_mask()
        )
        self._panoptic.add(overlap)
        self._precision.add(truth, predicted)
        self._official.add(truth, predicted)
        if oracle is None:
            self._anatomy.add(overlap)
        else:
            self._anatomy.add_with_oracle(overlap, truth, predicted, oracle)
            counts = overlap_parts(truth, oracle).class_counts(classes)
            self._oracle.add_counts(counts)
            self._oracle_images.add(file_name, counts)

    def scores(
        self, oracle: str | None = None, skipped: Mapping[str, int] | None = None
    ) -> Evaluation:
        """Derive all scores.

        Args:
            oracle: Name of the oracle's prediction file, if its parts were added.
            skipped: Reason -> number of truth records that were left out.

        Returns:
            The scores of the images added so far.
        """
        names = self._facts.class_names
        classes = class_scores(self._confusion.matrix, names)
        means = class_means(classes)
        intervals = replace(
            score_intervals(self._images.rows, names),
            boundary_miou=mean_iou_interval(self._boundary.rows),
            pq=pq_interval(self._panoptic.rows),
        )
        return Evaluation(
            class_names=names,
            counts=self._confusion.matrix,
            ignored_pixels=self._confusion.ignored_pixels,
            classes=classes,
            means=means,
            merged=self._merged.scores(names),
            supercategories=self._super.scores(names),
            pairs=pair_scores(self._images),
            intervals=intervals,
            boundary=self._boundary.scores(names),
            panoptic=self._panoptic.scores(names),
            average_precision=self._precision.scores(names),
            official_code=self._official.scores(),
            anatomy=self._anatomy.result(),
            oracle=None if oracle is None else self._oracle_share(means, oracle),
            images=self._images,
            part_unit=self._facts.part_unit,
            skipped=skipped or {},
            notes=(*self._facts.notes, *_notes(intervals)),
        )

    def _oracle_share(self, means: ClassMeans, oracle: str) -> OracleShare:
        """Shares of the oracle's scores, with the interval of the main one."""
        bound = class_means(class_scores(self._oracle.matrix, self._facts.class_names))
        interval = share_interval(self._images, self._oracle_images)
        return replace(oracle_share(means, bound, oracle), miou_share_interval=interval)


class _MergedCounts:
    """Pixel counts of coarser classes, added image by image; empty where no class is merged."""

    def __init__(self, groups: ClassGroups) -> None:
        self._groups = groups
        self._counts = ConfusionCounts(len(groups.names))
        self._rows = ClassRows(3, len(groups.names))

    def add(self, counts: Counts) -> None:
        """Add the (C + 1, C + 1) counts of one image."""
        if self._groups.merges_anything:
            merged = merge_counts(counts, self._groups)
            self._counts.add_counts(merged)
            self._rows.add(pixel_columns(merged))

    def scores(self, class_names: Sequence[str]) -> MergedScores | None:
        """Score the coarser classes; None where no class is merged."""
        groups = self._groups
        if not groups.merges_anything:
            return None
        classes = class_scores(self._counts.matrix, groups.names)
        intervals = score_intervals(self._rows, groups.names)
        members = groups.members(class_names)
        return MergedScores(groups, members, classes, class_means(classes), intervals)


def _notes(intervals: Intervals) -> list[str]:
    """Say which classes tell nothing about how far their scores vary."""
    if intervals.miou is None or not intervals.rare_classes:
        return []
    return [
        f"True in a single image: {', '.join(intervals.rare_classes)}. How they vary is not known: "
        "they have no interval, and those of the means take them to vary as the others do."
    ]
