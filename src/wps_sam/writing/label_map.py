"""Write label maps: an index PNG for each image in `masks/`, beside `images/`."""

import json
from collections.abc import Sequence
from io import BytesIO
from typing import ClassVar

import numpy as np
from PIL import Image, ImageColor

from wps_sam.errors import DataError
from wps_sam.evaluation.parts import ImageParts, LabelMap
from wps_sam.evaluation.runs import Runs, polygons_to_runs, rle_to_runs
from wps_sam.geometry.masks import MAX_PIXELS
from wps_sam.images.palette import class_colors
from wps_sam.writing.shapes import ImageShapes, ShapeRecord
from wps_sam.writing.writer import NO_POINTS, ShapeWriter, save

MOST_PALETTE_CLASSES = 255
NO_MASK = "box or points without a mask, which a label map cannot hold"


class LabelMapWriter(ShapeWriter):
    """Index PNGs: pixel 0 is background and k is class k - 1 of `classes.json`.

    Where parts overlap the smaller one is on top. Outlines are filled as COCO does, so each pixel
    is in or out; run-length masks are exact. Boxes, points, scores, and which pixels of a class
    belong to which part, are not kept.
    """

    takes_masks: ClassVar[bool] = True
    takes_groups: ClassVar[bool] = True
    drops_ending: ClassVar[bool] = True

    def _fit(self, record: str, shape: ShapeRecord) -> ShapeRecord | None:
        if shape.rle is None and shape.polygons is None:
            self.remarks.skip(record, NO_MASK)
            return None
        if shape.points is not None:
            self.remarks.note(record, NO_POINTS)
        return shape

    def _write(self, image: ImageShapes) -> None:
        if image.hw[0] * image.hw[1] > MAX_PIXELS:
            raise DataError(
                f"Image {image.file_name} is said to have {image.hw[0]} x {image.hw[1]} pixels "
                f"(height x width), more than {MAX_PIXELS}; no label map of that size is made. "
                "Correct the image's size in the labels."
            )
        classes = len(self.categories)
        parts = ImageParts(
            hw=image.hw,
            class_index=np.array([shape.class_index for shape in image.shapes], np.int64),
            runs=tuple(
                _runs(f"part {number} of {image.file_name}", shape, image.hw)
                for number, shape in enumerate(image.shapes)
            ),
            scores=np.array([shape.score or 0.0 for shape in image.shapes]),
        )
        content = encode_label_map(parts.label_map(classes), classes)
        save(self.out / "masks" / f"{image.stem}.png", content)

    def finish(self) -> None:
        """Write `classes.json`."""
        names = [category.name for category in self.categories]
        save(self.out / "classes.json", write_class_list(names))


def write_class_list(names: Sequence[str]) -> bytes:
    """The content of a `classes.json`: class names in class order."""
    return (json.dumps(list(names), indent=1, ensure_ascii=False) + "\n").encode()


def encode_label_map(label_map: LabelMap, num_classes: int) -> bytes:
    """Encode a label map as PNG.

    Args:
        label_map: (H, W), original frame: 0 is background and k is class k - 1.
        num_classes: C.

    Returns:
        An indexed PNG whose palette shows the classes' colours, for up to 255 classes; beyond, a
        16-bit grey one, which has no palette.
    """
    picture = Image.fromarray(np.ascontiguousarray(label_map))
    if num_classes <= MOST_PALETTE_CLASSES:
        picture.putpalette([0, 0, 0, *_palette(num_classes)])
    buffer = BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def _palette(num_classes: int) -> list[int]:
    """Red, green and blue of each class, one after the other."""
    colors = class_colors(num_classes)
    return [channel for color in colors for channel in ImageColor.getrgb(color)[:3]]


def _runs(record: str, shape: ShapeRecord, hw: tuple[int, int]) -> Runs:
    """Decode one shape; errors name it."""
    try:
        if shape.rle is not None:
            return rle_to_runs(shape.rle, hw)
        return polygons_to_runs(shape.polygons or (), hw)
    except DataError as error:
        raise DataError(f"{record}: {error}") from error
