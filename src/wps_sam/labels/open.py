"""Open labels in any supported format: the one door for training, prediction and evaluation."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from wps_sam.errors import ConfigError, DataError
from wps_sam.labels.class_map import apply_class_map, read_class_map
from wps_sam.labels.dataset_file import (
    DatasetFile,
    LabelEntry,
    find_dataset_file,
    read_dataset_file,
)
from wps_sam.labels.formats.coco import open_coco
from wps_sam.labels.formats.cvat import open_cvat
from wps_sam.labels.formats.label_map import open_label_map
from wps_sam.labels.formats.label_studio import open_label_studio
from wps_sam.labels.formats.labelme import open_labelme
from wps_sam.labels.formats.paco import open_paco
from wps_sam.labels.formats.part_image_net import open_part_image_net
from wps_sam.labels.formats.pascal_part import open_pascal_part
from wps_sam.labels.formats.voc import open_voc
from wps_sam.labels.formats.yolo import open_yolo
from wps_sam.labels.label_file import LabelFile
from wps_sam.labels.layout import LabelSource
from wps_sam.labels.layouts import list_splits, locate_format, locate_labels
from wps_sam.labels.quoting import quote
from wps_sam.labels.reader_settings import check_settings, takes
from wps_sam.labels.splits import assign_splits
from wps_sam.labels.weak_labels import WeakDataset
from wps_sam.labels.weak_reading import read_weak

READERS: dict[str, Callable[..., LabelFile]] = {
    "coco": open_coco,
    "cvat": open_cvat,
    "label_map": open_label_map,
    "label_studio": open_label_studio,
    "labelme": open_labelme,
    "paco": open_paco,
    "part_image_net": open_part_image_net,
    "pascal_part": open_pascal_part,
    "voc": open_voc,
    "yolo": open_yolo,
}
"""Reader by format, as named by `LabelSource.label_format`; takes the path, `images_dir` and the
source's settings."""


def open_labels(
    data: str | Path,
    *,
    images_dir: str | Path | None = None,
    split: str | None = None,
    classes: str | Path | None = None,
    keep_groups: bool = False,
) -> LabelFile:
    """Open the labels of a data set.

    Args:
        data: A label file, a folder in a known layout (see `layouts.LAYOUTS`), or a
            `dataset.yaml`.
        images_dir: Folder of the images; None looks in the usual places.
        split: Which part of the data set, such as "train"; None if there is only one.
        classes: A class map file (`class_map.read_class_map`), instead of the data set's own.
        keep_groups: Make one part of all polygons of an annotation, or of all pieces of a class in
            a label map, instead of one each.

    Returns:
        Images and categories; annotations are read when asked for.

    Raises:
        DataError: Nothing recognised at `data`, or its labels are not sound.
        ConfigError: The data set file or the class map is not sound.
    """
    folder = None if images_dir is None else Path(images_dir)
    described = find_dataset_file(Path(data))
    if described is not None:
        return _open_described(read_dataset_file(described), folder, split, classes, keep_groups)
    source = locate_labels(data, split=split)
    labels = _open_source(source, folder, keep_groups)
    return labels if classes is None else apply_class_map(labels, read_class_map(Path(classes)))


def open_weak_labels(
    data: str | Path,
    *,
    images_dir: str | Path | None = None,
    split: str | None = None,
    classes: str | Path | None = None,
    keep_groups: bool = False,
) -> WeakDataset:
    """Read the weak labels of a data set.

    Args:
        data: As for `open_labels`.
        images_dir: As for `open_labels`.
        split: As for `open_labels`.
        classes: As for `open_labels`.
        keep_groups: As for `open_labels`.

    Returns:
        Boxes, points and classes, with no way to hold a mask.

    Raises:
        DataError: Nothing recognised at `data`, or its labels are not sound.
        ConfigError: The data set file or the class map is not sound.
    """
    labels = open_labels(
        data, images_dir=images_dir, split=split, classes=classes, keep_groups=keep_groups
    )
    return read_weak(labels, keep_groups=labels.keep_groups)


def split_names(data: str | Path) -> tuple[str, ...]:
    """The splits that a data set has.

    Args:
        data: As for `open_labels`.

    Returns:
        Names for `split`, training first; none if there is only one set of labels.

    Raises:
        ConfigError: The data set file is not sound.
    """
    described = find_dataset_file(Path(data))
    if described is not None:
        return read_dataset_file(described).split_names()
    return list_splits(data)


def _open_described(
    dataset: DatasetFile,
    images_dir: Path | None,
    split: str | None,
    classes: str | Path | None,
    keep_groups: bool,
) -> LabelFile:
    """Open what a `dataset.yaml` describes."""
    names = dataset.split_names()
    keep_groups = keep_groups or dataset.keep_groups
    if split is None and names:
        raise DataError(
            f"Data set {dataset.path} has the splits {', '.join(names)}. Choose one with --split."
        )
    if split is not None and split not in names:
        have = f"has the splits {', '.join(names)}" if names else "is not divided into splits"
        raise DataError(
            f"Data set {dataset.path} {have}; there is no {quote(split)}. Choose another --split, "
            "or add it to the file."
        )
    chosen = split or ""
    key = chosen if chosen in dataset.entries else ""
    labels = _open_entry(dataset, key, dataset.entries[key], images_dir, keep_groups)
    if dataset.split is not None:
        try:
            file_names = [image.file_name for image in labels.images]
            assigned = assign_splits(file_names, dataset.split)
        except ConfigError as error:
            raise ConfigError(f"Data set file {dataset.path}, split: {error}") from error
        labels = labels.choose(assigned[chosen])
    labels = replace(labels, supervision=dataset.supervision)
    if classes is not None:
        return apply_class_map(labels, read_class_map(Path(classes)))
    if dataset.classes is None:
        return labels
    is_file = isinstance(dataset.classes, Path)
    title = None if is_file else f"Data set file {dataset.path}, classes"
    return apply_class_map(labels, read_class_map(dataset.classes, title=title))


def _open_entry(
    dataset: DatasetFile,
    where: str,
    entry: LabelEntry,
    images_dir: Path | None,
    keep_groups: bool,
) -> LabelFile:
    """Open the labels of one split; `where` names it in messages."""
    try:
        source = _entry_source(entry, dataset.root)
        labels = _open_source(source, images_dir or entry.images, keep_groups)
    except ConfigError as error:
        place = f"Data set file {dataset.path}" + (f", {where}" if where else "")
        raise ConfigError(f"{place}: {error}") from error
    truth = entry.truth
    if truth is None:
        return labels
    names = [image.file_name for image in labels.images]
    images_dir = images_dir or entry.images
    place = f"{where} truth".strip()
    return replace(
        labels,
        truth=lambda: _open_entry(dataset, place, truth, images_dir, keep_groups).choose_names(
            names
        ),
        truth_place=truth.labels,
    )


def _entry_source(entry: LabelEntry, root: Path) -> LabelSource:
    """Where the labels of an entry are; its settings go before those that a layout knows."""
    label_format = entry.label_format
    if label_format is None:
        return locate_labels(entry.labels, split=entry.split)
    if label_format not in READERS:
        raise ConfigError(
            f"the format {quote(label_format)} is unknown; expected one of {', '.join(READERS)}."
        )
    settings = check_settings(READERS[label_format], label_format, entry.settings, root)
    found = locate_format(entry.labels, label_format, split=entry.split)
    if found is None:  # the reader itself says what is missing
        found = LabelSource(label_format, entry.labels)
    return replace(found, settings={**found.settings, **settings})


def _open_source(source: LabelSource, images_dir: Path | None, keep_groups: bool) -> LabelFile:
    """Hand a source to its format's reader."""
    reader = READERS[source.label_format]
    settings: dict[str, Any] = dict(source.settings)
    if takes(reader, "per_class"):
        settings["per_class"] = keep_groups
    labels = reader(source.path, images_dir=images_dir or source.images_dir, **settings)
    return replace(labels, keep_groups=keep_groups)
