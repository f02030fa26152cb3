"""Read label maps: a folder of PNGs, one an image, whose pixels are class numbers.

Each connected piece of a class is one part. Only boxes are taken from the pixels here.
"""

import json
import reprlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from wps_sam.errors import ConfigError, DataError
from wps_sam.images.index_png import index_png_hw
from wps_sam.images.reading import ImageFile, list_images
from wps_sam.labels.categories import BACKGROUND_NAMES, with_unique_names
from wps_sam.labels.formats.class_list import CLASS_LISTS, read_class_list, read_text
from wps_sam.labels.formats.map_pieces import MapValues, check_map_size, map_annotations
from wps_sam.labels.label_file import LabelAnnotation, LabelCategory, LabelFile, LabelImage
from wps_sam.labels.layout import (
    SPLIT_NAMES,
    LabelSource,
    Layout,
    first_files,
    split_spellings,
)
from wps_sam.labels.remarks import Note, Skip

NO_MAP = "image without a label map, so nothing is known about its parts"

_IMAGE_FOLDERS = ("images", "JPEGImages")
_MAP_FOLDERS = ("semantic", "label_maps", "masks", "labels", "annotations")
_LARGEST_VALUE = 65535  # of a PNG with 16 bits
_MOST_DIGITS = 20
_OV_PARTS_FOLDER = "annotations_detectron2_part"
_REMEDY = (
    'Name it in classes.json beside the maps ({"1": "wheel"}), or set names, background or '
    "ignore in dataset.yaml."
)


def open_label_map(
    path: Path,
    *,
    images_dir: Path | None = None,
    background: int | None = 0,
    ignore: Sequence[int] = (),
    names: Mapping[Any, Any] | Sequence[Any] | None = None,
    per_class: bool = False,
) -> LabelFile:
    """Open a folder of label maps.

    A map belongs to the image with the same path but for the ending. Category ids are the values.
    A list of names stands for the values 0, 1, 2, ... in order, leaving out background and ignored
    ones: with background 0, as `wps-sam predict` writes, value k is the k-th name. If one of the
    names itself stands for background (`_background_`), nothing is left out and its value is the
    background instead.

    Args:
        path: The folder of PNGs; sub-folders are searched.
        images_dir: Folder of the images; None takes `images` or `JPEGImages` beside the maps, else
            the maps' own folder.
        background: Value of pixels that are no part; None if there is none.
        ignore: Values of pixels that are neither learnt nor scored.
        names: Class names, by value or in order; None reads classes.json or classes.txt from the
            folder or one of the two above it.
        per_class: One part for all pixels of a class, instead of one for each connected piece.

    Returns:
        Images that have a map; the others are in `skipped`. Maps are decoded when annotations are
        asked for.

    Raises:
        DataError: No map or image is there, a map has no image, several, or one of another size,
            or the classes cannot be read. Going through the annotations: a map is damaged or has a
            value without a name.
        ConfigError: A setting is unsound.
    """
    values, notes = _map_values(path, names, background, ignore)
    folder = images_dir or _images_beside(path)
    pairs, skipped = _pair(path, folder)
    categories = [LabelCategory(value, name) for value, name in values.names.items()]
    categories, _ = with_unique_names(path, categories)
    images = []
    for index, (image, png) in enumerate(pairs):
        hw = index_png_hw(png)
        check_map_size(png, hw, image.path)
        images.append(LabelImage(index, image.name, *hw, index))
    map_of = {image.name: png for image, png in pairs}
    path_of = {image.name: image.path for image, _ in pairs}

    def read_annotations() -> Iterator[LabelAnnotation]:
        for image in images:
            yield from map_annotations(map_of[image.file_name], image, values, per_class=per_class)

    return LabelFile(
        path=path,
        label_format="label_map",
        images=images,
        categories=categories,
        read_annotations=read_annotations,
        find_image=lambda image: path_of[image.file_name],
        notes=notes,
        skipped=skipped,
    )


def _pair(path: Path, images_dir: Path) -> tuple[list[tuple[ImageFile, Path]], list[Skip]]:
    """Each image with its map, in the images' order; images without one are left out."""
    maps = {_stem(file.name): file.path for file in _list(path) if _is_png(file.name)}
    images: dict[str, ImageFile] = {}
    for file in _list(images_dir):
        if images_dir == path and _is_png(file.name):
            continue
        other = images.setdefault(_stem(file.name), file)
        if other is not file:
            raise DataError(
                f"Label maps {path}: the images {other.name} and {file.name} would share one map. "
                "Rename one of them and its map."
            )
    if not maps:
        raise DataError(f"Label maps {path}: no PNG is there. Name the folder of the maps.")
    missing = sorted(maps.keys() - images.keys())
    if missing:
        raise DataError(
            f"Label maps {path}: {len(missing)} of {len(maps)} maps have no image, such as "
            f"{missing[0]}.png; looked for {missing[0]} with any image ending in {images_dir}. "
            "Put the images there, name their folder with --images, or take the maps out."
        )
    pairs = [(file, maps[stem]) for stem, file in images.items() if stem in maps]
    return pairs, [
        Skip(f"image {f.name}", NO_MAP) for stem, f in images.items() if stem not in maps
    ]


def _list(folder: Path) -> list[ImageFile]:
    if not folder.is_dir():
        raise DataError(
            f"Label maps: {folder} is no folder; expected one with a PNG or image for each "
            "photograph. Check the spelling."
        )
    return list_images([folder])


def _stem(name: str) -> str:
    return PurePosixPath(name).with_suffix("").as_posix()


def _is_png(name: str) -> bool:
    return name.lower().endswith(".png")


def _images_beside(path: Path) -> Path:
    """Folder of the images of labels/ or labels/<split>/."""
    for name in _IMAGE_FOLDERS:
        for folder in (path.parent / name, path.parent.parent / name / path.name):
            if folder.is_dir() and folder != path:
                return folder
    return path


def _map_values(
    path: Path,
    names: Mapping[Any, Any] | Sequence[Any] | None,
    background: int | None,
    ignore: Sequence[int],
) -> tuple[MapValues, list[Note]]:
    """What the values mean, from the settings and the class file."""
    if not isinstance(ignore, Sequence) or isinstance(ignore, str):
        raise ConfigError(f"ignore is {ignore!r}; expected a list of values, such as [255].")
    no_part = set() if background is None else {_value("background", background)}
    ignored = {_value("ignore", value) for value in ignore}
    if names is not None:
        named, no_part = _named_values("names", names, no_part, ignored)
    else:
        file, content = _read_class_file(path)
        try:
            named, no_part = _named_values(f"Class file {file}", content, no_part, ignored)
        except ConfigError as error:
            raise DataError(str(error)) from error
    notes = [
        Note(f"value {value} {named[value]!r}", "stands for background and becomes no class")
        for value in sorted(no_part & named.keys())
    ]
    parts = {v: name for v, name in sorted(named.items()) if v not in no_part | ignored}
    return MapValues(parts, frozenset(no_part), frozenset(ignored), _REMEDY), notes


def _named_values(
    source: str, names: Any, no_part: set[int], ignored: set[int]
) -> tuple[dict[int, str], set[int]]:
    """Name by value, and which values are background."""
    if isinstance(names, Mapping):
        named = _by_value(source, names)
    elif isinstance(names, Sequence) and not isinstance(names, str):
        listed = [_name(source, name) for name in names]
        left_out = set() if any(map(_is_background, listed)) else no_part | ignored
        free = (v for v in range(len(listed) + len(left_out)) if v not in left_out)
        named = dict(zip(free, listed, strict=False))
    else:
        raise ConfigError(f"{source} is {str(names)[:60]!r}; expected a list of names.")
    no_part = {v for v, name in named.items() if _is_background(name)} or no_part
    for value in no_part & named.keys():
        if not _is_background(named[value]):
            raise ConfigError(
                f"{source} calls value {value} {named[value]!r}, but {value} is also set to be the "
                "background. If every value is a part, set background: null."
            )
    if not named.keys() - no_part - ignored:
        raise ConfigError(f"{source} names no part. Name at least one value.")
    return named, no_part


def _by_value(source: str, names: Mapping[Any, Any]) -> dict[int, str]:
    """Names by value; ConfigError if a value is there in two spellings, such as "1" and "01"."""
    named: dict[int, str] = {}
    for key, given in names.items():
        value, name = _value(source, key), _name(source, given)
        if value in named:
            raise ConfigError(
                f"{source} names value {value} twice: {named[value]!r} and {name!r}. Remove one."
            )
        named[value] = name
    return named


def _is_background(name: str) -> bool:
    return name.lower() in BACKGROUND_NAMES


def _value(what: str, value: Any) -> int:
    """A pixel value; JSON and YAML keys may be text."""
    digits = value.strip() if isinstance(value, str) else ""
    # Python itself refuses to turn thousands of digits into a number.
    number = int(digits) if digits.isdecimal() and len(digits) <= _MOST_DIGITS else value
    if type(number) is not int or not 0 <= number <= _LARGEST_VALUE:
        raise ConfigError(
            f"{what} has the value {reprlib.repr(value)}; expected a whole number from 0 to "
            f"{_LARGEST_VALUE}."
        )
    return number


def _name(what: str, name: Any) -> str:
    if not isinstance(name, str) or not name.strip():
        raise ConfigError(f"{what} has the name {name!r}; expected a word.")
    return name.strip()


def _read_class_file(path: Path) -> tuple[str, Any]:
    """The nearest class file and what it holds: names by value, or a list of names."""
    folders = (path, path.parent, path.parent.parent)
    for folder in folders:
        file = folder / "classes.json"
        content = _read_json(file) if file.is_file() else None
        if content is not None and not isinstance(content, list):
            return str(file), content
        listed = read_class_list(folder)
        if listed is not None:
            return f"in {folder}", listed
    raise DataError(
        f"Label maps {path}: what the values mean is not said; looked for "
        f"{' and '.join(CLASS_LISTS)} in {', '.join(map(str, folders))}. Write one name a line "
        "into classes.txt, for the values 1, 2, 3, ... (0 is background), or set names in "
        "dataset.yaml."
    )


def _read_json(path: Path) -> Any:
    """The content of a class file; DataError if it is broken or has a key twice."""

    def as_mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        for key, count in Counter(key for key, _ in pairs).items():
            if count > 1:
                raise DataError(
                    f"Class file {path} has the key {key[:40]!r} {count} times; each value has one "
                    "name. Remove all but one."
                )
        return dict(pairs)

    try:
        return json.loads(read_text(path), object_pairs_hook=as_mapping)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"Class file {path} cannot be read: {error}. Write a list of names in UTF-8."
        ) from error


def _map_folder(path: Path, split: str | None) -> LabelSource | None:
    """images/ and a folder of label maps beside, with a class file."""
    if not path.is_dir() or not _has_class_file(path):
        return None
    for name in _MAP_FOLDERS:
        source = _source(path, name, split, {})
        if source is not None:
            return source
    return None


def _ov_parts(path: Path, split: str | None) -> LabelSource | None:
    """The sets of OV-PARTS: PascalPart116 (8 bits, 255 ignored), ADE20KPart234 (16, 65535)."""
    bits = _index_bits(path / _OV_PARTS_FOLDER)
    ignored = 65535 if bits == 16 else 255
    return _source(path, _OV_PARTS_FOLDER, split, {"background": None, "ignore": [ignored]})


def _source(
    path: Path, name: str, split: str | None, settings: dict[str, Any]
) -> LabelSource | None:
    """The maps in a folder or in its split's folder, if one of the first PNGs has one channel."""
    folder = _folder_of_split(path, path / name, split)
    if folder is None or not _index_bits(folder):
        return None
    is_split = folder != path / name
    where = [path / images / folder.name for images in _IMAGE_FOLDERS] if is_split else []
    where += [path / images for images in _IMAGE_FOLDERS]
    images_dir = next((candidate for candidate in where if candidate.is_dir()), None)
    return LabelSource("label_map", folder, images_dir, settings)


def _folder_of_split(path: Path, folder: Path, split: str | None) -> Path | None:
    """The split's folder in a folder of maps; the folder itself where it is not divided.

    Sub-folders that are not named like a split are part of the images' names.
    """
    has_own = bool(first_files(folder, ".png"))
    splits = [] if has_own else [f for f in _folders(folder) if first_files(f, ".png", below=True)]
    if split is not None:
        by_name = {child.name: child for child in splits}
        return next((by_name[name] for name in split_spellings(split) if name in by_name), None)
    if not splits or not all(child.name.lower() in SPLIT_NAMES for child in splits):
        return folder
    if len(splits) > 1:
        names = ", ".join(child.name for child in splits)
        raise DataError(f"Data {path} has the splits {names}. Choose one with --split.")
    return splits[0]


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    found = (child for child in folder.iterdir() if child.is_dir())
    return sorted(child for child in found if not child.name.startswith((".", "__MACOSX")))


def _index_bits(folder: Path) -> int:
    """Bits a pixel of the first label map in a folder or below; 0 if there is none."""
    found = map(_bits, first_files(folder, ".png", below=True))
    return next((bits for bits in found if bits), 0)


def _bits(png: Path) -> int:
    """Bits a pixel by the PNG's header; 0 if it has colours or is no PNG."""
    try:
        with png.open("rb") as file:
            head = file.read(26)
    except OSError:
        return 0
    # Signature, length and name of IHDR, width, height, bits, colour type (0 grey, 3 palette).
    is_index = head[:8] == b"\x89PNG\r\n\x1a\n" and len(head) == 26 and head[25] in (0, 3)
    return head[24] if is_index else 0


def _has_class_file(path: Path) -> bool:
    return any((path / name).is_file() for name in CLASS_LISTS)


LABEL_MAP_LAYOUTS: tuple[Layout, ...] = (
    Layout(
        _map_folder,
        "label maps: a folder with images/, classes.json or classes.txt, and PNGs in semantic/, "
        "label_maps/, masks/, labels/ or annotations/ (or in their <split>/)",
    ),
    Layout(
        _ov_parts,
        f"a folder with {_OV_PARTS_FOLDER}/<split>/*.png and images/<split>/ (PascalPart116, "
        "ADE20KPart234)",
    ),
)
"""How folders of label maps are recognised."""
