"""Read Label Studio: its JSON export, a list of tasks (https://labelstud.io/guide/export).

Coordinates are percent of the image's width and height; what is rounded is up to who wrote them
(Label Studio itself writes them in full). Results are counted from 0 within their annotation.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from wps_sam.errors import DataError
from wps_sam.images.reading import IMAGE_SUFFIXES, image_size
from wps_sam.labels.formats.checked_values import (
    checked_list,
    checked_object,
    load_json,
    wrong_value,
)
from wps_sam.labels.formats.class_list import read_class_list
from wps_sam.labels.formats.coco import refuse_repeated_ids
from wps_sam.labels.formats.label_studio_config import read_label_config
from wps_sam.labels.formats.label_studio_results import image_hw, read_results
from wps_sam.labels.formats.named_parts import (
    NamedParts,
    as_annotations,
    named_categories,
    refuse_repeated_images,
)
from wps_sam.labels.image_files import find_image
from wps_sam.labels.label_file import LabelAnnotation, LabelFile, LabelImage
from wps_sam.labels.layout import (
    SPLIT_NAMES,
    LabelSource,
    Layout,
    first_files,
    split_spellings,
)

CANCELLED = "annotation that was skipped (cancelled) by the annotator"
ANOTHER = "further annotation of the task; the first one is used"
NOT_ANNOTATED = "task without an annotation, so nobody has said what is on its image"
PREDICTION = "predictions are no labels"

_EXPECTED = (
    'expected a Label Studio export: [{"data": {"image": ...}, "annotations": [...]}, ...]. Export '
    'the project as "JSON".'
)
_ANY_SIZE = (100, 100)
"""Stands in where only the labels of regions matter, so that no image has to be opened."""

_HEAD_BYTES = 4096
_TASK_KEYS = (b'"annotations"', b'"predictions"', b'"completions"', b'"annotation_id"')
_BLANK = b"\xef\xbb\xbf \t\r\n"
_UPLOAD_PREFIX = re.compile(r"[0-9a-f]{8}-(?=.)")


def open_label_studio(
    path: Path, *, images_dir: Path | None = None, class_sources: Sequence[Path] = ()
) -> LabelFile:
    """Open a Label Studio export.

    Of each task the first annotation counts that is not cancelled; tasks without one are left out.
    Rectangles and polygons are parts, a keypoint is a part known by this point alone; of an ellipse
    or a rotated rectangle the upright box around it is taken. Brush masks are left out: they have
    no box. A region with several labels is a part of each.

    Classes are the labels of the regions, sorted by name, or those of a `classes.txt`,
    `classes.json` or `label_config.xml` (the labelling interface) beside the file.

    Args:
        path: The JSON file.
        images_dir: Folder of the images; None looks in the usual places around the file.
        class_sources: Other exports whose labels count as classes too, so that all splits have the
            same classes.

    Returns:
        One image a task, in the file's order. File names are paths below the folder that all
        images have in common; where such a file is missing, but there is one without the prefix
        that Label Studio gives to uploads (`abcd1234-a.jpg`), its name is that of the file found.

    Raises:
        DataError: The file is missing, no JSON or another export than JSON; no task has an
            annotation; a task has no or several images; a value is missing or of the wrong type;
            two tasks are about one image.
    """
    remarks = NamedParts()
    tasks = _tasks(path, remarks)
    images = _label_images(path, tasks, images_dir)
    used: dict[str, str] = {}
    for task in tasks:
        found = read_results(path, task.record, task.results, task.hw or _ANY_SIZE)
        remarks.skipped += found.skipped
        remarks.notes += found.notes
        used.update((part.label, part.record) for part in found.parts)
    for source in class_sources:
        for task in _tasks(source, NamedParts()):
            found = read_results(source, task.record, task.results, task.hw or _ANY_SIZE)
            used.update((part.label, part.record) for part in found.parts)
    listed = read_class_list(path.parent)
    if listed is None:
        listed = read_label_config(path.parent)
    categories = named_categories(path, used, listed)
    category_ids = {category.name: category.category_id for category in categories}

    def locate(image: LabelImage) -> Path:
        return find_image(path, image, images_dir)

    return LabelFile(
        path=path,
        label_format="label_studio",
        images=images,
        categories=categories,
        read_annotations=partial(_read_annotations, path, images, category_ids, locate),
        find_image=locate,
        notes=remarks.notes,
        skipped=remarks.skipped,
    )


class _Task(NamedTuple):
    """An annotated task.

    Attributes:
        record: How messages name it.
        task_id: The file's own, None if it has none.
        image_path: Path of its image as the file has it, without a leading slash.
        results: Of the annotation that is used.
        hw: (height, width) of its image in pixels, None if the results do not say.
    """

    record: str
    task_id: int | str | None
    image_path: str
    results: list[Any]
    hw: tuple[int, int] | None


def _read_annotations(
    path: Path,
    images: Sequence[LabelImage],
    category_ids: Mapping[str, int],
    locate: Callable[[LabelImage], Path],
) -> Iterator[LabelAnnotation]:
    """Read the file again and yield its parts."""
    tasks = _tasks(path, NamedParts())
    if len(tasks) != len(images):
        raise DataError(
            f"Label file {path} has changed since it was opened: {len(tasks)} tasks instead of "
            f"{len(images)}. Open it again."
        )
    for task, image in zip(tasks, images, strict=True):
        hw = task.hw or image_size(locate(image))
        found = read_results(path, task.record, task.results, hw)
        yield from as_annotations(path, found.parts, image, category_ids)


def _tasks(path: Path, remarks: NamedParts) -> list[_Task]:
    """The annotated tasks of a file; what is left out is counted in `remarks`."""
    content = load_json(path, _EXPECTED)
    if not isinstance(content, list):
        raise DataError(f"Label file {path} holds a JSON {type(content).__name__}; {_EXPECTED}")
    tasks = []
    for position, value in enumerate(content):
        task = checked_object(path, f"task at position {position}", value)
        task_id = task.get("id")
        if task_id is not None and type(task_id) not in (int, str):
            expected = "a whole number or text"
            raise wrong_value(path, f"task at position {position}", "id", task_id, expected)
        record = f"task {position if task_id is None else task_id}"
        image_path = _image_path(path, record, task)
        record = f"{record} ({PurePosixPath(image_path).name})"
        results = _chosen_results(path, record, task, remarks)
        if results is not None:
            hw = image_hw(path, record, results)
            tasks.append(_Task(record, task_id, image_path, results, hw))
    if not tasks:
        hint = " Predictions are no labels: accept them in Label Studio first."
        has_predictions = any(skip.reason == PREDICTION for skip in remarks.skipped)
        raise DataError(
            f"Label file {path}: none of its {len(content)} tasks has an annotation; {_EXPECTED}"
            + (hint if has_predictions else "")
        )
    return tasks


def _chosen_results(
    path: Path, record: str, task: Mapping[str, Any], remarks: NamedParts
) -> list[Any] | None:
    """Results of a task's first annotation that is not cancelled, None without one."""
    if "annotations" not in task and "predictions" not in task:
        raise _another_export(path, record, task)
    predictions = checked_list(path, record, "predictions", task.get("predictions") or [])
    for number in range(len(predictions)):
        remarks.skip(f"prediction {number} of {record}", PREDICTION)
    chosen = None
    annotations = checked_list(path, record, "annotations", task.get("annotations") or [])
    for number, value in enumerate(annotations):
        name = f"annotation {number} of {record}"
        annotation = checked_object(path, name, value)
        if annotation.get("was_cancelled"):
            remarks.skip(name, CANCELLED)
        elif chosen is not None:
            remarks.skip(name, ANOTHER)
        else:
            chosen = checked_list(path, name, "result", annotation.get("result"))
    if chosen is None:
        remarks.skip(record, NOT_ANNOTATED)
    return chosen


def _another_export(path: Path, record: str, task: Mapping[str, Any]) -> DataError:
    """The error for a task as other exports of Label Studio have it."""
    if "annotation_id" in task or "annotator" in task:
        what = "is a JSON-MIN export"
    elif "completions" in task:
        what = "is from Label Studio before 1.0 (completions)"
    else:
        what = f"is no Label Studio export: {record} has no 'annotations', only {sorted(task)[:10]}"
    return DataError(f"Label file {path} {what}; {_EXPECTED}")


def _image_path(path: Path, record: str, task: Mapping[str, Any]) -> str:
    """Path of a task's image, from the URL or path in its data."""
    if "data" not in task:
        raise _another_export(path, record, task)
    data = checked_object(path, f"data of {record}", task["data"])
    values = [data["image"]] if "image" in data else list(data.values())
    found = [
        value
        for value in values
        if isinstance(value, str)
        and ("image" in data or _url_path(value).lower().endswith(IMAGE_SUFFIXES))
    ]
    if len(found) != 1:
        raise wrong_value(
            path, record, "data", dict(data), "one image a task, such as {'image': ...}"
        )
    image_path = "/".join(
        part for part in _url_path(found[0]).split("/") if part.strip() not in ("", ".")
    )
    if not image_path or image_path.endswith("..") or found[0].startswith("data:"):
        raise wrong_value(path, record, "image", found[0], "the URL or path of an image file")
    return image_path


def _url_path(value: str) -> str:
    """The path that a URL or a plain path names, with forward slashes."""
    if "://" not in value and not value.startswith("/data/"):
        return value.replace("\\", "/")
    try:
        url = urlsplit(value)
        # Files of a local storage: /data/local-files/?d=folder/a.jpg
        local = parse_qs(url.query).get("d", [""])[0]
    except ValueError:  # no URL after all, or too many parameters
        return value.replace("\\", "/")
    return (local or unquote(url.path)).replace("\\", "/")


def _label_images(path: Path, tasks: Sequence[_Task], images_dir: Path | None) -> list[LabelImage]:
    """Image records with unique ids and names."""
    ids = [task.task_id for task in tasks]
    has_all_ids = None not in ids
    names = _below_common_folder([task.image_path for task in tasks])
    images = []
    for index, (task, name) in enumerate(zip(tasks, names, strict=True)):
        height, width = task.hw or (None, None)
        image_id = index if task.task_id is None or not has_all_ids else task.task_id
        image = LabelImage(image_id, name, height, width, index, task.image_path)
        images.append(_without_upload_prefix(path, image, images_dir))
    refuse_repeated_ids(
        path, "task", lambda: ((image.image_id, image.file_name) for image in images)
    )
    refuse_repeated_images(
        path,
        zip((image.file_name for image in images), (task.record for task in tasks), strict=True),
        "Keep one of the two tasks.",
    )
    return images


def _below_common_folder(image_paths: Sequence[str]) -> list[str]:
    """Names of images below the folder that all have in common, or below `images/`."""
    split = [image_path.split("/") for image_path in image_paths]
    if all(len(parts) > 1 and parts[0] == "images" for parts in split):
        return ["/".join(parts[1:]) for parts in split]
    shared = 0
    for folders in zip(*(parts[:-1] for parts in split), strict=False):
        if len(set(folders)) > 1:
            break
        shared += 1
    return ["/".join(parts[shared:]) for parts in split]


def _without_upload_prefix(path: Path, image: LabelImage, images_dir: Path | None) -> LabelImage:
    """The record under the name that the file had before it was uploaded, if only that exists."""
    folder, slash, base = image.file_name.rpartition("/")
    if not _UPLOAD_PREFIX.match(base) or _exists(path, image, images_dir):
        return image
    name = folder + slash + _UPLOAD_PREFIX.sub("", base, count=1)
    plain = replace(image, file_name=name, path_hint=None)
    return plain if _exists(path, plain, images_dir) else image


def _exists(path: Path, image: LabelImage, images_dir: Path | None) -> bool:
    """Whether an image's file is found."""
    try:
        find_image(path, image, images_dir)
    except DataError:
        return False
    return True


def _find_file(path: Path, split: str | None) -> LabelSource | None:
    """A Label Studio export named directly."""
    if not path.is_file() or path.suffix.lower() != ".json" or not _looks_like_export(path):
        return None
    if split is not None:
        raise DataError(
            f"Data {path} is one file, so split {split!r} cannot be chosen in it. Leave out the "
            "split, or name the folder that holds all splits."
        )
    return LabelSource("label_studio", path)


def _find_folder(path: Path, split: str | None) -> LabelSource | None:
    """A folder with one export, or with one for each split."""
    if not path.is_dir():
        return None
    # Not all: a folder with thousands of JSON files is of another format.
    files = [file for file in first_files(path, ".json") if _looks_like_export(file)]
    if split is None:
        if len(files) > 1:
            raise DataError(
                f"Data folder {path} has several Label Studio exports: "
                f"{', '.join(file.name for file in files)}. Name the one to use, or choose with "
                "--split."
            )
        return LabelSource("label_studio", files[0]) if files else None
    by_name = {file.stem: file for file in files}
    chosen = next((by_name[name] for name in split_spellings(split) if name in by_name), None)
    if chosen is None:
        return None
    others = tuple(file for file in files if file != chosen and file.stem in SPLIT_NAMES)
    return LabelSource("label_studio", chosen, settings={"class_sources": others})


def _looks_like_export(path: Path) -> bool:
    """Whether a file begins as Label Studio's do: a list of tasks."""
    if path.name.startswith("."):
        return False
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return False
    is_list = head.lstrip(_BLANK)[:1] == b"["
    return is_list and any(key in head for key in _TASK_KEYS)


LABEL_STUDIO_LAYOUTS: tuple[Layout, ...] = (
    Layout(_find_file, "a Label Studio JSON export"),
    Layout(
        _find_folder,
        "a folder with one Label Studio JSON export; with a split: <split>.json",
    ),
)
"""A Label Studio export, or a folder with one."""
