"""Collect the true masks of a label file on disk, and tell which records hold none."""

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from wps_sam.errors import DataError
from wps_sam.evaluation.scratch import ScratchRows
from wps_sam.geometry.masks import MIN_POLYGON_VALUES
from wps_sam.labels.categories import reason_without_class
from wps_sam.labels.formats.coco import repeated_id
from wps_sam.labels.label_file import LabelAnnotation, LabelFile, LabelImage
from wps_sam.labels.remarks import Skip

SHORT_POLYGON = "polygon with fewer than 3 points"
NO_MASK = "annotation without a mask"
DROPPED_CATEGORY = "annotation of a category that is no part"
NO_PIXEL = "part without a pixel"

SKIPS_KEPT = 20
_NOT_SCORED = -1


class TrueMask(NamedTuple):
    """One true part, mask still encoded.

    Attributes:
        record: How messages name it, such as `annotation 17 of image 3 (a.jpg)`.
        category_id: The file's own id of its class.
        segmentation: Polygons (flat lists, original frame), a COCO RLE, or where the mask is (see
            `mask_files`).
        is_ignored: True for a crowd region, whose pixels are not scored.
    """

    record: str
    category_id: int
    segmentation: Sequence[Sequence[float]] | Mapping[str, Any]
    is_ignored: bool


@dataclass
class TrueMasks:
    """What the annotations of a label file gave.

    Attributes:
        rows: Rows of `TrueMask` by the image's position among the images to score; on disk.
        count: Number of rows.
        used: Ids of all categories that an annotation has, also of images that are not scored.
        skipped: Reason -> number of records that were left out.
        first_skipped: The first of them.
    """

    rows: ScratchRows = field(default_factory=ScratchRows)
    count: int = 0
    used: set[int] = field(default_factory=set)
    skipped: Counter[str] = field(default_factory=Counter)
    first_skipped: list[Skip] = field(default_factory=list)

    def add(self, image_index: int, mask: TrueMask) -> None:
        """Keep a mask on disk."""
        self.rows.append(image_index, tuple(mask))
        self.count += 1

    def notes(self) -> tuple[str, ...]:
        """What a reader of the scores should know about the masks."""
        boxes = self.skipped[NO_MASK]
        if not boxes:
            return ()
        have = "annotation has" if boxes == 1 else "annotations have"
        return (
            f"{boxes} {have} a box or points but no mask: what is predicted there counts as false, "
            "so scores are too low.",
        )

    def skip(self, record: str, reason: str) -> None:
        """Count a record that is left out."""
        self.skipped[reason] += 1
        if len(self.first_skipped) < SKIPS_KEPT:
            self.first_skipped.append(Skip(record, reason))


def collect_true_masks(
    labels: LabelFile, images: Sequence[LabelImage], *, keep_groups: bool
) -> TrueMasks:
    """Go through the annotations once and keep the masks of some images.

    Args:
        labels: The labels.
        images: Those to score.
        keep_groups: Make one part of all polygons of an annotation.

    Returns:
        The masks and what was left out.

    Raises:
        DataError: The annotations are unsound, two have one id, a segmentation is neither polygons
            nor a mask, or no annotation has a mask, but some have boxes.
    """
    found, ids = TrueMasks(), ScratchRows()
    # Four bytes an image, where a mapping takes a hundred.
    position = array("i", [_NOT_SCORED]) * len(labels.images)
    for index, image in enumerate(images):
        position[image.index] = index
    no_class = {c.category_id for c in labels.categories if reason_without_class(c)}
    for annotation in labels.annotations():
        found.used.add(annotation.category_id)
        if annotation.annotation_id is not None:
            ids.append(repr(annotation.annotation_id), (annotation.image.image_id,))
        index = position[annotation.image.index]
        if index == _NOT_SCORED:
            continue
        # A class that a class map ignores has no name, but its regions are not scored either.
        if annotation.category_id in no_class and not annotation.is_crowd:
            found.skip(annotation.record, DROPPED_CATEGORY)
            continue
        for mask in _masks(labels.path, annotation, found, keep_groups):
            found.add(index, mask)
    _refuse_repeated_id(labels.path, ids)
    _refuse_boxes_alone(labels.path, found)
    return found


def _masks(
    path: Path, annotation: LabelAnnotation, found: TrueMasks, keep_groups: bool
) -> list[TrueMask]:
    """The parts of an annotation; what cannot be used is counted in `found`."""
    name, segmentation, is_crowd = annotation.record, annotation.segmentation, annotation.is_crowd
    category_id = annotation.category_id
    if not segmentation:
        found.skip(name, NO_MASK)
        return []
    if isinstance(segmentation, Mapping):
        return [TrueMask(name, category_id, segmentation, is_crowd)]
    polygons = _polygons(path, name, segmentation)
    usable = []
    for number, polygon in enumerate(polygons):
        which = f"polygon {number} of {name}" if len(polygons) > 1 else name
        if len(polygon) < MIN_POLYGON_VALUES:
            found.skip(which, SHORT_POLYGON)
        else:
            usable.append((which, polygon))
    # A crowd region hides pixels; how many pieces it has does not matter.
    if usable and (keep_groups or is_crowd):
        return [TrueMask(name, category_id, [polygon for _, polygon in usable], is_crowd)]
    return [TrueMask(which, category_id, [polygon], False) for which, polygon in usable]


def _polygons(path: Path, name: str, segmentation: Any) -> list[list[float]]:
    """The polygons of a segmentation; DataError unless each is a list."""
    if not isinstance(segmentation, list):
        raise DataError(
            f"{path}: {name}: segmentation must be a list of polygons or an object with size "
            f"and counts; found {type(segmentation).__name__}. Correct the annotation."
        )
    is_flat = all(isinstance(value, int | float) for value in segmentation)
    polygons = [segmentation] if is_flat else segmentation
    if not all(isinstance(polygon, list) for polygon in polygons):
        raise DataError(
            f"{path}: {name}: each polygon must be a flat list x0, y0, x1, y1, ...; found "
            f"{str(segmentation)[:80]}. Correct the annotation."
        )
    return polygons


def _refuse_repeated_id(path: Path, ids: ScratchRows) -> None:
    """Raise DataError if two annotations have one id; there may be too many ids for memory."""
    repeated = ids.repeated_key()
    if repeated is not None:
        first, second = (f"image {image_id}" for (image_id,) in ids.rows(repeated)[:2])
        raise repeated_id(path, "annotation", str(repeated), first, second)


def _refuse_boxes_alone(path: Path, found: TrueMasks) -> None:
    """Raise DataError if there are annotations, but none has a mask."""
    without_mask = found.skipped[NO_MASK]
    if without_mask and not found.count:
        raise DataError(
            f"{path} has {without_mask} annotations with boxes or points but no masks "
            "(`segmentation`) in the images to score. mIoU, mACC, pixel accuracy and every other "
            "score here compare pixels, which boxes cannot give. Give a truth file with polygons "
            "or run-length masks; boxes alone are enough for training and prediction."
        )
