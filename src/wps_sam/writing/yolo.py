"""Write YOLO: `data.yaml`, `labels/*.txt` and `images/`."""

from dataclasses import replace
from typing import ClassVar

import yaml

from wps_sam.writing.shapes import Box, ImageShapes, Polygon, ShapeRecord
from wps_sam.writing.writer import (
    NO_POINTS,
    ONLY_POINTS,
    OUTSIDE,
    OUTSIDE_IMAGE,
    ShapeWriter,
    save,
)

DECIMALS = 6
BOX_AS_OUTLINE = "box written as a rectangle, because a file with outlines cannot hold boxes"


class YoloWriter(ShapeWriter):
    """YOLO's text files: outlines (`segment`) where an image has any, else boxes (`detect`).

    Numbers are shares of the image's width and height with 6 decimals: a point moves by at most
    0.5e-6 of a side, a box's edge by 0.75e-6 (0.0008 pixels at 1024). YOLO has no points, no scores
    and nothing outside the image, where coordinates are moved to its edge.
    """

    drops_ending: ClassVar[bool] = True

    def _fit(self, record: str, shape: ShapeRecord) -> ShapeRecord | None:
        if shape.points is not None:
            if shape.box_xyxy is None:
                self.remarks.skip(record, ONLY_POINTS)
                return None
            self.remarks.note(record, NO_POINTS)
        return replace(shape, points=None)

    def _write(self, image: ImageShapes) -> None:
        has_outlines = any(shape.polygons for shape in image.shapes)
        lines = []
        for number, shape in enumerate(image.shapes):
            record = f"part {number} of {image.file_name}"
            line = self._line(record, shape, image.hw, has_outlines)
            if line:
                lines.append(f"{shape.class_index} {line}\n")
        save(self.out / "labels" / f"{image.stem}.txt", "".join(lines).encode())

    def finish(self) -> None:
        """Write `data.yaml`."""
        names = {index: category.name for index, category in enumerate(self.categories)}
        content = {"train": "images", "nc": len(names), "names": names}
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        save(self.out / "data.yaml", text.encode())

    def _line(
        self, record: str, shape: ShapeRecord, hw: tuple[int, int], has_outlines: bool
    ) -> str:
        """The numbers of a shape; "" if nothing of it is inside the image."""
        if shape.polygons:
            polygon = shape.polygons[0]
        elif shape.box_xyxy is not None:
            polygon = _rectangle(shape.box_xyxy)
            if has_outlines:
                self.remarks.note(record, BOX_AS_OUTLINE)
        else:
            return ""
        inside = _moved_inside(polygon, hw)
        left, right = min(inside[0::2]), max(inside[0::2])
        top, bottom = min(inside[1::2]), max(inside[1::2])
        if left == right or top == bottom:
            self.remarks.skip(record, OUTSIDE_IMAGE)
            self.shapes_written -= 1
            return ""
        if inside != polygon:
            self.remarks.note(record, OUTSIDE)
        if has_outlines:
            return _shares(inside, hw)
        center = ((left + right) / 2, (top + bottom) / 2)
        return _shares((*center, right - left, bottom - top), hw)


def _rectangle(box_xyxy: Box) -> Polygon:
    """The four corners of a box, clockwise."""
    left, top, right, bottom = box_xyxy
    return (left, top, right, top, right, bottom, left, bottom)


def _moved_inside(polygon: Polygon, hw: tuple[int, int]) -> Polygon:
    """The polygon with every point moved into the image."""
    height, width = hw
    return tuple(min(max(value, 0), height if i % 2 else width) for i, value in enumerate(polygon))


def _shares(numbers: Polygon, hw: tuple[int, int]) -> str:
    """Pixels to shares of width and height in turn, as text."""
    return " ".join(
        f"{value / hw[0 if i % 2 else 1]:.{DECIMALS}f}" for i, value in enumerate(numbers)
    )
