"""Collect the true masks of a COCO file on disk, and tell which records hold none."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from wps_sam.errors import DataError
from wps_sam.evaluation.scratch import ScratchRows
from wps_sam.geometry.masks import MIN_POLYGON_VALUES
from wps_sam.labels.coco_categories import is_background
from wps_sam.labels.coco_json import describe_annotation
from wps_sam.labels.coco_records import CocoImage
from wps_sam.labels.coco_stream import (
    CocoAnnotation,
    CocoHead,
    repeated_id,
    stream_annotations,
)
from wps_sam.labels.weak_labels import Skip

SHORT_POLYGON = "polygon with fewer than 3 points"
NO_MASK = "annotation without a mask"
DROPPED_CATEGORY = "annotation of a category that is no part"
NO_PIXEL = "part without a pixel"

_SKIPS_KEPT = 20


class TrueMask(NamedTuple):
    """One true part, mask still encoded.

    Attributes:
        record: How messages name it, such as `annotation 17 of image 3 (a.jpg)`.
        category_id: The file's own id of its class.
        segmentation: Polygons (flat lists, original frame) or a COCO RLE.
        is_ignored: True for a crowd region, whose pixels are not scored.
    """

    record: str
    category_id: int
    segmentation: Sequence[Sequence[float]] | Mapping[str, Any]
    is_ignored: bool


@dataclass
class TrueMasks:
    """What the annotations of a COCO file gave.

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
        have = "annotation has a box but no mask" if boxes == 1 else "annotations have boxes but no"
        return (
            f"{boxes} {have}{'' if boxes == 1 else ' masks'}: what is predicted there counts as "
            "false, so scores are too low.",
        )

    def skip(self, record: str, reason: str) -> None:
        """Count a record that is left out."""
        self.skipped[reason] += 1
        if len(self.first_skipped) < _SKIPS_KEPT:
            self.first_skipped.append(Skip(record, reason))


def collect_true_masks(
    head: CocoHead, images: Sequence[CocoImage], *, keep_groups: bool
) -> TrueMasks:
    """Go through the annotations once and keep the masks of some images.

    Args:
        head: The file's images and categories.
        images: Those to score.
        keep_groups: Make one part of all polygons of an annotation.

    Returns:
        The masks and what was left out.

    Raises:
        DataError: The annotations are unsound (see `stream_annotations`), two have one id, a
            segmentation is neither polygons nor an RLE, `iscrowd` is neither 0 nor 1, or no
            annotation has a mask, but some have boxes.
    """
    found, ids = TrueMasks(), ScratchRows()
    index_of = {image.image_id: index for index, image in enumerate(images)}
    background = {c.category_id for c in head.categories if is_background(c)}
    for annotation in stream_annotations(head):
        category_id = annotation.record["category_id"]
        found.used.add(category_id)
        if "id" in annotation.record:
            ids.append(repr(annotation.record["id"]), (annotation.image.image_id,))
        index = index_of.get(annotation.image.image_id)
        if index is None:
            continue
        name = describe_annotation(annotation.record, annotation.position, annotation.image)
        if category_id in background:
            found.skip(name, DROPPED_CATEGORY)
            continue
        for mask in _masks(head.path, name, annotation, found, keep_groups):
            found.add(index, mask)
    _refuse_repeated_id(head.path, ids)
    _refuse_boxes_alone(head.path, found)
    return found


def _masks(
    path: Path, name: str, annotation: CocoAnnotation, found: TrueMasks, keep_groups: bool
) -> list[TrueMask]:
    """The parts of an annotation; what cannot be used is counted in `found`."""
    segmentation = annotation.record.get("segmentation")
    category_id = annotation.record["category_id"]
    is_crowd = _is_crowd(path, name, annotation.record.get("iscrowd"))
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


def _is_crowd(path: Path, name: str, value: Any) -> bool:
    """Whether `iscrowd` is set; DataError unless it is 0, 1, false, true or left out."""
    if value is None:
        return False
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    raise DataError(
        f"{path}: {name}: iscrowd must be 0 or 1; found {str(value)[:60]!r} of type "
        f"{type(value).__name__}. A region with iscrowd 1 is not scored. Correct the annotation."
    )


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
            f"{path} has {without_mask} annotations with boxes but no masks (`segmentation`) "
            "in the images to score. mIoU, mACC, pixel accuracy and every other score here "
            "compare pixels, which boxes cannot give. Give a truth file with polygons or "
            "run-length masks; boxes alone are enough for training and prediction."
        )
