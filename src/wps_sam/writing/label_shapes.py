"""Labels of any format as shapes to write: numbers pass through, masks stay masks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from pycocotools import mask as coco_mask

from wps_sam.errors import DataError
from wps_sam.evaluation.mask_files import is_mask_file, read_mask_file
from wps_sam.evaluation.runs import rle_to_runs
from wps_sam.evaluation.scratch import ScratchRows
from wps_sam.geometry.masks import mask_to_box, rle_to_mask
from wps_sam.labels.categories import reason_without_class, without_background
from wps_sam.labels.label_file import LabelAnnotation, LabelCategory, LabelFile, LabelImage
from wps_sam.labels.shape_checks import (
    BAD_POINTS,
    NO_BOX,
    bbox_corners,
    point_of,
    polygon_corners,
    polygons_of,
)
from wps_sam.labels.weak_reading import MIN_SIDE, NO_AREA
from wps_sam.writing.shapes import Box, ImageShapes, Polygon, ShapeRecord, extent_of
from wps_sam.writing.writer import NO_PIXEL, ShapeWriter, WriteRemarks

BAD_SEGMENTATION = "segmentation is neither polygons nor a mask"
MASK_DROPPED = "outline or mask left out, as --boxes-only asks"
POINTS_DROPPED = "points left out, as --boxes-only asks"


class ShapeChoice(NamedTuple):
    """How annotations become shapes.

    Attributes:
        keep_groups: One shape an annotation, also if it has several polygons.
        boxes_only: Boxes alone, without outlines, masks and points.
    """

    keep_groups: bool = False
    boxes_only: bool = False

    @classmethod
    def of_writer(
        cls, writer: type[ShapeWriter], *, keep_groups: bool, boxes_only: bool
    ) -> "ShapeChoice":
        """Keep groups where the format has them: who reads it decides again."""
        return cls(keep_groups or (writer.keeps_groups and not boxes_only), boxes_only)


class _Row(NamedTuple):
    """One usable annotation, as it is kept on disk."""

    record: str
    category_id: int
    box: Box | None
    polygons: tuple[Polygon, ...]
    mask: Mapping[str, Any] | None
    points: tuple[tuple[float, float], ...]
    is_crowd: bool


@dataclass(frozen=True, eq=False)
class LabelShapes:
    """The shapes of a label file, image by image; annotations wait on disk.

    Attributes:
        labels: The labels.
        categories: C classes in class order: those of the labels without background.
        choice: How annotations become shapes.
        rows: Usable annotations by the position of their image.
        remarks: What was left out or changed on reading; grows while images are read.
    """

    labels: LabelFile
    categories: tuple[LabelCategory, ...]
    choice: ShapeChoice
    rows: ScratchRows
    remarks: WriteRemarks

    def images(self) -> Iterator[ImageShapes]:
        """Go through the images, those without a part too.

        Yields:
            Each image with its shapes, in the labels' order.

        Raises:
            DataError: An image's size is not known, or a mask is damaged.
        """
        class_of = {category.category_id: i for i, category in enumerate(self.categories)}
        for image in self.labels.images:
            hw = self.labels.image_hw(image)
            shapes: list[ShapeRecord] = []
            for fields in self.rows.rows(image.index):
                row = _Row(*fields)
                # A region to ignore may be of a category that is no class; it goes with any.
                index = (
                    class_of.get(row.category_id, 0) if row.is_crowd else class_of[row.category_id]
                )
                shapes += self._shapes(row, hw, index)
            path = _photograph(self.labels, image)
            yield ImageShapes(image.image_id, image.file_name, hw, tuple(shapes), path)

    def _shapes(self, row: _Row, hw: tuple[int, int], class_index: int) -> list[ShapeRecord]:
        """The shapes of one annotation."""
        name = self.categories[class_index].name
        if self.choice.boxes_only:
            boxes = self._boxes(row, hw)
            return [ShapeRecord(class_index, name, b, is_crowd=row.is_crowd) for b in boxes]
        whole = ShapeRecord(
            class_index=class_index,
            class_name=name,
            box_xyxy=row.box or (extent_of(row.polygons) if row.polygons else None),
            polygons=row.polygons or None,
            rle=None if row.mask is None else self._rle(row, row.mask, hw),
            points=row.points or None,
            is_crowd=row.is_crowd,
        )
        if len(row.polygons) < 2 or self.choice.keep_groups or row.is_crowd:
            return [whole]
        # Formats without groups have no points beside an outline either, so the first piece stands
        # for all when their loss is counted.
        return [
            ShapeRecord(
                class_index,
                name,
                extent_of((polygon,)),
                (polygon,),
                points=row.points or None if number == 0 else None,
            )
            for number, polygon in enumerate(row.polygons)
        ]

    def _boxes(self, row: _Row, hw: tuple[int, int]) -> list[Box]:
        """The boxes that training would see of an annotation, before they are clipped."""
        if row.points:
            self.remarks.note(row.record, POINTS_DROPPED)
        if row.polygons or row.mask:
            self.remarks.note(row.record, MASK_DROPPED)
        if row.polygons:
            is_one = self.choice.keep_groups or row.is_crowd
            pieces = [row.polygons] if is_one else [(polygon,) for polygon in row.polygons]
            return [extent_of(piece) for piece in pieces]
        if row.box is not None:
            return [row.box]
        if row.mask is None:
            self.remarks.skip(row.record, NO_BOX)
            return []
        left, top, right, bottom = mask_to_box(rle_to_mask(self._rle(row, row.mask, hw))).tolist()
        if right > left:
            return [(left, top, right, bottom)]
        self.remarks.skip(row.record, NO_PIXEL)
        return []

    def _rle(self, row: _Row, mask: Mapping[str, Any], hw: tuple[int, int]) -> Mapping[str, Any]:
        """The mask of an annotation as COCO run lengths, checked against the image's size."""
        try:
            if is_mask_file(mask):
                runs = read_mask_file(mask, hw)
                return _compressed(runs.tolist(), hw)
            rle_to_runs(mask, hw)
        except DataError as error:
            raise DataError(
                f"{self.labels.path}: {row.record}: {str(error).rstrip('.')}. Correct the "
                "annotation or export the file again."
            ) from error
        return mask


def read_label_shapes(labels: LabelFile, choice: ShapeChoice) -> LabelShapes:
    """Read the annotations of a label file and keep those that can be written.

    Args:
        labels: The labels.
        choice: How annotations become shapes.

    Returns:
        Their shapes. Polygons and points are those of the labels, unrounded and unclipped; the
        box is the labels' own, or the one around the polygons. Regions to ignore (`is_crowd`) are
        kept whatever their category, those of no class under the first class. Annotations without
        usable place are counted in `remarks`.

    Raises:
        DataError: The annotations are unsound, or no category is a class.
    """
    remarks, rows, used = WriteRemarks(), ScratchRows(), set[int]()
    reasons = {c.category_id: reason_without_class(c) for c in labels.categories}
    for annotation in labels.annotations():
        used.add(annotation.category_id)
        reason = reasons[annotation.category_id]
        if reason and not annotation.is_crowd:
            remarks.skip(annotation.record, reason)
            continue
        row = _row(annotation, remarks)
        if row is not None:
            rows.append(annotation.image.index, tuple(row))
    categories, _, dropping = without_background(labels.path, labels.categories, used)
    # Only now: some readers know all of their remarks when the annotations were gone through.
    for skip in labels.skipped:
        remarks.skip(skip.record, skip.reason)
    for note in (*labels.notes, *dropping):
        remarks.note(note.record, note.text)
    return LabelShapes(labels, tuple(categories), choice, rows, remarks)


def _row(annotation: LabelAnnotation, remarks: WriteRemarks) -> _Row | None:
    """What can be used of an annotation; None if nothing can, which is counted."""
    record, segmentation = annotation.record, annotation.segmentation
    mask = dict(segmentation) if isinstance(segmentation, Mapping) and segmentation else None
    polygons: tuple[Polygon, ...] = ()
    if isinstance(segmentation, list) and segmentation:
        polygons = _polygons(record, segmentation, remarks)
    elif segmentation and mask is None:
        remarks.skip(record, BAD_SEGMENTATION)
    points = _points(record, annotation.points, remarks)
    box, problem = _box(annotation.bbox)
    if not (polygons or mask or points or box):
        remarks.skip(record, problem)
        return None
    if box is None and problem != NO_BOX:
        remarks.note(record, f"{problem}; the rest of the part is written")
    is_crowd = annotation.is_crowd
    return _Row(record, annotation.category_id, box, polygons, mask, points, is_crowd)


def _polygons(record: str, segmentation: list[Any], remarks: WriteRemarks) -> tuple[Polygon, ...]:
    """The usable polygons."""
    polygons = polygons_of(segmentation)
    usable = []
    for number, polygon in enumerate(polygons):
        which = f"polygon {number} of {record}" if len(polygons) > 1 else record
        corners, problem = polygon_corners(polygon)
        if corners is not None and not _has_area(corners):
            problem = NO_AREA
        if problem:
            remarks.skip(which, problem)
        else:
            usable.append(tuple(polygon))
    return tuple(usable)


def _points(record: str, points: Any, remarks: WriteRemarks) -> tuple[tuple[float, float], ...]:
    """The usable points."""
    if points is not None and not isinstance(points, list):
        remarks.skip(record, BAD_POINTS)
        return ()
    usable = []
    for pair in points or ():
        point, problem = point_of(pair)
        if point is None:
            remarks.skip(f"point of {record}", problem)
        else:
            usable.append(point)
    return tuple(usable)


def _box(bbox: Any) -> tuple[Box | None, str]:
    """Corners of a COCO bbox, or None and why it cannot be used."""
    box, problem = bbox_corners(bbox)
    if box is not None and not _has_area(box):
        return None, NO_AREA
    return box, problem


def _has_area(box: Box) -> bool:
    """Whether both sides are long enough for a box."""
    return box[2] - box[0] >= MIN_SIDE and box[3] - box[1] >= MIN_SIDE


def _photograph(labels: LabelFile, image: LabelImage) -> Any:
    """Path of an image's photograph, or None if it is nowhere."""
    try:
        return labels.find_image(image)
    except DataError:
        return None


def _compressed(runs: list[int], hw: tuple[int, int]) -> Mapping[str, Any]:
    """Run lengths as COCO's compressed text."""
    rle = coco_mask.frPyObjects({"size": list(hw), "counts": runs}, *hw)
    return {"size": list(hw), "counts": rle["counts"].decode("ascii")}
