"""Write Label Studio: `tasks.json` and `label_config.xml` beside `images/`."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import quoteattr

from wps_sam.labels.label_file import LabelCategory
from wps_sam.writing.shapes import ImageShapes, ShapeRecord
from wps_sam.writing.streamed_file import StreamedFile
from wps_sam.writing.writer import NO_POINTS, ShapeWriter, save

FILE = "tasks.json"
CONFIG_FILE = "label_config.xml"
LOCAL_FILES = "/data/local-files/?d="
"""Where Label Studio serves the files of a local storage from."""

POINTS_APART = "several points of one part written as a region each"

_DECIMALS = 6
_KEYPOINT_WIDTH = 0.5


class LabelStudioWriter(ShapeWriter):
    """Label Studio's tasks: `annotations` for labels, `predictions` where shapes have scores.

    Numbers are percent of width and height with 6 decimals: a coordinate moves by at most 0.5e-8
    of a side, and a box's right and bottom edge by twice that. Each task's image is
    `/data/local-files/?d=images/<file name>`, which Label Studio serves when a local storage points
    at the folder. Points beside a box are left out; each point of a part without a box is a region.
    """

    def __init__(
        self,
        out: Path,
        categories: Sequence[LabelCategory],
        *,
        copy_images: bool = False,
        model_version: str | None = None,
    ) -> None:
        """Open the file.

        Args:
            out: As for `ShapeWriter`.
            categories: As for `ShapeWriter`.
            copy_images: As for `ShapeWriter`.
            model_version: What made the shapes, if they are predictions; None for labels.
        """
        super().__init__(out, categories, copy_images=copy_images)
        self._model_version = model_version
        self._file = self._unfinished = StreamedFile(out / FILE)
        self._file.write("[")
        self._tasks = 0

    def finish(self) -> None:
        """Put the tasks in their place, and the configuration of their classes beside them."""
        self._file.write("\n]\n")
        self._file.commit()
        save(self.out / CONFIG_FILE, _config(self.categories).encode())

    def _fit(self, record: str, shape: ShapeRecord) -> ShapeRecord | None:
        if shape.points is not None and shape.box_xyxy is not None:
            self.remarks.note(record, NO_POINTS)
            return replace(shape, points=None)
        if shape.points is not None and len(shape.points) > 1:
            self.remarks.note(record, POINTS_APART)
        return shape

    def _write(self, image: ImageShapes) -> None:
        regions: list[dict[str, Any]] = []
        for number, shape in enumerate(image.shapes):
            regions += _regions(image.hw, shape, number)
        outcome: dict[str, Any] = {"result": regions}
        if self._model_version is not None:
            scores = [shape.score for shape in image.shapes if shape.score is not None]
            outcome["model_version"] = self._model_version
            outcome["score"] = sum(scores) / len(scores) if scores else 0.0
        kind = "annotations" if self._model_version is None else "predictions"
        url = LOCAL_FILES + quote(f"images/{image.safe_name}")
        task = {"id": self._tasks + 1, "data": {"image": url}, kind: [outcome]}
        self._file.write(",\n" if self._tasks else "\n")
        self._file.write(json.dumps(task, ensure_ascii=False))
        self._tasks += 1


def _config(categories: Sequence[LabelCategory]) -> str:
    """The labelling interface: one control for each kind of shape."""
    labels = "".join(f"    <Label value={quoteattr(category.name)}/>\n" for category in categories)
    controls = "".join(
        f'  <{tag} name="{tag[:-6].lower()}" toName="image">\n{labels}  </{tag}>\n'
        for tag in ("RectangleLabels", "PolygonLabels", "KeyPointLabels")
    )
    return f'<View>\n  <Image name="image" value="$image"/>\n{controls}</View>\n'


def _regions(hw: tuple[int, int], shape: ShapeRecord, number: int) -> list[dict[str, Any]]:
    """A part as regions; only several points make more than one."""
    if shape.polygons is not None:
        polygon = _percent(shape.polygons[0], hw)
        pairs = [[x, y] for x, y in zip(polygon[0::2], polygon[1::2], strict=True)]
        return [_region(hw, shape, f"{number}", "polygon", {"points": pairs, "closed": True})]
    if shape.box_xyxy is not None:
        left, top, right, bottom = shape.box_xyxy
        x, y, width, height = _percent((left, top, right - left, bottom - top), hw)
        place = {"x": x, "y": y, "width": width, "height": height, "rotation": 0}
        return [_region(hw, shape, f"{number}", "rectangle", place)]
    regions = []
    for index, point in enumerate(shape.points or ()):
        x, y = _percent(point, hw)
        place = {"x": x, "y": y, "width": _KEYPOINT_WIDTH}
        regions.append(_region(hw, shape, f"{number}-{index}", "keypoint", place))
    return regions


def _region(
    hw: tuple[int, int], shape: ShapeRecord, name: str, kind: str, place: dict[str, Any]
) -> dict[str, Any]:
    """One region of the image."""
    score = {} if shape.score is None else {"score": shape.score}
    return {
        "id": f"part-{name}",
        "type": f"{kind}labels",
        "from_name": kind,
        "to_name": "image",
        "original_width": hw[1],
        "original_height": hw[0],
        "image_rotation": 0,
        "value": {**place, f"{kind}labels": [shape.class_name]},
        **score,
    }


def _percent(numbers: Sequence[float], hw: tuple[int, int]) -> list[float]:
    """Pixels to percent of width and height in turn."""
    return [
        round(100 * value / hw[0 if i % 2 else 1], _DECIMALS) for i, value in enumerate(numbers)
    ]
