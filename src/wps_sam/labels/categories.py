"""Which categories of a label file become classes, and under which names."""

from collections import Counter
from collections.abc import Sequence, Set
from pathlib import Path

from wps_sam.errors import DataError
from wps_sam.labels.label_file import LabelCategory
from wps_sam.labels.remarks import Note

BACKGROUND_NAMES = frozenset({"_background_", "background", "__background__"})
"""Category names, in lower case, that stand for "no part" and become no class."""


def with_unique_names(
    path: Path, categories: list[LabelCategory]
) -> tuple[list[LabelCategory], list[Note]]:
    """Put the group before names that occur twice: "Head" becomes "Bird Head".

    Classes of two files are matched by name, so names must be unique.
    """
    counts = Counter(category.name for category in categories)
    result, notes = [], []
    for category in categories:
        name = category.name
        if counts[name] > 1 and category.supercategory:
            name = f"{category.supercategory} {name}"
            notes.append(
                Note(
                    f"category {category.category_id} {category.name!r}",
                    "several categories have this name, so its supercategory was put before it",
                )
            )
        result.append(category._replace(name=name))
    first: dict[str, LabelCategory] = {}
    for category in result:
        other = first.setdefault(category.name, category)
        if other is not category:
            raise DataError(
                f"Label file {path}: categories {other.category_id} and {category.category_id} are "
                f"both named {category.name!r}; names must differ, because results are matched by "
                "them. Rename one, or give both the same id."
            )
    return result, notes


def without_background(
    path: Path, categories: Sequence[LabelCategory], used: Set[int]
) -> tuple[list[LabelCategory], list[LabelCategory], list[Note]]:
    """Take out categories that are no part: background, and an unused heading over the others.

    Args:
        path: The file, for the message.
        categories: All of the file, their names unique.
        used: Ids of the categories that an annotation has.

    Returns:
        Categories that become classes, those that do not, and why they do not.

    Raises:
        DataError: None is left.
    """
    kept, dropped, notes = [], [], []
    for category in categories:
        reason = f"is {category.left_out}" if category.left_out else ""
        if not reason and is_background(category):
            reason = "stands for background and becomes no class"
        elif (
            not reason
            and category.category_id not in used
            and _heads_all_others(category, categories)
        ):
            reason = "is the heading over other categories, has no annotation, and becomes no class"
        if reason:
            dropped.append(category)
            notes.append(Note(f"category {category.category_id} {category.name!r}", reason))
        else:
            kept.append(category)
    if not kept:
        raise DataError(
            f"Label file {path} has no category besides {[c.name for c in dropped]}, which is no "
            "part. Add a category for each kind of part."
        )
    return kept, dropped, notes


def reason_without_class(category: LabelCategory) -> str:
    """Why an annotation of a category is left out; "" if it makes a part."""
    if category.left_out:
        return f"its category is {category.left_out}"
    return "its category becomes no class" if is_background(category) else ""


def is_background(category: LabelCategory) -> bool:
    """Whether a category stands for "no part", also where it is used."""
    return category.name.lower() in BACKGROUND_NAMES


def _heads_all_others(category: LabelCategory, categories: Sequence[LabelCategory]) -> bool:
    """Whether a category is only the group that every other category belongs to.

    Roboflow writes such a record as category 0.
    """
    groups = {other.supercategory for other in categories if other is not category}
    return category.supercategory in ("", "none") and groups == {category.name}
