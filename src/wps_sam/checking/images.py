"""Image files that are missing, damaged, of an unusual kind, or without labels."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from wps_sam.checking.findings import Case, Cases, Finding, Picture, Severity
from wps_sam.checking.splits import CheckedSplit, FoundImage, picture
from wps_sam.images.reading import IMAGE_SUFFIXES

LARGE_PIXELS = 50_000_000
"""SAM sees 1024 x 1024: 50 megapixels are seven times that on each side."""

SMALL_SIDE = 64
"""Pixels. SAM enlarges such an image 16 times and more."""

MANY_WITHOUT_PARTS = 0.5
"""Share of the images from which on missing labels are a warning."""

_CONVERSIONS = {
    "L": "grey, used as RGB with three equal channels",
    "1": "black and white, used as RGB",
    "P": "colours from a palette, looked up",
    "PA": "colours from a palette, laid on white",
    "LA": "grey with transparency, laid on white",
    "RGBA": "with transparency, laid on white",
    "CMYK": "CMYK for print, converted without its colour profile",
    "YCbCr": "YCbCr, converted",
    "LAB": "L*a*b*, converted",
}


def check_images(splits: Sequence[CheckedSplit]) -> list[Finding]:
    """Look at the image files.

    Args:
        splits: All splits.

    Returns:
        Findings `missing-image`, `unreadable-image`, `size-differs`, `shared-file`, `exif-turned`,
        `not-rgb`, `large-image`, `small-image`, `no-parts` and `unlabelled-file`.
    """
    return [
        *_problems(splits),
        *_turned(splits),
        *_modes(splits),
        *_sizes(splits),
        *_without_parts(splits),
        *_unnamed_files(splits),
    ]


def _images(splits: Sequence[CheckedSplit]) -> Iterator[tuple[CheckedSplit, FoundImage]]:
    """All image records."""
    for split in splits:
        for image in split.images:
            yield split, image


def _pictures(image: FoundImage) -> tuple[Picture, ...]:
    """The image, if it can be shown."""
    if image.path is None or image.facts is None:
        return ()
    return (Picture(image.path, image.record.file_name),)


def _problems(splits: Sequence[CheckedSplit]) -> list[Finding]:
    """Images that keep training from starting."""
    cases = {kind: Cases() for kind in ("missing", "unreadable", "size", "same-file")}
    for split, image in _images(splits):
        if image.problem:
            case = Case(split.name, image.record.file_name, image.problem, _pictures(image))
            cases[image.problem_kind].add(case)
    return [
        *cases["missing"].finding(
            "missing-image",
            "error",
            "Images that are missing",
            "The labels name images that are not there.",
            "Put the images where they are looked for, name their folder with --images, or remove "
            "their records.",
        ),
        *cases["unreadable"].finding(
            "unreadable-image",
            "error",
            "Images that cannot be read",
            "The files are damaged, no images, or too large.",
            "Copy or download the files again, or remove them and their records.",
        ),
        *cases["size"].finding(
            "size-differs",
            "error",
            "Image size differs from the labels",
            "The labels were made on another version of the image, so its boxes are in the wrong "
            "place.",
            "Use the images the labels were made on, or scale the labels to these.",
        ),
        *cases["same-file"].finding(
            "shared-file",
            "error",
            "Two records for one image file",
            "Each would train on half of the parts, and call the other half background.",
            "Merge the records, or keep the folders that their names mention.",
        ),
    ]


def _turned(splits: Sequence[CheckedSplit]) -> list[Finding]:
    """Images with an EXIF orientation, shown with all their boxes as training would see them."""
    cases = Cases()
    for split in splits:
        weak = {image.path: image for image in split.weak.images} if split.weak else {}
        for image in split.images:
            if image.facts is None or image.facts.orientation == 1 or image.path not in weak:
                continue
            stated = (image.record.height, image.record.width)
            text = "turned when it is read"
            if stated == image.facts.stored_hw != image.facts.upright_hw:
                text = "not turned: the labels state the size of the stored pixels"
            text = f"orientation {image.facts.orientation}, {text}"
            labelled = weak[image.path]
            shown = picture(labelled, np.flatnonzero(labelled.has_box).tolist())
            cases.add(Case(split.name, image.record.file_name, text, (shown,)))
    return cases.finding(
        "exif-turned",
        "warning",
        "Photographs that their EXIF data turn",
        "The camera stored the pixels lying down and a note to turn them. Some label tools follow "
        "the note and some do not; then the boxes lie elsewhere.",
        "Look whether the boxes fit the pictures on the page that --out writes. If not, save the "
        "photographs upright and correct their labels.",
    )


def _modes(splits: Sequence[CheckedSplit]) -> list[Finding]:
    """Images that are not RGB."""
    cases = Cases()
    for split, image in _images(splits):
        if image.facts is not None and image.facts.mode != "RGB":
            mode = image.facts.mode
            text = _CONVERSIONS.get(mode, "converted to 8 bits")
            cases.add(Case(split.name, image.record.file_name, f"{mode}: {text}", _pictures(image)))
    return cases.finding(
        "not-rgb",
        "info",
        "Images that are not RGB",
        "They are converted when they are read.",
        "Nothing, unless the photographs you will predict on are of another kind than these.",
    )


def _sizes(splits: Sequence[CheckedSplit]) -> list[Finding]:
    """Images far from the size SAM works at."""
    large, small = Cases(), Cases()
    for split, image in _images(splits):
        if image.facts is None:
            continue
        height, width = image.facts.upright_hw
        case = Case(split.name, image.record.file_name, f"{width} x {height} px", _pictures(image))
        if height * width > LARGE_PIXELS:
            large.add(case)
        if max(height, width) < SMALL_SIDE:
            small.add(case)
    return [
        *large.finding(
            "large-image",
            "warning",
            "Very large images",
            f"Over {LARGE_PIXELS // 1_000_000} megapixels. SAM sees 1024 x 1024 of it, and masks "
            "at full size cost time and memory.",
            "Reduce the images to about 4000 pixels, or cut them into tiles if the parts are "
            "small.",
        ),
        *small.finding(
            "small-image",
            "warning",
            "Very small images",
            f"Both sides are under {SMALL_SIDE} pixels; SAM enlarges them to 1024.",
            "Use the photographs at their original size if there is one.",
        ),
    ]


def _without_parts(splits: Sequence[CheckedSplit]) -> list[Finding]:
    """Images in which nothing is labelled."""
    cases, images = Cases(), 0
    for split in splits:
        for image in split.weak.images if split.weak else ():
            images += 1
            if not len(image.class_index):
                shown = Picture(image.path, image.file_name)
                cases.add(Case(split.name, image.file_name, "", (shown,)))
    is_much = cases.count > MANY_WITHOUT_PARTS * images
    severity: Severity = "warning" if is_much else "info"
    return cases.finding(
        "no-parts",
        severity,
        "Images without a part",
        f"{cases.count} of {images} images have no usable part. They teach that there can be "
        "nothing to find.",
        "Good if they show nothing that should be found. If they were only not labelled yet, leave "
        "them out.",
    )


def _unnamed_files(splits: Sequence[CheckedSplit]) -> list[Finding]:
    """Image files beside the labelled ones that no record names."""
    named = {image.path for _, image in _images(splits) if image.path is not None}
    stems = {(path.parent, path.stem) for path in named}
    cases = Cases()
    unnamed_in = set[Path]()
    for folder in sorted({path.parent for path in named}):
        for path in _image_files(folder):
            # a.png beside a labelled a.jpg is its mask, not another photograph.
            if path not in named and (path.parent, path.stem) not in stems:
                shown = Picture(path, path.name)
                cases.add(Case("", path.name, f"in {folder}", (shown,)))
                unnamed_in.add(folder)
    where = f"{len(unnamed_in)} folders"
    if len(unnamed_in) == 1:
        where = f"{unnamed_in.pop().resolve().name}/"
    return cases.finding(
        "unlabelled-file",
        "info",
        f"Image files in {where} that no label names",
        "They lie beside labelled images and are not used.",
        "Nothing, if they are not labelled yet or belong to another split. Otherwise check that "
        "the labels were exported in full.",
    )


def _image_files(folder: Path) -> list[Path]:
    """Image files of a folder, without those of its sub-folders, sorted."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.is_file()]
    wanted = [name for name in names if name.lower().endswith(IMAGE_SUFFIXES)]
    return [folder / name for name in sorted(wanted) if not name.startswith(".")]
