"""Read `dataset.yaml`: where a data set's splits are, and how its labels are meant."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from wps_sam.errors import ConfigError
from wps_sam.labels.quoting import quote
from wps_sam.labels.reader_settings import is_file_name
from wps_sam.labels.splits import RandomSplit
from wps_sam.labels.yaml_names import load_yaml, top_keys

DATASET_FILES = ("dataset.yaml", "dataset.yml")
SPLIT_KEYS = ("train", "val", "test")

_ENTRY_KEYS = ("labels", "images", "format", "split", "truth")
_COMMON_KEYS = ("path", "classes", "supervision", "keep_groups")
_YOLO_KEYS = ("names", "nc")
_SEED_BITS = 64
_SUPERVISIONS = ("box", "point", "mixed")

Supervision = Literal["box", "point", "mixed"]


@dataclass(frozen=True)
class LabelEntry:
    """Where the labels of one split are.

    Attributes:
        labels: A label file or a folder.
        images: Folder of the images; None looks in the usual places.
        label_format: Key of the reader; None recognises it.
        split: Which split of labels that have several.
        settings: The format's own settings as written, such as `background` of a label map.
        truth: Labels with the true masks, if they are kept apart.
    """

    labels: Path
    images: Path | None = None
    label_format: str | None = None
    split: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    truth: "LabelEntry | None" = None


@dataclass(frozen=True)
class DatasetFile:
    """What a `dataset.yaml` says.

    Attributes:
        path: The file.
        root: What paths in the file are relative to.
        entries: Labels by split; {"": entry} where splits are drawn from one set of labels, or
            there are none.
        split: How to draw splits from that one set; None if they are given, or there are none.
        classes: A class map: a file, or the mapping itself; None leaves classes as they are.
        supervision: What to learn from, if the file says so.
        keep_groups: Make one part of all polygons of an annotation.
    """

    path: Path
    root: Path
    entries: Mapping[str, LabelEntry]
    split: RandomSplit | None = None
    classes: Path | Mapping[str, Any] | None = None
    supervision: Supervision | None = None
    keep_groups: bool = False

    def split_names(self) -> tuple[str, ...]:
        """The splits that can be chosen; none if there is only one set of labels."""
        if self.split is not None:
            return self.split.names()
        return tuple(name for name in self.entries if name)


def find_dataset_file(data: Path) -> Path | None:
    """The `dataset.yaml` that a path stands for.

    Args:
        data: A file, or a folder that may hold one.

    Returns:
        The file; None if it is none, or one that YOLO wrote (with `names` or `nc`).
    """
    candidates = [data / name for name in DATASET_FILES] if data.is_dir() else [data]
    for path in candidates:
        is_yaml = path.suffix.lower() in (".yaml", ".yml") and path.is_file()
        if is_yaml and not set(_YOLO_KEYS) & top_keys(path):
            return path
    return None


def read_dataset_file(path: Path) -> DatasetFile:
    """Read and check a `dataset.yaml`.

    Args:
        path: The file. Paths in it are relative to its `path`, which is relative to its folder.

    Returns:
        What it says; whether the labels exist is found when they are opened.

    Raises:
        ConfigError: The file is no YAML mapping, has an unknown key or a value of another kind, or
            names no labels, or both ready splits and labels to divide.
    """
    content = _load(path)
    if not isinstance(content, Mapping):
        raise ConfigError(
            f"Data set file {path} is not a mapping. Expected keys such as train, val and test, or "
            "labels and split."
        )
    given = [key for key in SPLIT_KEYS if key in content]
    _refuse_mixture(path, content, given)
    root = path.parent / _text(path, content, "path", ".")
    if given:
        _check_keys(path, "", content, (*_COMMON_KEYS, *SPLIT_KEYS))
        entries = {key: _entry(path, key, content[key], root) for key in given}
    else:
        one = {key: value for key, value in content.items() if key not in (*_COMMON_KEYS, "split")}
        entries = {"": _entry(path, "", one, root)}
    return DatasetFile(
        path=path,
        root=root,
        entries=entries,
        split=_random_split(path, content["split"]) if "split" in content else None,
        classes=_classes(path, content.get("classes"), root),
        supervision=_supervision(path, content.get("supervision")),
        keep_groups=_keep_groups(path, content.get("keep_groups", False)),
    )


def _load(path: Path) -> Any:
    """Parse the file; errors say where it stops being YAML, or which key is there twice."""
    title = f"Data set file {path}"
    return load_yaml(path, title, "Correct the file.")


def _refuse_mixture(path: Path, content: Mapping[Any, Any], given: Sequence[str]) -> None:
    """Raise ConfigError unless the file names ready splits, or else one set of labels."""
    if given and ("labels" in content or "split" in content):
        both = "labels" if "labels" in content else "split"
        raise ConfigError(
            f"Data set file {path} has {', '.join(given)} and also {both}. Name either ready "
            "splits, or one set of labels and how to divide it."
        )
    if not given and "labels" not in content:
        known = [key if isinstance(key, str) else quote(key) for key in content]
        raise ConfigError(
            f"Data set file {path} names no labels: found the keys {quote(known)}. Expected train "
            "(and val, test), or labels."
        )


def _check_keys(path: Path, where: str, content: Mapping[Any, Any], known: Sequence[str]) -> None:
    """Raise ConfigError for a key that is not known, with the nearest one that is."""
    for key in content:
        if key not in known:
            near = difflib.get_close_matches(quote(key).strip("'"), known, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise ConfigError(
                f"Data set file {path}: {where}{quote(key)} is no known key; expected one of "
                f"{', '.join(known)}.{hint}"
            )


def _entry(path: Path, key: str, value: Any, root: Path) -> LabelEntry:
    """One split: a path, or a mapping with `labels` and what goes with them."""
    if isinstance(value, str) and value.strip():
        return LabelEntry(root / _text(path, {key: value}, key, ""))
    if not isinstance(value, Mapping) or "labels" not in value:
        raise ConfigError(
            f"Data set file {path}: {key} is {quote(value)}; expected the path of a label "
            "file or folder, or a mapping with the key labels."
        )
    where = f"{key}: " if key else ""
    label_format = _text(path, value, "format", "", where) or None
    settings = {name: content for name, content in value.items() if name not in _ENTRY_KEYS}
    if settings and label_format is None:
        # Without a format, a setting is more likely a spelling mistake.
        _check_keys(path, where, value, _ENTRY_KEYS)
    truth = value.get("truth")
    images = _text(path, value, "images", "", where)
    return LabelEntry(
        labels=root / _text(path, value, "labels", "", where),
        images=root / images if images else None,
        label_format=label_format,
        split=_text(path, value, "split", "", where) or None,
        settings=settings,
        truth=None if truth is None else _entry(path, f"{key} truth".strip(), truth, root),
    )


def _text(path: Path, content: Mapping[Any, Any], key: str, default: str, where: str = "") -> str:
    """A text value; ConfigError for another kind."""
    value = content.get(key, default)
    if not isinstance(value, str):
        raise ConfigError(
            f"Data set file {path}: {where}{key} is {quote(value)}; expected text. Put it in "
            "quotes if it looks like a number."
        )
    if value and not is_file_name(value):
        raise ConfigError(
            f"Data set file {path}: {where}{key} is {quote(value)}, which has characters that no "
            "file name can have. Correct it."
        )
    return value


def _random_split(path: Path, value: Any) -> RandomSplit:
    """The `split` mapping: shares by split name, `seed` and `group_by`."""
    if not isinstance(value, Mapping):
        raise ConfigError(
            f"Data set file {path}: split is {quote(value)}; expected a mapping such as "
            "{val: 0.2, test: 0.1, seed: 0}."
        )
    _check_keys(path, "split: ", value, ("val", "test", "seed", "group_by"))
    shares = {name: value[name] for name in ("val", "test") if name in value}
    for name, share in shares.items():
        if isinstance(share, bool) or not isinstance(share, int | float):
            raise ConfigError(
                f"Data set file {path}: split: {name} is {quote(share)}; expected a share "
                "such as 0.2."
            )
    seed = value.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed.bit_length() > _SEED_BITS:
        raise ConfigError(
            f"Data set file {path}: split: seed is {quote(seed)}; expected a whole number "
            "such as 0."
        )
    group_by = _text(path, value, "group_by", "", "split: ") or None
    try:
        return RandomSplit(shares or {"val": 0.2}, seed, group_by)
    except ConfigError as error:
        raise ConfigError(f"Data set file {path}: split: {error}") from error


def _classes(path: Path, value: Any, root: Path) -> Path | Mapping[str, Any] | None:
    """The class map: a file name or a mapping."""
    if value is None or isinstance(value, Mapping):
        return value
    if isinstance(value, str):
        return root / _text(path, {"classes": value}, "classes", "")
    raise ConfigError(
        f"Data set file {path}: classes is {quote(value)}; expected the name of a class map "
        "file, or the class map itself (only, drop, ignore, merge, rename, order, left_right)."
    )


def _supervision(path: Path, value: Any) -> Supervision | None:
    """What to learn from."""
    if value is None or (isinstance(value, str) and value in _SUPERVISIONS):
        return cast("Supervision | None", value)
    raise ConfigError(
        f"Data set file {path}: supervision is {quote(value)}; expected one of "
        f"{', '.join(_SUPERVISIONS)}."
    )


def _keep_groups(path: Path, value: Any) -> bool:
    """Whether annotations with several polygons stay whole."""
    if isinstance(value, bool):
        return value
    raise ConfigError(
        f"Data set file {path}: keep_groups is {quote(value)}; expected true or false."
    )
