"""Take one Pascal VOC XML file apart."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from wps_sam.errors import DataError
from wps_sam.labels.formats.checked_values import wrong_value

_EDGES = ("xmin", "ymin", "xmax", "ymax")
_MARKS = ("difficult", "truncated")


class VocBox(NamedTuple):
    """An object, or a part inside one.

    Attributes:
        record: How messages name it, such as "object 3 of a.xml".
        name: Of its class.
        owner: Name of the object that a nested part belongs to; None for the object itself.
        edges: xmin, ymin, xmax, ymax as written; None where an object with parts has none.
        marks: Which of "difficult" and "truncated" are set.
    """

    record: str
    name: str
    owner: str | None
    edges: tuple[float, float, float, float] | None
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class VocFile:
    """The content of one XML file.

    Attributes:
        path: The XML file.
        filename: What it says the image is called; "" if nothing.
        height: Pixels; None if it does not say, or says 0.
        width: Pixels; None if it does not say, or says 0.
        database: Where the labels come from, as far as it says.
        boxes: Objects in the file's order, each followed by its parts.
    """

    path: Path
    filename: str
    height: int | None
    width: int | None
    database: str
    boxes: tuple[VocBox, ...]


def read_voc_file(path: Path, name: str) -> VocFile:
    """Read one XML file.

    Args:
        path: The file.
        name: How messages name it behind a record, such as "train/a.xml".

    Returns:
        What is in it. Whether a box has an area is not checked.

    Raises:
        DataError: The file cannot be read, is no XML or no VOC, or uses entities; an object has no
            name or no bndbox; an edge or the size is no number.
    """
    root = _parse(path)
    if root.tag != "annotation":
        raise DataError(
            f"Label file {path} holds <{root.tag[:40]}>; expected a Pascal VOC file, which holds "
            "<annotation>. Export the labels as Pascal VOC, or name the format they are in."
        )
    width, height = (_side(path, name, root, key) for key in ("width", "height"))
    boxes = [
        box
        for number, element in enumerate(root.findall("object"), 1)
        for box in _object(path, f"object {number} of {name}", element)
    ]
    return VocFile(
        path=path,
        filename=_text(root, "filename").replace("\\", "/"),
        height=height,
        width=width,
        database=_text(root, "source/database"),
        boxes=tuple(boxes),
    )


def _parse(path: Path) -> Element:
    """The root element of a file."""
    try:
        root: Element = fromstring(path.read_bytes())
    except OSError as error:
        raise DataError(
            f"Label file {path} cannot be read: {error.strerror or error}. Check the spelling and "
            "its permissions."
        ) from error
    except DefusedXmlException as error:
        raise DataError(
            f"Label file {path} uses XML entities, which can be made to fill the memory and are "
            "not read. Remove its <!DOCTYPE> or <!ENTITY> lines."
        ) from error
    except (ParseError, LookupError, ValueError, RecursionError) as error:
        raise DataError(
            f"Label file {path} is broken XML: {error}. It may be cut off: copy or export it again."
        ) from error
    return root


def _text(element: Element, tag: str) -> str:
    """Text of a child without space around it, "" if there is none."""
    return (element.findtext(tag) or "").strip()


def _object(path: Path, record: str, element: Element) -> list[VocBox]:
    """An object and its parts."""
    name = _name(path, record, element)
    parts = [
        VocBox(which, _name(path, which, part), name, _edges(path, which, part))
        for which, part in (
            (f"part {number} of {record}", part)
            for number, part in enumerate(element.findall("part"), 1)
        )
    ]
    marks = tuple(mark for mark in _MARKS if _text(element, mark) in ("1", "true", "True"))
    needs_box = not parts or element.find("bndbox") is not None
    edges = _edges(path, record, element) if needs_box else None
    return [VocBox(record, name, None, edges, marks), *parts]


def _name(path: Path, record: str, element: Element) -> str:
    """Name of an object or part."""
    name = _text(element, "name")
    if not name:
        raise wrong_value(path, record, "name", name, "the name of a class in <name>")
    return name


def _edges(path: Path, record: str, element: Element) -> tuple[float, float, float, float]:
    """The edges of a box as written."""
    bndbox = element.find("bndbox")
    if bndbox is None:
        raise DataError(
            f"Label file {path}: {record} has no <bndbox>; expected xmin, ymin, xmax and ymax. Add "
            "the box, or remove the record."
        )
    left, top, right, bottom = (_number(path, record, bndbox, key) for key in _EDGES)
    return left, top, right, bottom


def _number(path: Path, record: str, element: Element, key: str) -> float:
    """A number of an element."""
    text = _text(element, key)
    try:
        return float(text)
    except ValueError:
        raise wrong_value(path, record, key, text, "a number") from None


def _side(path: Path, name: str, root: Element, key: str) -> int | None:
    """Height or width; 0, which tools write that did not open the image, counts as unknown."""
    text = _text(root, f"size/{key}")
    try:
        value = float(text or "0")
    except ValueError:
        value = -1.0
    if value < 0 or not value.is_integer():
        raise wrong_value(path, name, key, text, "whole pixels")
    return int(value) or None
