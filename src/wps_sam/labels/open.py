"""Open weak labels in any supported format."""

from pathlib import Path
from typing import Protocol

from wps_sam.labels.coco import read_coco_weak
from wps_sam.labels.layouts import locate_labels
from wps_sam.labels.weak_labels import WeakDataset


class WeakReader(Protocol):
    """A function that reads the weak labels of one format."""

    def __call__(
        self, path: str | Path, *, images_dir: str | Path | None, keep_groups: bool
    ) -> WeakDataset:
        """Read one label file."""
        ...


READERS: dict[str, WeakReader] = {"coco": read_coco_weak}
"""Reader by format, as named by `layouts.LabelSource.label_format`."""


def open_weak_labels(
    data: str | Path,
    *,
    images_dir: str | Path | None = None,
    split: str | None = None,
    keep_groups: bool = False,
) -> WeakDataset:
    """Read the weak labels of a data set.

    Args:
        data: A COCO .json file or a folder in a known layout (see `layouts.LAYOUTS`).
        images_dir: Folder of the images; None looks in the usual places.
        split: Which part of the data set, such as "train"; None if there is only one.
        keep_groups: Make one part of all polygons of an annotation, instead of one each.

    Returns:
        Boxes and classes, with no way to hold a mask.

    Raises:
        DataError: Nothing recognised at `data`, or its labels are not sound.
    """
    source = locate_labels(data, split=split)
    return READERS[source.label_format](
        source.path,
        images_dir=images_dir if images_dir is not None else source.images_dir,
        keep_groups=keep_groups,
    )
