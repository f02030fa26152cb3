"""Make weak labels of a label file: a class and a box, points or both for each part.

Of a `segmentation` only the outermost coordinates of its polygons are used, to tell several pieces
in one annotation apart. No mask is ever made from it.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from math import nan
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wps_sam.errors import DataError
from wps_sam.images.reading import image_size
from wps_sam.labels.categories import reason_without_class, without_background
from wps_sam.labels.formats.coco import repeated_id
from wps_sam.labels.label_file import LabelAnnotation, LabelFile, LabelImage
from wps_sam.labels.remarks import Note, Skip, count_skips
from wps_sam.labels.shape_checks import (
    BAD_POINTS,
    NO_BOX,
    Corners,
    Point,
    bbox_corners,
    point_of,
    polygon_corners,
    polygons_of,
)
from wps_sam.labels.weak_labels import WeakDataset, WeakImage

MIN_SIDE = 0.01
"""Pixels. A shorter side is no box, and a smaller overhang is rounding."""

NO_CORNERS: Corners = (nan, nan, nan, nan)
"""In the place of a box that is not known."""

SPECK_SIDE = 2.0
"""Pixels. A shorter side is used but noted: annotation tools leave specks after a stray click."""

CROWD = "iscrowd: one region around many parts"
NO_AREA = "box without area"
OUTSIDE = "box outside the image"
CLIPPED = "box reached outside the image and was clipped"
SPECK = "box under 2 pixels wide or high, perhaps a stray click"
NO_POINT = "no usable point"
POINT_OUTSIDE = "point outside the image"
POINT_IN_NO_PIECE = "point in none of the pieces of its annotation"
POINT_BESIDE_BOX = "point outside the box of its part"
POINTS_ONLY = "its box cannot be used, but its points are: "


def read_weak(labels: LabelFile, *, keep_groups: bool = False) -> WeakDataset:
    """Read the weak labels of a label file.

    An annotation with several polygons (two wheels) becomes one part per polygon. Without usable
    polygons its `bbox` counts; a mask is never decoded. Boxes are clipped to the image. An
    annotation with points and no usable box becomes a part without a box; of several pieces, each
    gets the points inside its box.

    Args:
        labels: The file.
        keep_groups: Make one part of all polygons of an annotation.

    Returns:
        All images of the file; `skipped` tells which annotations, polygons or points were left
        out.

    Raises:
        DataError: The annotations are unsound, two have one id, an image file is missing, or no
            annotation is usable.
    """
    found = _find_images(labels)
    sizes = [_hw(image, path) for image, path in zip(labels.images, found, strict=True)]
    parts = _collect_parts(labels, sizes, keep_groups)
    categories, _, dropping = without_background(labels.path, labels.categories, parts.used)
    if not any(parts.found):
        reasons = "; ".join(
            f"{count} x {reason}" for reason, count in count_skips(parts.skipped).items()
        )
        raise DataError(
            f"Label file {labels.path}: none of its {parts.annotations} annotations can be used "
            f"({reasons}). Check that every bbox is [x, y, width, height] and every point [x, y] "
            "in pixels."
        )
    class_of = {category.category_id: i for i, category in enumerate(categories)}
    images = tuple(
        _weak_image(image, path, hw, class_of, of_image)
        for image, path, hw, of_image in zip(labels.images, found, sizes, parts.found, strict=True)
    )
    return WeakDataset(
        source=labels.path,
        class_names=tuple(category.name for category in categories),
        category_ids=tuple(category.category_id for category in categories),
        images=images,
        skipped=(*labels.skipped, *parts.skipped),
        notes=(*labels.notes, *dropping, *parts.notes),
    )


def _find_images(labels: LabelFile) -> list[Path]:
    """Find the file of each image; DataError if one is missing or serves two records."""
    found = [labels.find_image(image) for image in labels.images]
    users: dict[Path, LabelImage] = {}
    for record, path in zip(labels.images, found, strict=True):
        other = users.setdefault(path, record)
        if other is not record:
            raise DataError(
                f"Label file {labels.path}: images {other.image_id} ({other.file_name}) and "
                f"{record.image_id} ({record.file_name}) both lead to {path}. Keep the folders "
                "that their names mention, or give the images different names."
            )
    return found


def _hw(image: LabelImage, path: Path) -> tuple[int, int]:
    """Size of an image; the file is opened only where the labels do not say."""
    if image.height is not None and image.width is not None:
        return image.height, image.width
    return image_size(path)


class _Part(NamedTuple):
    """A usable part of one image; a part without a box has four NaN."""

    category_id: int
    box: Corners
    points: Sequence[Point]


def _weak_image(
    record: LabelImage,
    path: Path,
    hw: tuple[int, int],
    class_of: Mapping[int, int],
    parts: Sequence[_Part],
) -> WeakImage:
    """Turn the collected parts of one image into arrays."""
    points: tuple[NDArray[np.float32], ...] = ()
    if any(part.points for part in parts):
        points = tuple(np.array(part.points, np.float32).reshape(-1, 2) for part in parts)
    return WeakImage(
        image_id=record.image_id,
        path=path,
        file_name=record.file_name,
        height=hw[0],
        width=hw[1],
        class_index=np.array([class_of[part.category_id] for part in parts], np.int64),
        boxes_xyxy=np.array([part.box for part in parts], np.float32).reshape(-1, 4),
        points_xy=points,
    )


@dataclass
class _Parts:
    """What the annotations gave: one list per image, and what was left out or changed."""

    found: list[list[_Part]]
    annotations: int = 0
    used: set[int] = field(default_factory=set)
    skipped: list[Skip] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


@dataclass
class _Remarks:
    """What is to be said about one annotation: pairs of a prefix for its record, and a text."""

    left_out: list[tuple[str, str]] = field(default_factory=list)
    changed: list[tuple[str, str]] = field(default_factory=list)


def _collect_parts(
    labels: LabelFile, sizes: Sequence[tuple[int, int]], keep_groups: bool
) -> _Parts:
    """Go through the annotations once, in plain Python: numpy per annotation would be slower."""
    parts = _Parts([[] for _ in labels.images])
    no_class = {c.category_id: reason_without_class(c) for c in labels.categories}
    image_of_id: dict[Hashable, int | str] = {}
    remarks = _Remarks()
    for annotation in labels.annotations():
        parts.annotations += 1
        parts.used.add(annotation.category_id)
        if annotation.annotation_id is not None:
            _refuse_repeated_id(labels.path, annotation, image_of_id)
        unwanted = no_class[annotation.category_id] or (CROWD if annotation.is_crowd else "")
        if unwanted:
            parts.skipped.append(Skip(annotation.record, unwanted, on_purpose=True))
            continue
        index = annotation.image.index
        parts.found[index] += _usable_parts(annotation, sizes[index], keep_groups, remarks)
        if remarks.left_out or remarks.changed:
            record = annotation.record
            parts.skipped += [Skip(which + record, reason) for which, reason in remarks.left_out]
            parts.notes += [Note(which + record, remark) for which, remark in remarks.changed]
            remarks = _Remarks()
    return parts


def _usable_parts(
    annotation: LabelAnnotation, hw: tuple[int, int], keep_groups: bool, remarks: _Remarks
) -> list[_Part]:
    """The parts of an annotation; what cannot be used goes to `remarks`."""
    boxes = []
    for which, corners in _candidates(annotation, keep_groups, remarks.left_out):
        box, problem = _clip(corners, hw)
        if problem:
            remarks.left_out.append((which, problem))
            continue
        boxes.append(box)
        for remark in _remarks(corners, box):
            remarks.changed.append((which, remark))
    if annotation.points is None or annotation.points == []:
        return [_Part(annotation.category_id, box, ()) for box in boxes]
    points = _usable_points(annotation.points, hw, remarks.left_out)
    if not boxes and not points:
        _explain_missing_points(remarks)
    if not boxes and points:
        _explain_missing_box(remarks)
        return [_Part(annotation.category_id, NO_CORNERS, [point for _, point in points])]
    shared = _share_points(boxes, points, remarks)
    return [
        _Part(annotation.category_id, box, of_box)
        for box, of_box in zip(boxes, shared, strict=True)
    ]


def _usable_points(
    points: Any, hw: tuple[int, int], left_out: list[tuple[str, str]]
) -> list[tuple[str, Point]]:
    """The points inside the image, each with a prefix that tells which one it is.

    What cannot be used is appended to `left_out` as (prefix, reason).
    """
    if not isinstance(points, list):
        left_out.append(("points of ", BAD_POINTS))
        return []
    found = []
    for number, pair in enumerate(points):
        which = f"point {number} of "
        point, problem = _point(pair, hw)
        if point is None:
            left_out.append((which, problem))
        else:
            found.append((which, point))
    return found


def _point(pair: Any, hw: tuple[int, int]) -> tuple[Point | None, str]:
    """A point inside the image, or None and the reason."""
    point, problem = point_of(pair)
    if point is None:
        return None, problem
    (x, y), (height, width) = point, hw
    inside = min(max(x, 0), width), min(max(y, 0), height)
    if max(abs(x - inside[0]), abs(y - inside[1])) > MIN_SIDE:
        return None, POINT_OUTSIDE
    return inside, ""


def _explain_missing_box(remarks: _Remarks) -> None:
    """Turn what was wrong with a bbox into a note, as its annotation is used all the same."""
    of_bbox = [reason for which, reason in remarks.left_out if not which]
    remarks.left_out = [entry for entry in remarks.left_out if entry[0]]
    remarks.changed += [("", POINTS_ONLY + reason) for reason in of_bbox if reason != NO_BOX]


def _explain_missing_points(remarks: _Remarks) -> None:
    """Say that the points are what is wrong, where nobody drew a box."""
    no_box = ("", NO_BOX)
    if no_box in remarks.left_out:
        remarks.left_out.remove(no_box)
        remarks.left_out.append(("", NO_POINT))


def _share_points(
    boxes: Sequence[Corners], points: Sequence[tuple[str, Point]], remarks: _Remarks
) -> list[list[Point]]:
    """Give each box of an annotation its points: all to a single one, else those inside."""
    held = [[_holds(box, point) for box in boxes] for _, point in points]
    for (which, _), holders in zip(points, held, strict=True):
        if boxes and not any(holders):
            if len(boxes) == 1:
                remarks.changed.append((which, POINT_BESIDE_BOX))
            else:
                remarks.left_out.append((which, POINT_IN_NO_PIECE))
    if len(boxes) == 1:
        return [[point for _, point in points]]
    return [
        [point for (_, point), holders in zip(points, held, strict=True) if holders[number]]
        for number in range(len(boxes))
    ]


def _holds(box: Corners, point: Point) -> bool:
    """Whether a point is in a box, its edges included."""
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def _refuse_repeated_id(
    path: Path, annotation: LabelAnnotation, image_of_id: dict[Hashable, int | str]
) -> None:
    """Raise DataError if two annotations have one id."""
    key, image_id = annotation.annotation_id, annotation.image.image_id
    if key in image_of_id:
        first, second = f"image {image_of_id[key]}", f"image {image_id}"
        raise repeated_id(path, "annotation", repr(key), first, second)
    image_of_id[key] = image_id


def _candidates(
    annotation: LabelAnnotation, keep_groups: bool, left_out: list[tuple[str, str]]
) -> list[tuple[str, Corners]]:
    """Boxes of an annotation before clipping, each with a prefix that tells which polygon it is.

    What cannot be used is appended to `left_out` as (prefix, reason).
    """
    found: list[tuple[str, Corners]] = []
    polygons = polygons_of(annotation.segmentation)
    for number, polygon in enumerate(polygons):
        which = f"polygon {number} of " if len(polygons) > 1 else ""
        corners, problem = polygon_corners(polygon)
        if corners is None:
            left_out.append((which or "polygon of ", problem))
        else:
            found.append((which, corners))
    if not found:
        corners, problem = bbox_corners(annotation.bbox)
        if corners is None:
            left_out.append(("", problem))
        else:
            found.append(("", corners))
    elif keep_groups and len(found) > 1:
        lefts, tops, rights, bottoms = zip(*(corners for _, corners in found), strict=True)
        found = [("", (min(lefts), min(tops), max(rights), max(bottoms)))]
    return found


def _clip(corners: Corners, hw: tuple[int, int]) -> tuple[Corners, str]:
    """Clip a box to its image; the second value is why it cannot be used, or ""."""
    left, top, right, bottom = corners
    if right - left < MIN_SIDE or bottom - top < MIN_SIDE:
        return corners, NO_AREA
    height, width = hw
    if left >= 0 and top >= 0 and right <= width and bottom <= height:
        return corners, ""
    box = (max(left, 0), max(top, 0), min(right, width), min(bottom, height))
    if box[2] - box[0] < MIN_SIDE or box[3] - box[1] < MIN_SIDE:
        return corners, OUTSIDE
    return box, ""


def _remarks(corners: Corners, box: Corners) -> list[str]:
    """What the user should know about a box that is used; `corners` are those before clipping."""
    remarks = []
    if box is not corners:
        overhang = max(abs(before - after) for before, after in zip(corners, box, strict=True))
        if overhang > MIN_SIDE:
            remarks.append(CLIPPED)
    if box[2] - box[0] < SPECK_SIDE or box[3] - box[1] < SPECK_SIDE:
        remarks.append(SPECK)
    return remarks
