"""Load a COCO JSON file and check its records; the weak-label reader and the truth reader share it.

Nothing here looks into `segmentation` or `bbox`.
"""

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from wps_sam.errors import DataError
from wps_sam.images.reading import image_size
from wps_sam.labels.coco_categories import with_unique_names, without_background
from wps_sam.labels.coco_records import (
    CocoCategory,
    CocoImage,
    checked_id,
    parse_category,
    parse_image,
    required,
)
from wps_sam.labels.weak_labels import Note

__all__ = [
    "CocoCategory",
    "CocoFile",
    "CocoImage",
    "describe_annotation",
    "find_image",
    "image_hw",
    "load_coco",
]

_EXPECTED = (
    'expected a COCO file: {"images": [...], "categories": [...], "annotations": [...]}. '
    "Export the labels as COCO (object detection or instance segmentation)."
)


@dataclass(frozen=True)
class CocoFile:
    """A checked COCO file: ids are unique, and every annotation's image and category exist.

    Attributes:
        path: The file.
        images: In the file's order.
        categories: In the file's order, without those that were dropped. The position in this
            list is the class index.
        annotations: Raw records in the file's order, those of dropped categories too.
        dropped_categories: Categories that become no class.
        notes: What was done to categories and why.
    """

    path: Path
    images: list[CocoImage]
    categories: list[CocoCategory]
    annotations: list[dict[str, Any]]
    dropped_categories: list[CocoCategory] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def class_of_category(self) -> dict[int, int]:
        """Class index by category id; dropped categories are not in it."""
        return {category.category_id: i for i, category in enumerate(self.categories)}


def load_coco(path: str | Path) -> CocoFile:
    """Load a COCO file and check how its records refer to each other.

    Args:
        path: The JSON file.

    Returns:
        The checked file.

    Raises:
        DataError: The file is missing, empty, no JSON or no COCO; it has no image, category or
            annotation; a record lacks a key or has an id of the wrong type; an id occurs twice; or
            an annotation names an image or category that does not exist.
    """
    path = Path(path)
    content = _read_json(path)
    raw = {key: _records(path, content, key) for key in ("images", "categories", "annotations")}
    images = [parse_image(path, record, index) for index, record in enumerate(raw["images"])]
    categories = [parse_category(path, record, i) for i, record in enumerate(raw["categories"])]
    _refuse_duplicates(path, "image", [(image.image_id, image.file_name) for image in images])
    _refuse_duplicates(path, "category", [(c.category_id, c.name) for c in categories])
    _refuse_repeated_images(path, images)
    _check_annotations(path, raw["annotations"], images, categories)
    categories, renaming = with_unique_names(path, categories)
    kept, dropped, dropping = without_background(path, categories, raw["annotations"])
    return CocoFile(path, images, kept, raw["annotations"], dropped, renaming + dropping)


def describe_annotation(annotation: Mapping[str, Any], position: int, image: CocoImage) -> str:
    """Name an annotation for a message: "annotation 17 of image 3 (a.jpg)".

    Args:
        annotation: The raw record.
        position: Its position in the file, from 0, used where it has no id.
        image: The image it belongs to.
    """
    name = annotation.get("id")
    label = f"annotation {name}" if name is not None else f"annotation at position {position}"
    return f"{label} of image {image.image_id} ({image.file_name})"


def find_image(
    coco_path: str | Path, record: CocoImage, images_dir: str | Path | None = None
) -> Path:
    """Find the file of an image record.

    Args:
        coco_path: The label file.
        record: The image record.
        images_dir: Where to look instead of around the label file.

    Returns:
        The first of the usual places where the file exists.

    Raises:
        DataError: It is in none of them; the message lists all.
    """
    folders = _image_folders(Path(coco_path)) if images_dir is None else (Path(images_dir),)
    tried: dict[str, None] = {}
    for folder in folders:
        for name in _image_names(record):
            candidate = folder / name
            if _is_file(candidate):
                return candidate
            tried[str(candidate)] = None
    raise DataError(
        f"Label file {coco_path}: the file of image {record.image_id} ({record.file_name}) is "
        "missing. Tried: " + ", ".join(tried) + ". Put the images in one of these places, or name "
        "their folder with --images."
    )


def image_hw(record: CocoImage, image_path: str | Path) -> tuple[int, int]:
    """Size of an image: what its record says, else what the file's header says.

    Args:
        record: The image record.
        image_path: The image file, opened only if the record lacks height or width.

    Returns:
        (height, width) in pixels.

    Raises:
        DataError: The file is needed and cannot be read.
    """
    if record.height is not None and record.width is not None:
        return record.height, record.width
    return image_size(image_path)


@lru_cache(maxsize=8)  # asked again for every image of a file
def _image_folders(coco_path: Path) -> tuple[Path, ...]:
    """Folders where the images of a label file usually are, most likely first."""
    base, split = coco_path.parent, coco_path.stem
    folders = [base, base / "images", base / "images" / split]
    for above in (base, base.parent):
        if above.name == "annotations":
            # annotations/x.json or annotations/<split>/x.json beside images/<split>/
            root = above.parent
            folders += [root / "images" / name for name in dict.fromkeys((split, base.name))]
            folders += [root / "images", root / split, root]
    return tuple(dict.fromkeys(folders))


def _image_names(record: CocoImage) -> list[str]:
    """Relative paths under which a record's image may be filed, most telling first."""
    names = [record.path_hint] if record.path_hint else []
    base = record.file_name.rsplit("/", 1)[-1]
    names += [record.file_name, base]
    # PartImageNet's first release keeps each ImageNet class in a folder: n02486261/n02486261_8.JPEG
    if base[0] == "n" and base[1:9].isdigit():
        names.append(f"{base[:9]}/{base}")
    return list(dict.fromkeys(names))


def _is_file(path: Path) -> bool:
    """Whether a file exists; a name the system cannot even look up does not."""
    try:
        return path.is_file()
    except OSError:
        return False


def _read_json(path: Path) -> dict[str, Any]:
    """Parse the file; DataError unless it holds a JSON object."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(
            f"Label file {path} cannot be read: {error.strerror or error}. Check the spelling and "
            "the folder it is relative to."
        ) from error
    except UnicodeDecodeError as error:
        raise DataError(f"Label file {path} is not text in UTF-8: {error}; {_EXPECTED}") from error
    if not text.strip():
        raise DataError(f"Label file {path} is empty; {_EXPECTED}")
    try:
        content = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError(
            f"Label file {path} is broken JSON: {error}. It may be cut off: copy or "
            "export it again."
        ) from error
    if not isinstance(content, dict):
        hint = ""
        if isinstance(content, list):
            hint = " (a list of results holds predictions, which have no images or categories)"
        raise DataError(
            f"Label file {path} holds a JSON {type(content).__name__}{hint}; {_EXPECTED}"
        )
    return content


def _records(path: Path, content: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """Return one of the three lists of the file; DataError unless it is a filled list of dicts."""
    if key not in content:
        raise DataError(
            f"Label file {path} has no {key!r}, only {sorted(map(str, content))[:10]}; {_EXPECTED}"
        )
    records = content[key]
    if not isinstance(records, list):
        raise DataError(
            f"Label file {path}: {key!r} is a {type(records).__name__}, not a list; {_EXPECTED}"
        )
    if not records:
        raise DataError(
            f"Label file {path} has no {key}: the list is empty. Label at least one part in one "
            "image and export the labels again."
        )
    for position, record in enumerate(records):
        if not isinstance(record, dict):
            raise DataError(
                f"Label file {path}: record {position} of {key!r} is {str(record)[:60]!r}, not an "
                f"object; {_EXPECTED}"
            )
    return records


def _refuse_duplicates(path: Path, what: str, ids: Iterable[tuple[Hashable, str]]) -> None:
    """Raise DataError if an id occurs twice; each comes with a name for the message."""
    seen: dict[Hashable, str] = {}
    for record_id, name in ids:
        if record_id in seen:
            raise DataError(
                f"Label file {path}: {what} id {record_id!r} occurs twice, for {seen[record_id]} "
                f"and {name}; each {what} needs its own. When files are merged, renumber them."
            )
        seen[record_id] = name


def _refuse_repeated_images(path: Path, images: Sequence[CocoImage]) -> None:
    """Raise DataError if one image file has two records, each with half of the parts."""
    seen: dict[tuple[str, str | None], CocoImage] = {}
    for image in images:
        other = seen.setdefault((image.file_name, image.path_hint), image)
        if other is not image:
            raise DataError(
                f"Label file {path}: images {other.image_id} and {image.image_id} are the same "
                f"file {image.file_name}. Merge the two records and their annotations."
            )


def _check_annotations(
    path: Path,
    annotations: Sequence[Mapping[str, Any]],
    images: Sequence[CocoImage],
    categories: Sequence[CocoCategory],
) -> None:
    """Raise DataError if an annotation's own id, image or category is not sound."""
    image_by_id = {image.image_id: image for image in images}
    category_ids = {category.category_id for category in categories}
    ids = []
    for position, record in enumerate(annotations):
        what = f"annotation {record.get('id', f'at position {position}')}"
        image_id = required(path, what, record, "image_id")
        category_id = required(path, what, record, "category_id")
        image_id = checked_id(path, what, "image_id", image_id, allow_text=True)
        category_id = checked_id(path, what, "category_id", category_id, allow_text=False)
        if image_id not in image_by_id:
            raise DataError(
                f"Label file {path}: {what} belongs to image {image_id!r}, but no image has this "
                f"id (the first image is {images[0].image_id!r}). Add the image or remove the "
                "annotation."
            )
        if category_id not in category_ids:
            known = ", ".join(f"{c.category_id} {c.name}" for c in categories[:40])
            raise DataError(
                f"Label file {path}: {what} of image {image_id} "
                f"({image_by_id[image_id].file_name}) has category_id {category_id}, but the "
                f"categories are {known}. Add the category or correct the annotation."
            )
        if "id" in record:
            record_id = checked_id(path, what, "id", record["id"], allow_text=True)
            ids.append((record_id, f"image {image_id}"))
    _refuse_duplicates(path, "annotation", ids)
