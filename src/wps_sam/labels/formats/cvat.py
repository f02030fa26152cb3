"""Read CVAT: one XML file, "CVAT for images 1.1" (https://docs.cvat.ai/docs/other/xml_format).

CVAT writes coordinates in pixels with two decimals, so they are at most 0.005 pixels off. Shapes of
a kind are counted from 0 within their image: `box 5` is the sixth box. Attributes, `occluded` and
`z_order` are not used.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from wps_sam.errors import DataError
from wps_sam.labels.formats.cvat_shapes import CvatImage, meta_labels, read_image
from wps_sam.labels.formats.named_parts import (
    as_annotations,
    refuse_repeated_images,
)
from wps_sam.labels.image_files import find_image
from wps_sam.labels.label_file import LabelAnnotation, LabelCategory, LabelFile, LabelImage
from wps_sam.labels.layout import LabelSource, Layout, first_files, split_spellings
from wps_sam.labels.remarks import Note

UNKNOWN_LABEL = "label that the file's meta does not list; it comes after those listed"

_EXPECTED = (
    "expected <annotations> with an <image> for each image. Export the task as "
    '"CVAT for images 1.1".'
)
_HEAD_BYTES = 4096
_ROOT = re.compile(rb"<annotations[\s>]")
_SUBSET = re.compile(rb"<image\s[^>]*?\bsubset=\"([^\"]+)\"")


def open_cvat(
    path: Path, *, images_dir: Path | None = None, subset: str | None = None
) -> LabelFile:
    """Open a CVAT file.

    A box, polygon or mask is a part; polygons with one label and one `group_id` are pieces of one
    part. Of an ellipse or a rotated box the upright box around it is taken. All points of a
    `points` shape, or of a skeleton, belong to one part. Lines, cuboids and tags are left out.

    Classes are the labels in the file's meta, in its order; sub-labels of skeletons are none.

    Args:
        path: The XML file.
        images_dir: Folder of the images; None looks in the usual places around the file.
        subset: Read only images of this subset, such as "Train"; None reads all. Upper and lower
            case are the same.

    Returns:
        One image an `<image>`, in the file's order. Its id is the file's own, or its position where
        the file's ids repeat, as those of a project do. Images of several subsets with one name get
        the subset before it.

    Raises:
        DataError: The file is missing, no XML, not from CVAT, or from a video task; it has no image
            or no label; an attribute is missing or of the wrong type; two images have one name.
    """
    labels, records, used = list[str](), list[CvatImage](), dict[str, None]()
    for item in _items(path):
        if isinstance(item, CvatImage):
            records.append(item)
            used.update(dict.fromkeys(part.label for part in item.found.parts))
            item.found.parts.clear()  # there may be too many for memory; they are read again
        else:
            labels += item
    records = _of_subset(path, records, subset)
    images = _label_images(path, records)
    categories, notes = _categories(path, labels, used)
    found = [record.found for record in records]
    return LabelFile(
        path=path,
        label_format="cvat",
        images=images,
        categories=categories,
        read_annotations=partial(
            _read_annotations,
            path,
            {record.position: image for record, image in zip(records, images, strict=True)},
            {category.name: category.category_id for category in categories},
        ),
        find_image=lambda image: find_image(path, image, images_dir),
        notes=[*notes, *chain.from_iterable(parts.notes for parts in found)],
        skipped=list(chain.from_iterable(parts.skipped for parts in found)),
    )


def _read_annotations(
    path: Path, images: Mapping[int, LabelImage], category_ids: Mapping[str, int]
) -> Iterator[LabelAnnotation]:
    """Read the file again and yield the parts of the chosen images."""
    for item in _items(path):
        if isinstance(item, CvatImage) and item.position in images:
            yield from as_annotations(path, item.found.parts, images[item.position], category_ids)


def _items(path: Path) -> Iterator[CvatImage | list[str]]:
    """Go through the file, one image in memory at a time.

    Yields:
        The label names of the meta, and each image.
    """
    root: Element | None = None
    depth, position = 0, 0
    for event, element in _events(path):
        depth += 1 if event == "start" else -1
        if event == "start":
            if root is None:
                root = element
                _refuse_other_root(path, root)
            continue
        if depth != 1 or root is None:
            continue
        if element.tag == "track":
            raise DataError(
                f"Label file {path} is from a video task: it has a <track>, whose shapes move from "
                'frame to frame. Export the task as "CVAT for images 1.1", which has one <image> '
                "a frame."
            )
        if element.tag == "meta":
            yield meta_labels(element)
        elif element.tag == "image":
            yield read_image(path, position, element)
            position += 1
        root.clear()
    if not position:
        raise DataError(f"Label file {path} has no <image>; {_EXPECTED}")


def _events(path: Path) -> Iterator[tuple[str, Element]]:
    """Parse the file step by step; errors say what is wrong with it."""
    try:
        with path.open("rb") as file:
            yield from iterparse(file, events=("start", "end"))
    except OSError as error:
        raise DataError(
            f"Label file {path} cannot be read: {error.strerror or error}. Check the spelling and "
            "the folder it is relative to."
        ) from error
    except ParseError as error:
        raise DataError(
            f"Label file {path} is broken XML: {error}. It may be cut off: copy or export it "
            f"again; {_EXPECTED}"
        ) from error
    except DefusedXmlException as error:
        raise DataError(
            f"Label file {path} defines XML entities, which can be misused: {error}. CVAT writes "
            "none; export the task again."
        ) from error
    except (ValueError, LookupError) as error:  # an encoding that Python cannot read
        raise DataError(f"Label file {path} is no XML in UTF-8: {error}; {_EXPECTED}") from error


def _refuse_other_root(path: Path, root: Element) -> None:
    """Raise DataError unless the file is CVAT's."""
    if root.tag != "annotations":
        hint = " (Pascal VOC)" if root.tag == "annotation" else ""
        raise DataError(f"Label file {path} begins with <{root.tag}>{hint}; {_EXPECTED}")


def _categories(
    path: Path, labels: Sequence[str], used: Mapping[str, None]
) -> tuple[list[LabelCategory], list[Note]]:
    """Number the classes from 0: those of the meta, then others by name."""
    others = sorted(set(used) - set(labels))
    names = [*dict.fromkeys(labels), *others]
    if not names:
        raise DataError(
            f"Label file {path} has no label. Label at least one part in one image and export the "
            "task again."
        )
    notes = [Note(f"label {name!r}", UNKNOWN_LABEL) for name in others if labels]
    return [LabelCategory(number, name) for number, name in enumerate(names)], notes


def _of_subset(path: Path, records: list[CvatImage], subset: str | None) -> list[CvatImage]:
    """The images of a subset; DataError if there is none."""
    if subset is None:
        return records
    chosen = [record for record in records if record.subset.lower() == subset.lower()]
    if not chosen:
        known = ", ".join(sorted({record.subset or "(none)" for record in records}))
        raise DataError(
            f"Label file {path} has no image of subset {subset!r}; its images are of {known}. "
            "Choose one of these, or leave out the split."
        )
    return chosen


def _label_images(path: Path, records: Sequence[CvatImage]) -> list[LabelImage]:
    """Image records with unique ids and names."""
    has_repeated_id = len({record.image_id for record in records}) < len(records)
    has_repeated_name = len({record.name for record in records}) < len(records)
    images = []
    for index, record in enumerate(records):
        in_subset = f"{record.subset}/{record.name}" if record.subset else record.name
        image_id = record.image_id
        images.append(
            LabelImage(
                image_id=record.position if has_repeated_id else _number_if_one(image_id),
                file_name=in_subset if has_repeated_name else record.name,
                height=record.hw[0],
                width=record.hw[1],
                index=index,
                path_hint=in_subset if record.subset else None,
            )
        )
    refuse_repeated_images(
        path,
        ((image.file_name, f"image at position {image.index}") for image in images),
        "Export each task by itself, or give the images different names.",
    )
    return images


def _number_if_one(image_id: str) -> int | str:
    """An id as a number, if it is written as one."""
    return int(image_id) if re.fullmatch(r"0|[1-9][0-9]{0,17}", image_id) else image_id


def _find_file(path: Path, split: str | None) -> LabelSource | None:
    """A CVAT file named directly; a split is one of its subsets."""
    if not path.is_file() or path.suffix.lower() != ".xml" or not _looks_like_cvat(path):
        return None
    if split is None:
        return LabelSource("cvat", path)
    subset = _subset_of_split(path, split)
    return None if subset is None else LabelSource("cvat", path, settings={"subset": subset})


def _subset_of_split(path: Path, split: str) -> str | None:
    """The subset that stands for a split, as the file writes it; None if there is none."""
    wanted = split_spellings(split.lower())
    subsets = {found.decode("utf-8", "replace") for found in _SUBSET.findall(path.read_bytes())}
    return next((subset for subset in sorted(subsets) if subset.lower() in wanted), None)


def _find_folder(path: Path, split: str | None) -> LabelSource | None:
    """A folder with one CVAT file, or with one for each split."""
    if not path.is_dir():
        return None
    if split is not None:
        for name in split_spellings(split):
            for file in (path / f"{name}.xml", path / name / "annotations.xml"):
                if _looks_like_cvat(file):
                    return LabelSource("cvat", file)
    files = [path / "annotations.xml"]
    if not _looks_like_cvat(files[0]):
        # Not all: a folder with thousands of XML files is Pascal VOC's.
        files = [file for file in first_files(path, ".xml") if _looks_like_cvat(file)]
    if len(files) > 1 and split is None:
        raise DataError(
            f"Data folder {path} has several CVAT files: {', '.join(file.name for file in files)}. "
            "Name the one to use, or choose with --split."
        )
    return _find_file(files[0], split) if len(files) == 1 else None


def _looks_like_cvat(path: Path) -> bool:
    """Whether a file begins as CVAT's do; Pascal VOC begins with <annotation>."""
    if path.name.startswith("."):
        return False
    try:
        with path.open("rb") as file:
            return _ROOT.search(file.read(_HEAD_BYTES)) is not None
    except OSError:
        return False


CVAT_LAYOUTS: tuple[Layout, ...] = (
    Layout(_find_file, "a CVAT for images file ending in .xml; a split is one of its subsets"),
    Layout(
        _find_folder,
        "a folder with annotations.xml or one other CVAT for images file; with a split also "
        "<split>.xml or <split>/annotations.xml",
    ),
)
"""A CVAT file, or a folder with one."""
