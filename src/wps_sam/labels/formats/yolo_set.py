"""What a YOLO data set says about itself: its splits, its classes, its keypoints.

This comes from a `data.yaml`, or from the folders and a `classes.txt` where there is none.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wps_sam.errors import DataError
from wps_sam.labels.formats.class_list import read_class_list
from wps_sam.labels.formats.yolo_folders import exists, find_folders, labels_folder, split_name
from wps_sam.labels.formats.yolo_yaml import (
    SPLIT_KEYS,
    find_yaml,
    load_yaml,
    read_categories,
    read_kpt_shape,
    shown,
)
from wps_sam.labels.label_file import LabelCategory
from wps_sam.labels.remarks import Note

MOVED = "is not where the file says; the folder beside the file was used"


@dataclass(frozen=True)
class YoloSet:
    """A YOLO data set.

    Attributes:
        path: The yaml file, or the folder if there is none.
        categories: Ids are the numbers that label lines begin with.
        sources: Image folders and lists of images (.txt) by split; "" if there are no splits.
        missing: Of the sources, those that are not there, and what to say if one is needed.
        kpt_shape: (keypoints a part, 2 or 3 numbers a keypoint) if lines carry keypoints.
        notes: What was changed on the way in.
    """

    path: Path
    categories: Sequence[LabelCategory]
    sources: Mapping[str, Sequence[Path]]
    missing: Mapping[Path, str] = field(default_factory=dict)
    kpt_shape: tuple[int, int] | None = None
    notes: Sequence[Note] = ()

    def sources_of(self, split: str | None) -> Sequence[Path]:
        """The image folders and lists of one split.

        Args:
            split: Its name, where "valid" and "validation" are other names of "val"; None takes
                the only one.

        Returns:
            At least one folder or list.

        Raises:
            DataError: There is no such split, one has to be chosen, or a folder is missing.
        """
        names = ", ".join(self.sources)
        if split is None:
            if len(self.sources) > 1:
                raise DataError(
                    f"Data {self.path} has the splits {names}. Choose one with --split."
                )
            found = next(iter(self.sources.values()))
        elif split_name(split) in self.sources:
            found = self.sources[split_name(split)]
        else:
            has = f"has only the splits {names}" if names else "has no splits"
            raise DataError(
                f"Data {self.path} {has}; split {split!r} was asked for. Choose another one with "
                "--split, or leave it out where there are none."
            )
        for source in found:
            if source in self.missing:
                raise DataError(self.missing[source])
        return found


def read_set(path: Path) -> YoloSet:
    """Read what a data set says about itself.

    Args:
        path: A data.yaml, or a folder.

    Returns:
        The data set; no label line is read.

    Raises:
        DataError: The yaml cannot be read or is unsound; no class names are there; the images are
            in none of the usual places.
    """
    if not path.is_dir():
        return _read_yaml(path)
    file = find_yaml(path)
    return _read_folders(path) if file is None else _read_yaml(file)


def _read_folders(root: Path) -> YoloSet:
    """A data set without a yaml."""
    sources = find_folders(root)
    if not sources:
        raise DataError(
            f"Data folder {root} holds no YOLO labels: expected images/ and labels/, "
            "images/<split>/ and labels/<split>/, or <split>/images/ and <split>/labels/. Name its "
            "data.yaml, or arrange it in one of these ways."
        )
    names = read_class_list(root, root / "labels")
    if names is None:
        raise DataError(
            f"Data folder {root} has YOLO labels but no class names. Put a classes.txt with one "
            "name a line there, in the order of the class numbers, or name its data.yaml."
        )
    return YoloSet(root, [LabelCategory(i, name) for i, name in enumerate(names)], sources)


def _read_yaml(path: Path) -> YoloSet:
    """A data set with a yaml."""
    content = load_yaml(path)
    categories, notes = read_categories(path, content)
    root, moving = _root(path, content.get("path"))
    sources: dict[str, Sequence[Path]] = {}
    missing: dict[Path, str] = {}
    for key in SPLIT_KEYS:
        if content.get(key):
            sources[split_name(key)] = _sources(path, root, key, content[key], missing, moving)
    if not sources:
        raise DataError(
            f"Label file {path} has none of {', '.join(SPLIT_KEYS)}, only {sorted(content)[:10]}; "
            "expected the folder of the images, such as `train: images/train`."
        )
    return YoloSet(
        path, categories, sources, missing, read_kpt_shape(path, content), [*notes, *moving]
    )


def _root(path: Path, stated: Any) -> tuple[Path, list[Note]]:
    """The folder that a yaml's other paths are relative to.

    Files are moved between machines, so a stated folder that is not there gives way to the file's.
    """
    if not stated:
        return path.parent, []
    if isinstance(stated, str) and exists(path.parent / stated):
        return path.parent / stated, []
    return path.parent, [Note(f"path {shown(stated)}", MOVED)]


def _sources(
    path: Path, root: Path, key: str, value: Any, missing: dict[Path, str], moving: list[Note]
) -> list[Path]:
    """The image folders and lists of one split.

    What is not there goes to `missing`, because it may be another split that is wanted; what is
    elsewhere, to `moving`. Labels without the images are enough, as these may be given separately.
    """
    entries = value if isinstance(value, list) else [value]
    found = []
    for entry in entries:
        if not isinstance(entry, str) or not entry:
            raise DataError(
                f"Label file {path}: {key} is {shown(value)}; expected a folder of images, a list "
                "of such folders, or a .txt file that lists images. Correct it."
            )
        # Roboflow writes ../train/images for a folder beside the file.
        inside = re.sub(r"^(\.\./)+", "", entry.replace("\\", "/"))
        candidates = list(dict.fromkeys((root / entry, path.parent / entry, path.parent / inside)))
        there = [c for c in candidates if exists(c) or exists(labels_folder(c))]
        if not there:
            missing[candidates[0]] = (
                f"Label file {path}: {key}: there is no {shown(entry)}. Tried: "
                + ", ".join(map(str, candidates))
                + ". Correct the yaml's `path` or this folder."
            )
        elif there[0] != candidates[0]:
            moving.append(Note(f"{key} {shown(entry)}", MOVED))
        found.append(there[0] if there else candidates[0])
    return found
