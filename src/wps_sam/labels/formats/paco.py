"""Read PACO (Ramanathan et al. 2023): COCO files that hold objects and, beside them, their parts.

Categories of parts have the supercategory PART and names such as `car_(automobile):antenna`; their
ids are sparse (2000 to 2455) and kept. See `PACO_DATASET.md` of facebookresearch/paco.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from wps_sam.errors import DataError
from wps_sam.labels.formats.coco import open_coco
from wps_sam.labels.label_file import LabelFile
from wps_sam.labels.layout import LabelSource, Layout

WHOLE = "a whole object, not a part"

_PART = "PART"
_SIGNS = re.compile(rb'"obj_ann_id"\s*:|"supercategory"\s*:\s*"PART"')
_SAMPLE_BYTES = 1 << 16
_FILES = ("paco_*_{split}.json", "annotations/paco_*_{split}.json")


def open_paco(path: Path, *, images_dir: Path | None = None) -> LabelFile:
    """Open a PACO file.

    PACO marks an object by `id` equal to `obj_ann_id`; that is the same as a category that is no
    PART, which is what is used here. Masks are run-length codes and passed on.

    Args:
        path: The JSON file.
        images_dir: Folder of the images; None looks in the usual places around the file.

    Returns:
        All images and categories with the file's ids; categories of objects become no class, and
        their annotations are left out when weak labels or true masks are made.

    Raises:
        DataError: No category is a PART; else as for `open_coco`.
    """
    labels = open_coco(path, images_dir=images_dir)
    is_part = [c.supercategory.upper() == _PART for c in labels.categories]
    if not any(is_part):
        raise DataError(
            f"Label file {path}: none of its {len(is_part)} categories has the supercategory PART; "
            "expected a PACO file. Open other files as COCO."
        )
    categories = [
        category if part else category._replace(left_out=WHOLE)
        for category, part in zip(labels.categories, is_part, strict=True)
    ]
    return replace(labels, label_format="paco", categories=categories)


def _looks_like_paco(path: Path) -> bool:
    """Whether the begin, middle or end of a JSON file has a key that only PACO has."""
    size = path.stat().st_size
    with path.open("rb") as file:
        for start in (0, size // 2, max(0, size - _SAMPLE_BYTES)):
            file.seek(start)
            if _SIGNS.search(file.read(_SAMPLE_BYTES)):
                return True
    return False


def _single_file(path: Path, split: str | None) -> LabelSource | None:
    """A PACO file named directly."""
    if path.suffix.lower() != ".json" or not path.is_file() or not _looks_like_paco(path):
        return None
    if split is not None:
        raise DataError(
            f"Data {path} is one file, so split {split!r} cannot be chosen in it. Leave out the "
            "split, or name the folder that holds all splits."
        )
    return LabelSource("paco", path)


def _folder(path: Path, split: str | None) -> LabelSource | None:
    """A folder with paco_lvis_v1_<split>.json."""
    found = _files(path, "*" if split is None else split)
    if len(found) > 1:
        raise DataError(
            f"Data folder {path} has several PACO files: "
            f"{', '.join(str(file.relative_to(path)) for file in found)}. Name the one to use, or "
            "choose with --split."
        )
    return LabelSource("paco", found[0]) if found else None


def paco_splits(path: Path) -> tuple[str, ...]:
    """Names of the splits of a folder of PACO files; empty if there are none.

    Args:
        path: The folder.

    Returns:
        What follows the last underscore of each file name, such as "train".
    """
    return tuple(file.stem.rsplit("_", 1)[1] for file in _files(path, "*"))


def _files(path: Path, split: str) -> Sequence[Path]:
    """PACO files of a folder, of one split or "*"."""
    if not path.is_dir() or re.search(r"[\\/\[\]?]", split):
        return []
    found = [file for pattern in _FILES for file in sorted(path.glob(pattern.format(split=split)))]
    return [file for file in found if _looks_like_paco(file)]


PACO_LAYOUTS: tuple[Layout, ...] = (
    Layout(_single_file, "a PACO .json file, whose parts have the supercategory PART"),
    Layout(
        _folder,
        "a folder with paco_lvis_v1_<split>.json, or with it in annotations/ (PACO)",
    ),
)
"""How PACO files are recognised; these come before COCO's, which take any .json file."""
