"""Recognise what a user means by DATA: which file holds the labels, and where the images are.

A layout is one function beside the reader of its format. To add one, name it in `LAYOUTS`,
or in `_GENERAL` if it is a format for any data.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

from wps_sam.errors import DataError
from wps_sam.labels.formats.coco_layouts import ANY_JSON_LAYOUTS, COCO_LAYOUTS
from wps_sam.labels.formats.cvat import CVAT_LAYOUTS
from wps_sam.labels.formats.label_map import LABEL_MAP_LAYOUTS
from wps_sam.labels.formats.label_studio import LABEL_STUDIO_LAYOUTS
from wps_sam.labels.formats.labelme_layouts import LABELME_BELOW_LAYOUTS, LABELME_LAYOUTS
from wps_sam.labels.formats.paco import PACO_LAYOUTS
from wps_sam.labels.formats.part_image_net import PART_IMAGE_NET_LAYOUTS
from wps_sam.labels.formats.pascal_part import PASCAL_PART_LAYOUTS
from wps_sam.labels.formats.voc_layouts import VOC_LAYOUTS
from wps_sam.labels.formats.yolo import YOLO_LAYOUTS
from wps_sam.labels.layout import SPLIT_NAMES, LabelSource, Layout


def locate_labels(data: str | Path, *, split: str | None = None) -> LabelSource:
    """Find the label file of a data set.

    Args:
        data: A label file, or a folder in one of the known layouts.
        split: Which part of the data set, such as "train"; None if there is only one.

    Returns:
        The first layout that fits.

    Raises:
        DataError: Nothing is there, no layout fits, several general formats fit one folder, or a
            split has to be chosen; the message says what was looked for, or what there is.
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
            if any(layout in layouts for layouts in _GENERAL.values()):
                _refuse_several_formats(path, split)
            return source
    splits = list_splits(path)
    if splits:
        have = "has the splits" if split is None else f"has no split {split!r}, but"
        raise DataError(f"Data {path} {have} {', '.join(splits)}. Choose one with --split.")
    looked_for = "".join(f"\n  - {layout.looked_for}" for layout in LAYOUTS)
    wanted = f" with split {split!r}" if split else ""
    raise DataError(
        f"No labels were recognised at {path}{wanted}. Looked for:{looked_for}\n"
        f"Found: {_contents(path)}. Name the label file itself, or arrange the folder in one of "
        "these ways."
    )


def _refuse_several_formats(path: Path, split: str | None) -> None:
    """Raise DataError if a folder holds labels in several formats, one of which may be older."""
    if not path.is_dir():
        return
    fitting = {}
    for name, layouts in _GENERAL.items():
        where = _where(layouts, path, split)
        if where is not None:
            fitting[name] = where
    if len(fitting) > 1:
        found = " and ".join(f"{name} ({where})" for name, where in fitting.items())
        raise DataError(
            f"Data {path} holds labels in {len(fitting)} formats: {found}. Name the label file "
            "itself instead of the folder, write `format:` in a dataset.yaml, or take the others "
            "out."
        )


def _where(layouts: Sequence[Layout], path: Path, split: str | None) -> str | None:
    """The place of a format's labels in a folder, for a message; None if it does not fit."""
    for layout in layouts:
        try:
            source = layout.find(path, split)
        except DataError:  # it fits, but its split has to be chosen
            return "several files or splits"
        if source is not None:
            is_inside = source.path != path and source.path.is_relative_to(path)
            return str(source.path.relative_to(path)) if is_inside else "the folder itself"
    return None


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
        Names that `locate_labels` takes as `split`, training first, each split once ("val" for
        "valid"); none if there is only one set of labels.
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


_GENERAL: Mapping[str, tuple[Layout, ...]] = {
    "Label Studio": LABEL_STUDIO_LAYOUTS,
    "CVAT": CVAT_LAYOUTS,
    "YOLO": YOLO_LAYOUTS,
    "Pascal VOC": VOC_LAYOUTS,
    "LabelMe": LABELME_LAYOUTS,
    "COCO": COCO_LAYOUTS,
}
"""Formats that are recognised by their content; a folder must fit only one of them."""

LAYOUTS: tuple[Layout, ...] = (
    # Data sets that also hold files of a general format come before that format.
    *(*PASCAL_PART_LAYOUTS, *PART_IMAGE_NET_LAYOUTS, *PACO_LAYOUTS),
    *chain.from_iterable(_GENERAL.values()),
    # What is recognised by its name, or only further down.
    *(*ANY_JSON_LAYOUTS, *LABEL_MAP_LAYOUTS, *LABELME_BELOW_LAYOUTS),
)
"""All known layouts; the first that fits is used."""
