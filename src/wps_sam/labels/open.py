"""Open labels in any supported format."""

from collections.abc import Callable
from pathlib import Path

from wps_sam.labels.formats.coco import open_coco
from wps_sam.labels.label_file import LabelFile
from wps_sam.labels.layouts import locate_labels
from wps_sam.labels.weak_labels import WeakDataset
from wps_sam.labels.weak_reading import read_weak

READERS: dict[str, Callable[..., LabelFile]] = {"coco": open_coco}
"""Reader by format, as named by `LabelSource.label_format`; takes the path, `images_dir` and the
source's settings."""


def open_labels(
    data: str | Path, *, images_dir: str | Path | None = None, split: str | None = None
) -> LabelFile:
    """Open the labels of a data set.

    Args:
        data: A label file or a folder in a known layout (see `layouts.LAYOUTS`).
        images_dir: Folder of the images; None looks in the usual places.
        split: Which part of the data set, such as "train"; None if there is only one.

    Returns:
        Images and categories; annotations are read when asked for.

    Raises:
        DataError: Nothing recognised at `data`, or its labels are not sound.
    """
    source = locate_labels(data, split=split)
    folder = source.images_dir if images_dir is None else Path(images_dir)
    return READERS[source.label_format](source.path, images_dir=folder, **source.settings)


def open_weak_labels(
    data: str | Path,
    *,
    images_dir: str | Path | None = None,
    split: str | None = None,
    keep_groups: bool = False,
) -> WeakDataset:
    """Read the weak labels of a data set.

    Args:
        data: As for `open_labels`.
        images_dir: As for `open_labels`.
        split: As for `open_labels`.
        keep_groups: Make one part of all polygons of an annotation, instead of one each.

    Returns:
        Boxes and classes, with no way to hold a mask.

    Raises:
        DataError: Nothing recognised at `data`, or its labels are not sound.
    """
    return read_weak(open_labels(data, images_dir=images_dir, split=split), keep_groups=keep_groups)
