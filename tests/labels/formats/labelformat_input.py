"""Boxes for labelformat to write, so that our readers can be compared with its own."""

from collections.abc import Iterable

from hypothesis import strategies as st
from labelformat.model.bounding_box import BoundingBox, BoundingBoxFormat
from labelformat.model.category import Category
from labelformat.model.image import Image
from labelformat.model.object_detection import (
    ImageObjectDetection,
    ObjectDetectionInput,
    SingleObjectDetection,
)

HEIGHT, WIDTH = 40, 80


class Written(ObjectDetectionInput):  # type: ignore[misc]
    """One image with boxes of two classes.

    Args:
        boxes: xyxy in pixels.
        classes: 0 for door or 1 for wheel, for each box.
    """

    def __init__(self, boxes: list[list[float]], classes: list[int]) -> None:
        self._boxes, self._classes = boxes, classes
        self._categories = [Category(0, "door"), Category(1, "wheel")]

    @staticmethod
    def add_cli_arguments(parser: object) -> None:
        """Nothing to add."""

    def get_categories(self) -> Iterable[Category]:
        return self._categories

    def get_images(self) -> Iterable[Image]:
        yield Image(0, "a.png", WIDTH, HEIGHT)

    def get_labels(self) -> Iterable[ImageObjectDetection]:
        yield ImageObjectDetection(
            image=Image(0, "a.png", WIDTH, HEIGHT),
            objects=[
                SingleObjectDetection(
                    category=self._categories[number],
                    box=BoundingBox.from_format(bbox=box, format=BoundingBoxFormat.XYXY),
                )
                for box, number in zip(self._boxes, self._classes, strict=True)
            ],
        )


@st.composite
def boxes(draw: st.DrawFn) -> list[float]:
    """A box of at least a pixel inside the image, xyxy."""
    left, top = draw(st.floats(0, WIDTH - 1)), draw(st.floats(0, HEIGHT - 1))
    return [left, top, draw(st.floats(left + 1, WIDTH)), draw(st.floats(top + 1, HEIGHT))]
