"""What was understood of a data set, in numbers: for `wps-sam data info`."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from wps_sam.labels.label_file import LabelFile
from wps_sam.labels.remarks import first_records
from wps_sam.labels.sides import find_pairs
from wps_sam.labels.weak_labels import WeakDataset
from wps_sam.labels.weak_reading import read_weak


@dataclass(frozen=True)
class ClassSummary:
    """One class.

    Attributes:
        name: Its name.
        category_id: The label file's own id.
        supercategory: Its group, "" if none.
        parts: Number of its parts.
        images: Number of images with at least one.
    """

    name: str
    category_id: int
    supercategory: str
    parts: int
    images: int


@dataclass(frozen=True)
class Spread:
    """Smallest, middle and largest of some numbers."""

    least: float
    median: float
    most: float


@dataclass(frozen=True)
class LabelSummary:
    """What training would see of one set of labels.

    Attributes:
        source: The label file or folder.
        label_format: Key of the reader.
        images: Number of images.
        images_without_parts: Of these, images without a part.
        parts: Number of parts.
        parts_with_box: Of these, parts with a box.
        parts_with_points: Of these, parts with at least one point.
        annotations_with_mask: Records with a polygon or a mask, which only evaluation reads.
        truth_source: Where the true masks are, if they are kept apart; else None.
        supervision: What can be learnt from: `box`, `point`, `mixed`.
        classes: In class order.
        parts_an_image: Spread over images.
        height: Spread over images, pixels.
        width: Spread over images, pixels.
        left_right: Class names that a mirrored image swaps.
        skipped: Left-out records by reason.
        notes: Changed records by what was done.
        first: The first record of each reason in `skipped` and of each text in `notes`.
    """

    source: str
    label_format: str
    images: int
    images_without_parts: int
    parts: int
    parts_with_box: int
    parts_with_points: int
    annotations_with_mask: int
    truth_source: str | None
    supervision: tuple[str, ...]
    classes: tuple[ClassSummary, ...]
    parts_an_image: Spread
    height: Spread
    width: Spread
    left_right: tuple[tuple[str, str], ...]
    skipped: dict[str, int]
    notes: dict[str, int]
    first: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        return asdict(self)


def summarise(labels: LabelFile) -> LabelSummary:
    """Count what a label file holds.

    Args:
        labels: The labels; their annotations are gone through twice.

    Returns:
        The numbers.

    Raises:
        DataError: The labels are not sound, or none is usable.
    """
    weak = read_weak(labels, keep_groups=labels.keep_groups)
    with_box = sum(int(image.has_box.sum()) for image in weak.images)
    with_points = sum(int(image.has_points.sum()) for image in weak.images)
    counts = [len(image.class_index) for image in weak.images]
    pairs = labels.left_right
    return LabelSummary(
        source=str(labels.path),
        label_format=labels.label_format,
        images=len(weak.images),
        images_without_parts=counts.count(0),
        parts=sum(counts),
        parts_with_box=with_box,
        parts_with_points=with_points,
        annotations_with_mask=sum(bool(a.segmentation) for a in labels.annotations()),
        truth_source=None if labels.truth_place is None else str(labels.truth_place),
        supervision=_supervision(sum(counts), with_box),
        classes=_classes(labels, weak),
        parts_an_image=_spread(counts),
        height=_spread([image.height for image in weak.images]),
        width=_spread([image.width for image in weak.images]),
        left_right=find_pairs(weak.class_names) if pairs is None else tuple(pairs),
        skipped=weak.skip_counts(),
        notes=weak.note_counts(),
        first=first_records(weak.skipped, weak.notes),
    )


def _supervision(parts: int, with_box: int) -> tuple[str, ...]:
    """What can be learnt from: a box has a centre, but a point has no box."""
    return ("box", "point", "mixed") if with_box == parts else ("point", "mixed")


def _classes(labels: LabelFile, weak: WeakDataset) -> tuple[ClassSummary, ...]:
    """Parts and images of each class."""
    parts = np.zeros(len(weak.class_names), np.int64)
    images = np.zeros(len(weak.class_names), np.int64)
    for image in weak.images:
        np.add.at(parts, image.class_index, 1)
        images[np.unique(image.class_index)] += 1
    group = {category.category_id: category.supercategory for category in labels.categories}
    return tuple(
        ClassSummary(name, category_id, group[category_id], int(parts[i]), int(images[i]))
        for i, (name, category_id) in enumerate(
            zip(weak.class_names, weak.category_ids, strict=True)
        )
    )


def _spread(values: Sequence[int]) -> Spread:
    """Smallest, median and largest."""
    return Spread(float(min(values)), float(np.median(values)), float(max(values)))
