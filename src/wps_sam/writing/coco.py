"""Write COCO: `annotations.json` beside `images/`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from wps_sam.geometry.masks import rle_area, rle_fields
from wps_sam.labels.label_file import LabelCategory
from wps_sam.writing.shapes import ImageShapes, Polygon, ShapeRecord
from wps_sam.writing.streamed_file import StreamedFile
from wps_sam.writing.writer import ShapeWriter

FILE = "annotations.json"


class CocoWriter(ShapeWriter):
    """One COCO file with the labels' own ids of images and categories; annotations count from 1.

    Polygons, run-length masks and points are written as they are. A box is written as left, top,
    width, height, so that its right and bottom edge are exact to one rounding of a 64-bit number.
    Points are a list `points` [[x, y], ...], which COCO itself does not have.
    """

    takes_masks: ClassVar[bool] = True
    takes_groups: ClassVar[bool] = True
    keeps_groups: ClassVar[bool] = True
    takes_ignored: ClassVar[bool] = True

    def __init__(
        self, out: Path, categories: Sequence[LabelCategory], *, copy_images: bool = False
    ) -> None:
        """Open the file; arguments are those of `ShapeWriter`."""
        super().__init__(out, categories, copy_images=copy_images)
        self._file = self._unfinished = StreamedFile(out / FILE)
        self._images: list[dict[str, Any]] = []
        self._annotations = 0
        records = [_category(category) for category in self.categories]
        self._file.write(f'{{"categories": {json.dumps(records)},\n"annotations": [')

    def _write(self, image: ImageShapes) -> None:
        height, width = image.hw
        record = {"id": image.image_id, "file_name": image.file_name}
        self._images.append({**record, "height": height, "width": width})
        for shape in image.shapes:
            self._file.write(",\n" if self._annotations else "\n")
            self._annotations += 1
            self._file.write(json.dumps(self._annotation(image, shape)))

    def finish(self) -> None:
        """Write the list of images and put the file in its place."""
        images = ",\n".join(json.dumps(image) for image in self._images)
        self._file.write(f'\n],\n"images": [\n{images}\n]}}\n')
        self._file.commit()

    def _annotation(self, image: ImageShapes, shape: ShapeRecord) -> dict[str, Any]:
        record: dict[str, Any] = {
            "id": self._annotations,
            "image_id": image.image_id,
            "category_id": self.categories[shape.class_index].category_id,
            "iscrowd": int(shape.is_crowd),
            "area": _area(shape),
        }
        if shape.box_xyxy is not None:
            left, top, right, bottom = shape.box_xyxy
            record["bbox"] = [left, top, right - left, bottom - top]
        if shape.rle is not None:
            record["segmentation"] = _writable_rle(shape)
        elif shape.polygons is not None:
            record["segmentation"] = [list(polygon) for polygon in shape.polygons]
        if shape.points is not None:
            record["points"] = [list(point) for point in shape.points]
        if shape.score is not None:
            record["score"] = shape.score
        return record


def _category(category: LabelCategory) -> dict[str, Any]:
    record = {"id": category.category_id, "name": category.name}
    return {**record, "supercategory": category.supercategory} if category.supercategory else record


def _writable_rle(shape: ShapeRecord) -> dict[str, Any]:
    """The run-length mask as JSON can hold it."""
    height, width, counts = rle_fields(shape.rle or {})
    text = counts.decode("ascii") if isinstance(counts, bytes) else counts
    return {"size": [height, width], "counts": text}


def _area(shape: ShapeRecord) -> float:
    """Pixels of the mask, square pixels inside the polygons, or of the box; COCO asks for it."""
    if shape.rle is not None:
        return rle_area(shape.rle)
    if shape.polygons is not None:
        return sum(map(_polygon_area, shape.polygons))
    if shape.box_xyxy is not None:
        left, top, right, bottom = shape.box_xyxy
        return (right - left) * (bottom - top)
    return 0


def _polygon_area(polygon: Polygon) -> float:
    """Square pixels inside a polygon, by the shoelace formula."""
    xs, ys = polygon[0::2], polygon[1::2]
    twice = sum(xs[i - 1] * y - x * ys[i - 1] for i, (x, y) in enumerate(zip(xs, ys, strict=True)))
    return abs(twice) / 2
