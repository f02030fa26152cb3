"""Write "CVAT for images 1.1": `annotations.xml` beside `images/`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from wps_sam.labels.label_file import LabelCategory
from wps_sam.writing.shapes import ImageShapes, ShapeRecord
from wps_sam.writing.streamed_file import StreamedFile
from wps_sam.writing.writer import NO_POINTS, ShapeWriter

FILE = "annotations.xml"
DECIMALS = 4


class CvatWriter(ShapeWriter):
    """CVAT's XML for images.

    Numbers have 4 decimals: a coordinate moves by at most 0.00005 pixels. Scores are not written,
    because CVAT takes only attributes that its task declares. Points beside a box are left out.
    Images are numbered from 0.
    """

    def __init__(
        self, out: Path, categories: Sequence[LabelCategory], *, copy_images: bool = False
    ) -> None:
        """Open the file; arguments are those of `ShapeWriter`."""
        super().__init__(out, categories, copy_images=copy_images)
        labels = "".join(
            f"<label><name>{escape(category.name)}</name></label>\n" for category in categories
        )
        self._file = self._unfinished = StreamedFile(out / FILE)
        self._images = 0
        self._file.write(
            '<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n'
            f"<meta><task><labels>\n{labels}</labels></task></meta>\n"
        )

    def finish(self) -> None:
        """Put the file in its place."""
        self._file.write("</annotations>\n")
        self._file.commit()

    def _fit(self, record: str, shape: ShapeRecord) -> ShapeRecord | None:
        if shape.points is not None and shape.box_xyxy is not None:
            self.remarks.note(record, NO_POINTS)
            return replace(shape, points=None)
        return shape

    def _write(self, image: ImageShapes) -> None:
        height, width = image.hw
        name = quoteattr(image.file_name)
        self._file.write(
            f'<image id="{self._images}" name={name} width="{width}" height="{height}">\n'
        )
        self._images += 1
        for shape in image.shapes:
            self._file.write(f"{_element(shape)}\n")
        self._file.write("</image>\n")


def _element(shape: ShapeRecord) -> str:
    """One shape as an element."""
    common = {"label": shape.class_name, "source": "manual" if shape.score is None else "auto"}
    if shape.polygons is not None:
        return _tag("polygon", {**common, "points": _points(shape.polygons[0])})
    if shape.box_xyxy is not None:
        edges = zip(("xtl", "ytl", "xbr", "ybr"), map(_number, shape.box_xyxy), strict=True)
        return _tag("box", {**common, **dict(edges)})
    flat = tuple(value for point in shape.points or () for value in point)
    return _tag("points", {**common, "points": _points(flat)})


def _tag(name: str, attributes: dict[str, str]) -> str:
    element = ElementTree.Element(name, {**attributes, "occluded": "0", "z_order": "0"})
    return ElementTree.tostring(element, encoding="unicode")


def _points(flat: tuple[float, ...]) -> str:
    """x,y;x,y;..."""
    pairs = zip(flat[0::2], flat[1::2], strict=True)
    return ";".join(f"{_number(x)},{_number(y)}" for x, y in pairs)


def _number(value: float) -> str:
    return f"{value:.{DECIMALS}f}"
