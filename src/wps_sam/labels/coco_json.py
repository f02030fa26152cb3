"""Load a whole COCO JSON file, and find the images that its records name.

Nothing here looks into `segmentation` or `bbox`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from wps_sam.errors import DataError
from wps_sam.images.reading import image_size
from wps_sam.labels.coco_categories import without_background
from wps_sam.labels.coco_records import CocoCategory, CocoImage
from wps_sam.labels.coco_stream import read_coco_head, refuse_repeated_ids, stream_annotations
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
    head = read_coco_head(Path(path))
    annotations, ids = [], []
    for annotation in stream_annotations(head):
        annotations.append(annotation.record)
        if "id" in annotation.record:
            ids.append((annotation.record["id"], f"image {annotation.image.image_id}"))
    refuse_repeated_ids(head.path, "annotation", ids)
    used = {record["category_id"] for record in annotations}
    kept, dropped, dropping = without_background(head.path, head.categories, used)
    return CocoFile(head.path, head.images, kept, annotations, dropped, head.notes + dropping)


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
