"""All scores of one prediction file, as one value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from wps_sam.evaluation.anatomy import ErrorAnatomy
from wps_sam.evaluation.average_precision import AveragePrecision
from wps_sam.evaluation.boundary import BoundaryScores
from wps_sam.evaluation.confusion import Counts
from wps_sam.evaluation.image_scores import ImageScores, PairScores
from wps_sam.evaluation.intervals import Intervals
from wps_sam.evaluation.merging import ClassGroups
from wps_sam.evaluation.metrics import ClassMeans, ClassScore
from wps_sam.evaluation.official_code import OfficialCodeScores
from wps_sam.evaluation.oracle_share import OracleShare
from wps_sam.evaluation.panoptic import PanopticScores


@dataclass(frozen=True)
class MergedScores:
    """Scores after some classes were counted as one.

    Attributes:
        groups: The coarser classes.
        members: Merged name -> the classes it stands for.
        classes: G + 1 scores, background first.
        means: Their means.
        intervals: Their intervals over images.
    """

    groups: ClassGroups
    members: Mapping[str, list[str]]
    classes: tuple[ClassScore, ...]
    means: ClassMeans
    intervals: Intervals

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            **self.means.to_dict(),
            "merged_classes": dict(self.members),
            "classes": [vars(score) for score in self.classes],
            "intervals": self.intervals.to_dict(),
        }


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
        supercategories: Scores of the truth file's coarser classes; None if it has none.
        pairs: Means over (image, class) pairs.
        intervals: Of the scores, over images.
        boundary: Boundary IoU.
        panoptic: Panoptic quality.
        average_precision: COCO mask AP and AR.
        official_code: The published script's figures; not comparable with the others.
        anatomy: What the lost IoU was lost to.
        oracle: Share of the oracle's score; None where no oracle was given.
        images: One score per image, in the truth's order.
        part_unit: What counts as one true part: a `polygon` or an `annotation`.
        skipped: Reason -> number of truth records that were left out.
        notes: What a reader of the scores should know.
    """

    class_names: tuple[str, ...]
    counts: Counts
    ignored_pixels: int
    classes: tuple[ClassScore, ...]
    means: ClassMeans
    merged: MergedScores | None
    supercategories: MergedScores | None
    pairs: PairScores
    intervals: Intervals
    boundary: BoundaryScores
    panoptic: PanopticScores
    average_precision: AveragePrecision
    official_code: OfficialCodeScores
    anatomy: ErrorAnatomy
    oracle: OracleShare | None
    images: ImageScores
    part_unit: str
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
        return {
            **self.means.to_dict(),
            **self.pairs.to_dict(),
            "images": len(self.images),
            "ignored_pixels": self.ignored_pixels,
            "intervals": self.intervals.to_dict(),
            "oracle": self.oracle and self.oracle.to_dict(),
            "classes": [vars(score) for score in self.classes],
            "merged": self.merged and self.merged.to_dict(),
            "supercategories": self.supercategories and self.supercategories.to_dict(),
            "boundary": self.boundary.to_dict(),
            "part_unit": self.part_unit,
            "panoptic": self.panoptic.to_dict(),
            "average_precision": self.average_precision.to_dict(),
            "error_anatomy": self.anatomy.to_dict(),
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
