"""The neutral record that every writer takes: the shapes of one image."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from wps_sam.geometry.boxes import polygon_extent

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the original frame."""

Polygon = tuple[float, ...]
"""x0, y0, x1, y1, ... in pixels of the original frame."""


@dataclass(frozen=True)
class ShapeRecord:
    """One part: what is known of its place, in pixels of the original frame.

    Attributes:
        class_index: Position among the classes that the writer was given.
        class_name: Its name.
        box_xyxy: Left, top, right, bottom; None if only points are known.
        polygons: Its outlines, at least three points each; None without.
        rle: Its mask as COCO run lengths, `{"size": [H, W], "counts": ...}`; None without.
        points: (x, y) of points on the part; None without.
        score: Of a prediction, 0 to 1; None for a label.
        is_crowd: Whether it is a region around many parts, neither learnt nor scored.
    """

    class_index: int
    class_name: str
    box_xyxy: Box | None = None
    polygons: tuple[Polygon, ...] | None = None
    rle: Mapping[str, Any] | None = None
    points: tuple[tuple[float, float], ...] | None = None
    score: float | None = None
    is_crowd: bool = False


@dataclass(frozen=True)
class ImageShapes:
    """The shapes of one image.

    Attributes:
        image_id: Id in the labels or predictions.
        file_name: Name in the labels or predictions, with forward slashes.
        hw: (height, width) of the original frame.
        shapes: Its parts, in the order of the labels.
        image_path: The photograph; None if it is not at hand.
    """

    image_id: int | str
    file_name: str
    hw: tuple[int, int]
    shapes: tuple[ShapeRecord, ...]
    image_path: Path | None = None

    @property
    def safe_name(self) -> str:
        """The file name as a path below an output folder: no way leads out of it."""
        parts = [part for part in PurePosixPath(self.file_name).parts if part not in ("/", "..")]
        # A drive such as C: is no folder to make; elsewhere a colon is part of a name (10:30.jpg).
        if parts and re.fullmatch("[A-Za-z]:", parts[0]):
            parts[0] = f"{parts[0][0]}_"
        return str(PurePosixPath(*parts or [f"image-{self.image_id}"]))

    @property
    def stem(self) -> str:
        """`safe_name` without its ending."""
        name = PurePosixPath(self.safe_name)
        return str(name.with_name(name.stem))


def extent_of(polygons: tuple[Polygon, ...]) -> Box:
    """Box around all polygons of a part.

    Args:
        polygons: At least one, each with at least one point, any frame.

    Returns:
        Left, top, right, bottom in the same frame.
    """
    lefts, tops, rights, bottoms = zip(*map(polygon_extent, polygons), strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)
