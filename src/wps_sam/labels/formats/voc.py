"""Read Pascal VOC XML: one file an image, a box an object, and parts inside objects.

Edges of the VOC challenge count pixels from 1 and include the last one, so that xmin 1 and xmax 10
is a box of ten pixels from 0 to 10 (VOC2012 development kit, section 4.2: "the top-left pixel in
the image has coordinates (1, 1)"). Tools such as CVAT and Roboflow write edges counted from 0. The
files do not say which it is; a wrong guess moves the left and top edge by one pixel. The format
holds whole pixels in most tools, so that an edge is off by up to half a pixel, or one where a tool
cuts off the decimals.
"""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Sequence, Set
from pathlib import Path, PurePosixPath

from wps_sam.errors import DataError
from wps_sam.images.reading import list_images
from wps_sam.labels.formats.class_list import read_class_list, read_text
from wps_sam.labels.formats.named_parts import named_categories, refuse_repeated_images
from wps_sam.labels.formats.voc_xml import VocBox, VocFile, read_voc_file
from wps_sam.labels.label_file import LabelAnnotation, LabelCategory, LabelFile, LabelImage
from wps_sam.labels.remarks import Note, Skip

NO_IMAGE = "label file without image"
NO_LABELS = "image without a label file; save it in the labelling tool if it shows no part"
WHOLE = "whole object, not a part: objects of these labels have parts inside"
OTHER_NAME = "names another image; the one with the label file's own name was used"
ONE_BASED = "count pixels from 1, because <database> names VOC: left and top are moved by one"
ZERO_BASED = "are taken as counted from 0, because <database> does not name VOC"
NOT_ONE_BASED = "are taken as counted from 0, because an edge is below 1 although <database> is VOC"
SHARED_NAME = "is a part of several kinds of objects, so the object's name was put before it"
MARKED = {mark: f"is marked {mark} and used like any other" for mark in ("difficult", "truncated")}

_TREE = "annotations"  # the folder beside JPEGImages, in lower case


def open_voc(
    path: Path,
    *,
    images_dir: Path | None = None,
    image_set: str | Path | None = None,
    names_from: str | Path | None = None,
    one_based: bool | None = None,
) -> LabelFile:
    """Open a folder of Pascal VOC XML files.

    If an object of any file has `<part>` elements, these are the parts and the objects themselves
    are skipped; otherwise each object is a part. All files are read at once.

    Args:
        path: Folder of the XML files, searched with its sub-folders.
        images_dir: Folder of the images; None takes `JPEGImages` or `images` beside the folder if
            it is called `Annotations`, else the folder itself.
        image_set: Text file that lists the images to read, one name without ending a line; None
            reads all.
        names_from: Folder whose XML files give the classes, so that splits agree; None: `path`.
        one_based: Whether edges count pixels from 1, both inclusive; None decides by each file's
            `<source><database>`: if it names VOC, and no edge of such a file is below 1.

    Returns:
        The images with an XML file; ids count from 0, file names are relative to the image folder.
        Classes are numbered from 0: as in a classes.txt or classes.json beside the XML files or
        above them, else by name. Other images and XML files without image are skipped.

    Raises:
        DataError: A file is unsound (see `voc_xml.read_voc_file`); there is no XML file, no image
            or no object; two XML files belong to one image, or two images fit one XML file; the
            image set names something that does not exist.
    """
    root = path if names_from is None else Path(names_from)
    if not path.is_relative_to(root):
        raise DataError(
            f"Label folder {path} is not inside {root}, which was to give the class names. Name a "
            "folder above it."
        )
    everything = [read_voc_file(file, _name(root, file)) for file in _xml_files(root)]
    has_parts = any(box.owner is not None for file in everything for box in file.boxes)
    categories, ids, renaming = _categories(path, root, everything, has_parts)
    listed = None if image_set is None else _stems(Path(image_set))
    images_dir = _usual_images(path) if images_dir is None else images_dir
    images, files, skipped, notes = _match(path, images_dir, everything, listed)
    shifted, counting = _one_based(path, files, one_based)
    used = [
        (image, box, file.path in shifted)
        for image, file in zip(images, files, strict=True)
        for box in file.boxes
        if not has_parts or box.owner is not None
    ]
    wholes = [
        Skip(box.record, WHOLE, on_purpose=True)
        for file in files
        for box in file.boxes
        if has_parts and box.owner is None
    ]
    marked = [Note(box.record, MARKED[mark]) for _, box, _ in used for mark in box.marks]
    path_of = {image.file_name: images_dir / image.file_name for image in images}
    return LabelFile(
        path=path,
        label_format="voc",
        images=images,
        categories=categories,
        read_annotations=lambda: (
            _annotation(image, box, ids[_key(box)], moved) for image, box, moved in used
        ),
        find_image=lambda image: path_of[image.file_name],
        notes=[*renaming, *notes, *counting, *marked],
        skipped=[*skipped, *wholes],
    )


def _annotation(
    image: LabelImage, box: VocBox, category_id: int, is_one_based: bool
) -> LabelAnnotation:
    """A box in continuous coordinates."""
    left, top, right, bottom = box.edges or (0.0, 0.0, 0.0, 0.0)
    if is_one_based:
        left, top = left - 1, top - 1
    return LabelAnnotation(
        record=box.record,
        image=image,
        category_id=category_id,
        bbox=[left, top, right - left, bottom - top],
    )


def _xml_files(folder: Path) -> list[Path]:
    """XML files of a folder, sorted; DataError if there is none."""
    files = list[Path]()
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not _is_junk(name)]
        files += [Path(parent, n) for n in names if n.lower().endswith(".xml") and not _is_junk(n)]
    if not files:
        raise DataError(
            f"Label folder {folder} has no XML file; expected a Pascal VOC file for each image. "
            "Name the folder that holds them, such as Annotations."
        )
    return sorted(files)


def _is_junk(name: str) -> bool:
    """Whether a file or folder name is hidden or left behind by an archiver."""
    return name.startswith(".") or name == "__MACOSX"


def _name(root: Path, file: Path) -> str:
    """A file's path relative to a folder above it."""
    return file.relative_to(root).as_posix()


def _usual_images(path: Path) -> Path:
    """The image folder that belongs to a folder of XML files."""
    if path.name.lower() == _TREE:
        for name in ("JPEGImages", "images"):
            if (path.parent / name).is_dir():
                return path.parent / name
    return path


def _key(box: VocBox) -> tuple[str, str]:
    """What tells classes apart: the head of a person is another class than that of a dog."""
    return box.owner or "", box.name


def _categories(
    path: Path, root: Path, files: Sequence[VocFile], has_parts: bool
) -> tuple[list[LabelCategory], dict[tuple[str, str], int], list[Note]]:
    """The classes, their ids by owner and name, and which of them were renamed."""
    records: dict[tuple[str, str], str] = {}
    for file in files:
        for box in file.boxes:
            if not has_parts or box.owner is not None:
                records.setdefault(_key(box), box.record)
    owners = Counter(name for _, name in records)
    names = {
        (owner, name): f"{owner} {name}" if owners[name] > 1 else name for owner, name in records
    }
    used = {names[key]: record for key, record in records.items()}
    folders = [path, root]
    if path.name.lower() == _TREE:
        folders.append(path.parent)
    numbered = named_categories(path, used, read_class_list(*folders))
    id_of = {category.name: category.category_id for category in numbered}
    owner_of = {names[owner, name]: owner for owner, name in records}
    categories = [c._replace(supercategory=owner_of.get(c.name, "")) for c in numbered]
    notes = [
        Note(f"class {name!r} of {owner!r}", SHARED_NAME)
        for owner, name in sorted(records)
        if owners[name] > 1
    ]
    return categories, {key: id_of[name] for key, name in names.items()}, notes


def _one_based(
    path: Path, files: Sequence[VocFile], stated: bool | None
) -> tuple[set[Path], list[Note]]:
    """Files whose edges count from 1, and why."""
    if stated is not None:
        return {file.path for file in files if stated}, []
    voc = [file for file in files if "VOC" in file.database.upper()]
    others = len(files) - len(voc)
    lowest = [min(box.edges[:2]) for file in voc for box in file.boxes if box.edges]
    is_contradicted = any(edge < 1 for edge in lowest)
    groups = ((len(voc), NOT_ONE_BASED if is_contradicted else ONE_BASED), (others, ZERO_BASED))
    notes = [Note(f"edges in {n} files of {path.name}", text) for n, text in groups if n]
    return set() if is_contradicted else {file.path for file in voc}, notes


def _stems(image_set: Path) -> list[str]:
    """Lines of an image set; some sets have 1, 0 or -1 behind the name."""
    lines = [line.strip() for line in read_text(image_set).splitlines()]
    names = [re.sub(r"\s+(-1|0|1)$", "", line) for line in lines if line]
    if not names:
        raise DataError(f"Image set {image_set} is empty; expected the name of an image a line.")
    return list(dict.fromkeys(names))


def _match(
    path: Path, images_dir: Path, everything: Sequence[VocFile], listed: Sequence[str] | None
) -> tuple[list[LabelImage], list[VocFile], list[Skip], list[Note]]:
    """Put images and XML files together; what has no partner is told."""
    names = [image.name for image in list_images([images_dir])]
    stems = [(_stem(_name(path, f.path)), f) for f in everything if f.path.is_relative_to(path)]
    if listed is not None:
        _refuse_unknown(path, listed, {stem for stem, _ in stems} | set(map(_stem, names)))
        chosen = set(listed)
        names = [name for name in names if _stem(name) in chosen]
        stems = [(stem, file) for stem, file in stems if stem in chosen]
    lookup = _ImageLookup(names)
    pairs, skipped, notes = list[tuple[str, VocFile]](), list[Skip](), list[Note]()
    for stem, file in stems:
        name = lookup.find(stem, file)
        if name is None:
            skipped.append(Skip(_name(path, file.path), NO_IMAGE))
            continue
        pairs.append((name, file))
        if file.filename and _stem(name) not in (file.filename, _stem(file.filename)):
            same = PurePosixPath(_stem(name)).name == PurePosixPath(_stem(file.filename)).name
            notes += [] if same else [Note(_name(path, file.path), OTHER_NAME)]
    if not pairs:
        raise DataError(
            f"Label folder {path}: none of its {len(stems)} XML files belongs to one of the "
            f"{len(names)} images in {images_dir}. Name the right folder with --images."
        )
    records = [(name, _name(path, file.path)) for name, file in pairs]
    refuse_repeated_images(path, records, "Remove one, or correct its name.")
    labelled = {name for name, _ in pairs}
    skipped += [Skip(name, NO_LABELS) for name in names if name not in labelled]
    pairs.sort(key=lambda pair: pair[0])
    images = [LabelImage(i, n, f.height, f.width, i) for i, (n, f) in enumerate(pairs)]
    return images, [file for _, file in pairs], skipped, notes


def _stem(name: str) -> str:
    """A file's path without its ending."""
    return name.rsplit(".", 1)[0] if "." in PurePosixPath(name).name else name


def _refuse_unknown(path: Path, listed: Sequence[str], known: Set[str]) -> None:
    """Raise DataError if an image set names something without XML file and image."""
    unknown = [stem for stem in listed if stem not in known]
    if unknown:
        raise DataError(
            f"Label folder {path}: the image set names {unknown[0][:80]!r}, which has neither an "
            f"XML file nor an image ({len(unknown)} of {len(listed)} lines). Add the files, or "
            "take the lines out."
        )


class _ImageLookup:
    """The images of a folder, by the names that XML files have for them."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = set(names)
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        for name in names:
            self._by_stem[_stem(name)].append(name)

    def find(self, stem: str, file: VocFile) -> str | None:
        """Name of the image with the XML file's own name, else the one it names; None if neither
        is there. The file name is the surer sign: `<filename>` goes stale when files are renamed.
        """
        base = PurePosixPath(file.filename).name
        found = self._by_stem.get(stem, [])
        if not found:
            beside = (PurePosixPath(stem).parent / base).as_posix()
            found = [name for name in (file.filename, beside, base) if name in self._names][:1]
        if not found:
            found = self._by_stem.get(file.filename, [])
        if len(found) > 1:
            found = [name for name in found if PurePosixPath(name).name == base] or found
        if len(found) > 1:
            raise DataError(
                f"Label file {file.path}: both {found[0]} and {found[1]} have its name, and its "
                "<filename> says neither. Remove one of them, or correct <filename>."
            )
        return found[0] if found else None
