"""The image and category records of a COCO file, checked one by one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wps_sam.errors import DataError
from wps_sam.labels.label_file import LabelCategory, LabelImage

_MISSING = object()


def required(path: Path, what: str, record: Mapping[str, Any], key: str) -> Any:
    """Return a record's value; DataError if the key is missing."""
    value = record.get(key, _MISSING)
    if value is _MISSING:
        raise DataError(
            f"Label file {path}: {what} has no {key!r}, only {sorted(map(str, record))[:12]}. Add "
            "it or remove the record."
        )
    return value


def checked_id(path: Path, what: str, key: str, value: Any, allow_text: bool) -> Any:
    """Return an id; DataError unless it is a whole number, or text where that is allowed."""
    if type(value) is int or (allow_text and type(value) is str):
        return value
    expected = "a whole number or text" if allow_text else "a whole number"
    raise DataError(
        f"Label file {path}: {what} has {key} {str(value)[:60]!r} of type {type(value).__name__}; "
        f"expected {expected}. Correct the record."
    )


def parse_image(path: Path, record: Mapping[str, Any], index: int) -> LabelImage:
    """Check one image record."""
    what = f"image at position {index}"
    image_id = checked_id(path, what, "id", required(path, what, record, "id"), allow_text=True)
    what = f"image {image_id}"
    hint = record.get("path")
    hint = hint.replace("\\", "/") if isinstance(hint, str) and hint else None
    name = record.get("file_name", hint)
    if name is None:
        name = required(path, what, record, "file_name")
    if not isinstance(name, str) or not name.strip() or name.endswith(("/", "\\")):
        raise DataError(
            f"Label file {path}: {what} has file_name {name!r}; expected the name of an image "
            "file. Correct the record."
        )
    height, width = (_side(path, f"{what} ({name})", record, key) for key in ("height", "width"))
    return LabelImage(image_id, name.replace("\\", "/"), height, width, index, hint)


def _side(path: Path, what: str, record: Mapping[str, Any], key: str) -> int | None:
    """Height or width of an image record, None if it does not say; DataError if it is nonsense."""
    value = record.get(key)
    if value is None:
        return None
    is_whole = type(value) is int or (type(value) is float and value.is_integer())
    if not is_whole or value < 1:
        raise DataError(
            f"Label file {path}: {what} has {key} {value!r}; expected whole pixels, 1 or more. "
            "Correct it, or remove the key to have it read from the image."
        )
    return int(value)


def parse_category(path: Path, record: Mapping[str, Any], index: int) -> LabelCategory:
    """Check one category record."""
    what = f"category at position {index}"
    value = required(path, what, record, "id")
    category_id = checked_id(path, what, "id", value, allow_text=False)
    name = required(path, f"category {category_id}", record, "name")
    if not isinstance(name, str) or not name.strip():
        raise DataError(
            f"Label file {path}: category {category_id} has name {name!r}; expected a word. "
            "Correct the record."
        )
    return LabelCategory(category_id, name.strip(), str(record.get("supercategory") or "").strip())
