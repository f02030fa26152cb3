"""One annotation around several pieces that lie far apart."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np
from scipy import ndimage

from wps_sam.checking.findings import Box, Case, Cases, Finding, Picture
from wps_sam.checking.splits import CheckedSplit
from wps_sam.errors import DataError
from wps_sam.geometry.boxes import polygon_extent
from wps_sam.geometry.masks import MIN_POLYGON_VALUES, rle_to_mask
from wps_sam.labels.label_file import LabelAnnotation

FAR = 0.5
"""Of the longer side of the smaller piece: a wider gap cannot be a pole in front of one part."""

CRUMB = 0.05
"""Pieces with a smaller share of the largest piece's box are left out of account."""

_BEYOND = 1e6  # pixels; no image is that large, and areas must not overflow


class DistantPieces:
    """Collects annotations whose pieces lie far apart."""

    def __init__(self) -> None:
        """Start with none."""
        self._split_up, self._together = Cases(), Cases()

    def look(self, split: CheckedSplit, annotation: LabelAnnotation, picture: Picture) -> None:
        """Look at one annotation.

        Args:
            split: Its split.
            annotation: One that is to become a part; its values need not be sound.
            picture: Its image.
        """
        polygons = polygon_boxes(annotation.segmentation)
        pieces = polygons or _mask_boxes(annotation.segmentation, picture.hw)
        groups = _far_groups(pieces)
        if groups < 2:
            return
        shown = Picture(picture.path, picture.file_name, tuple(pieces), hw=picture.hw)
        case = Case(split.name, annotation.record, f"{groups} groups of pieces", (shown,))
        (self._split_up if polygons and not split.labels.keep_groups else self._together).add(case)

    def findings(self) -> list[Finding]:
        """Findings `pieces-in-one-box` and `pieces-apart`."""
        return [
            *self._together.finding(
                "pieces-in-one-box",
                "warning",
                "One box around distant pieces",
                "The annotation's mask is in pieces with wide gaps, and one box around all of them "
                "is learnt. SAM takes a box for one thing, and the prompter learns boxes that hold "
                "mostly something else.",
                "Give each piece its own annotation. Where the annotation has polygons, leave out "
                "--keep-groups and each polygon becomes a part.",
            ),
            *self._split_up.finding(
                "pieces-apart",
                "info",
                "Annotations in distant pieces",
                "One annotation holds several polygons with wide gaps, such as two wheels. Each "
                "polygon becomes a part of its own.",
                "Nothing, if each piece is one part. If they are pieces of one part that something "
                "hides, --keep-groups makes one part of them, here and in training.",
            ),
        ]


def polygon_boxes(segmentation: Any) -> list[Box]:
    """Boxes around the usable polygons of a segmentation; what is unusable is passed over.

    Args:
        segmentation: As in `LabelAnnotation`.

    Returns:
        One box per polygon; empty if there are no polygons.
    """
    if not isinstance(segmentation, list) or not segmentation:
        return []
    polygons = segmentation if isinstance(segmentation[0], list) else [segmentation]
    boxes = []
    for polygon in polygons:
        if isinstance(polygon, list) and len(polygon) >= MIN_POLYGON_VALUES:
            try:
                box = polygon_extent(polygon)
                if all(map(isfinite, box)):
                    left, top, right, bottom = map(float, box)
                    boxes.append((left, top, right, bottom))
            except (DataError, TypeError, OverflowError):
                continue  # counted where weak labels are read
    return boxes


def _mask_boxes(segmentation: Any, hw: tuple[int, int] | None) -> list[Box]:
    """Boxes around the connected pieces of a run-length mask that has its image's size."""
    if not isinstance(segmentation, Mapping) or hw is None:
        return []
    if segmentation.get("size") != [*hw]:
        return []  # an absurd size must not eat all memory; evaluation refuses it
    try:
        labels, _ = ndimage.label(rle_to_mask(segmentation), np.ones((3, 3)))
    except DataError:
        return []  # a weak label does not use it
    return [
        (float(columns.start), float(rows.start), float(columns.stop), float(rows.stop))
        for rows, columns in ndimage.find_objects(labels)
    ]


def _far_groups(pieces: Sequence[Box]) -> int:
    """How many groups of pieces there are with wide gaps in between."""
    if len(pieces) < 2:
        return len(pieces)
    boxes = np.clip(pieces, -_BEYOND, _BEYOND)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    boxes = boxes[areas >= CRUMB * areas.max()]
    longest = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    gaps = np.maximum(
        boxes[:, None, :2] - boxes[None, :, 2:], boxes[None, :, :2] - boxes[:, None, 2:]
    ).max(axis=2)
    near = gaps <= FAR * np.minimum(longest[:, None], longest[None, :])
    return _components(near)


def _components(near: np.ndarray[Any, np.dtype[np.bool_]]) -> int:
    """How many connected components a symmetric (N, N) relation has."""
    reached = near.copy()
    for _ in range(len(near).bit_length()):
        reached = reached @ reached
    return len(np.unique(reached, axis=0))
