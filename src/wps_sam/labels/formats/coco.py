"""Read COCO: one JSON file with lists of images, categories and annotations.

Images and categories are held; annotations, of which there are many more, go past one at a time.
The file is read twice, because the annotations may come before what they refer to.

Beyond COCO's own keys, an annotation may have `points`, a list of [x, y] in pixels: points on the
part. With `image_id` and `category_id` that is the simplest point label.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from wps_sam.errors import DataError
from wps_sam.json_stream import EmptyJsonError, JsonDocument, JsonError, NotUtf8Error, open_json
from wps_sam.labels.categories import with_unique_names
from wps_sam.labels.formats.coco_keypoints import (
    KeypointClasses,
    as_parts,
    keypoint_names,
    name_keypoints,
)
from wps_sam.labels.formats.coco_records import checked_id, parse_category, parse_image, required
from wps_sam.labels.image_files import find_image
from wps_sam.labels.label_file import LabelAnnotation, LabelCategory, LabelFile, LabelImage
from wps_sam.labels.repeats import first_repeat

_EXPECTED = (
    'expected a COCO file: {"images": [...], "categories": [...], "annotations": [...]}. '
    "Export the labels as COCO (object detection or instance segmentation)."
)


def open_coco(path: Path, *, images_dir: Path | None = None) -> LabelFile:
    """Open a COCO file.

    Args:
        path: The JSON file.
        images_dir: Folder of the images; None looks in the usual places around the file.

    Returns:
        Its images and categories, checked; annotations are read and checked when asked for.
        Keypoints that a category names stand behind the file's own (see `coco_keypoints`).

    Raises:
        DataError: The file is missing, empty, no JSON or no COCO; it has no image or category; a
            record lacks a key or has an id of the wrong type; an id, an image file or a category
            name occurs twice. Going through the annotations: there is none; one lacks a key, has
            an id of the wrong type, an `iscrowd` that is neither 0 nor 1 or broken keypoints, or
            names an image or category that does not exist.
    """
    images: list[LabelImage] = []
    categories: list[LabelCategory] = []
    keys: list[str] = []
    names: dict[int, tuple[str, ...]] = {}
    with _open_coco(path) as document:
        for key, value in document.members():
            keys.append(key)
            if key == "images":
                images = [parse_image(path, record, i) for i, record in _records(path, key, value)]
            elif key == "categories":
                for i, record in _records(path, key, value):
                    category = parse_category(path, record, i)
                    categories.append(category)
                    what = f"category {category.category_id} ({category.name})"
                    names[category.category_id] = keypoint_names(path, what, record)
            if images and categories:
                break
    _require_keys(path, keys, "images", "categories")
    refuse_repeated_ids(
        path, "image", lambda: ((image.image_id, image.file_name) for image in images)
    )
    refuse_repeated_ids(path, "category", lambda: ((c.category_id, c.name) for c in categories))
    _refuse_repeated_images(path, images)
    keypoints = name_keypoints(categories, names)
    all_categories, renaming = with_unique_names(path, keypoints.add_to(categories))
    read = partial(_read_records, path, images, categories)
    return LabelFile(
        path=path,
        label_format="coco",
        images=images,
        categories=all_categories,
        read_annotations=partial(_read_annotations, path, read, keypoints),
        find_image=lambda image: find_image(path, image, images_dir),
        notes=renaming,
    )


AnnotationRecord = tuple[LabelAnnotation, Mapping[str, Any]]
"""An annotation without its points, and the record that it is from."""


def _read_annotations(
    path: Path, read: Callable[[], Iterable[AnnotationRecord]], keypoints: KeypointClasses
) -> Iterator[LabelAnnotation]:
    """Yield the annotations in the file's order, for each labelled keypoint one."""
    for annotation, record in read():
        if "keypoints" in record or "points" in record or keypoints.of_category:
            yield from as_parts(path, annotation, record, keypoints)
        else:
            yield annotation


def _read_records(
    path: Path, images: Sequence[LabelImage], categories: Sequence[LabelCategory]
) -> Iterator[AnnotationRecord]:
    """Yield the annotations in the file's order."""
    keys = list[str]()
    image_by_id = {image.image_id: image for image in images}
    name_by_id = {category.category_id: category.name for category in categories}
    with _open_coco(path) as document:
        for key, value in document.members():
            keys.append(key)
            if key == "annotations":
                for position, record in _records(path, key, value):
                    yield _annotation(path, position, record, image_by_id, name_by_id), record
    _require_keys(path, keys, "annotations")


def refuse_repeated_ids(
    path: Path, what: str, ids: Callable[[], Iterable[tuple[Hashable, str]]]
) -> None:
    """Raise DataError if an id occurs twice.

    Args:
        path: The file, for the message.
        what: What has the ids, such as "image".
        ids: Gives each id, and a name of its record for the message, each time it is asked.
    """
    repeated = first_repeat(lambda: (record_id for record_id, _ in ids()))
    if repeated is not None:
        first, second = [name for record_id, name in ids() if record_id == repeated][:2]
        raise repeated_id(path, what, repr(repeated), first, second)


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


def _refuse_repeated_images(path: Path, images: list[LabelImage]) -> None:
    """Raise DataError if one image file has two records, each with half of the parts."""
    repeated = first_repeat(lambda: ((image.file_name, image.path_hint) for image in images))
    if repeated is not None:
        both = (image for image in images if (image.file_name, image.path_hint) == repeated)
        first, second = next(both), next(both)
        raise DataError(
            f"Label file {path}: images {first.image_id} and {second.image_id} are the same "
            f"file {first.file_name}. Merge the two records and their annotations."
        )


def _annotation(
    path: Path,
    position: int,
    record: Mapping[str, Any],
    image_by_id: Mapping[int | str, LabelImage],
    name_by_id: Mapping[int, str],
) -> LabelAnnotation:
    """Check an annotation's ids and `iscrowd`; its box and masks are passed on as read."""
    annotation_id = record.get("id")
    what = f"annotation {annotation_id if 'id' in record else f'at position {position}'}"
    image_id = required(path, what, record, "image_id")
    category_id = required(path, what, record, "category_id")
    image = image_by_id.get(checked_id(path, what, "image_id", image_id, allow_text=True))
    checked_id(path, what, "category_id", category_id, allow_text=False)
    if image is None:
        first = next(iter(image_by_id))
        raise DataError(
            f"Label file {path}: {what} belongs to image {image_id!r}, but no image has this "
            f"id (the first image is {first!r}). Add the image or remove the annotation."
        )
    name = f"{what} of image {image_id} ({image.file_name})"
    if category_id not in name_by_id:
        known = ", ".join(f"{i} {name}" for i, name in list(name_by_id.items())[:40])
        raise DataError(
            f"Label file {path}: {name} has category_id {category_id}, but the categories are "
            f"{known}. Add the category or correct the annotation."
        )
    if "id" in record:
        checked_id(path, what, "id", annotation_id, allow_text=True)
    return LabelAnnotation(
        record=name,
        image=image,
        category_id=category_id,
        bbox=record.get("bbox"),
        segmentation=_segmentation(record.get("segmentation")),
        is_crowd=_is_crowd(path, name, record.get("iscrowd")),
        annotation_id=annotation_id,
    )


def _segmentation(value: Any) -> Any:
    """Pass on a segmentation; of an object only what a run-length mask has.

    Other readers say by such an object in which file a mask is (`LabelAnnotation`); a label file
    that comes from elsewhere must not be able to name a file of this machine.
    """
    if isinstance(value, Mapping) and value:
        return {"size": value.get("size"), "counts": value.get("counts")}
    return value


def _is_crowd(path: Path, name: str, value: Any) -> bool:
    """Whether `iscrowd` is set; DataError unless it is 0, 1, false, true or left out."""
    if value is None:
        return False
    if isinstance(value, int | float) and value in (0, 1):
        return bool(value)
    raise DataError(
        f"{path}: {name}: iscrowd must be 0 or 1; found {str(value)[:60]!r} of type "
        f"{type(value).__name__}. A region with iscrowd 1 is not scored. Correct the annotation."
    )
