"""Read PartImageNet: COCO JSON for boxes, label maps for the true masks.

Class names and ids are those of the JSON. The processed release of PASCAL-Part, which has the same
arrangement, is read by the same function.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from wps_sam.errors import ConfigError, DataError
from wps_sam.images.index_png import index_png_hw, read_index_png
from wps_sam.labels.formats.coco import open_coco
from wps_sam.labels.formats.map_pieces import MapValues, map_annotations
from wps_sam.labels.label_file import LabelAnnotation, LabelFile, LabelImage
from wps_sam.labels.layout import LabelSource, Layout, split_spellings
from wps_sam.labels.remarks import Note

NO_MAP = "has neither annotations nor a label map and is scored as an image without parts"

_IGNORE = 255
_PROBES = 200
_WHOLE = "_whole"
_REMEDY = (
    "The label maps belong to another version of the JSON, or mean another background: set "
    "background in dataset.yaml, or name the JSON itself to score by its polygons."
)


def open_part_image_net(
    path: Path,
    *,
    images_dir: Path | None = None,
    background: int | None = None,
    per_class: bool = False,
) -> LabelFile:
    """Open one split of PartImageNet.

    Args:
        path: `annotations/<split>/<split>.json`, with the label maps beside it.
        images_dir: Folder of the images, in which each ImageNet class may have its own; None looks
            in the usual places.
        background: Value of the label maps' background; None takes the one after the last category
            id, which is 40 in PartImageNet.
        per_class: One true part for all pixels of a class, instead of one for each connected piece.

    Returns:
        The labels of the JSON; `truth` gives those of the label maps, whose values are category
        ids. Pixels of value 255 are not scored, unless 255 is a category. An image without a map
        must have no annotation.

    Raises:
        DataError: As for `open_coco`. Opening the truth: no map is there, one is missing or has
            another size than the JSON says, or its values are not the JSON's categories.
        ConfigError: `background` is no pixel value.
    """
    if background is not None and (type(background) is not int or background < 0):
        raise ConfigError(
            f"{path}: background is {background!r}; expected a pixel value, such as 40."
        )
    labels = replace(open_coco(path, images_dir=images_dir), label_format="part_image_net")
    return replace(
        labels,
        truth=lambda: _open_maps(labels, background, per_class),
        truth_place=path.parent,
    )


def _open_maps(labels: LabelFile, background: int | None, per_class: bool) -> LabelFile:
    """The same images and categories, with annotations from the label maps."""
    names = {category.category_id: category.name for category in labels.categories}
    after_last = max(names) + 1
    no_part = after_last if background is None else background
    ignore = frozenset({_IGNORE} - {no_part} - names.keys())
    values = MapValues(names, frozenset({no_part}), ignore, _REMEDY)
    maps = {image.file_name: _find_map(labels.path, image) for image in labels.images}
    missing = {name for name, path in maps.items() if path is None}
    if missing:
        _refuse_missing(labels, missing)
    _check_meaning(labels, maps)
    images = [_with_size(image, maps[image.file_name]) for image in labels.images]

    def read_annotations() -> Iterator[LabelAnnotation]:
        for image in images:
            path = maps[image.file_name]
            if path is not None:
                yield from map_annotations(path, image, values, per_class=per_class)

    notes = [Note(f"image {name}", NO_MAP) for name in sorted(missing)]
    return replace(
        labels, images=images, read_annotations=read_annotations, notes=(*labels.notes, *notes)
    )


def _find_map(path: Path, image: LabelImage) -> Path | None:
    """The label map of an image: beside the JSON or in the split's folder, by class or not."""
    name = _map_name(image.file_name)
    base = name.rsplit("/", 1)[-1]
    # n02486261_8.png may lie in n02486261/
    names = dict.fromkeys((name, base, f"{base.split('_')[0]}/{base}"))
    candidates = [path.parent / folder / n for folder in ("", path.stem) for n in names]
    return next((candidate for candidate in candidates if _is_file(candidate)), None)


def _map_name(file_name: str) -> str:
    """Name of the label map of an image."""
    return re.sub(r"\.[^./]*$", "", file_name) + ".png"


def _is_file(path: Path) -> bool:
    """Whether a file exists; a name the system cannot even look up does not."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _refuse_missing(labels: LabelFile, missing: set[str]) -> None:
    """Raise DataError if an image without a label map has annotations."""
    for annotation in labels.annotations():
        name = annotation.image.file_name
        if name in missing:
            raise DataError(
                f"Image {name} of {labels.path} has annotations but no label map: looked for "
                f"{_map_name(name)} in {labels.path.parent}. Unpack "
                "all label maps of the split, or name the JSON itself to score by its polygons."
            )


def _check_meaning(labels: LabelFile, maps: dict[str, Path | None]) -> None:
    """Raise DataError unless most categories of the first annotations are in their label maps.

    A part can be painted over by others, so not every one has to be there.
    """
    probes = [
        (maps[annotation.image.file_name], annotation.category_id)
        for annotation in islice(labels.annotations(), _PROBES)
    ]
    seen = {path: set(read_index_png(path).flat) for path in {p for p, _ in probes} if path}
    known = [category in seen[path] for path, category in probes if path is not None]
    if known and sum(known) * 2 < len(known):
        raise DataError(
            f"Label maps beside {labels.path}: of the first {len(known)} annotations only "
            f"{sum(known)} have their category id as a value in the image's label map. {_REMEDY}"
        )


def _with_size(image: LabelImage, path: Path | None) -> LabelImage:
    """The image with the label map's size where the JSON states none."""
    if path is None or (image.height is not None and image.width is not None):
        return image
    height, width = index_png_hw(path)
    return replace(image, height=height, width=width)


def find_split(path: Path, split: str | None, image_folder: str) -> LabelSource | None:
    """Recognise annotations/<split>/<split>.json with the images of each split beside.

    Args:
        path: The data folder.
        split: The wanted split, or None if there is only one.
        image_folder: Name of the folder that holds the images of each split.

    Returns:
        The source: with label maps beside the JSON `part_image_net`, else `coco`.

    Raises:
        DataError: There are several splits and none is chosen.
    """
    folders = [folder for folder in sorted(path.glob("annotations/*")) if folder.is_dir()]
    if image_folder != "images":
        folders = [folder for folder in folders if (path / image_folder / folder.name).is_dir()]
    found = [file for file in map(_json_of, folders) if file is not None]
    if split is None and len(found) > 1:
        names = ", ".join(file.stem for file in found)
        raise DataError(f"Data {path} has the splits {names}. Choose one with --split.")
    for file in found:
        if split is None or file.stem in split_spellings(split):
            images_dir = path / image_folder / file.stem
            has_maps = any(_label_maps(path / "annotations" / file.stem))
            label_format = "part_image_net" if has_maps else "coco"
            return LabelSource(label_format, file, images_dir if images_dir.is_dir() else None)
    return None


def _json_of(folder: Path) -> Path | None:
    """The COCO file of a split's folder, inside it or, where it holds label maps, beside it."""
    # Only these names: the folder also holds one tiny JSON per image. Whole objects are no parts.
    if folder.name.endswith(_WHOLE) or folder.name.startswith("."):
        return None
    inside, beside = folder / f"{folder.name}.json", folder.parent / f"{folder.name}.json"
    if inside.is_file():
        return inside
    return beside if beside.is_file() and any(_label_maps(folder)) else None


def _label_maps(folder: Path) -> Iterator[Path]:
    """PNGs in a folder or, one level down, in folders of ImageNet classes."""
    for pattern in ("*.png", "n[0-9]*/*.png"):
        yield from (file for file in folder.glob(pattern) if not file.name.startswith("."))


PART_IMAGE_NET_LAYOUTS: tuple[Layout, ...] = (
    Layout(
        lambda path, split: find_split(path, split, "images"),
        "a folder with annotations/<split>/<split>.json and images/<split>/ (PartImageNet)",
    ),
)
"""How PartImageNet is recognised: PartImageNet_Seg, and PartImageNet_OOD with a folder for each
ImageNet class among the images."""
