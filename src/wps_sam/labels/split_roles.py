"""Which split of a data set is learnt from and which is validated on, where nobody said."""

from collections.abc import Iterable

from wps_sam.labels.layout import SPLIT_NAMES

TRAINING_SPLITS = tuple(name for name in SPLIT_NAMES if name.startswith("train"))
"""Names of a split to learn from: train, training, and those of COCO's releases."""

VALIDATION_SPLITS = tuple(name for name in SPLIT_NAMES if name.startswith("val"))
"""Names of a split to validate on: val, valid, validation, and those of COCO's releases."""


def training_split(names: Iterable[str]) -> str | None:
    """The split to learn from among those that there are; None if none is called so."""
    return _first(TRAINING_SPLITS, names)


def validation_split(names: Iterable[str]) -> str | None:
    """The split to validate on among those that there are; None if none is called so."""
    return _first(VALIDATION_SPLITS, names)


def _first(wanted: Iterable[str], names: Iterable[str]) -> str | None:
    """The first wanted name that there is."""
    there = set(names)
    return next((name for name in wanted if name in there), None)
