"""Read a COCO file record by record and check how its records refer to each other.

Images and categories are held; annotations, of which there are many more, go past one at a time.
The file is read twice, because the annotations may come before what they refer to.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from wps_sam.errors import DataError
from wps_sam.json_stream import EmptyJsonError, JsonDocument, JsonError, NotUtf8Error, open_json
from wps_sam.labels.coco_categories import with_unique_names
from wps_sam.labels.coco_records import (
    CocoCategory,
    CocoImage,
    checked_id,
    parse_category,
    parse_image,
    required,
)
from wps_sam.labels.weak_labels import Note

_EXPECTED = (
    'expected a COCO file: {"images": [...], "categories": [...], "annotations": [...]}. '
    "Export the labels as COCO (object detection or instance segmentation)."
)


@dataclass(frozen=True)
class CocoHead:
    """What the annotations of a COCO file refer to; ids and category names are unique.

    Attributes:
        path: The file.
        images: In the file's order.
        categories: In the file's order, also those that are no part.
        notes: What was done to category names and why.
    """

    path: Path
    images: list[CocoImage]
    categories: list[CocoCategory]
    notes: list[Note] = field(default_factory=list)


class CocoAnnotation(NamedTuple):
    """One checked annotation.

    Attributes:
        position: Its position in the file, from 0.
        record: The raw record; its `id`, if any, may still be another annotation's.
        image: The image it belongs to.
    """

    position: int
    record: dict[str, Any]
    image: CocoImage


def read_coco_head(path: Path) -> CocoHead:
    """Read the images and categories of a COCO file.

    Args:
        path: The JSON file.

    Returns:
        Both, checked.

    Raises:
        DataError: The file is missing, empty, no JSON or no COCO; it has no image or category; a
            record lacks a key or has an id of the wrong type; an id, an image file or a category
            name occurs twice.
    """
    images: list[CocoImage] = []
    categories: list[CocoCategory] = []
    keys: list[str] = []
    with _open_coco(path) as document:
        for key, value in document.members():
            keys.append(key)
            if key == "images":
                images = [parse_image(path, record, i) for i, record in _records(path, key, value)]
            elif key == "categories":
                categories = [
                    parse_category(path, record, i) for i, record in _records(path, key, value)
                ]
            if images and categories:
                break
    _require_keys(path, keys, "images", "categories")
    refuse_repeated_ids(path, "image", ((image.image_id, image.file_name) for image in images))
    refuse_repeated_ids(path, "category", ((c.category_id, c.name) for c in categories))
    _refuse_repeated_images(path, images)
    categories, renaming = with_unique_names(path, categories)
    return CocoHead(path, images, categories, renaming)


def stream_annotations(head: CocoHead) -> Iterator[CocoAnnotation]:
    """Go through the annotations of a file, one in memory at a time.

    Args:
        head: The file's images and categories.

    Yields:
        Each annotation, in the file's order; its image and category exist.

    Raises:
        DataError: The file is broken or has no annotation; a record lacks a key, has an id of the
            wrong type, or names an image or category that does not exist.
    """
    path, keys = head.path, list[str]()
    image_by_id = {image.image_id: image for image in head.images}
    category_ids = {category.category_id for category in head.categories}
    with _open_coco(path) as document:
        for key, value in document.members():
            keys.append(key)
            if key == "annotations":
                for position, record in _records(path, key, value):
                    image = _check_annotation(head, position, record, image_by_id, category_ids)
                    yield CocoAnnotation(position, record, image)
    _require_keys(path, keys, "annotations")


def refuse_repeated_ids(path: Path, what: str, ids: Iterable[tuple[Hashable, str]]) -> None:
    """Raise DataError if an id occurs twice.

    Args:
        path: The file, for the message.
        what: What has the ids, such as "image".
        ids: Each id, and a name of its record for the message.
    """
    seen: dict[Hashable, str] = {}
    for record_id, name in ids:
        if record_id in seen:
            raise repeated_id(path, what, repr(record_id), seen[record_id], name)
        seen[record_id] = name


def repeated_id(path: Path, what: str, record_id: str, first: str, second: str) -> DataError:
    """The error for an id that two records have."""
    return DataError(
        f"Label file {path}: {what} id {record_id} occurs twice, for {first} and {second}; each "
        f"{what} needs its own. When files are merged, renumber them."
    )


@contextmanager
def _open_coco(path: Path) -> Iterator[JsonDocument]:
    """Open a label file that holds an object; errors say what is wrong with the file."""
    try:
        with open_json(path) as document:
            if document.kind != "dict":
                raise _no_object(path, document.kind)
            yield document
    except OSError as error:
        raise DataError(
            f"Label file {path} cannot be read: {error.strerror or error}. Check the spelling and "
            "the folder it is relative to."
        ) from error
    except EmptyJsonError as error:
        raise DataError(f"Label file {path} is empty; {_EXPECTED}") from error
    except NotUtf8Error as error:
        raise DataError(f"Label file {path} is not text in UTF-8: {error}; {_EXPECTED}") from error
    except JsonError as error:
        raise DataError(
            f"Label file {path} is broken JSON: {error}. It may be cut off: copy or "
            "export it again."
        ) from error


def _no_object(path: Path, kind: str) -> DataError:
    """The error for a file that holds something else than an object."""
    hint = ""
    if kind == "list":
        hint = " (a list of results holds predictions, which have no images or categories)"
    return DataError(f"Label file {path} holds a JSON {kind}{hint}; {_EXPECTED}")


def _require_keys(path: Path, keys: list[str], *wanted: str) -> None:
    """Raise DataError if a list is missing."""
    for key in wanted:
        if key not in keys:
            raise DataError(
                f"Label file {path} has no {key!r}, only {sorted(keys)[:10]}; {_EXPECTED}"
            )


def _records(path: Path, key: str, value: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number the records of a list; DataError unless it is a filled list of objects."""
    if not isinstance(value, Iterator):
        raise DataError(
            f"Label file {path}: {key!r} is a {type(value).__name__}, not a list; {_EXPECTED}"
        )
    position = -1
    for position, record in enumerate(value):
        if not isinstance(record, dict):
            raise DataError(
                f"Label file {path}: record {position} of {key!r} is {str(record)[:60]!r}, not an "
                f"object; {_EXPECTED}"
            )
        yield position, record
    if position < 0:
        raise DataError(
            f"Label file {path} has no {key}: the list is empty. Label at least one part in one "
            "image and export the labels again."
        )


def _refuse_repeated_images(path: Path, images: list[CocoImage]) -> None:
    """Raise DataError if one image file has two records, each with half of the parts."""
    seen: dict[tuple[str, str | None], CocoImage] = {}
    for image in images:
        other = seen.setdefault((image.file_name, image.path_hint), image)
        if other is not image:
            raise DataError(
                f"Label file {path}: images {other.image_id} and {image.image_id} are the same "
                f"file {image.file_name}. Merge the two records and their annotations."
            )


def _check_annotation(
    head: CocoHead,
    position: int,
    record: Mapping[str, Any],
    image_by_id: Mapping[int | str, CocoImage],
    category_ids: set[int],
) -> CocoImage:
    """Return an annotation's image; DataError if its own id, image or category is not sound."""
    path = head.path
    what = f"annotation {record.get('id', f'at position {position}')}"
    image_id = required(path, what, record, "image_id")
    category_id = required(path, what, record, "category_id")
    image = image_by_id.get(checked_id(path, what, "image_id", image_id, allow_text=True))
    checked_id(path, what, "category_id", category_id, allow_text=False)
    if image is None:
        raise DataError(
            f"Label file {path}: {what} belongs to image {image_id!r}, but no image has this "
            f"id (the first image is {head.images[0].image_id!r}). Add the image or remove the "
            "annotation."
        )
    if category_id not in category_ids:
        known = ", ".join(f"{c.category_id} {c.name}" for c in head.categories[:40])
        raise DataError(
            f"Label file {path}: {what} of image {image_id} ({image.file_name}) has category_id "
            f"{category_id}, but the categories are {known}. Add the category or correct the "
            "annotation."
        )
    if "id" in record:
        checked_id(path, what, "id", record["id"], allow_text=True)
    return image
