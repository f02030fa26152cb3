"""CVAT files as its documentation shows them (docs.cvat.ai, XML annotation format 1.1)."""

from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labelformat.formats.cvat import CVATObjectDetectionOutput
from labelformat.model.bounding_box import BoundingBox
from labelformat.model.category import Category
from labelformat.model.image import Image as LabelformatImage
from labelformat.model.object_detection import (
    ImageObjectDetection,
    ObjectDetectionInput,
    SingleObjectDetection,
)
from PIL import Image

from wps_sam.errors import DataError
from wps_sam.evaluation.truth import read_truth
from wps_sam.labels.formats import cvat, cvat_shapes
from wps_sam.labels.formats.cvat import CVAT_LAYOUTS, open_cvat
from wps_sam.labels.formats.named_parts import JOINED_BOX, NO_OUTLINE, ROTATED, ROUND
from wps_sam.labels.label_file import LabelFile
from wps_sam.labels.layout import LabelSource
from wps_sam.labels.remarks import count_notes, count_skips
from wps_sam.labels.weak_reading import read_weak

from .mutations import mutated_text, mutated_xml, read_or_refuse

Write = Callable[..., Path]

META = """<meta><task><id>4</id><labels>
<label><name>wheel</name><color>#c06060</color><attributes></attributes></label>
<label><name>door</name></label>
<label><name>1</name><type>points</type><parent>wheel</parent></label>
</labels></task></meta>"""

BOX = '<box label="door" occluded="0" xtl="10.5" ytl="4" xbr="50" ybr="20.25" z_order="4"></box>'


def image(*shapes: str, name: str = "a.jpg", image_id: int = 7, more: str = "") -> str:
    """An image of 40 x 60 (height x width)."""
    inside = "\n".join(shapes)
    return (
        f'<image id="{image_id}" name="{name}" {more} width="60" height="40">\n{inside}\n</image>'
    )


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file, with a.jpg and b.jpg in images/ beside it."""
    (tmp_path / "images").mkdir()
    for name in ("a.jpg", "b.jpg"):
        Image.new("RGB", (60, 40)).save(tmp_path / "images" / name)

    def write_xml(*images: str, meta: str = META, name: str = "annotations.xml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        body = "\n".join(("<version>1.1</version>", meta, *images))
        path.write_text(
            f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>{body}</annotations>'
        )
        return path

    return write_xml


def names(labels: LabelFile) -> list[str]:
    return [category.name for category in labels.categories]


def test_open_cvat__shapes(write: Write, tmp_path: Path) -> None:
    polygon = '<polygon label="wheel" points="1.5,2.00;11.25,2;1.5,30" group_id="0"></polygon>'
    points = '<points label="wheel" points="3,4;5.5,6"><attribute name="a">b</attribute></points>'
    labels = open_cvat(write(image(BOX, polygon, points, BOX), image(name="b.jpg", image_id=9)))
    assert names(labels) == ["wheel", "door"]  # as in the meta; "1" belongs to a skeleton
    door, wheel, dots, other = labels.annotations()
    assert [a.record for a in (door, wheel, dots, other)] == [
        "box 0 of image 7 (a.jpg)",
        "polygon 0 of image 7 (a.jpg)",
        "points 0 of image 7 (a.jpg)",
        "box 1 of image 7 (a.jpg)",
    ]
    assert door.bbox == [10.5, 4, 39.5, 16.25]
    assert wheel.segmentation == [[1.5, 2, 11.25, 2, 1.5, 30]]
    assert dots.points == [[3, 4], [5.5, 6]]
    assert [(i.image_id, i.height, i.width) for i in labels.images] == [(7, 40, 60), (9, 40, 60)]
    assert labels.find_image(labels.images[0]) == tmp_path / "images" / "a.jpg"
    assert [len(i.class_index) for i in read_weak(labels).images] == [4, 0]
    assert (labels.notes, labels.skipped) == ([], [])


def test_open_cvat__round_and_rotated_become_boxes(write: Write) -> None:
    labels = open_cvat(
        write(
            image(
                # A square of side 2 around (20, 10), turned by 45 degrees: its diagonal is 2.8284.
                '<box label="door" xtl="19" ytl="9" xbr="21" ybr="11" rotation="45.00"></box>',
                # 20 wide and 10 high around (20, 20), turned by 90 degrees: 10 wide and 20 high.
                '<box label="door" xtl="10" ytl="15" xbr="30" ybr="25" rotation="270"></box>',
                '<ellipse label="door" cx="20" cy="20" rx="10" ry="5"></ellipse>',
                '<ellipse label="door" cx="20" cy="20" rx="10" ry="5" rotation="90"></ellipse>',
            )
        )
    )
    half = 2**0.5
    expected = [
        [20 - half, 10 - half, 2 * half, 2 * half],
        [15, 10, 10, 20],
        [10, 15, 20, 10],
        [15, 10, 10, 20],
    ]
    for annotation, bbox in zip(labels.annotations(), expected, strict=True):
        assert annotation.bbox == pytest.approx(bbox)
    assert count_notes(labels.notes) == {ROTATED: 2, ROUND: 2}


def test_open_cvat__skeleton_gives_its_visible_points(write: Write) -> None:
    skeleton = """<skeleton label="wheel" source="manual" z_order="0">
      <points label="1" occluded="0" outside="0" points="54.47,14.81"></points>
      <points label="1" occluded="1" outside="0" points="8.02,12.34"></points>
      <points label="1" occluded="0" outside="{}" points="15.87,12.85"></points>
    </skeleton>"""
    hidden = '<skeleton label="wheel"><points outside="1" points="1,2"></points></skeleton>'
    labels = open_cvat(write(image(skeleton.format(1), skeleton.format(0), hidden)))
    first, second = labels.annotations()
    assert first.points == [[54.47, 14.81], [8.02, 12.34]]
    assert len(second.points) == 3
    assert [(n.record, n.text) for n in labels.notes] == [
        ("skeleton 0 of image 7 (a.jpg)", cvat_shapes.OUTSIDE_POINTS)
    ]
    assert count_skips(labels.skipped) == {cvat_shapes.NO_VISIBLE_POINT: 1}


def test_open_cvat__mask_stays_encoded(write: Write) -> None:
    mask = '<mask label="wheel" rle="1, 2, 0, 3" left="5" top="6" width="3" height="2"></mask>'
    (annotation,) = open_cvat(write(image(mask))).annotations()
    assert annotation.bbox == [5, 6, 3, 2]
    assert annotation.segmentation == {
        "kind": "cvat_rle",
        "image_hw": [40, 60],
        "box": [5, 6, 3, 2],
        "runs": [1, 2, 0, 3],
    }


def test_open_cvat__mask_is_scored(write: Write) -> None:
    mask = '<mask label="wheel" rle="1, 2, 0, 3" left="5" top="6" width="3" height="2"></mask>'
    (part,) = read_truth(open_cvat(write(image(mask)))).parts(0).runs
    # Rows of the box: 0 1 1 / 1 1 1 (an empty run joins its neighbours), in an image 40 high:
    # column 5 has 1 pixel at y 7, columns 6 and 7 have 2 from y 6.
    assert part.tolist() == [5 * 40 + 7, 1, 38, 2, 38, 2, 60 * 40 - 7 * 40 - 8]


def test_open_cvat__group_is_one_part(write: Write) -> None:
    piece = '<polygon label="{}" points="1,2;9,2;1,30" group_id="{}"></polygon>'
    labels = open_cvat(
        write(
            image(
                piece.format("wheel", 2),
                piece.format("door", 2),
                piece.format("wheel", 2),
                piece.format("wheel", 0),
                BOX.replace("<box ", '<box group_id="2" '),
            )
        )
    )
    pieces = [len(a.segmentation or ()) for a in labels.annotations()]
    assert pieces == [2, 1, 0, 1]
    assert count_notes(labels.notes) == {JOINED_BOX: 1}  # a door's box beside its polygon


def test_open_cvat__what_is_left_out_is_counted(write: Write) -> None:
    labels = open_cvat(
        write(
            image(
                BOX,
                '<polyline label="door" points="1,2;3,4"></polyline>',
                '<tag label="good_frame" source="manual"></tag>',
                '<cuboid label="door" xtl1="1" ytl1="2"></cuboid>',
                BOX.replace("<box ", '<box outside="1" '),
            )
        )
    )
    assert len(list(labels.annotations())) == 1
    assert count_skips(labels.skipped) == {
        NO_OUTLINE: 1,
        cvat_shapes.TAG: 1,
        "<cuboid> is not read": 1,
        cvat_shapes.OUTSIDE_SHAPE: 1,
    }


def test_open_cvat__label_that_the_meta_lacks(write: Write) -> None:
    hood = BOX.replace("door", "hood")
    labels = open_cvat(write(image(BOX, hood)))
    assert names(labels) == ["wheel", "door", "hood"]
    assert [(n.record, n.text) for n in labels.notes] == [("label 'hood'", cvat.UNKNOWN_LABEL)]
    labels = open_cvat(write(image(hood, BOX), meta=""))
    assert names(labels) == ["door", "hood"]
    assert labels.notes == []


@pytest.mark.parametrize("scope", ["job", "project"])
def test_open_cvat__labels_of_a_job_or_project(write: Write, scope: str) -> None:
    labels = open_cvat(write(image(BOX), meta=META.replace("task>", f"{scope}>")))
    assert names(labels) == ["wheel", "door"]


def test_open_cvat__subsets_of_a_project(write: Write, tmp_path: Path) -> None:
    for subset in ("Train", "Validation"):
        (tmp_path / "images" / subset).mkdir()
        Image.new("RGB", (60, 40)).save(tmp_path / "images" / subset / "a.jpg")
    path = write(
        image(BOX, more='subset="Train" task_id="1"'),
        image(BOX, BOX, more='subset="Validation" task_id="2"'),
    )
    labels = open_cvat(path)
    assert [i.file_name for i in labels.images] == ["Train/a.jpg", "Validation/a.jpg"]
    assert [i.image_id for i in labels.images] == [0, 1]  # both have 7
    assert labels.find_image(labels.images[1]) == tmp_path / "images/Validation/a.jpg"
    only = open_cvat(path, subset="validation")
    assert [(i.image_id, i.file_name, i.index) for i in only.images] == [(7, "a.jpg", 0)]
    assert len(list(only.annotations())) == 2
    assert only.find_image(only.images[0]) == tmp_path / "images/Validation/a.jpg"
    with pytest.raises(DataError, match=r"no image of subset 'test'; its images are of Train, Val"):
        open_cvat(path, subset="test")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (image().replace("name=", "nam="), r"image at position 0 has no attribute 'name', only"),
        (image(name="x/"), r"has name 'x/'; expected the name of an image file"),
        (image().replace("40", "0"), r"image 7 \(a\.jpg\) has height '0'; expected whole pixels"),
        (image().replace("60", "6.5"), r"has width '6\.5'; expected whole pixels, 1 or more"),
        (image('<box label="a"/>'), r"box 0 of image 7 \(a\.jpg\) has no attribute 'xtl', only"),
        (
            image(BOX.replace("10.5", "ten")),
            r"box 0 of image 7 .* has xtl 'ten'; expected a number",
        ),
        (image(BOX.replace("door", " ")), r"has label ''; expected a name"),
        (image('<polygon label="a" points="1,2;3"/>'), r"has points '1,2;3'; expected numbers x,y"),
        (
            image('<mask label="a" rle="1,x" left="0" top="0" width="1" height="1"/>'),
            r"mask 0 of image 7 \(a\.jpg\) has rle '1,x'; expected whole numbers",
        ),
        (
            image('<mask label="a" rle="1" left="-1" top="0" width="1" height="1"/>'),
            r"has left '-1'; expected whole pixels, 0 or more",
        ),
        (image() + image(), r"position 0 and image at position 1 are both about image a\.jpg"),
        ("", r"has no <image>; expected <annotations> with an <image>"),
        ('<track id="0" label="a"></track>', r"is from a video task: it has a <track>.*for images"),
    ],
)
def test_open_cvat__bad_values(write: Write, body: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_cvat(write(body))


def test_open_cvat__no_label(write: Write) -> None:
    with pytest.raises(DataError, match=r"has no label. Label at least one part"):
        open_cvat(write(image(), meta=""))


ENTITY = '<!DOCTYPE a [<!ENTITY b "c">]><annotations>&b;</annotations>'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"is broken XML: no element found.*cut off: copy or export it again"),
        ("<annotations><image", r"is broken XML: unclosed token"),
        ("<annotation></annotation>", r"begins with <annotation> \(Pascal VOC\); expected <annot"),
        (ENTITY, r"defines XML entities, which can be misused"),
        ('<?xml version="1.0" encoding="x-y"?><annotations/>', r"is (broken|no) XML"),
    ],
)
def test_open_cvat__no_cvat(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "annotations.xml"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        open_cvat(path)


def test_open_cvat__missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.xml cannot be read: No such file"):
        open_cvat(tmp_path / "none.xml")


def find(path: Path, split: str | None = None) -> LabelSource | None:
    found = (layout.find(path, split) for layout in CVAT_LAYOUTS)
    return next((source for source in found if source is not None), None)


def test_layouts(write: Write, tmp_path: Path) -> None:
    path = write(image(BOX, more='subset="Validation"'), name="job.xml")
    (tmp_path / "notes.xml").write_text("<annotation></annotation>")
    assert find(path) == find(tmp_path) == LabelSource("cvat", path)
    subset = LabelSource("cvat", path, settings={"subset": "Validation"})
    assert find(path, "val") == find(tmp_path, "validation") == subset
    assert find(path, "train") is None
    write(image(BOX), name="val.xml")
    assert find(tmp_path, "val") == LabelSource("cvat", tmp_path / "val.xml")
    with pytest.raises(DataError, match=r"has several CVAT files: job\.xml, val\.xml. Name the"):
        find(tmp_path)
    main = write(image(BOX))
    assert find(tmp_path) == LabelSource("cvat", main)
    assert find(tmp_path / "notes.xml") is None


class Boxes(ObjectDetectionInput):  # type: ignore[misc]  # labelformat has no types
    """What labelformat's writer takes: one image of 40 x 60 with some boxes."""

    def __init__(self, boxes: list[tuple[float, float, float, float]]) -> None:
        self.image = LabelformatImage(id=3, filename="a.jpg", width=60, height=40)
        self.boxes = boxes

    @staticmethod
    def add_cli_arguments(parser: ArgumentParser) -> None:
        """Nothing to add."""

    def get_categories(self) -> Iterable[Category]:
        return [Category(1, "wheel"), Category(2, "door")]

    def get_images(self) -> Iterable[LabelformatImage]:
        return [self.image]

    def get_labels(self) -> Iterable[ImageObjectDetection]:
        door = Category(2, "door")
        objects = [SingleObjectDetection(door, BoundingBox(*box)) for box in self.boxes]
        return [ImageObjectDetection(self.image, objects)]


number = st.floats(0, 60, allow_nan=False)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(boxes=st.lists(st.tuples(number, number, number, number), max_size=4))
def test_open_cvat__as_another_program_writes_it(
    tmp_path: Path, boxes: list[tuple[float, float, float, float]]
) -> None:
    CVATObjectDetectionOutput(tmp_path).save(Boxes(boxes))
    labels = open_cvat(tmp_path / "annotations.xml")
    assert names(labels) == ["wheel", "door"]
    expected = [[x0, y0, x1 - x0, y1 - y0] for x0, y0, x1, y1 in boxes]
    found = list(labels.annotations())
    assert [a.bbox for a in found] == expected
    assert all(a.category_id == 1 for a in found)


SOUND = f"""<annotations>{META}
{
    image(
        BOX,
        '<box label="wheel" xtl="1" ytl="2" xbr="9" ybr="9" rotation="30" group_id="1"></box>',
        '<polygon label="wheel" points="1.5,2.00;11.25,2;1.5,30" group_id="1"></polygon>',
        '<ellipse label="door" cx="20" cy="20" rx="10" ry="5" rotation="90"></ellipse>',
        '<mask label="wheel" rle="1, 2, 0, 3" left="5" top="6" width="3" height="2"></mask>',
        '<skeleton label="wheel"><points outside="0" points="1,2"></points></skeleton>',
        more='subset="Train"',
    )
}
{image(BOX, '<points label="wheel" points="3,4;5.5,6"></points>', name="b.jpg", image_id=8)}
</annotations>"""


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=mutated_xml(SOUND))
def test_open_cvat__mutated(write: Write, tmp_path: Path, text: str) -> None:
    path = tmp_path / "annotations.xml"
    path.write_text(text, encoding="utf-8")
    read_or_refuse(lambda: open_cvat(path), str(path))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=mutated_text(SOUND) | st.binary(max_size=20))
def test_open_cvat__mutated_text(write: Write, tmp_path: Path, text: str | bytes) -> None:
    path = tmp_path / "annotations.xml"
    path.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
    read_or_refuse(lambda: open_cvat(path), str(path))
