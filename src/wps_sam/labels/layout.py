"""What a layout is: one way to arrange a data set on disk."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class LabelSource:
    """Where labels were found.

    Attributes:
        label_format: Key of the reader, such as "coco".
        path: The label file.
        images_dir: Folder of the images if the layout fixes it, else None.
        settings: Further keyword arguments of the reader, such as the background value of a label
            map.
    """

    label_format: str
    path: Path
    images_dir: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    """One way to arrange a data set.

    Attributes:
        find: Takes the data path and the split; returns the source, or None if it does not fit.
        looked_for: What `find` needs to see, for the message when nothing fits.
    """

    find: Callable[[Path, str | None], LabelSource | None]
    looked_for: str
