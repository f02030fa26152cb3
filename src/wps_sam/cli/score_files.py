"""Writes the files of scores that `wps-sam evaluate` leaves in its folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wps_sam.files import write_atomically

METRICS_FILE = "metrics.json"
SECOND_METRICS_FILE = "metrics_second.json"
COMPARISON_FILE = "comparison.json"
_ALL_FILES = (METRICS_FILE, SECOND_METRICS_FILE, COMPARISON_FILE)
_INDENT = "  "


def write_score_files(
    folder: Path, content: Mapping[str, Mapping[str, Any]]
) -> tuple[list[Path], list[Path]]:
    """Write files of scores and remove those of an earlier run that do not belong to them.

    Args:
        folder: Where to write; exists.
        content: File name -> its values.

    Returns:
        The paths written, and the paths removed.
    """
    for name, values in content.items():
        write_atomically(folder / name, dump_scores(values).encode())
    stale = [folder / name for name in _ALL_FILES if name not in content]
    removed = [path for path in stale if path.exists()]
    for path in removed:
        path.unlink()
    return [folder / name for name in content], removed


def dump_scores(values: Mapping[str, Any]) -> str:
    """Write scores as JSON that people can read and compare line by line.

    Each name stands on a line of its own, and so does each row of a table or matrix.

    Args:
        values: Plain values; numbers must be finite.

    Returns:
        JSON that ends with a line break.

    Raises:
        ValueError: A number is infinite or NaN, which JSON does not have.
    """
    return _text(values, "\n") + "\n"


def _text(value: Any, line_break: str) -> str:
    """JSON of a value; `line_break` ends a line and indents the next as far as the value."""
    inner = line_break + _INDENT
    if isinstance(value, Mapping) and value:
        members = (f"{json.dumps(str(key))}: {_text(one, inner)}" for key, one in value.items())
        return f"{{{inner}{f',{inner}'.join(members)}{line_break}}}"
    if isinstance(value, list | tuple) and any(isinstance(row, list | dict) for row in value):
        rows = (json.dumps(row, allow_nan=False) for row in value)
        return f"[{inner}{f',{inner}'.join(rows)}{line_break}]"
    return json.dumps(value, allow_nan=False)
