"""Write LabelMe: one JSON file beside each photograph."""

import json
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

from wps_sam.writing.shapes import ImageShapes, ShapeRecord
from wps_sam.writing.writer import ShapeWriter, save

VERSION = "5.5.0"
IGNORED_LABEL = "__ignore__"
"""LabelMe's own label for regions that are to be ignored."""


class LabelMeWriter(ShapeWriter):
    """LabelMe's files; numbers are written in full, so nothing is rounded.

    A part with several polygons, or with points beside its box, is several shapes with one
    `group_id`. A score is a further key of its shape. `classes.txt` keeps the order of the classes.
    The class of a region to ignore is not kept.
    """

    takes_groups: ClassVar[bool] = True
    keeps_groups: ClassVar[bool] = True
    takes_ignored: ClassVar[bool] = True
    drops_ending: ClassVar[bool] = True

    def photograph(self, image: ImageShapes) -> Path:
        """Beside the JSON file, where LabelMe looks for it."""
        return self.out / image.safe_name

    def _write(self, image: ImageShapes) -> None:
        shapes: list[dict[str, Any]] = []
        for number, shape in enumerate(image.shapes):
            shapes += _shapes(shape, number)
        height, width = image.hw
        content: dict[str, Any] = {
            "version": VERSION,
            "flags": {},
            "shapes": shapes,
            "imagePath": PurePosixPath(image.safe_name).name,
            "imageData": None,
            "imageHeight": height,
            "imageWidth": width,
        }
        text = json.dumps(content, ensure_ascii=False, indent=1)
        save(self.out / f"{image.stem}.json", text.encode())

    def finish(self) -> None:
        """Write `classes.txt`."""
        names = "".join(f"{category.name}\n" for category in self.categories)
        save(self.out / "classes.txt", names.encode())


def _shapes(shape: ShapeRecord, number: int) -> list[dict[str, Any]]:
    """A part as LabelMe's shapes; `number` becomes their group if there are several."""
    kinds: list[tuple[str, list[list[float]]]] = []
    if shape.polygons is not None:
        kinds += [("polygon", _pairs(polygon)) for polygon in shape.polygons]
    elif shape.box_xyxy is not None:
        kinds.append(("rectangle", _pairs(shape.box_xyxy)))
    kinds += [("point", [list(point)]) for point in shape.points or ()]
    score = {} if shape.score is None else {"score": shape.score}
    return [
        {
            "label": IGNORED_LABEL if shape.is_crowd else shape.class_name,
            "points": points,
            "group_id": number if len(kinds) > 1 else None,
            "description": "",
            "shape_type": kind,
            "flags": {},
            **score,
        }
        for kind, points in kinds
    ]


def _pairs(numbers: tuple[float, ...]) -> list[list[float]]:
    """x0, y0, x1, y1, ... as pairs."""
    return [[x, y] for x, y in zip(numbers[0::2], numbers[1::2], strict=True)]
