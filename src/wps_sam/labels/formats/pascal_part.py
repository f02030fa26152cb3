"""Read PASCAL-Part: one MATLAB file an image with the masks of objects and of their parts.

Only boxes are taken from the masks here. Which raw parts become which class says a class table.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wps_sam.errors import ConfigError, DataError
from wps_sam.images.pascal_mat import MatObject, read_pascal_mat
from wps_sam.labels.formats.part_image_net import find_split
from wps_sam.labels.formats.pascal_part_table import (
    OBJECT,
    REST,
    PartGroup,
    PartTable,
    canonical_part,
    object_class,
    read_part_table,
)
from wps_sam.labels.image_files import find_image
from wps_sam.labels.label_file import LabelAnnotation, LabelFile, LabelImage
from wps_sam.labels.layout import LabelSource, Layout, first_files
from wps_sam.labels.remarks import Skip

NO_ENTRY = "object of a class that the class table leaves out"
NO_PARTS = "object without labelled parts"
NO_PIXEL = "part without a pixel"
NO_FILE = "image of the list without an annotation file"

_FOLDER = "Annotations_Part"
_MAT_HEAD = b"MATLAB 5.0 MAT-file"
_VOC_ROOTS = ("", "VOC2010", "VOC2012", "VOCdevkit/VOC2010", "VOCdevkit/VOC2012")

Take = tuple[int | str, ...]
"""Positions of raw parts of an object, "object" or "rest", as `mask_files` knows them."""


class _Part(NamedTuple):
    """One part of an image: which object and raw parts it is, and its box."""

    record: str
    category_id: int | None
    position: int
    take: Take
    bbox: tuple[float, float, float, float]


class _Scan(NamedTuple):
    """What is kept of an annotation file."""

    height: int | None
    width: int | None
    parts: list[_Part]
    skipped: list[Skip]


def open_pascal_part(
    path: Path,
    *,
    images_dir: Path | None = None,
    class_table: int | str | Path | None = None,
    image_list: str | Path | None = None,
    per_class: bool = False,
) -> LabelFile:
    """Open the annotation files of PASCAL-Part.

    All files are read once here, so that the annotations then come from memory.

    Args:
        path: Folder of the `.mat` files.
        images_dir: Folder of the `.jpg` files; None takes the annotations' own folder.
        class_table: 16, 58, 108, 116, "raw" (every raw part is a class), or a YAML file
            of the same form; None means "raw".
        image_list: Text file with one image a line, such as `ImageSets/Main/train.txt`; None takes
            every `.mat` file.
        per_class: One part for all raw parts of a class in one object, instead of what the table
            says.

    Returns:
        Images in the list's order. Ids of images are their names, those of categories the table's.

    Raises:
        DataError: There is no annotation file, one is damaged or has a raw part that the table
            does not mention, or the list cannot be read.
        ConfigError: The class table cannot be read, or `image_list` is no path.
    """
    if image_list is not None and not isinstance(image_list, str | Path):
        raise ConfigError(
            f"{path}: image_list is {image_list!r}; expected the path of a text file."
        )
    table = read_part_table(class_table)
    stems, skipped = _listed(path, image_list)
    scans = [_scan(path / f"{stem}.mat", table, per_class) for stem in stems]
    images = [
        LabelImage(stem, f"{stem}.jpg", scan.height, scan.width, index)
        for index, (stem, scan) in enumerate(zip(stems, scans, strict=True))
    ]
    some_class = table.categories[0].category_id

    def read_annotations() -> Iterator[LabelAnnotation]:
        for image, scan in zip(images, scans, strict=True):
            file = str(path / f"{image.image_id}.mat")
            for part in scan.parts:
                yield LabelAnnotation(
                    record=part.record,
                    image=image,
                    category_id=some_class if part.category_id is None else part.category_id,
                    bbox=list(part.bbox),
                    segmentation=_segmentation(file, part),
                    is_crowd=part.category_id is None,
                )

    return LabelFile(
        path=path,
        label_format="pascal_part",
        images=images,
        categories=table.categories,
        read_annotations=read_annotations,
        find_image=lambda image: find_image(path, image, images_dir or path),
        skipped=[*skipped, *(skip for scan in scans for skip in scan.skipped)],
    )


def _segmentation(file: str, part: _Part) -> dict[str, Any]:
    """Where the mask of a part is."""
    return {"kind": "pascal_mat", "file": file, "object": part.position, "take": list(part.take)}


def _listed(path: Path, image_list: str | Path | None) -> tuple[list[str], list[Skip]]:
    """Names of the images to read; those that a list has and the folder has not are left out."""
    there = {
        file.stem: None for file in sorted(path.glob("*.mat")) if not file.name.startswith(".")
    }
    if not there:
        raise DataError(
            f"PASCAL-Part: {path} has no .mat file. Name the folder {_FOLDER} of the annotations."
        )
    if image_list is None:
        return list(there), []
    try:
        lines = Path(image_list).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise DataError(
            f"Image list {image_list} cannot be read: {error}. It needs one image a line."
        ) from error
    # VOC's lists of one object class have a second column.
    stems = list(
        dict.fromkeys(line.split()[0].removesuffix(".jpg") for line in lines if line.split())
    )
    chosen = [stem for stem in stems if stem in there]
    if not chosen:
        raise DataError(
            f"Image list {image_list} names {len(stems)} images, none of which has a .mat file in "
            f"{path}. Take the list of the same release, with one image a line."
        )
    return chosen, [Skip(f"image {stem}", NO_FILE) for stem in stems if stem not in there]


def _scan(path: Path, table: PartTable, per_class: bool) -> _Scan:
    """Read an annotation file and keep boxes."""
    objects = read_pascal_mat(path)
    height, width = objects[0].mask.shape if objects else (None, None)
    scan = _Scan(height, width, [], [])
    for position, item in enumerate(objects):
        what = f"object {position + 1} ({item.name}) of {path.name}"
        groups = table.groups.get(object_class(item.name))
        if groups is None:
            scan.skipped.append(Skip(what, NO_ENTRY, on_purpose=True))
            continue
        _refuse_unknown_parts(path, what, item, table)
        before = len(scan.parts)
        for category_id, take in _takes(item, groups, per_class):
            record = f"{_take_name(item, take)} of {what}"
            bbox = _tight_box(item, take)
            if bbox is not None:
                scan.parts.append(_Part(record, category_id, position, take, bbox))
            elif take != (REST,):
                scan.skipped.append(Skip(record, NO_PIXEL))
        if len(scan.parts) == before:
            scan.skipped.append(Skip(what, NO_PARTS, on_purpose=True))
    return scan


def _takes(
    item: MatObject, groups: Sequence[PartGroup], per_class: bool
) -> list[tuple[int | None, Take]]:
    """The parts of an object: id of the class (None: ignored) and raw parts of each."""
    positions: dict[str, list[int]] = {}
    for position, part in enumerate(item.parts):
        positions.setdefault(canonical_part(part.name), []).append(position)
    takes: list[tuple[int | None, Take]] = []
    for group in groups:
        found: list[int | str] = []
        for name in group.names:
            found += [name] if name in (OBJECT, REST) else positions.get(name, [])
        if found and group.is_joined:
            takes.append((group.category_id, tuple(found)))
        else:
            takes += [(group.category_id, (entry,)) for entry in found]
    if not per_class:
        return takes
    joined: dict[int | None, Take] = {}
    for category_id, take in takes:
        joined[category_id] = joined.get(category_id, ()) + take
    return list(joined.items())


def _take_name(item: MatObject, take: Take) -> str:
    names = [item.parts[entry].name if isinstance(entry, int) else entry for entry in take]
    return " + ".join(names[:4]) + (" + ..." if len(names) > 4 else "")


def _tight_box(item: MatObject, take: Take) -> tuple[float, float, float, float] | None:
    """[left, top, width, height] around some raw parts; None if they have no pixel."""
    mask = np.zeros_like(item.mask)
    for entry in take:
        mask |= _pixels(item, entry)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    left, top = int(columns[0]), int(rows[0])
    return (float(left), float(top), float(columns[-1] - left + 1), float(rows[-1] - top + 1))


def _pixels(item: MatObject, entry: int | str) -> Any:
    """Mask of one entry of a take; stays in this file."""
    if isinstance(entry, int):
        return item.parts[entry].mask
    if entry == OBJECT or not item.parts:
        return item.mask
    return item.mask & ~np.any([part.mask for part in item.parts], axis=0)


def _refuse_unknown_parts(path: Path, what: str, item: MatObject, table: PartTable) -> None:
    """Raise DataError if the class table does not say what becomes of a raw part."""
    for part in item.parts:
        name = canonical_part(part.name)
        if not table.knows(object_class(item.name), name):
            raise DataError(
                f"Annotation file {path}: {what} has the part {part.name!r}, which the class table "
                f"{table.source} does not mention. Add {name!r} to a class of "
                f"{object_class(item.name)}, or to its 'ignore', in a copy of the table, and name "
                "that as class_table."
            )


def _raw_release(path: Path, split: str | None) -> LabelSource | None:
    """Annotations_Part/*.mat, with VOC's JPEGImages and ImageSets around."""
    folder = path if path.name == _FOLDER else path / _FOLDER
    if not _has_mat(folder):
        return None
    roots = [base / root for base in (folder.parent, folder.parent.parent) for root in _VOC_ROOTS]
    images_dir = next((r / "JPEGImages" for r in roots if (r / "JPEGImages").is_dir()), None)
    lists = [*(root / "ImageSets" / "Main" for root in roots), folder.parent, folder]
    splits = _split_lists(lists)
    if split is None and len(splits) > 1:
        raise DataError(f"Data {path} has the splits {', '.join(splits)}. Choose one with --split.")
    settings: dict[str, Any] = {}
    if split is not None:
        named = (folder / f"{split}.txt" for folder in lists)
        chosen = next((file for file in named if file.is_file()), None)
        if chosen is None:
            return None
        settings["image_list"] = str(chosen)
    return LabelSource("pascal_part", folder, images_dir, settings)


def _split_lists(folders: Sequence[Path]) -> Mapping[str, Path]:
    """The usual split lists that are there."""
    files = (folder / f"{name}.txt" for name in ("train", "val", "test") for folder in folders)
    return {file.stem: file for file in files if file.is_file()}


def _flat_folder(path: Path, split: str | None) -> LabelSource | None:
    """Each .mat file beside its photograph."""
    if split is not None or not path.is_dir() or not _has_mat(path):
        return None
    has_photo = any(file.with_suffix(".jpg").is_file() for file in first_files(path, ".mat"))
    return LabelSource("pascal_part", path, path) if has_photo else None


def _has_mat(folder: Path) -> bool:
    """Whether one of the first .mat files of a folder is MATLAB's."""
    files = (file for file in first_files(folder, ".mat") if file.suffix == ".mat")
    return any(_looks_like_mat(file) for file in files)


def _looks_like_mat(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_MAT_HEAD)) == _MAT_HEAD
    except OSError:
        return False


PASCAL_PART_LAYOUTS: tuple[Layout, ...] = (
    Layout(
        _raw_release,
        f"a folder with {_FOLDER}/*.mat, and JPEGImages/ and ImageSets/Main/<split>.txt of VOC "
        "there, beside or in VOCdevkit/VOC2010 (PASCAL-Part)",
    ),
    Layout(_flat_folder, "a folder with PASCAL-Part's .mat files beside the .jpg files"),
    Layout(
        lambda path, split: find_split(path, split, "JPEGImages"),
        "a folder with annotations/<split>/<split>.json and JPEGImages/<split>/ (PASCAL-Part as "
        "processed for Compositor)",
    ),
)
"""How PASCAL-Part is recognised."""
