"""Read whole JSON files and take single values out of them; errors name the file and the record."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wps_sam.errors import DataError
from wps_sam.labels.formats.class_list import read_text

_SHOWN = 60
"""Characters of a wrong value that a message shows."""


def load_json(path: Path, expected: str) -> Any:
    """Read a JSON file at once.

    Args:
        path: The file, in UTF-8 with or without a byte order mark.
        expected: What the file should hold and how to get it, for the messages.

    Returns:
        Its value. NaN and infinity, which many programs write, are read as such.

    Raises:
        DataError: The file is missing, empty, no text or no JSON.
    """
    text = read_text(path)
    if not text.strip():
        raise DataError(f"Label file {path} is empty; {expected}")
    try:
        return json.loads(text)
    except RecursionError as error:
        raise _broken(path, "lists or objects nested too deeply") from error
    except ValueError as error:  # also a number of thousands of digits
        raise _broken(path, str(error)) from error


def _broken(path: Path, problem: str) -> DataError:
    """The error for text that is no JSON."""
    return DataError(
        f"Label file {path} is broken JSON: {problem}. It may be cut off: copy or export it again."
    )


def wrong_value(path: Path, record: str, what: str, value: Any, expected: str) -> DataError:
    """The error for a value of the wrong kind.

    Args:
        path: The label file.
        record: Which record, such as "shape 2 of a.json".
        what: Which of its values, such as "label".
        value: What was found.
        expected: What should be there, such as "a number".
    """
    found = repr(value) if len(repr(value)) <= _SHOWN else f"{repr(value)[:_SHOWN]}..."
    return DataError(
        f"Label file {path}: {record} has {what} {found}; expected {expected}. Correct or remove "
        "the record."
    )


def checked_number(path: Path, record: str, what: str, value: Any) -> float:
    """Return a number as float.

    Args:
        path: The label file.
        record: Which record it is of.
        what: Which of its values it is.
        value: From JSON.

    Returns:
        The number; one too large for a float is infinite, and counted like that later on.

    Raises:
        DataError: It is no number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wrong_value(path, record, what, value, "a number")
    try:
        return float(value)
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def checked_points(path: Path, record: str, what: str, value: Any) -> list[list[float]]:
    """Return a list of points.

    Args:
        path: The label file.
        record: Which record it is of.
        what: Which of its values it is.
        value: From JSON.

    Returns:
        [[x, y], ...], in the unit of the file.

    Raises:
        DataError: It is no list of pairs of numbers.
    """
    if not isinstance(value, list):
        raise wrong_value(path, record, what, value, "a list of points [x, y]")
    points = []
    for point in value:
        if not isinstance(point, list) or len(point) != 2:
            raise wrong_value(path, record, f"in {what}", point, "a point [x, y]")
        points.append([checked_number(path, record, f"in {what}", number) for number in point])
    return points


def checked_list(path: Path, record: str, what: str, value: Any) -> list[Any]:
    """Return a list.

    Raises:
        DataError: It is none.
    """
    if not isinstance(value, list):
        raise wrong_value(path, record, what, value, "a list")
    return value


def checked_object(path: Path, record: str, value: Any) -> Mapping[str, Any]:
    """Return a record.

    Raises:
        DataError: It is no JSON object.
    """
    if not isinstance(value, dict):
        raise wrong_value(path, record, "the value", value, "an object {...}")
    return value


def checked_name(path: Path, record: str, what: str, value: Any) -> str:
    """Return a name without white space around it.

    Raises:
        DataError: It is no text, or blank.
    """
    if not isinstance(value, str) or not value.strip():
        raise wrong_value(path, record, what, value, "a name")
    return value.strip()


def checked_side(path: Path, record: str, what: str, value: Any) -> int:
    """Return the height or width of an image in pixels.

    Raises:
        DataError: It is no whole number of 1 or more.
    """
    is_whole = type(value) is int or (type(value) is float and value.is_integer())
    if not is_whole or value < 1:
        raise wrong_value(path, record, what, value, "whole pixels, 1 or more")
    return int(value)
