"""Coarser classes: several classes counted as one, such as left and right mirror as mirror."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from wps_sam.errors import ConfigError
from wps_sam.evaluation.confusion import Counts
from wps_sam.evaluation.metrics import BACKGROUND_NAME
from wps_sam.labels.sides import find_pairs, merged_side_names

_NO_SUPERCATEGORY = {"none", BACKGROUND_NAME}


@dataclass(frozen=True)
class ClassGroups:
    """Which class belongs to which coarser class.

    Attributes:
        names: G names of the coarser classes, in the order in which they first occur.
        group_index: C indices into `names`, one for each class.
    """

    names: tuple[str, ...]
    group_index: tuple[int, ...]

    @property
    def merges_anything(self) -> bool:
        """True if at least two classes share a group."""
        return len(self.names) < len(self.group_index)

    def members(self, class_names: Sequence[str]) -> dict[str, list[str]]:
        """Names of the classes in each group of two or more.

        Args:
            class_names: The C names the groups were made from.

        Returns:
            Group name -> class names, in class order.
        """
        result: dict[str, list[str]] = {name: [] for name in self.names}
        for class_name, group in zip(class_names, self.group_index, strict=True):
            result[self.names[group]].append(class_name)
        return {name: members for name, members in result.items() if len(members) > 1}


def left_right_rule(
    class_names: Sequence[str], pairs: Sequence[tuple[str, str]] | None = None
) -> dict[str, str]:
    """Propose the classes that differ only in their side (see `wps_sam.labels.sides`).

    Args:
        class_names: C names.
        pairs: Names of the left and the right class of each pair as the user wrote them; None
            goes by the names.

    Returns:
        Class name -> merged name, only for the classes that are merged.
    """
    merged = merged_side_names(class_names, pairs)
    return {name: short for name, short in merged.items() if not _is_background(short)}


def side_partners(
    class_names: Sequence[str], pairs: Sequence[tuple[str, str]] | None = None
) -> dict[str, str]:
    """Which classes are left and right of each other.

    Unlike in `left_right_rule`, a class without a side (`mirror` beside `left_mirror`) is nobody's
    partner.

    Args:
        class_names: C names.
        pairs: As for `left_right_rule`.

    Returns:
        Class name -> a name that its partners share and no class has.
    """
    if pairs is None:
        pairs = find_pairs(class_names)
    merged = merged_side_names(class_names, pairs)
    return {name: f"a side of {short}" for name, short in merged.items()}


def supercategory_rule(
    class_names: Sequence[str], supercategories: Sequence[str]
) -> dict[str, str]:
    """Propose the coarser classes that a COCO file itself names as `supercategory`.

    A class without one ("", or the words none or background) keeps its own name. Nothing is
    proposed where that carries no information: no two classes share a supercategory, or all
    classes do.

    Args:
        class_names: C names.
        supercategories: C names of coarser classes, "" where there is none.

    Returns:
        Class name -> supercategory, for each class that has one; empty if nothing is proposed.
    """
    table = {
        name: supercategory
        for name, supercategory in zip(class_names, supercategories, strict=True)
        if supercategory and supercategory.lower() not in _NO_SUPERCATEGORY
    }
    coarser = group_classes(class_names, table).names
    return table if 1 < len(coarser) < len(class_names) else {}


def group_classes(class_names: Sequence[str], merge: Mapping[str, str]) -> ClassGroups:
    """Turn a table of merged names into groups.

    Args:
        class_names: C names.
        merge: Class name -> merged name; classes not named keep their own.

    Returns:
        Groups over all C classes.

    Raises:
        ConfigError: `merge` names a class that does not exist, or merges into the background.
    """
    unknown = sorted(set(merge) - set(class_names))
    if unknown:
        raise ConfigError(
            f"The merge table names classes that do not exist: {', '.join(unknown)}. "
            f"The classes are: {', '.join(class_names)}. Correct the names, or leave them out."
        )
    hidden = sorted(name for name, merged in merge.items() if _is_background(merged))
    if hidden:
        raise ConfigError(
            f"The merge table merges {', '.join(hidden)} into {BACKGROUND_NAME}, which is the name "
            "of what is no part. Choose another merged name."
        )
    targets = [merge.get(name, name) for name in class_names]
    names = tuple(dict.fromkeys(targets))
    position = {name: index for index, name in enumerate(names)}
    return ClassGroups(names, tuple(position[target] for target in targets))


def merge_counts(counts: Counts, groups: ClassGroups) -> Counts:
    """Add up the counts of the classes in each group.

    Args:
        counts: (C + 1, C + 1) int64, 0 background.
        groups: Groups over the C classes.

    Returns:
        (G + 1, G + 1) int64; background stays alone at 0.
    """
    target = np.array([0, *(index + 1 for index in groups.group_index)])
    side = len(groups.names) + 1
    rows = np.zeros((side, counts.shape[1]), np.int64)
    np.add.at(rows, target, counts)
    merged = np.zeros((side, side), np.int64)
    np.add.at(merged.T, target, rows.T)
    return merged


def _is_background(name: str) -> bool:
    """True for the name that stands for everything that is no part."""
    return name.strip().lower() == BACKGROUND_NAME
