"""`wps-sam data convert`: labels of one format in, labels of another out."""

from contextlib import ExitStack
from pathlib import Path

from rich.markup import escape

from wps_sam.cli.console import console
from wps_sam.cli.label_place import LabelPlace
from wps_sam.cli.write_remarks import print_remarks
from wps_sam.errors import ConfigError
from wps_sam.writing.formats import WRITERS
from wps_sam.writing.label_shapes import ShapeChoice, read_label_shapes
from wps_sam.writing.whole_folder import whole_folder
from wps_sam.writing.writer import ShapeWriter


def data_convert(
    data: Path,
    *,
    format: str,
    out: Path,
    images: Path | None = None,
    split: str | None = None,
    classes: Path | None = None,
    keep_groups: bool = False,
    boxes_only: bool = False,
    copy_images: bool = False,
) -> int:
    """Write labels in another format.

    Args:
        data: label file or data set folder in any format that can be read
        format: coco, yolo, labelme, cvat, label_studio or label_map
        out: new or empty folder for the labels, with links to the photographs
        images: folder of the images, if not beside the labels
        split: which split of the data set
        classes: class map file: choose, merge, rename and order classes
        keep_groups: one shape an annotation even if it has several polygons
        boxes_only: write boxes alone, without outlines, masks and points
        copy_images: copy the photographs instead of linking to them
    """
    kind = _writer(format, boxes_only=boxes_only)
    _refuse_used_folder(out)
    labels = LabelPlace(data, images, split, keep_groups=keep_groups, classes=classes).open()
    if format == "label_map" and labels.truth is not None:
        labels = labels.truth()
    kind.check_names((image.image_id, image.file_name) for image in labels.images)
    choice = ShapeChoice.of_writer(kind, keep_groups=labels.keep_groups, boxes_only=boxes_only)
    shapes = read_label_shapes(labels, choice)
    with whole_folder(out) as folder, ExitStack() as unfinished:
        writer = kind(folder, shapes.categories, copy_images=copy_images)
        unfinished.callback(writer.discard)
        for image in shapes.images():
            writer.add(image)
        writer.finish()
    said = f"{len(labels.images)} images, {writer.shapes_written} shapes written to {out}"
    console.print(escape(said), soft_wrap=True)
    for remarks in (shapes.remarks, writer.remarks):
        print_remarks(remarks)
    return 0


def _writer(format: str, *, boxes_only: bool) -> type[ShapeWriter]:
    """The writer of a format; ConfigError if there is none, or it cannot hold boxes."""
    if format not in WRITERS:
        raise ConfigError(f"--format {format!r} is unknown; choose from {', '.join(WRITERS)}.")
    if format == "label_map" and boxes_only:
        raise ConfigError(
            "--boxes-only does not go with --format label_map, which holds nothing but masks. "
            "Leave it out, or choose another format."
        )
    return WRITERS[format]


def _refuse_used_folder(out: Path) -> None:
    """Raise ConfigError unless a folder is new or empty."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(
            f"--out {out} is there already and not an empty folder. Name a new one, so that "
            "nothing is overwritten."
        )
