"""Shapes to write, and photographs for them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from wps_sam.labels.label_file import LabelCategory
from wps_sam.writing.shapes import ImageShapes, ShapeRecord

CATEGORIES = (LabelCategory(7, "wheel"), LabelCategory(3, "door & <roof>", "car"))
WHEEL, DOOR = (category.name for category in CATEGORIES)
TRIANGLE = (10.0, 5.0, 30.0, 5.0, 10.0, 25.0)
SQUARE_RLE = {"size": [50, 100], "counts": [50 * 20 + 10, 2, 48, 2, 50 * 79 - 12]}
"""2 x 2 pixels: columns 20 and 21, rows 10 and 11."""


@pytest.fixture
def categories() -> tuple[LabelCategory, ...]:
    """Two classes, their ids neither from 0 nor in order."""
    return CATEGORIES


@pytest.fixture
def photograph(tmp_path: Path) -> Callable[..., Path]:
    """Makes a white photograph of 50 x 100 pixels (height x width)."""

    def make(name: str = "a.png", height: int = 50, width: int = 100) -> Path:
        path = tmp_path / "photographs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (width, height), "white").save(path)
        return path

    return make


@pytest.fixture
def one_image(photograph: Callable[..., Path]) -> Callable[..., ImageShapes]:
    """Makes an image of 50 x 100 pixels, called sub/a.png unless told, with these shapes."""

    def make(*shapes: ShapeRecord, name: str = "sub/a.png") -> ImageShapes:
        return ImageShapes("id 5", name, (50, 100), shapes, photograph(name))

    return make


@pytest.fixture
def door_box() -> ShapeRecord:
    return ShapeRecord(1, DOOR, box_xyxy=(10, 5, 30, 25))


@pytest.fixture
def wheel_outline() -> ShapeRecord:
    return ShapeRecord(0, WHEEL, box_xyxy=(10, 5, 30, 25), polygons=(TRIANGLE,))


@pytest.fixture
def two_pieces() -> ShapeRecord:
    """Two triangles, 40 pixels apart."""
    second = tuple(x + 40 * (i % 2 == 0) for i, x in enumerate(TRIANGLE))
    return ShapeRecord(0, WHEEL, box_xyxy=(10, 5, 70, 25), polygons=(TRIANGLE, second))


@pytest.fixture
def door_mask() -> ShapeRecord:
    """A mask of 2 x 2 pixels at (20, 10)."""
    return ShapeRecord(1, DOOR, box_xyxy=(20, 10, 22, 12), rle=SQUARE_RLE)


@pytest.fixture
def wheel_points() -> ShapeRecord:
    return ShapeRecord(0, WHEEL, points=((12.5, 7.0), (14.0, 9.0)))


@pytest.fixture
def door_box_and_point() -> ShapeRecord:
    return ShapeRecord(1, DOOR, box_xyxy=(10, 5, 30, 25), points=((12.5, 7.0),))


@pytest.fixture
def crowd() -> ShapeRecord:
    return ShapeRecord(0, WHEEL, box_xyxy=(10, 5, 30, 25), polygons=(TRIANGLE,), is_crowd=True)
