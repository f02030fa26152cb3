"""Read LabelMe: a folder with one JSON file an image (https://github.com/wkentaro/labelme).

Coordinates are floats in pixels, written in full, so nothing is rounded. Shapes are counted from 0.
`imageData`, the image inside the JSON, is never decoded, nor is a `mask`; `flags` are not used.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from math import hypot
from pathlib import Path
from typing import Any

from wps_sam.errors import DataError
from wps_sam.images.reading import list_images
from wps_sam.labels.formats.checked_values import (
    checked_list,
    checked_name,
    checked_object,
    checked_points,
    checked_side,
    load_json,
    wrong_value,
)
from wps_sam.labels.formats.class_list import CLASS_LISTS, read_class_list, read_text
from wps_sam.labels.formats.labelme_layouts import LABEL_FOLDERS
from wps_sam.labels.formats.named_parts import (
    NO_OUTLINE,
    ROTATED,
    ROUND,
    NamedPart,
    NamedParts,
    as_annotations,
    bbox_around,
    bbox_around_ellipse,
    named_categories,
    refuse_repeated_images,
)
from wps_sam.labels.image_files import find_image
from wps_sam.labels.label_file import LabelAnnotation, LabelFile, LabelImage
from wps_sam.labels.layout import SPLIT_NAMES
from wps_sam.labels.remarks import Skip

IGNORED = frozenset({"__ignore__"})
"""LabelMe's own name for a region that is neither a part nor background."""

MASK_AS_BOX = "mask: only the box around it is used"
NOT_LABELME = "JSON file without a list of shapes, so not from LabelMe"
NOT_LABELLED = "image without a label file; save it in LabelMe if it shows no part"
TOO_FEW_POINTS = "shape with too few points"

_EXPECTED = (
    'expected a LabelMe file: {"shapes": [...], "imagePath": "a.jpg", ...}. Save it again in '
    "LabelMe, or move files that are not from LabelMe out of the folder."
)
_BOXES = ("rectangle", "rotation", "oriented_rectangle")
_LINES = ("line", "linestrip")


def open_labelme(
    path: Path, *, images_dir: Path | None = None, class_sources: Sequence[Path] = ()
) -> LabelFile:
    """Open a folder of LabelMe files.

    A polygon stays a polygon; shapes with one label and one `group_id` are pieces of one part. Of
    a rectangle, circle or mask the box is taken. A point is a part known by this point alone. Lines
    are left out. `__ignore__` marks a region that is neither learnt nor scored.

    Classes are the labels in the files, sorted by name, or those of a `classes.txt`,
    `classes.json` or LabelMe's own `labels.txt` beside the files.

    Args:
        path: The folder, which is searched with all its sub-folders, or one JSON file.
        images_dir: Folder of the images; None looks at each file's `imagePath` and beside it.
        class_sources: Other folders or files whose labels count as classes too, so that all splits
            have the same classes.

    Returns:
        One image a file, in the order of the file names. A file name is that of the image, in the
        folder where its JSON is below `path`.

    Raises:
        DataError: There is no LabelMe file, one is broken or has a value of the wrong type, two are
            about one image, or a label is not in the list of classes.
    """
    root = path if path.is_dir() else path.parent
    files, skipped = _read_folder(path)
    if not files:
        raise DataError(f"Label folder {path} has no LabelMe file; {_EXPECTED}")
    names = [(file.file_name, file.name) for file in files]
    refuse_repeated_images(path, names, "Merge the two, or remove one.")
    images = [
        LabelImage(index, file.file_name, file.height, file.width, index, file.path_hint)
        for index, file in enumerate(files)
    ]
    others = [file for source in class_sources for file in _read_folder(source)[0]]
    used = {part.label: part.record for file in (*files, *others) for part in file.found.parts}
    for file in files:
        file.found.parts.clear()  # there may be too many for memory; they are read again
    categories = named_categories(path, used, _listed_classes(root), IGNORED)
    paths = [file.path for file in files]
    has_picture = [file.has_picture for file in files]
    return LabelFile(
        path=path,
        label_format="labelme",
        images=images,
        categories=categories,
        read_annotations=partial(
            _read_annotations, root, paths, images, {c.name: c.category_id for c in categories}
        ),
        find_image=lambda image: _find_image(
            paths[_position(image)], image, images_dir, has_picture[_position(image)]
        ),
        notes=[note for file in files for note in file.found.notes],
        skipped=[
            *skipped,
            *(skip for file in files for skip in file.found.skipped),
            *(_unlabelled(images_dir or root, images) if path.is_dir() else ()),
        ],
    )


@dataclass(frozen=True)
class _File:
    """One LabelMe file: what it says of its image, and the parts."""

    path: Path
    name: str
    file_name: str
    path_hint: str
    height: int | None
    width: int | None
    has_picture: bool
    found: NamedParts = field(default_factory=NamedParts)


def _listed_classes(root: Path) -> list[str] | None:
    """The user's list of classes, None if there is none."""
    folders = [root]
    while folders[-1].name in (*SPLIT_NAMES, *LABEL_FOLDERS):
        folders.append(folders[-1].parent)
    listed = read_class_list(*folders)
    for label_list in (folder / "labels.txt" for folder in folders):
        if listed is None and label_list.is_file():
            lines = (line.strip() for line in read_text(label_list).splitlines())
            listed = list(dict.fromkeys(line for line in lines if line))
    return listed


def _position(image: LabelImage) -> int:
    """Position of an image's file; `index` changes when images are chosen, the id does not."""
    return int(image.image_id)


def _read_annotations(
    root: Path,
    paths: Sequence[Path],
    images: Sequence[LabelImage],
    category_ids: Mapping[str, int],
) -> Iterator[LabelAnnotation]:
    """Read the files again and yield their parts."""
    for path, image in zip(paths, images, strict=True):
        file = _read_file(root, path)
        if file is None:
            raise DataError(f"Label file {path} has changed since it was opened; {_EXPECTED}")
        yield from as_annotations(path, file.found.parts, image, category_ids, IGNORED)


def _read_folder(path: Path) -> tuple[list[_File], list[Skip]]:
    """Read all LabelMe files of a folder; other JSON files are counted."""
    root = path if path.is_dir() else path.parent
    files, skipped = [], []
    for json_path in _json_files(path):
        file = _read_file(root, json_path)
        if file is None:
            skipped.append(Skip(_name(root, json_path), NOT_LABELME))
        else:
            files.append(file)
    return files, skipped


def _json_files(path: Path) -> list[Path]:
    """The JSON files of a folder and its sub-folders, without hidden files and lists of classes."""
    if not path.is_dir():
        return [path]
    return [
        file
        for file in sorted(path.rglob("*.[jJ][sS][oO][nN]"))
        if file.name not in CLASS_LISTS
        and not any(
            part.startswith(".") or part == "__MACOSX" for part in file.relative_to(path).parts
        )
    ]


def _name(root: Path, path: Path) -> str:
    """Name of a label file for messages and records."""
    return path.relative_to(root).as_posix()


def _read_file(root: Path, path: Path) -> _File | None:
    """Read one file; None if it is JSON, but not from LabelMe."""
    content = load_json(path, _EXPECTED)
    if not isinstance(content, dict) or "shapes" not in content:
        return None
    name = _name(root, path)
    image_path = checked_name(path, name, "imagePath", content.get("imagePath"))
    image_path = image_path.replace("\\", "/")
    base = image_path.rsplit("/", 1)[-1]
    if base in ("", ".", ".."):
        raise wrong_value(path, name, "imagePath", image_path, "the name of an image file")
    height, width = (
        None if content.get(key) is None else checked_side(path, name, key, content[key])
        for key in ("imageHeight", "imageWidth")
    )
    file = _File(
        path=path,
        name=name,
        file_name=Path(name).with_name(base).as_posix(),
        path_hint=image_path,
        height=height,
        width=width,
        has_picture=bool(content.get("imageData")),
    )
    for number, shape in enumerate(checked_list(path, name, "shapes", content["shapes"])):
        _add_shape(path, f"shape {number} of {name}", shape, file.found)
    file.found.join_groups()
    return file


def _add_shape(path: Path, record: str, value: Any, found: NamedParts) -> None:
    """Turn a shape into a part, or count why not."""
    shape = checked_object(path, record, value)
    label = checked_name(path, record, "label", shape.get("label"))
    # Versions before 3.4 had only polygons and named no type.
    kind = checked_name(path, record, "shape_type", shape.get("shape_type") or "polygon")
    points = checked_points(path, record, "points", shape.get("points"))
    group = shape.get("group_id")
    if isinstance(group, dict | list):
        raise wrong_value(path, record, "group_id", group, "a number, text or null")
    part = NamedPart(record, label, group=group)
    if kind in _LINES:
        found.skip(record, NO_OUTLINE)
    elif kind not in ("polygon", "point", "circle", "mask", *_BOXES):
        found.skip(record, f"shape_type {kind[:40]!r} is not read")
    elif len(points) < (1 if kind in ("polygon", "point") else 2):
        found.skip(record, TOO_FEW_POINTS)
    elif kind == "polygon":
        polygon = [number for point in points for number in point]
        found.parts.append(part._replace(segmentation=[polygon]))
    elif kind == "point":
        found.parts.append(part._replace(points=points))
    else:
        bbox, remark = _bbox(kind, points)
        if remark:
            found.note(record, remark)
        found.parts.append(part._replace(bbox=bbox))


def _bbox(kind: str, points: list[list[float]]) -> tuple[list[float], str]:
    """Box of a rectangle, circle or mask, and what was changed."""
    if kind == "circle":
        (x, y), (edge_x, edge_y) = points[:2]
        radius = hypot(edge_x - x, edge_y - y)
        return bbox_around_ellipse((x, y), (radius, radius), 0), ROUND
    left, top, width, height = bbox_around(points)
    if kind == "mask":
        # Its two points are the first and the last pixel, both inside.
        return [left, top, width + 1, height + 1], MASK_AS_BOX
    is_upright = all(x in (left, left + width) and y in (top, top + height) for x, y in points)
    return [left, top, width, height], "" if is_upright or len(points) == 2 else ROTATED


def _find_image(path: Path, image: LabelImage, images_dir: Path | None, has_picture: bool) -> Path:
    """Find an image's file; where it is missing, say if the label file holds a copy."""
    if images_dir is not None:
        # imagePath starts from the label file, so below another folder the name tells more.
        with suppress(DataError):
            return find_image(path, replace(image, path_hint=None), images_dir)
    try:
        return find_image(path, image, images_dir)
    except DataError as error:
        if not has_picture:
            raise
        raise DataError(
            f"{error} A copy of the image is inside the label file (imageData), which is not "
            "read: labelme_export_json writes it out as img.png."
        ) from error


def _unlabelled(folder: Path, images: Sequence[LabelImage]) -> list[Skip]:
    """Images of a folder that no label file is about: nobody has said what is on them."""
    labelled = {image.file_name.rsplit("/", 1)[-1] for image in images}
    try:
        present = list_images([folder])
    except DataError:  # a folder without images; they are elsewhere
        return []
    return [
        Skip(image.name, NOT_LABELLED)
        for image in present
        if image.name.rsplit("/", 1)[-1] not in labelled
    ]
