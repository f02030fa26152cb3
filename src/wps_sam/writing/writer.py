"""What all writers have in common: places, photographs, outlines, and what they could not keep."""

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from wps_sam.errors import DataError
from wps_sam.files import write_atomically
from wps_sam.geometry.masks import rle_area, rle_to_mask
from wps_sam.labels.label_file import LabelCategory
from wps_sam.writing.outlines import join_rings, trace_rings
from wps_sam.writing.photographs import place_photograph
from wps_sam.writing.shapes import ImageShapes, ShapeRecord, extent_of
from wps_sam.writing.streamed_file import StreamedFile

JOINED = "holes or several pieces joined to one outline by cuts without width"
NO_PIXEL = "mask without a pixel"
NO_IGNORED = "region to ignore (iscrowd), which this format does not know"
NO_POINTS = "points left out, which this format does not know"
ONLY_POINTS = "part with points but no box, which this format does not know"
RENAMED = "image name changed, so that it stays below the folder that is written"
OUTSIDE = "coordinates outside the image moved to its edge"
OUTSIDE_IMAGE = "nothing of it is inside the image"

# Control characters, ends of lines and halves of characters: some format cannot hold each of them.
_NO_NAME = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")


@dataclass
class WriteRemarks:
    """What a writer left out or changed.

    Attributes:
        skipped: Reason -> number of parts that were left out.
        notes: What was done -> number of parts that were changed.
        first: The first part for each of these texts, such as "part 2 of a.jpg".
    """

    skipped: Counter[str] = field(default_factory=Counter)
    notes: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    def skip(self, record: str, reason: str) -> None:
        """Count a part that is left out."""
        self.skipped[reason] += 1
        self.first.setdefault(reason, record)

    def note(self, record: str, text: str) -> None:
        """Count a part that is written otherwise than it was."""
        self.notes[text] += 1
        self.first.setdefault(text, record)

    def add(self, other: "WriteRemarks") -> None:
        """Count what another writer left out or changed too."""
        self.skipped += other.skipped
        self.notes += other.notes
        self.first = {**other.first, **self.first}


class ShapeWriter(ABC):
    """Writes the shapes of a data set in one format, one image in memory at a time.

    Use: `add` each image, then `finish`; after an error, `discard`. What is written is complete on
    disk when `add` returns or, for formats of one file, when `finish` does; a crash leaves no half
    file.

    Attributes:
        takes_masks: Whether run-length masks are written as they are; else their outlines are.
        takes_groups: Whether a part with several polygons can be written as one.
        keeps_groups: Whether who reads it can still tell these polygons apart.
        takes_ignored: Whether regions to ignore (`is_crowd`) can be told from parts.
        drops_ending: Whether files are named after photographs without their ending.
    """

    takes_masks: ClassVar[bool] = False
    takes_groups: ClassVar[bool] = False
    keeps_groups: ClassVar[bool] = False
    takes_ignored: ClassVar[bool] = False
    drops_ending: ClassVar[bool] = False

    def __init__(
        self, out: Path, categories: Sequence[LabelCategory], *, copy_images: bool = False
    ) -> None:
        """Prepare a folder.

        Args:
            out: The folder; made if it is not there.
            categories: C classes in class order, with the ids of the labels.
            copy_images: Copy the photographs; else links to them are made.

        Raises:
            DataError: A class has a name that cannot be written.
        """
        for category in categories:
            _refuse_unwritable("class", category.name)
        self.out = out
        self.categories = tuple(categories)
        self.remarks = WriteRemarks()
        self.shapes_written = 0
        self._copy_images = copy_images
        self._unfinished: StreamedFile | None = None
        self._image_of_name: dict[str, str] = {}
        out.mkdir(parents=True, exist_ok=True)

    @classmethod
    def check_names(cls, names: Iterable[tuple[int | str, str]]) -> None:
        """Check the names of all images before the first is written.

        Args:
            names: Id and file name of each image.

        Raises:
            DataError: As `add` would raise it for the names.
        """
        taken: dict[str, str] = {}
        for image_id, file_name in names:
            cls._take_name(ImageShapes(image_id, file_name, (0, 0), ()), taken)

    @classmethod
    def _take_name(cls, image: ImageShapes, taken: dict[str, str]) -> None:
        """Enter an image's output name into `taken`; DataError if it is bad or another's."""
        _refuse_unwritable("image", image.file_name)
        name = image.stem if cls.drops_ending else image.safe_name
        other = taken.setdefault(name.casefold(), image.file_name)
        if other != image.file_name:
            raise DataError(
                f"Images {other} and {image.file_name} would write the same file {name}. Rename "
                "one of them, in the labels too."
            )

    def add(self, image: ImageShapes) -> None:
        """Write one image's shapes and place its photograph.

        A name that leads out of the folder (an absolute one, `..`, a drive) is changed everywhere
        and noted.

        Args:
            image: Its shapes; class indices refer to `categories`.

        Raises:
            DataError: Another image has the same name but for the ending or upper case, the name
                cannot be written, or a mask is damaged.
        """
        self._take_name(image, self._image_of_name)
        if image.safe_name != image.file_name:
            self.remarks.note(image.file_name, RENAMED)
        problem = place_photograph(
            image.image_path, self.photograph(image), copy_it=self._copy_images
        )
        if problem:
            self.remarks.note(image.file_name, problem)
        shapes = [
            kept
            for number, shape in enumerate(image.shapes)
            if (kept := self._fitted(f"part {number} of {image.file_name}", shape)) is not None
        ]
        self.shapes_written += len(shapes)
        self._write(replace(image, file_name=image.safe_name, shapes=tuple(shapes)))

    def photograph(self, image: ImageShapes) -> Path:
        """Where the photograph of an image belongs."""
        return self.out / "images" / image.safe_name

    @abstractmethod
    def _write(self, image: ImageShapes) -> None:
        """Write one image, its shapes fitted to the format."""

    def _fit(self, record: str, shape: ShapeRecord) -> ShapeRecord | None:
        """Fit one shape to the format, beyond masks and groups; None leaves it out, counted."""
        del record
        return shape

    @abstractmethod
    def finish(self) -> None:
        """Write what is only known at the end, and put a file of many images in its place."""

    def discard(self) -> None:
        """Remove what is unfinished; files that are complete stay."""
        if self._unfinished is not None:
            self._unfinished.discard()

    def _fitted(self, record: str, shape: ShapeRecord) -> ShapeRecord | None:
        """Fit one shape to the format; None leaves it out, counted."""
        if shape.is_crowd and not self.takes_ignored:
            self.remarks.skip(record, NO_IGNORED)
            return None
        if shape.rle is not None and not _has_pixel(record, shape.rle):
            self.remarks.skip(record, NO_PIXEL)
            return None
        if shape.rle is not None and not self.takes_masks:
            rings = trace_rings(rle_to_mask(shape.rle))
            if len(rings) > 1:
                self.remarks.note(record, JOINED)
            outline = join_rings(rings)
            box = extent_of((outline,)) if shape.box_xyxy is None else shape.box_xyxy
            shape = replace(shape, polygons=(outline,), rle=None, box_xyxy=box)
        elif shape.polygons is not None and len(shape.polygons) > 1 and not self.takes_groups:
            self.remarks.note(record, JOINED)
            shape = replace(shape, polygons=(join_rings(shape.polygons),))
        return self._fit(record, shape)


def _has_pixel(record: str, rle: Mapping[str, Any]) -> bool:
    """Whether a run-length mask holds any pixel; errors name the part."""
    try:
        return rle_area(rle) > 0
    except DataError as error:
        raise DataError(f"{record}: {error}") from error


def _refuse_unwritable(what: str, name: str) -> None:
    """Raise DataError for a name that some format cannot hold."""
    found = _NO_NAME.search(name)
    if found:
        raise DataError(
            f"The {what} {name!r} has the character {found[0]!r} in its name, which no other tool "
            "could read. Rename it in the labels."
        )


def save(path: Path, content: bytes) -> None:
    """Write a file in one step, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content)
