"""CVAT's XML, by hand and by `labelformat`."""

from collections.abc import Callable
from pathlib import Path

from labelformat.formats.cvat import CVATObjectDetectionInput

from wps_sam.labels.label_file import LabelCategory
from wps_sam.writing.cvat import CvatWriter
from wps_sam.writing.shapes import ImageShapes, ShapeRecord
from wps_sam.writing.writer import NO_POINTS

Make = Callable[..., ImageShapes]
Categories = tuple[LabelCategory, ...]


def write(out: Path, categories: Categories, *images: ImageShapes) -> CvatWriter:
    writer = CvatWriter(out, categories)
    for image in images:
        writer.add(image)
    writer.finish()
    return writer


def test_whole_file(
    tmp_path: Path,
    categories: Categories,
    one_image: Make,
    wheel_outline: ShapeRecord,
    door_box_and_point: ShapeRecord,
    wheel_points: ShapeRecord,
) -> None:
    shapes = (wheel_outline, door_box_and_point, wheel_points)
    writer = write(tmp_path, categories, one_image(*shapes), one_image(name='"b" & c.png'))
    common = 'source="manual"'
    rest = 'occluded="0" z_order="0" />'
    assert (tmp_path / "annotations.xml").read_text().splitlines() == [
        '<?xml version="1.0" encoding="utf-8"?>',
        "<annotations>",
        "<version>1.1</version>",
        "<meta><task><labels>",
        "<label><name>wheel</name></label>",
        "<label><name>door &amp; &lt;roof&gt;</name></label>",
        "</labels></task></meta>",
        '<image id="0" name="sub/a.png" width="100" height="50">',
        f'<polygon label="wheel" {common} points="10.0000,5.0000;30.0000,5.0000;10.0000,25.0000" '
        + rest,
        f'<box label="door &amp; &lt;roof&gt;" {common} xtl="10.0000" ytl="5.0000" xbr="30.0000" '
        f'ybr="25.0000" {rest}',
        f'<points label="wheel" {common} points="12.5000,7.0000;14.0000,9.0000" {rest}',
        "</image>",
        """<image id="1" name='"b" &amp; c.png' width="100" height="50">""",
        "</image>",
        "</annotations>",
    ]
    assert writer.remarks.notes == {NO_POINTS: 1}


def test_labelformat_reads_the_same_boxes(
    tmp_path: Path, categories: Categories, one_image: Make, door_box: ShapeRecord
) -> None:
    write(tmp_path, categories, one_image(door_box))
    reader = CVATObjectDetectionInput(tmp_path / "annotations.xml")
    assert [category.name for category in reader.get_categories()] == ["wheel", "door & <roof>"]
    (labels,) = reader.get_labels()
    assert (labels.image.filename, labels.image.width, labels.image.height) == (
        *("sub/a.png", 100),
        50,
    )
    (found,) = labels.objects
    box = found.box
    assert found.category.name == "door & <roof>"
    assert (box.xmin, box.ymin, box.xmax, box.ymax) == (10, 5, 30, 25)
