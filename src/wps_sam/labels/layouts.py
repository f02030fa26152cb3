"""Recognise what a user means by DATA: which file holds the labels, and where the images are.

A layout is one function. To add one, write it and append it to `LAYOUTS`.
"""

from pathlib import Path

from wps_sam.errors import DataError
from wps_sam.labels.layout import LabelSource, Layout

_COCO_NAMES = ("annotations.json", "_annotations.coco.json")
_COCO_KEYS = (b'"images"', b'"annotations"', b'"categories"')
_HEAD_BYTES = 4096


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
            f"Data {path} does not exist: expected a COCO .json file or a folder. Check the "
            "spelling and the folder it is relative to."
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


def _single_coco_file(path: Path, split: str | None) -> LabelSource | None:
    """A COCO file named directly."""
    if not path.is_file() or path.suffix.lower() != ".json":
        return None
    if split is not None:
        raise DataError(
            f"Data {path} is one file, so split {split!r} cannot be chosen in it. Leave out the "
            "split, or name the folder that holds all splits."
        )
    return LabelSource("coco", path)


def _part_image_net(path: Path, split: str | None) -> LabelSource | None:
    """annotations/<split>/<split>.json with images/<split>/ beside."""
    # Only this file: the folder also holds one tiny JSON per image.
    candidates = [p for p in sorted(path.glob("annotations/*/*.json")) if p.stem == p.parent.name]
    if split is None and len(candidates) > 1:
        names = ", ".join(candidate.stem for candidate in candidates)
        raise DataError(f"Data {path} has the splits {names}. Choose one with --split.")
    for candidate in candidates:
        if split in (None, candidate.stem):
            images_dir = path / "images" / candidate.stem
            return LabelSource("coco", candidate, images_dir if images_dir.is_dir() else None)
    return None


def _coco_folder(path: Path, split: str | None) -> LabelSource | None:
    """A folder with one COCO file, or with one for each split."""
    if split is None:
        return _only_coco_file(path)
    named = [
        *(path / f"{split}.json", path / "annotations" / f"{split}.json"),
        path / "annotations" / f"instances_{split}.json",
        *(path / split / name for name in _COCO_NAMES),
    ]
    for candidate in named:
        if candidate.is_file():
            return LabelSource("coco", candidate)
    return None


def _only_coco_file(path: Path) -> LabelSource | None:
    """The COCO file of a folder without splits; DataError if there are several."""
    for name in _COCO_NAMES:
        if (path / name).is_file():
            return LabelSource("coco", path / name)
    for folder in (path, path / "annotations"):
        files = [file for file in sorted(folder.glob("*.json")) if not file.name.startswith(".")]
        if len(files) > 1:
            files = [file for file in files if _looks_like_coco(file)]
        if len(files) > 1:
            raise DataError(
                f"Data folder {path} has several label files: "
                f"{', '.join(str(file.relative_to(path)) for file in files)}. Name the one to use, "
                "or choose with --split."
            )
        if files:
            return LabelSource("coco", files[0])
    return None


def _looks_like_coco(path: Path) -> bool:
    """Whether the beginning of a file has a COCO key; enough to tell label files from others."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    return any(key in head for key in _COCO_KEYS)


def _contents(path: Path) -> str:
    """What is at a path, in one line."""
    if not path.is_dir():
        return f"a file {path.name}"
    names = sorted(p.name + ("/" if p.is_dir() else "") for p in path.iterdir())
    return ", ".join(names[:12]) + (", ..." if len(names) > 12 else "") if names else "nothing"


LAYOUTS: tuple[Layout, ...] = (
    Layout(_single_coco_file, "a COCO file ending in .json"),
    Layout(
        _part_image_net,
        "a folder with annotations/<split>/<split>.json and images/<split>/ (PartImageNet)",
    ),
    Layout(
        _coco_folder,
        "a folder with annotations.json, _annotations.coco.json or one other COCO file; with a "
        "split: <split>.json, annotations/<split>.json, annotations/instances_<split>.json or "
        "<split>/_annotations.coco.json",
    ),
)
"""All known layouts; the first that fits is used."""
