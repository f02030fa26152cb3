"""`wps-sam data info`: what the readers understood of a data set."""

import json as json_format
from pathlib import Path

from rich.markup import escape
from rich.table import Table

from wps_sam.cli.console import console
from wps_sam.cli.label_place import LabelPlace
from wps_sam.cli.remark_lines import remark_lines
from wps_sam.files import write_atomically
from wps_sam.labels.open import split_names
from wps_sam.labels.summary import LabelSummary, Spread, summarise


def data_info(
    data: Path,
    *,
    images: Path | None = None,
    split: str | None = None,
    classes: Path | None = None,
    keep_groups: bool = False,
    json: Path | None = None,
) -> int:
    """Print images, classes and part counts as training would see them, of every split.

    Args:
        data: label file, data set folder or dataset.yaml
        images: folder of the images, if not beside the labels
        split: only this split
        classes: class map file: which classes to take, merge and rename
        keep_groups: one label an annotation even if it has several polygons
        json: file to write the same numbers to
    """
    names = (split,) if split is not None else split_names(data) or (None,)
    summaries = {}
    for name in names:
        place = LabelPlace(data, images, name, None, keep_groups, classes)
        summaries[name or ""] = summarise(place.open())
        _print(name, summaries[name or ""])
    if json is not None:
        content = {name: summary.to_json() for name, summary in summaries.items()}
        write_atomically(json, (json_format.dumps(content, indent=1) + "\n").encode())
        console.print(escape(f"Written: {json}"), soft_wrap=True)
    return 0


def _print(split: str | None, found: LabelSummary) -> None:
    """Print one split."""
    title = "" if split is None else f"{split}: "
    lines = [
        f"{title}{found.source} ({found.label_format}): {found.images} images, {found.parts} "
        f"parts, {_range(found.parts_an_image)} parts an image",
        f"image sizes: height {_range(found.height)}, width {_range(found.width)} pixels",
        f"{found.parts_with_box} parts with a box, {found.parts_with_points} with points; can be "
        f"learnt with --supervision {', '.join(found.supervision)}",
        f"{found.annotations_with_mask} records with a mask (evaluation alone reads masks)"
        + (f"; true masks from {found.truth_source}" if found.truth_source else ""),
    ]
    if found.images_without_parts:
        lines.append(f"{found.images_without_parts} images without a part")
    for line in lines:
        console.print(escape(line), soft_wrap=True)
    console.print(_class_table(found))
    pairs = ", ".join(f"{left} / {right}" for left, right in found.left_right)
    remarks = [f"left / right: {pairs or 'no pairs found'}"]
    remarks += remark_lines(found.skipped, found.notes, found.first)
    for remark in remarks:
        console.print(escape(remark), soft_wrap=True)


def _class_table(found: LabelSummary) -> Table:
    """Classes and their counts; groups only where there are some."""
    has_groups = any(entry.supercategory for entry in found.classes)
    table = Table("class", "category id", *(["group"] if has_groups else []), "parts", "images")
    for entry in found.classes:
        group = [escape(entry.supercategory)] if has_groups else []
        counts = str(entry.parts), str(entry.images)
        table.add_row(escape(entry.name), str(entry.category_id), *group, *counts)
    return table


def _range(spread: Spread) -> str:
    """Such as "3 to 19 (median 9)"."""
    if spread.least == spread.most:
        return f"{spread.least:g}"
    return f"{spread.least:g} to {spread.most:g} (median {spread.median:g})"
