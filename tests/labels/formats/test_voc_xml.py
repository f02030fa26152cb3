"""Single Pascal VOC XML files."""

from pathlib import Path

import pytest

from labels.formats.voc_file import SOUND
from wps_sam.errors import DataError
from wps_sam.labels.formats.voc_xml import VocBox, read_voc_file


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "a.xml"
    path.write_text(text, encoding="utf-8")
    return path


def test_sound(tmp_path: Path) -> None:
    found = read_voc_file(write(tmp_path, SOUND), "a.xml")
    assert (found.filename, found.height, found.width) == ("a.jpg", 40, 80)
    assert found.database == "The VOC2007 Database"
    assert found.boxes == (
        VocBox("object 1 of a.xml", "person", None, (11, 1, 60, 30), ("truncated",)),
        VocBox("part 1 of object 1 of a.xml", "head", "person", (20, 1, 30.5, 10)),
        VocBox("part 2 of object 1 of a.xml", "hand", "person", (40, 11, 45, 20)),
        VocBox("object 2 of a.xml", "dog", None, (1, 1, 9, 9), ("difficult", "truncated")),
    )


def test_little_is_needed(tmp_path: Path) -> None:
    found = read_voc_file(
        write(tmp_path, "<annotation><size><width>0</width></size></annotation>"), "a"
    )
    assert (found.filename, found.height, found.width, found.boxes) == ("", None, None, ())


def test_object_with_parts_needs_no_box(tmp_path: Path) -> None:
    text = SOUND.replace(
        "<bndbox><xmax>60</xmax><xmin>11</xmin><ymax>30</ymax><ymin>1</ymin></bndbox>", ""
    )
    assert read_voc_file(write(tmp_path, text), "a.xml").boxes[0].edges is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (SOUND, "", r"a\.xml is broken XML: no element found.*copy or export it again"),
        ("</annotation>", "", r"is broken XML"),
        ("<annotation>", '<?xml version="1.0" encoding="x"?><annotation>', r"is broken XML: unkn"),
        ("<annotation>", "<!DOCTYPE a [<!ENTITY b 'c'>]><annotation>", r"uses XML entities.*Remo"),
        (SOUND, "<annotations/>", r"holds <annotations>; expected a Pascal VOC file.*Export"),
        ("<width>80", "<width>wide", r"a\.xml has width 'wide'; expected whole pixels"),
        ("<height>40", "<height>-1", r"has height '-1'"),
        ("<width>80", "<width>nan", r"has width 'nan'"),
        ("<name>dog</name>", "", r"object 2 of a\.xml has name ''; expected the name of a class"),
        ("<name>head</name>", "<name/>", r"part 1 of object 1 of a\.xml has name ''"),
        ("<xmin>20", "<xmin>1,5", r"part 1 of object 1 of a\.xml has xmin '1,5'; expected a numb"),
        ("<ymax>9</ymax>", "", r"object 2 of a\.xml has ymax ''; expected a number"),
        ("<bndbox><xmin>1<", "<box><xmin>1<", r"broken XML"),
    ],
)
def test_unsound(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in SOUND
    with pytest.raises(DataError, match=message):
        read_voc_file(write(tmp_path, SOUND.replace(old, new)), "a.xml")


def test_no_bndbox(tmp_path: Path) -> None:
    path = write(tmp_path, "<annotation><object><name>dog</name></object></annotation>")
    with pytest.raises(DataError, match=r"object 1 of a\.xml has no <bndbox>; expected xmin, ymi"):
        read_voc_file(path, "a.xml")


def test_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.xml cannot be read: No such file"):
        read_voc_file(tmp_path / "none.xml", "none.xml")


def test_deep_nesting(tmp_path: Path) -> None:
    text = "<annotation>" + "<a>" * 20_000 + "</a>" * 20_000 + "</annotation>"
    assert read_voc_file(write(tmp_path, text), "a.xml").boxes == ()
