"""Hypothesis strategies that break a sound label file in the ways real files are broken.

Each starts from a sound file, because random bytes never get past the parser. A reader must read
what comes out, or raise a DataError that names the file.
"""

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

from hypothesis import strategies as st

from wps_sam.errors import DataError
from wps_sam.evaluation.truth import read_truth
from wps_sam.labels.label_file import LabelFile
from wps_sam.labels.weak_reading import read_weak

Json = Any
Draw = Callable[[st.SearchStrategy[Any]], Any]

ODD_VALUES: tuple[Json, ...] = (
    *(None, True, False, "", " ", "x", "1", "-1", "nan", "../../x", "\x00", "\ud800", "ü"),
    *(0, -1, 1, 3, 10**30, 10**400, 0.5, -0.5, 1e308, -1e308, float("nan"), float("inf")),
    *([], {}, [[]], [None], [1, 2], {"a": 1}, [{}]),
)
"""Values that stand in the wrong place: wrong types, empty, huge, not finite."""

ODD_TEXTS = (
    *("", " ", "x", "0", "1", "-1", "3", "0.5", "1e400", "-1e308", "nan", "inf", "1,2", "1;2"),
    *("1,2;3", "1,2;3,4;5,6", ",", ";", "9" * 5000, "1_0", "٣", "../../x", "True", "\u2028"),
)
"""Texts that stand where a number or a name was. XML can hold all of them."""

Path = tuple[str | int, ...]


@st.composite
def mutated_json(draw: Draw, value: Json) -> Json:
    """A JSON value with one to three edits, anywhere in it.

    An edit deletes a member, repeats or empties one, puts an odd value in its place, wraps it in a
    list, or renames a key.

    Args:
        draw: From Hypothesis.
        value: A sound value; it is not changed.

    Returns:
        The broken value. It may hold NaN and infinity, which `json.dumps` writes.
    """
    broken = copy.deepcopy(value)
    for _ in range(draw(st.integers(1, 3))):
        paths = [path for path in _paths(broken) if path]
        if not paths:
            return broken
        _edit(draw, broken, draw(st.sampled_from(paths)))
    return broken


def _paths(value: Json, path: Path = ()) -> Iterator[Path]:
    """Where each value inside a JSON value is."""
    yield path
    members: Any = ()
    if isinstance(value, dict):
        members = value.items()
    elif isinstance(value, list):
        members = enumerate(value)
    for key, member in members:
        yield from _paths(member, (*path, key))


def _edit(draw: Draw, value: Json, path: Path) -> None:
    """Change what is at a path, in place."""
    parent: Any = value
    for step in path[:-1]:
        parent = parent[step]
    key: Any = path[-1]
    edits = ["delete", "replace", "replace", "wrap", "repeat"]
    edit = draw(st.sampled_from([*edits, "rename"] if isinstance(parent, dict) else edits))
    if edit == "delete":
        del parent[key]
    elif edit == "replace":
        parent[key] = copy.deepcopy(draw(st.sampled_from(ODD_VALUES)))
    elif edit == "wrap":
        parent[key] = [parent[key]]
    elif edit == "rename":
        parent[draw(st.sampled_from((f"{key}_", str(key).upper(), "")))] = parent.pop(key)
    elif isinstance(parent, list):
        parent.insert(key, copy.deepcopy(parent[key]))
    elif isinstance(parent[key], list):
        parent[key] = parent[key] * 2
    else:
        parent[key] = [parent[key], parent[key]]


@st.composite
def mutated_text(draw: Draw, text: str) -> str:
    """A text file with one to three edits: cut off, or a piece dropped, repeated or replaced.

    Pieces are lines, words and numbers.

    Args:
        draw: From Hypothesis.
        text: A sound text.

    Returns:
        The broken text.
    """
    for _ in range(draw(st.integers(1, 3))):
        edit = draw(st.sampled_from(("cut", "drop", "repeat", "replace", "replace", "insert")))
        if edit == "cut":
            text = text[: draw(st.integers(0, len(text)))]
            continue
        pieces = list(re.finditer(r"[^\n]*\n" if draw(st.booleans()) else r"[\w.+-]+", text))
        if not pieces:
            continue
        piece = draw(st.sampled_from(pieces))
        new = {"drop": "", "repeat": piece[0] * 2}.get(edit)
        if new is None:
            odd = draw(st.sampled_from(ODD_TEXTS) | st.text(max_size=5))
            new = odd if edit == "replace" else odd + piece[0]
        text = text[: piece.start()] + new + text[piece.end() :]
    return text


@st.composite
def mutated_xml(draw: Draw, text: str) -> str:
    """An XML file with one to three edits to its elements and attributes, or cut off.

    An edit drops, renames or repeats an element, drops or renames an attribute, or puts an odd text
    in the place of an attribute's value or an element's text.

    Args:
        draw: From Hypothesis.
        text: A sound XML file.

    Returns:
        The broken file: mostly XML still, sometimes not.
    """
    root = ElementTree.fromstring(text)
    for _ in range(draw(st.integers(1, 3))):
        _edit_xml(draw, root)
    broken = ElementTree.tostring(root, encoding="unicode")
    if draw(st.integers(0, 9)) == 0:
        return broken[: draw(st.integers(0, len(broken)))]
    return broken


def _edit_xml(draw: Draw, root: ElementTree.Element) -> None:
    """Change one element in place."""
    parents = {child: parent for parent in root.iter() for child in parent}
    element = draw(st.sampled_from(list(root.iter())))
    edits = ["text", "rename", "attribute", "attribute", "attribute"]
    edit = draw(st.sampled_from([*edits, "drop", "repeat"] if element in parents else edits))
    if edit == "drop":
        parents[element].remove(element)
    elif edit == "repeat":
        parents[element].append(copy.deepcopy(element))
    elif edit == "rename":
        element.tag = draw(st.sampled_from(("x", *(other.tag for other in root.iter()))))
    elif edit == "attribute" and element.attrib:
        name = draw(st.sampled_from(sorted(element.attrib)))
        value = element.attrib.pop(name)
        change = draw(st.sampled_from(("value", "value", "drop", "rename")))
        if change == "value":
            element.set(name, draw(st.sampled_from(ODD_TEXTS)))
        elif change == "rename":
            element.set(f"{name}_", value)
    else:
        element.text = draw(st.sampled_from(ODD_TEXTS))


def read_or_refuse(open_labels: Callable[[], LabelFile], *names: str) -> None:
    """Read broken labels in all ways there are; anything but a DataError gets out.

    Args:
        open_labels: Opens them.
        names: One of these has to be in the error's message.
    """

    def read_true_masks() -> None:
        truth = read_truth(open_labels())
        for index in range(len(truth.images)):
            truth.parts(index)

    for read in (lambda: read_weak(open_labels()), read_true_masks):
        try:
            read()
        except DataError as error:
            if not any(name in str(error) for name in names):
                raise AssertionError(f"none of {names} is named by: {error}") from error
