"""`wps-sam data info`: what the readers understood of a label file."""

from pathlib import Path

import numpy as np
from rich.markup import escape
from rich.table import Table

from wps_sam.cli.console import console
from wps_sam.labels.open import open_weak_labels


def data_info(
    data: Path,
    *,
    images: Path | None = None,
    split: str | None = None,
    keep_groups: bool = False,
) -> int:
    """Print images, classes and part counts as training would see them.

    Args:
        data: COCO JSON or data set folder
        images: folder of the images, if not beside the labels
        split: which split of a data set folder
        keep_groups: one label an annotation even if it has several polygons
    """
    labels = open_weak_labels(data, images_dir=images, split=split, keep_groups=keep_groups)
    parts = [len(image.class_index) for image in labels.images]
    counts = np.bincount(
        np.concatenate([image.class_index for image in labels.images]),
        minlength=len(labels.class_names),
    )
    console.print(
        escape(
            f"{labels.source}: {len(labels.images)} images, {sum(parts)} parts, "
            f"{min(parts)} to {max(parts)} parts an image"
        ),
        soft_wrap=True,
    )
    table = Table("class", "category id", "parts")
    for name, category, count in zip(
        labels.class_names, labels.category_ids, counts.tolist(), strict=True
    ):
        table.add_row(escape(name), str(category), str(count))
    console.print(table)
    for reason, count in labels.skip_counts().items():
        console.print(escape(f"skipped {count}: {reason}"), soft_wrap=True)
    for text, count in labels.note_counts().items():
        console.print(escape(f"note, {count} times: {text}"), soft_wrap=True)
    return 0
