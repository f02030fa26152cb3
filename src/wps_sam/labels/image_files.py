"""Find the image files that label records name."""

from functools import lru_cache
from pathlib import Path

from wps_sam.errors import DataError
from wps_sam.labels.label_file import LabelImage

_COCO_KINDS = ("instances_", "person_keypoints_")
"""What COCO puts before the name of the split: instances_train2017.json."""


def find_image(
    labels_path: str | Path, record: LabelImage, images_dir: str | Path | None = None
) -> Path:
    """Find the file of an image record.

    Args:
        labels_path: The label file.
        record: The image record.
        images_dir: Where to look instead of around the label file.

    Returns:
        The first of the usual places where the file exists.

    Raises:
        DataError: It is in none of them; the message lists all.
    """
    folders = _image_folders(Path(labels_path)) if images_dir is None else (Path(images_dir),)
    tried: dict[str, None] = {}
    for folder in folders:
        for name in _image_names(record):
            candidate = folder / name
            if _is_file(candidate):
                return candidate
            tried[str(candidate)] = None
    raise DataError(
        f"Label file {labels_path}: the file of image {record.image_id} ({record.file_name}) is "
        "missing. Tried: " + ", ".join(tried) + ". Put the images in one of these places, or name "
        "their folder with --images."
    )


@lru_cache(maxsize=8)  # asked again for every image of a file
def _image_folders(labels_path: Path) -> tuple[Path, ...]:
    """Folders where the images of a label file usually are, most likely first."""
    base, stem = labels_path.parent, labels_path.stem
    bare = (stem.removeprefix(kind) for kind in _COCO_KINDS)
    splits = tuple(dict.fromkeys((stem, *bare)))
    folders = [base, base / "images", *(base / "images" / split for split in splits)]
    folders += [base / split for split in splits[1:]]
    for above in (base, base.parent):
        if above.name == "annotations":
            # annotations/x.json or annotations/<split>/x.json beside images/<split>/
            root = above.parent
            folders += [root / "images" / name for name in (*splits, base.name)]
            folders += [root / "images", *(root / split for split in splits), root]
    return tuple(dict.fromkeys(folders))


def _image_names(record: LabelImage) -> list[str]:
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
