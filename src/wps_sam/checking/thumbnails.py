"""Small pictures with boxes drawn on them, as `data:` addresses for the page."""

import base64
import io
from typing import NamedTuple

from PIL import Image, ImageDraw

from wps_sam.checking.findings import Box, Picture
from wps_sam.checking.small_pictures import read_small
from wps_sam.errors import DataError

LONGEST_SIDE = 300
"""Pixels of a thumbnail: sharp on a phone, light enough for two hundred on a page."""

MARGIN = 1.0
"""Of the marked region's longer side, left on each side of it so that the place can be found."""

SMALLEST_VIEW = 0.3
"""Of the image's longer side: a tiny part is shown at most this much enlarged."""

_JPEG_QUALITY = 72
_SMALLEST_MARK = 7
_COLOR, _OTHER_COLOR, _HALO = (255, 30, 75), (60, 150, 255), (255, 255, 255)


class Thumbnail(NamedTuple):
    """A picture for the page.

    Attributes:
        address: `data:` address of a JPEG, or "" if the image cannot be shown.
        width: Pixels.
        height: Pixels.
        file_name: Of the image.
        problem: Why it cannot be shown; else "".
    """

    address: str
    width: int
    height: int
    file_name: str
    problem: str = ""


def thumbnail(picture: Picture) -> Thumbnail:
    """Draw a thumbnail: the whole image, or the neighbourhood of small boxes.

    Args:
        picture: Image and boxes.

    Returns:
        The thumbnail; an image that cannot be read has none and says why.
    """
    try:
        view = _view(picture, *_scaled_image(picture))
    except DataError as error:
        return Thumbnail("", 0, 0, picture.file_name, str(error))
    buffer = io.BytesIO()
    view.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    code = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Thumbnail(f"data:image/jpeg;base64,{code}", *view.size, picture.file_name)


def _scaled_image(picture: Picture) -> tuple[Image.Image, tuple[int, int]]:
    """The image, perhaps reduced, and the (height, width) that the boxes are in."""
    wanted = LONGEST_SIDE / SMALLEST_VIEW if picture.boxes else LONGEST_SIDE
    image = read_small(picture.path, int(wanted), picture.hw).convert("RGB")
    return image, picture.hw or (image.height, image.width)


def _view(picture: Picture, image: Image.Image, hw: tuple[int, int]) -> Image.Image:
    """Cut out what is to be seen, scale it and draw the boxes."""
    left, top, right, bottom = _region((*picture.boxes, *picture.others), hw)
    to_file = image.width / hw[1], image.height / hw[0]
    crop = (left * to_file[0], top * to_file[1], right * to_file[0], bottom * to_file[1])
    scale = LONGEST_SIDE / max(right - left, bottom - top)
    size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    view = image.resize(size, Image.Resampling.BILINEAR, box=crop, reducing_gap=2.0)
    draw = ImageDraw.Draw(view)
    colored = [(box, _OTHER_COLOR) for box in picture.others]
    for box, color in [*colored, *((box, _COLOR) for box in picture.boxes)]:
        edges = [(value - low) * scale for value, low in zip(box, 2 * (left, top), strict=True)]
        _mark(draw, edges, color)
    return view


def _region(boxes: tuple[Box, ...], hw: tuple[int, int]) -> Box:
    """What to show of an image: all of it, or the neighbourhood of boxes far smaller than it."""
    height, width = hw
    whole = (0.0, 0.0, float(width), float(height))
    if not boxes:
        return whole
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    region = (min(lefts), min(tops), max(rights), max(bottoms))
    longest = max(region[2] - region[0], region[3] - region[1])
    side = max((1 + 2 * MARGIN) * longest, SMALLEST_VIEW * max(hw))
    center = (region[0] + region[2]) / 2, (region[1] + region[3]) / 2
    if side >= max(hw) or not (0 <= center[0] <= width and 0 <= center[1] <= height):
        return whole
    left, right = _span(center[0], side, width)
    top, bottom = _span(center[1], side, height)
    return left, top, right, bottom


def _span(center: float, side: float, limit: int) -> tuple[float, float]:
    """A stretch of a length around a centre, moved and cut to lie between 0 and a limit."""
    length = min(side, float(limit))
    start = min(max(0.0, center - length / 2), limit - length)
    return start, start + length


def _mark(draw: ImageDraw.ImageDraw, box: list[float], color: tuple[int, int, int]) -> None:
    """Draw one box; a box of a few pixels is enlarged so that it can be seen."""
    for low, high in ((0, 2), (1, 3)):
        lacking = _SMALLEST_MARK - (box[high] - box[low])
        if lacking > 0:
            box[low], box[high] = box[low] - lacking / 2, box[high] + lacking / 2
    # Pillow draws absurdly distant edges pixel by pixel.
    edges = [min(max(value, -10.0), LONGEST_SIDE + 10.0) for value in box]
    draw.rectangle([edges[0] - 1, edges[1] - 1, edges[2] + 1, edges[3] + 1], outline=_HALO, width=1)
    draw.rectangle(edges, outline=color, width=2)
