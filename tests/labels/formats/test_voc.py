"""Pascal VOC data sets on disk, and the same boxes written and read by labelformat."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labelformat.formats.pascalvoc import (
    PascalVOCObjectDetectionInput,
    PascalVOCObjectDetectionOutput,
)
from labelformat.model.bounding_box import BoundingBoxFormat

from labels.formats.labelformat_input import Written, boxes
from labels.formats.mutations import mutated_xml
from labels.formats.voc_file import SOUND, one_object, write_files
from wps_sam.errors import DataError
from wps_sam.labels.formats.voc import (
    MARKED,
    NO_IMAGE,
    NO_LABELS,
    NOT_ONE_BASED,
    ONE_BASED,
    OTHER_NAME,
    SHARED_NAME,
    WHOLE,
    ZERO_BASED,
    open_voc,
)
from wps_sam.labels.weak_reading import read_weak

Make = Callable[[Mapping[str, str]], Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Write files below the folder; see `write_files`."""
    return partial(write_files, tmp_path)


def bboxes(path: Path, one_based: bool | None = None) -> list[list[float]]:
    return [annotation.bbox for annotation in open_voc(path, one_based=one_based).annotations()]


def test_parts_of_objects_are_the_parts(make: Make) -> None:
    root = make({"Annotations/a.xml": SOUND, "JPEGImages/a.jpg": ""})
    labels = open_voc(root / "Annotations")
    weak = read_weak(labels)
    assert weak.class_names == ("hand", "head")
    assert weak.images[0].class_index.tolist() == [1, 0]
    # Pixels 20 to 30.5 and 1 to 10, both counted from 1 and inside: from 19 to 30.5, from 0 to 10.
    assert weak.images[0].boxes_xyxy.tolist() == [[19, 0, 30.5, 10], [39, 10, 45, 20]]
    assert (weak.images[0].height, weak.images[0].width) == (40, 80)
    assert [category.supercategory for category in labels.categories] == ["person", "person"]
    assert [(s.record, s.reason) for s in weak.skipped] == [
        ("object 1 of a.xml", WHOLE),
        ("object 2 of a.xml", WHOLE),
    ]
    assert [(n.record, n.text) for n in weak.notes] == [
        ("edges in 1 files of Annotations", ONE_BASED)
    ]


def test_objects_without_parts_are_parts(make: Make) -> None:
    marked = one_object("wheel").replace("<name>", "<difficult>1</difficult><name>")
    root = make({"b.xml": one_object("door"), "b.jpg": "", "a.xml": marked, "a.png": ""})
    labels = open_voc(root)
    assert [(c.category_id, c.name) for c in labels.categories] == [(0, "door"), (1, "wheel")]
    assert [(i.image_id, i.file_name, i.height) for i in labels.images] == [
        (0, "a.png", None),
        (1, "b.jpg", None),
    ]
    assert [a.category_id for a in labels.annotations()] == [1, 0]
    assert [(n.record, n.text) for n in labels.notes] == [
        (f"edges in 2 files of {root.name}", ZERO_BASED),
        ("object 1 of a.xml", MARKED["difficult"]),
    ]
    assert labels.find_image(labels.images[1]) == root / "b.jpg"


def test_a_damaged_file_is_named(make: Make) -> None:
    root = make({f"{name}.xml": "damaged" for name in "abcefg"})
    make({"d.xml": one_object("door"), "d.jpg": ""})
    with pytest.raises(DataError, match=r"a\.xml"):
        open_voc(root)


def test_edges_count_from_one_only_where_the_file_says_voc(make: Make) -> None:
    voc = one_object(database="The VOC2007 Database")
    root = make({"a.xml": voc, "a.jpg": "", "b.xml": one_object(database="Unknown"), "b.jpg": ""})
    one, zero = [10, 0, 10, 30], [11, 1, 9, 29]
    assert bboxes(root) == [one, zero]
    assert [note.text for note in open_voc(root).notes] == [ONE_BASED, ZERO_BASED]
    assert bboxes(root, one_based=True) == [one, one]
    assert bboxes(root, one_based=False) == [zero, zero]
    # An edge at 0 shows that a tool kept the name of the database but counts from 0.
    make({"c.xml": one_object(database="VOC", xmin="0"), "c.jpg": ""})
    assert bboxes(root) == [zero, zero, [0, 1, 20, 29]]
    assert [note.text for note in open_voc(root).notes] == [NOT_ONE_BASED, ZERO_BASED]


def test_equal_parts_of_different_objects(make: Make) -> None:
    dog = SOUND.replace("<name>person</name>", "<name>dog</name>").replace("hand", "tail")
    root = make({"a.xml": SOUND, "a.jpg": "", "b.xml": dog, "b.jpg": ""})
    labels = open_voc(root)
    assert [(c.name, c.supercategory) for c in labels.categories] == [
        ("dog head", "dog"),
        ("hand", "person"),
        ("person head", "person"),
        ("tail", "dog"),
    ]
    assert [(n.record, n.text) for n in labels.notes][:2] == [
        ("class 'head' of 'dog'", SHARED_NAME),
        ("class 'head' of 'person'", SHARED_NAME),
    ]
    assert [a.category_id for a in labels.annotations()] == [2, 1, 0, 3]


def test_class_list_fixes_the_order(make: Make) -> None:
    root = make({"a.xml": one_object("door"), "a.jpg": "", "classes.txt": "wheel\ndoor\n"})
    assert [c.name for c in open_voc(root).categories] == ["wheel", "door"]
    make({"classes.txt": "wheel\n"})
    with pytest.raises(DataError, match=r"object 1 of a\.xml has label 'door', which is not in th"):
        open_voc(root)


def test_partners_that_are_missing(make: Make) -> None:
    root = make({"a.xml": one_object(), "a.jpg": "", "b.xml": one_object(), "c.jpg": ""})
    labels = open_voc(root)
    assert [image.file_name for image in labels.images] == ["a.jpg"]
    assert [(s.record, s.reason) for s in labels.skipped] == [
        ("b.xml", NO_IMAGE),
        ("c.jpg", NO_LABELS),
    ]


@pytest.mark.parametrize(
    ("files", "chosen", "note"),
    [
        (["a.jpg", "other.jpg"], "a.jpg", OTHER_NAME),  # renamed with its label file
        (["other.jpg"], "other.jpg", ""),
        (["other.png"], "other.png", ""),
    ],
)
def test_which_image(make: Make, files: list[str], chosen: str, note: str) -> None:
    filename = "other" if files == ["other.png"] else "other.jpg"
    root = make({"a.xml": one_object(filename=filename), **dict.fromkeys(files, "")})
    labels = open_voc(root)
    assert [image.file_name for image in labels.images] == [chosen]
    assert [n.text for n in labels.notes if n.record == "a.xml"] == ([note] if note else [])


def test_filename_chooses_between_endings(make: Make) -> None:
    root = make({"a.xml": one_object(filename="a.png"), "a.jpg": "", "a.png": ""})
    assert [image.file_name for image in open_voc(root).images] == ["a.png"]
    make({"a.xml": one_object()})
    with pytest.raises(DataError, match=r"a\.xml: both a\.jpg and a\.png have its name, and its"):
        open_voc(root)


def test_two_label_files_of_one_image(make: Make) -> None:
    root = make({"a.xml": one_object(), "a.jpg": "", "b.xml": one_object(filename="a.jpg")})
    with pytest.raises(DataError, match=r"a\.xml and b\.xml are both about image a\.jpg. Remove"):
        open_voc(root)


def test_nothing_there(make: Make) -> None:
    root = make({"none/a.jpg": "", "xml/b.xml": one_object(), "blank/b.xml": "<annotation/>"})
    with pytest.raises(DataError, match=r"none has no XML file; expected a Pascal VOC file for e"):
        open_voc(root / "none")
    with pytest.raises(DataError, match=r"none of its 1 XML files belongs to one of the 1 images"):
        open_voc(root / "xml", images_dir=root / "none")
    with pytest.raises(DataError, match=r"No image found.*xml"):
        open_voc(root / "xml")
    with pytest.raises(DataError, match=r"has no part with a label. Label at least one part"):
        open_voc(root / "blank", images_dir=root / "none")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\nz\n", r"the image set names 'z', which has neither.*\(1 of 2 lines\). Add the files"),
        ("\n", r"train\.txt is empty; expected the name of an image a line"),
    ],
)
def test_unsound_image_set(make: Make, text: str, message: str) -> None:
    root = make({"a.xml": one_object(), "a.jpg": "", "train.txt": text})
    with pytest.raises(DataError, match=message):
        open_voc(root, image_set=root / "train.txt")


def test_names_come_from_a_folder_above(make: Make) -> None:
    root = make({"train/a.xml": one_object(), "train/a.jpg": "", "val/b.xml": one_object()})
    with pytest.raises(DataError, match=r"train is not inside .*val, which was to give the class"):
        open_voc(root / "train", names_from=root / "val")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.tuples(boxes(), st.integers(0, 1)), min_size=1, max_size=5))
def test_labelformat_writes_and_reads_the_same(
    make: Make, parts: list[tuple[list[float], int]]
) -> None:
    root = make({"a.png": "", "classes.txt": "door\nwheel"})
    written = Written([box for box, _ in parts], [number for _, number in parts])
    PascalVOCObjectDetectionOutput(root).save(written)
    weak = read_weak(open_voc(root))
    assert weak.images[0].class_index.tolist() == [number for _, number in parts]
    np.testing.assert_allclose(weak.images[0].boxes_xyxy, [box for box, _ in parts], 1e-6, 1e-9)
    (theirs,) = PascalVOCObjectDetectionInput(root, "door,wheel").get_labels()
    np.testing.assert_allclose(
        bboxes(root), [part.box.to_format(BoundingBoxFormat.XYWH) for part in theirs.objects]
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(mutated_xml(SOUND) | st.text())
def test_any_file_is_read_or_refused(make: Make, text: str) -> None:
    root = make({"a.jpg": ""})
    (root / "a.xml").write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        message = str(read_weak(open_voc(root)).source)
    except DataError as error:
        message = str(error)
    assert str(root) in message
