"""What a layout is: one way to arrange a data set on disk, and what layouts look at."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

SPLIT_NAMES = (
    *("train", "training", "train2014", "train2017"),
    *("val", "valid", "validation", "val2014", "val2017"),
    *("test", "testing", "test2014", "test2017"),
)
"""Names under which splits are looked for; a folder of another name is no split."""

_SAME_SPLIT = (("train", "training"), ("val", "valid", "validation"), ("test", "testing"))
_FILES_LOOKED_AT = 20


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


def split_spellings(split: str) -> tuple[str, ...]:
    """Names that mean the same split.

    Args:
        split: The name asked for.

    Returns:
        The name itself first, then its other spellings: for "val" also "valid" and "validation".
    """
    same = next((names for names in _SAME_SPLIT if split in names), ())
    return tuple(dict.fromkeys((split, *same)))


def first_files(folder: Path, ending: str, *, below: bool = False) -> list[Path]:
    """The files of a folder by which its format is recognised.

    A layout fits if any of them does: the reader then names a damaged one. They do not depend on
    the order in which the disk lists a folder.

    Args:
        folder: The folder, which need not exist.
        ending: What file names end in, in lower case, such as ".png"; upper case fits too.
        below: Whether to look into sub-folders as well, after the folder itself.

    Returns:
        The first 20 by name, without hidden files and what an archiver left behind.
    """
    return list(islice(_files(folder, ending, below), _FILES_LOOKED_AT))


def _files(folder: Path, ending: str, below: bool) -> Iterator[Path]:
    """Files with an ending, folder by folder."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(n for n in folders if not n.startswith((".", "__MACOSX")))
        fitting = (n for n in names if n.lower().endswith(ending) and not n.startswith("."))
        yield from (Path(parent, name) for name in sorted(fitting))
        if not below:
            return
