"""Prepare the splits of a data set for checking: find and open the images, read the weak labels."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wps_sam.checking.findings import Box, Picture
from wps_sam.checking.image_facts import ImageFacts, look_at_images
from wps_sam.errors import DataError
from wps_sam.labels.label_file import LabelFile, LabelImage
from wps_sam.labels.split_roles import VALIDATION_SPLITS, training_split
from wps_sam.labels.weak_labels import WeakDataset, WeakImage
from wps_sam.labels.weak_reading import read_weak


@dataclass(frozen=True, eq=False)
class FoundImage:
    """One image record and what became of it.

    Attributes:
        record: As in the labels.
        path: Its file, or None if it is missing.
        facts: What is known of the file, or None if it cannot be read.
        problem: Why its parts are not looked at: what `find_image` or `read_image` says, that
            another record has the same file, or that the labels state another size; "" if all is
            well.
        problem_kind: "missing", "unreadable", "same-file", "size", or "".
    """

    record: LabelImage
    path: Path | None
    facts: ImageFacts | None
    problem: str = ""
    problem_kind: str = ""


@dataclass(frozen=True, eq=False)
class CheckedSplit:
    """One split, opened.

    Attributes:
        name: "" if there is only one.
        labels: As the reader gave them.
        images: Every image record.
        usable: The labels of the images that could be opened.
        weak: The weak labels of `usable`, as training would read them; None if there are none.
        problem: Why `weak` is None; else "".
    """

    name: str
    labels: LabelFile
    images: Sequence[FoundImage]
    usable: LabelFile
    weak: WeakDataset | None
    problem: str = ""


def prepare_splits(labels: Mapping[str, LabelFile]) -> list[CheckedSplit]:
    """Open all images once and read the weak labels of those that are sound.

    Args:
        labels: Labels by the name of the split.

    Returns:
        The splits, in order.
    """
    located = {name: [_locate(one, image) for image in one.images] for name, one in labels.items()}
    paths = dict.fromkeys(
        place for places in located.values() for place in places if isinstance(place, Path)
    )
    facts = dict(look_at_images(paths))
    return [
        _prepare(name, one, _found_images(one, located[name], facts))
        for name, one in labels.items()
    ]


def learnt_split(splits: Sequence[CheckedSplit]) -> CheckedSplit | None:
    """The split that a prompter learns from: the one called train, else the first.

    Args:
        splits: All splits.

    Returns:
        A split with weak labels; None if there is none.
    """
    readable = {split.name: split for split in splits if split.weak is not None}
    name = training_split(readable)
    return next(iter(readable.values()), None) if name is None else readable[name]


def validation_splits(splits: Sequence[CheckedSplit]) -> list[CheckedSplit]:
    """The splits with weak labels that are called val, valid, validation or so.

    Args:
        splits: All splits.

    Returns:
        Usually one or none.
    """
    return [s for s in splits if s.weak is not None and s.name in VALIDATION_SPLITS]


def picture(image: WeakImage, rows: Iterable[int], others: Iterable[int] = ()) -> Picture:
    """An image with some of its boxes.

    Args:
        image: The image.
        rows: Parts that it is about; they have boxes.
        others: Parts to compare them with; they have boxes.

    Returns:
        What to show.
    """
    return Picture(
        path=image.path,
        file_name=image.file_name,
        boxes=tuple(_box(image, row) for row in rows),
        others=tuple(_box(image, row) for row in others),
        hw=(image.height, image.width),
    )


def _box(image: WeakImage, row: int) -> Box:
    """Box of one part."""
    left, top, right, bottom = image.boxes_xyxy[row].tolist()
    return left, top, right, bottom


def _locate(labels: LabelFile, image: LabelImage) -> Path | DataError:
    """The file of an image record, or why there is none."""
    try:
        return labels.find_image(image)
    except DataError as error:
        return error


def _found_images(
    labels: LabelFile,
    places: Sequence[Path | DataError],
    facts: Mapping[Path, ImageFacts | DataError],
) -> list[FoundImage]:
    """Bring the image records together with their files."""
    users: dict[Path, LabelImage] = {}
    found = []
    for record, place in zip(labels.images, places, strict=True):
        if isinstance(place, DataError):
            found.append(FoundImage(record, None, None, str(place), "missing"))
            continue
        fact = facts[place]
        if isinstance(fact, DataError):
            found.append(FoundImage(record, place, None, str(fact), "unreadable"))
            continue
        kind, problem = "", _size_problem(record, fact)
        if problem:
            kind = "size"
        other = users.setdefault(place, record)
        if other is not record:
            kind = "same-file"
            problem = f"{record.file_name} and {other.file_name} both lead to {place}"
        found.append(FoundImage(record, place, fact, problem, kind))
    return found


def _size_problem(record: LabelImage, facts: ImageFacts) -> str:
    """How the stated size differs from the file's, upright or as stored; "" if it does not."""
    stated = (record.height, record.width)
    if None in stated or stated in (facts.stored_hw, facts.upright_hw):
        return ""
    return (
        f"labels say {record.width} x {record.height}, the file has "
        f"{facts.upright_hw[1]} x {facts.upright_hw[0]} (width x height)"
    )


def _prepare(name: str, labels: LabelFile, images: Sequence[FoundImage]) -> CheckedSplit:
    """Read the weak labels of the sound images."""
    sound = [position for position, image in enumerate(images) if not image.problem]
    usable = labels if len(sound) == len(images) else labels.choose(sound)
    weak, problem = None, ""
    if sound:
        try:
            weak = read_weak(usable, keep_groups=labels.keep_groups)
        except DataError as error:
            problem = str(error)
    else:
        problem = f"{labels.path}: none of its {len(images)} images can be used."
    return CheckedSplit(name, labels, images, usable, weak, problem)
