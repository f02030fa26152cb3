"""Read YOLO labels: one text file an image, one line a part.

Values are fractions of the image. YOLO tools write six decimals, so that a point of an outline is
off by at most 0.5e-6 of the image's side, and an edge of a box, which is a centre and half a width,
by 0.75e-6: 0.003 pixels in an image of 4000.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from wps_sam.errors import DataError
from wps_sam.images.reading import IMAGE_SUFFIXES, image_size, list_images
from wps_sam.labels.formats.class_list import read_text
from wps_sam.labels.formats.yolo_folders import (
    exists,
    find_folders,
    is_junk,
    is_label_name,
    labels_folder,
    split_name,
)
from wps_sam.labels.formats.yolo_lines import YoloLine, parse_line
from wps_sam.labels.formats.yolo_set import YoloSet, read_set
from wps_sam.labels.formats.yolo_yaml import find_yaml, is_yolo_yaml
from wps_sam.labels.label_file import LabelAnnotation, LabelFile, LabelImage
from wps_sam.labels.layout import LabelSource, Layout
from wps_sam.labels.remarks import Note, Skip

NO_IMAGE = "label file without image"
NO_LABELS = "has no label file, so it counts as an image without parts"
CONFIDENCE = "a confidence at the end of the line was passed over"
LISTED_TWICE = "is listed more than once and read once"


def open_yolo(path: Path, *, images_dir: Path | None = None, split: str | None = None) -> LabelFile:
    """Open YOLO labels: boxes, outlines, or boxes with keypoints.

    A line with five numbers is a box (`class cx cy w h`), a longer one an outline, unless the
    yaml's `kpt_shape` says that keypoints follow the box; these become the part's points. One
    number more is a confidence and passed over. Image sizes are read from the headers of images
    with parts, once each. `notes` is complete after the annotations were gone through once.

    Args:
        path: A data.yaml, or a folder with a data.yaml or a classes.txt.
        images_dir: Folder of the images instead of the one that is stated; only for a split with
            one folder.
        split: Which split; "val" also finds "valid". None if there is only one.

    Returns:
        All images of the split, those without parts too; ids count from 0. File names are relative
        to the image folder, or to the folder that all images of the split are in. Label files
        without an image are skipped, except where a text file lists the images: there other label
        files may belong to another split.

    Raises:
        DataError: The yaml or the folders are unsound (see `yolo_set.read_set`), there is no image
            or no label file, or two images share one. Going through the annotations: a label file
            cannot be read, or a line is unsound (see `yolo_lines.parse_line`).
    """
    yolo = read_set(path)
    found, skipped, notes = _find_images(yolo, yolo.sources_of(split), images_dir)
    images = [LabelImage(i, one.name, None, None, i) for i, one in enumerate(found)]
    opening = [*yolo.notes, *notes]
    all_notes = list(opening)
    path_of = {one.name: one.path for one in found}
    return LabelFile(
        path=yolo.path,
        label_format="yolo",
        images=images,
        categories=yolo.categories,
        read_annotations=partial(_read_annotations, yolo, found, images, opening, all_notes),
        find_image=lambda image: _existing(yolo.path, image, path_of[image.file_name]),
        notes=all_notes,
        skipped=skipped,
    )


def yolo_splits(path: Path) -> tuple[str, ...]:
    """Names of the splits of a data set, "val" for "valid".

    Args:
        path: As for `open_yolo`.

    Returns:
        The names; empty if there are no splits.

    Raises:
        DataError: As for `yolo_set.read_set`.
    """
    return tuple(name for name in read_set(path).sources if name)


@dataclass(frozen=True)
class _YoloImage:
    """An image and its label file.

    Attributes:
        path: The image file.
        name: Its file name in the results.
        labels: The label file, which need not exist.
    """

    path: Path
    name: str
    labels: Path


def _find_images(
    yolo: YoloSet, sources: Sequence[Path], images_dir: Path | None
) -> tuple[list[_YoloImage], list[Skip], list[Note]]:
    """Find images and their label files; what has no partner is told."""
    if images_dir is not None and (len(sources) > 1 or sources[0].suffix == ".txt"):
        raise DataError(
            f"Data {yolo.path} takes the images of this split from "
            f"{', '.join(map(str, sources[:5]))}; --images can replace only a single folder. "
            "Correct the yaml instead."
        )
    label_of: dict[Path, Path] = {}
    skipped, notes = list[Skip](), list[Note]()
    for source in sources:
        if source.suffix == ".txt":
            pairs = [(image, _label_beside(image)) for image in _listed(yolo, source)]
        else:
            folder = labels_folder(source)
            # labelImg puts label files beside the images, whatever the folder is called.
            folder = folder if folder.is_dir() else source
            pairs = _folder_pairs(source if images_dir is None else images_dir, folder)
            skipped += _orphans(yolo, folder, pairs)
        for image, label in pairs:
            if image in label_of:
                notes.append(Note(image.name, LISTED_TWICE))
            label_of[image] = label
    root = images_dir if images_dir is not None else _common_folder(sources, label_of)
    found = [
        _YoloImage(image, Path(os.path.relpath(image, root)).as_posix(), label)
        for image, label in label_of.items()
    ]
    notes += [Note(one.name, NO_LABELS) for one in found if not exists(one.labels)]
    _refuse_unsound(yolo, found)
    return found, skipped, notes


def _folder_pairs(images: Path, labels: Path) -> list[tuple[Path, Path]]:
    """Images of a folder with their label files."""
    return [
        (Path(os.path.normpath(image.path)), (labels / image.name).with_suffix(".txt"))
        for image in list_images([images])
    ]


def _orphans(yolo: YoloSet, folder: Path, pairs: Sequence[tuple[Path, Path]]) -> list[Skip]:
    """Label files of a folder that belong to no image."""
    known = {label for _, label in pairs}
    files = list[Path]()
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not is_junk(name)]
        files += [Path(parent, name) for name in names if is_label_name(name)]
    return [Skip(_name(yolo, file), NO_IMAGE) for file in sorted(files) if file not in known]


def _listed(yolo: YoloSet, source: Path) -> list[Path]:
    """Images of a list, one a line, relative to the list or to the data set."""
    folders = (source.parent, yolo.path.parent)
    images = []
    for number, line in enumerate(read_text(source).splitlines(), 1):
        name = line.strip()
        if not name:
            continue
        if not name.lower().endswith(IMAGE_SUFFIXES):
            raise DataError(
                f"Label file {source}: line {number} is {name[:80]!r}; expected the path of an "
                f"image, which ends in one of {', '.join(IMAGE_SUFFIXES)}. Correct the line."
            )
        candidates = [folder / name for folder in folders]
        image = next((c for c in candidates if exists(c)), candidates[0])
        images.append(Path(os.path.normpath(image)))
    if not images:
        raise DataError(
            f"Label file {source} lists no image; expected the path of an image in each line."
        )
    return images


def _label_beside(image: Path) -> Path:
    """The label file of an image that was listed."""
    label = (labels_folder(image.parent) / image.name).with_suffix(".txt")
    beside = image.with_suffix(".txt")
    return beside if not exists(label) and exists(beside) else label


def _common_folder(sources: Sequence[Path], images: Iterable[Path]) -> Path:
    """The folder that file names are relative to."""
    if len(sources) == 1 and sources[0].suffix != ".txt":
        return sources[0]
    return Path(os.path.commonpath([image.parent.absolute() for image in images]))


def _refuse_unsound(yolo: YoloSet, found: Sequence[_YoloImage]) -> None:
    """Raise DataError if no label file exists, or if two images share one."""
    if not any(exists(one.labels) for one in found):
        raise DataError(
            f"Data {yolo.path}: none of its {len(found)} images has a label file; expected for "
            f"example {found[0].labels}. Put the label files there."
        )
    label, count = Counter(one.labels for one in found).most_common(1)[0]
    if count > 1:
        names = [one.name for one in found if one.labels == label]
        raise DataError(
            f"Data {yolo.path}: the images {names[0]} and {names[1]} share the label file "
            f"{_name(yolo, label)}. Remove one of them, or give them different names."
        )


def _read_annotations(
    yolo: YoloSet,
    found: Sequence[_YoloImage],
    images: Sequence[LabelImage],
    opening: Sequence[Note],
    all_notes: list[Note],
) -> Iterator[LabelAnnotation]:
    """Yield the lines of all label files; complete `all_notes` at the end."""
    class_numbers = {category.category_id for category in yolo.categories}
    notes = []
    for one, image in zip(found, images, strict=True):
        if not exists(one.labels):
            continue
        hw, name = None, _name(yolo, one.labels)
        for number, text in enumerate(read_text(one.labels).splitlines(), 1):
            if not text.strip():
                continue
            record = f"line {number} of {name}"
            line = _parsed(yolo, record, text, class_numbers)
            if line.has_confidence:
                notes.append(Note(record, CONFIDENCE))
            hw = hw or image_size(one.path)
            yield LabelAnnotation(
                record=record,
                image=image,
                category_id=line.class_number,
                bbox=line.bbox(hw),
                segmentation=line.polygons(hw),
                points=line.pixel_points(hw),
            )
    # Not appended as they come: labels may be gone through several times.
    all_notes[:] = [*opening, *notes]


def _parsed(yolo: YoloSet, record: str, text: str, class_numbers: set[int]) -> YoloLine:
    """Parse a line; errors name it."""
    try:
        return parse_line(text, class_numbers, yolo.kpt_shape)
    except DataError as error:
        raise DataError(f"Label file {yolo.path}: {record}: {error}.") from error


def _existing(path: Path, image: LabelImage, file: Path) -> Path:
    """The file of an image; DataError if it is missing."""
    if not exists(file):
        raise DataError(
            f"Label file {path}: the file of image {image.image_id} ({image.file_name}) is "
            f"missing. Tried: {file}. Put it there, or take it off the list."
        )
    return file


def _name(yolo: YoloSet, file: Path) -> str:
    """A label file's name for messages, relative to the data set where it is inside."""
    root = yolo.path if yolo.path.is_dir() else yolo.path.parent
    return (file.relative_to(root) if file.is_relative_to(root) else file).as_posix()


def _yaml(path: Path, split: str | None) -> LabelSource | None:
    """A YOLO yaml named directly, or in the folder."""
    file: Path | None = path
    if path.is_dir():
        file = find_yaml(path)
    elif path.suffix.lower() not in (".yaml", ".yml") or not is_yolo_yaml(path):
        return None
    return None if file is None else _source(file, split)


def _folders(path: Path, split: str | None) -> LabelSource | None:
    """A folder of YOLO label files without a yaml."""
    if not path.is_dir() or not find_folders(path):
        return None
    return _source(path, split)


def _source(path: Path, split: str | None) -> LabelSource:
    """The labels of a split; DataError if there is no such split."""
    if split is None:
        return LabelSource("yolo", path)
    read_set(path).sources_of(split)
    return LabelSource("yolo", path, settings={"split": split_name(split)})


YOLO_LAYOUTS: tuple[Layout, ...] = (
    Layout(_yaml, "a YOLO data.yaml with names and train, val or test, or a folder with one"),
    Layout(
        _folders,
        "a folder with classes.txt and YOLO label files: images/ and labels/, images/<split>/ and "
        "labels/<split>/, <split>/images/ and <split>/labels/, or all beside one another",
    ),
)
"""How YOLO data sets are recognised."""
