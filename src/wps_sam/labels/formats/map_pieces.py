"""Boxes of the pieces in a label map: the pixels are looked at, and only boxes leave this file."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from wps_sam.errors import DataError
from wps_sam.images.index_png import LabelPixels, read_index_png
from wps_sam.images.reading import image_size
from wps_sam.labels.label_file import LabelAnnotation, LabelImage

_EIGHT_NEIGHBOURS = 8


@dataclass(frozen=True)
class MapValues:
    """What the values of a label map mean.

    Attributes:
        names: Class name by value; the value is the category id.
        background: Values that mean "no part".
        ignore: Values whose pixels are neither learnt nor scored.
        remedy: What to do about a value that means nothing, for the message.
    """

    names: Mapping[int, str]
    background: frozenset[int]
    ignore: frozenset[int]
    remedy: str


def map_annotations(
    path: Path, image: LabelImage, values: MapValues, *, per_class: bool
) -> Iterator[LabelAnnotation]:
    """Find the parts in a label map.

    Args:
        path: The PNG.
        image: Its image.
        values: What the pixels mean.
        per_class: One part for all pixels of a value, instead of one for each 8-connected piece.

    Yields:
        One annotation a part, by value and then from top to bottom, with its tight box (a single
        pixel is 1 x 1); last one for each ignored value, as a crowd region.

    Raises:
        DataError: The map is damaged, is not of the stated size, or has a value that means
            nothing.
    """
    pixels = read_index_png(path)
    if pixels.shape != (image.height, image.width):
        raise DataError(
            f"Label map {path} is {pixels.shape[0]} x {pixels.shape[1]} (height x width), but its "
            f"image {image.file_name} is {image.height} x {image.width}. Export the map in the "
            "image's own size; do not let it be smoothed."
        )
    found = _values_in(pixels)
    unknown = [v for v in found if v not in values.names.keys() | values.background | values.ignore]
    if unknown:
        raise DataError(
            f"Label map {path} has the value {unknown[0]} in "
            f"{int(np.count_nonzero(pixels == unknown[0]))} pixels, which has no name"
            f"{f' (nor have {unknown[1:6]})' if unknown[1:] else ''}; named are "
            f"{list(values.names)[:40]}, background is {sorted(values.background)}, ignored is "
            f"{sorted(values.ignore)}. {values.remedy}"
        )
    for value in found:
        if value in values.names:
            yield from _parts(path, image, pixels, value, values.names[value], per_class)
    for value in found:
        if value in values.ignore:
            yield LabelAnnotation(
                record=f"ignored pixels (value {value}) of {path.name}",
                image=image,
                category_id=next(iter(values.names)),
                segmentation={"kind": "label_map", "file": str(path), "value": value},
                is_crowd=True,
            )


def check_map_size(path: Path, map_hw: tuple[int, int], image_path: Path) -> None:
    """Refuse a label map that is not of its image's size.

    A map may fit the image as it is stored or, where the two differ, as its EXIF orientation turns
    it: `wps_sam.images.reading.read_image` then turns the pixels to fit.

    Args:
        path: The PNG, for the message.
        map_hw: Its (height, width).
        image_path: The image.

    Raises:
        DataError: The sizes differ, or the image cannot be read.
    """
    oriented = image_size(image_path)
    if map_hw == oriented:
        return
    with Image.open(image_path) as image:
        stored = (image.height, image.width)
    if map_hw != stored:
        raise DataError(
            f"Label map {path} is {map_hw[0]} x {map_hw[1]} (height x width), but its image "
            f"{image_path} is {oriented[0]} x {oriented[1]}. Export the map in the image's own "
            "size; do not let it be smoothed."
        )


def _values_in(pixels: LabelPixels) -> list[int]:
    """The values that occur, ascending."""
    if pixels.dtype.itemsize > 2:  # counting would need a table of all 32-bit numbers
        return [int(value) for value in np.unique(pixels)]
    return [int(value) for value in np.flatnonzero(np.bincount(pixels.reshape(-1)))]


def _parts(
    path: Path, image: LabelImage, pixels: LabelPixels, value: int, name: str, per_class: bool
) -> Iterator[LabelAnnotation]:
    """The parts of one value."""
    segmentation = {"kind": "label_map", "file": str(path), "value": value}
    chosen = (pixels == value).astype(np.uint8)
    if per_class:
        bbox = [float(v) for v in cv2.boundingRect(chosen)]
        record = f"value {value} ({name}) of {path.name}"
        yield LabelAnnotation(record, image, value, bbox=bbox, segmentation=segmentation)
        return
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(
        chosen, connectivity=_EIGHT_NEIGHBOURS
    )
    for piece in range(1, count):
        left, top, width, height = (int(v) for v in stats[piece, : cv2.CC_STAT_AREA])
        # One of its pixels, in its first row, is enough to find the piece again.
        first = int(np.argmax(pieces[top, left : left + width] == piece))
        yield LabelAnnotation(
            record=f"piece {piece} of value {value} ({name}) of {path.name}",
            image=image,
            category_id=value,
            bbox=[float(left), float(top), float(width), float(height)],
            segmentation={**segmentation, "seed": [left + first, top]},
        )
