"""Recognise what a user means by DATA: which file holds the labels, and where the images are.

A layout is one function beside the reader of its format. To add one, name it in `LAYOUTS`.
"""

from pathlib import Path

from wps_sam.errors import DataError
from wps_sam.labels.formats.coco_layouts import COCO_LAYOUTS
from wps_sam.labels.formats.cvat import CVAT_LAYOUTS
from wps_sam.labels.formats.label_map import LABEL_MAP_LAYOUTS
from wps_sam.labels.formats.label_studio import LABEL_STUDIO_LAYOUTS
from wps_sam.labels.formats.labelme import LABELME_LAYOUTS
from wps_sam.labels.formats.paco import PACO_LAYOUTS
from wps_sam.labels.formats.part_image_net import PART_IMAGE_NET_LAYOUTS
from wps_sam.labels.formats.pascal_part import PASCAL_PART_LAYOUTS
from wps_sam.labels.formats.voc import VOC_LAYOUTS
from wps_sam.labels.formats.yolo import YOLO_LAYOUTS
from wps_sam.labels.layout import LabelSource, Layout

SPLIT_NAMES = ("train", "training", "val", "valid", "validation", "test", "testing")
"""Names under which splits are looked for."""


def locate_labels(data: str | Path, *, split: str | None = None) -> LabelSource:
    """Find the label file of a data set.

    Args:
        data: A label file, or a folder in one of the known layouts.
        split: Which part of the data set, such as "train"; None if there is only one.

    Returns:
        The first layout that fits.

    Raises:
        DataError: Nothing is there, no layout fits, or a split has to be chosen; the message
            lists what was looked for.
    """
    path = Path(data)
    if not path.exists():
        raise DataError(
            f"Data {path} does not exist: expected a label file, a folder or a dataset.yaml. Check "
            "the spelling and the folder it is relative to."
        )
    for layout in LAYOUTS:
        source = layout.find(path, split)
        if source is not None:
            return source
    looked_for = "".join(f"\n  - {layout.looked_for}" for layout in LAYOUTS)
    wanted = f" with split {split!r}" if split else ""
    raise DataError(
        f"No labels were recognised at {path}{wanted}. Looked for:{looked_for}\n"
        f"Found: {_contents(path)}. Name the label file itself, or arrange the folder in one of "
        "these ways."
    )


def locate_format(data: Path, label_format: str, *, split: str | None = None) -> LabelSource | None:
    """Find the labels of a data set whose format is known.

    Args:
        data: As for `locate_labels`.
        label_format: Key of the reader.
        split: As for `locate_labels`.

    Returns:
        The first layout of this format that fits; None if none does.

    Raises:
        DataError: As a layout of the format raises it, if none fits.
    """
    refused: DataError | None = None
    for layout in LAYOUTS:
        try:
            source = layout.find(data, split)
        except DataError as error:
            refused = refused or error
            continue
        if source is not None and source.label_format == label_format:
            return source
    if refused is not None and split is not None:
        raise refused
    return None


def list_splits(data: str | Path) -> tuple[str, ...]:
    """Find which splits a folder or file has, by trying the usual names.

    Args:
        data: As for `locate_labels`.

    Returns:
        Names that `locate_labels` takes as `split`, training first, each split once; none if there
        is only one set of labels.
    """
    found: list[tuple[str, LabelSource]] = []
    for name in SPLIT_NAMES:
        source = _find(Path(data), name)
        if source is not None and all(source != other for _, other in found):
            found.append((name, source))
    return tuple(name for name, _ in found)


def _find(path: Path, split: str) -> LabelSource | None:
    """The first layout that has such a split."""
    for layout in LAYOUTS:
        try:
            source = layout.find(path, split)
        except DataError:  # this layout fits, but not with a split of this name
            continue
        if source is not None:
            return source
    return None


def _contents(path: Path) -> str:
    """What is at a path, in one line."""
    if not path.is_dir():
        return f"a file {path.name}"
    names = sorted(p.name + ("/" if p.is_dir() else "") for p in path.iterdir())
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "") if names else "nothing"


LAYOUTS: tuple[Layout, ...] = (
    # Data sets that also hold files of a general format come before that format, and what is
    # recognised by its content before what is recognised by its ending.
    *PASCAL_PART_LAYOUTS,
    *PART_IMAGE_NET_LAYOUTS,
    *PACO_LAYOUTS,
    *LABEL_STUDIO_LAYOUTS,
    *CVAT_LAYOUTS,
    *YOLO_LAYOUTS,
    *VOC_LAYOUTS,
    *LABELME_LAYOUTS,
    *COCO_LAYOUTS,
    *LABEL_MAP_LAYOUTS,
)
"""All known layouts; the first that fits is used."""
