"""A user's class map: which classes to keep, count as one, call otherwise, and in which order.

It is a small YAML file (or the same under `classes` of a data set file); every key may be left out:

    only: [wheel, left_mirror, right_mirror]       # or drop: [...]
    ignore: [antenna]                              # neither learnt nor scored
    merge: {mirror: [left_mirror, right_mirror]}   # or left_mirror: mirror
    rename: {Tier: tyre}
    order: [tyre, mirror]
    left_right: {left_door: right_door}            # or none

`only`, `drop`, `ignore` and `merge` name the classes of the label file, `rename` the classes after
merging, `order` and `left_right` the classes that come out.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from wps_sam.errors import ConfigError
from wps_sam.labels.categories import BACKGROUND_NAMES
from wps_sam.labels.label_file import LabelAnnotation, LabelCategory, LabelFile
from wps_sam.labels.quoting import cut, quote
from wps_sam.labels.sides import flip_index
from wps_sam.labels.yaml_names import YamlNames

DROPPED = "left out by the class map"
IGNORED = "ignored by the class map: neither learnt nor scored"

_LISTS = ("only", "drop", "ignore", "order")
_KEYS = (*_LISTS, "merge", "rename", "left_right")
_EXPECTED = (
    "Expected keys such as `only: [wheel, door]`, `merge: {mirror: [left_mirror, right_mirror]}` "
    "or `left_right: none`."
)
_SHOWN = 60


@dataclass(frozen=True)
class ClassMap:
    """What a class map says.

    Attributes:
        title: How messages name it, such as "Class map classes.yaml".
        only: Classes of the file to keep, in the order of the result unless `order` is given; None
            keeps all that are neither in `drop` nor in `ignore`.
        drop: Classes of the file to leave out. Truth counts their pixels as background.
        ignore: Classes of the file whose parts become regions that are neither learnt nor scored.
        merge: Class of the file -> name of the class it is counted as.
        rename: Name after merging -> name in the result.
        order: First names of the result; the others follow in the file's order.
        left_right: (left, right) names of the result that a mirrored image swaps; empty if there
            are none, None finds them by the names.
        line_of: Line of each name, from 1, where it is known.
    """

    title: str = "The class map"
    only: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    merge: Mapping[str, str] = field(default_factory=dict)
    rename: Mapping[str, str] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    left_right: tuple[tuple[str, str], ...] | None = None
    line_of: Mapping[str, int] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what contradicts itself whatever the classes are.

        Raises:
            ConfigError: `only` and `drop` are both given, a class has two fates, or one would be
                called background.
        """
        if self.only is not None and self.drop:
            raise ConfigError(
                f"{self.title} has both only and drop. `only` leaves out every class that it does "
                "not name: delete drop, or list in `only` what to keep."
            )
        fates = {"drop": self.drop, "ignore": self.ignore, "merge": tuple(self.merge)}
        for first, second in (("drop", "ignore"), ("drop", "merge"), ("ignore", "merge")):
            self._refuse_both(first, second, set(fates[first]) & set(fates[second]))
        if self.only is not None:
            self._refuse_both("only", "ignore", set(self.only) & set(self.ignore))
            missing = sorted(set(self.merge) - set(self.only))
            if missing:
                raise ConfigError(
                    f"{self.at(missing[0])}: merge names {_listed(missing)}, which `only` leaves "
                    "out. Add the classes to `only`, under their names before merging, or delete "
                    "them from merge."
                )
        for new_name in (*self.merge.values(), *self.rename.values()):
            if new_name.lower() in BACKGROUND_NAMES:
                raise ConfigError(
                    f"{self.at(new_name)}: {quote(new_name)} is the name of what is no part, so no "
                    "class can be merged into it or renamed to it. Use drop."
                )

    def at(self, name: str) -> str:
        """Where a name stands, to begin a message with: the title, and the line if it is known."""
        return f"{self.title}, line {self.line_of[name]}" if name in self.line_of else self.title

    def reason_without_class(self, name: str) -> str:
        """Why a class of the file becomes no class; "" if it becomes one."""
        if name in self.ignore:
            return IGNORED
        is_dropped = name in self.drop if self.only is None else name not in self.only
        return DROPPED if is_dropped else ""

    def new_name(self, name: str) -> str:
        """Name in the result of a class of the file."""
        merged = self.merge.get(name, name)
        return self.rename.get(merged, merged)

    def _refuse_both(self, first: str, second: str, names: set[str]) -> None:
        """Raise ConfigError if a name stands under two keys that exclude each other."""
        if names:
            name = min(names)
            raise ConfigError(
                f"{self.at(name)}: {cut(name)} stands both in {first} and in {second}. Delete "
                "one of the two."
            )


def read_class_map(source: str | Path | Mapping[str, Any], *, title: str | None = None) -> ClassMap:
    """Read a class map.

    Args:
        source: A YAML file, or its content as a mapping.
        title: How messages name it; None says "Class map" and the file.

    Returns:
        What it says; an empty one changes nothing. Whether the classes exist is checked by
        `apply_class_map`.

    Raises:
        ConfigError: The file cannot be read or is no YAML mapping, has an unknown key, a value of
            another kind or a name twice, or contradicts itself. The message names the line.
    """
    is_file = isinstance(source, str | Path)
    table = YamlNames(title or (f"Class map {source}" if is_file else "The class map"), _EXPECTED)
    root = table.parse(Path(source)) if isinstance(source, str | Path) else table.represent(source)
    found: dict[str, Any] = {}
    for key, _, value in () if root is None else table.entries(root):
        found[key] = _read_value(table, key, value)
    return ClassMap(title=table.title, line_of=table.line_of, **found)


def _read_value(table: YamlNames, key: str, value: yaml.Node) -> Any:
    """Read what stands under one key."""
    if key in _LISTS:
        return table.names(value, key)
    if key == "merge":
        return table.merges(value, key)
    if key == "rename":
        entries = table.entries(value, key)
        return {name: table.name(new, f"for {cut(name)}") for name, _, new in entries}
    if key == "left_right":
        return _read_pairs(table, value)
    near = difflib.get_close_matches(key, _KEYS, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    line = f", line {table.line_of[key]}" if key in table.line_of else ""
    raise ConfigError(
        f"{table.title}{line}: {cut(key)} is no key of a class map; expected one of "
        f"{', '.join(_KEYS)}.{hint}"
    )


def _read_pairs(table: YamlNames, value: yaml.Node) -> tuple[tuple[str, str], ...]:
    """Read `left_right`: a mapping from left to right, or the word none."""
    if isinstance(value, yaml.ScalarNode) and value.value.strip().lower() == "none":
        return ()
    pairs = []
    seen: dict[str, yaml.Node] = {}
    for left, left_node, right_node in table.entries(value, "left_right"):
        right = table.name(right_node, f"for {cut(left)}")
        for name, node in ((left, left_node), (right, right_node)):
            table.refuse_second(name, node, seen, "A class has one partner: delete one of the two.")
        pairs.append((left, right))
    return tuple(pairs)


def apply_class_map(labels: LabelFile, class_map: ClassMap) -> LabelFile:
    """Change the classes of labels.

    Args:
        labels: Labels of any format.
        class_map: What to change.

    Returns:
        The same labels with other categories. Those that become classes come first, in their new
        order; merged ones have the id of the first of them in the file, and the supercategory that
        all of them share, or none. Categories that are dropped or ignored stay at the end, with the
        reason in `left_out`: whoever reads the labels counts their annotations as left out. The
        annotations of ignored ones are crowd regions. True masks that are kept apart
        (`LabelFile.truth`) are changed alike.

    Raises:
        ConfigError: The map names a class that does not exist, gives two classes one name, or
            leaves none.
    """
    kept, left_out = _divide(labels, class_map)
    groups = _group(kept, class_map)
    order = _ordered(groups, class_map)
    categories = [_one_category(name, groups[name]) for name in order]
    new_id = {
        member.category_id: category.category_id
        for category in categories
        for member in groups[category.name]
    }
    ignored = {c.category_id for c in left_out if c.left_out == IGNORED}
    truth = labels.truth
    return replace(
        labels,
        categories=[*categories, *_with_free_names(left_out, order)],
        read_annotations=lambda: _changed(labels.read_annotations(), new_id, ignored),
        left_right=_pairs(labels.left_right, order, class_map),
        truth=None if truth is None else lambda: apply_class_map(truth(), class_map),
    )


def _divide(
    labels: LabelFile, class_map: ClassMap
) -> tuple[list[LabelCategory], list[LabelCategory]]:
    """Return the categories that become classes, and the others with the reason."""
    names = [category.name for category in labels.categories if not category.left_out]
    for key in ("only", "drop", "ignore", "merge"):
        _refuse_unknown(class_map, key, getattr(class_map, key) or (), names, f"of {labels.path}")
    kept, left_out = [], []
    for category in labels.categories:
        reason = category.left_out or class_map.reason_without_class(category.name)
        if reason:
            left_out.append(category._replace(left_out=reason))
        else:
            kept.append(category)
    if not kept:
        raise ConfigError(
            f"{class_map.title} leaves no class of {labels.path}. Keep at least one of: "
            f"{_listed(names)}."
        )
    return kept, left_out


def _group(kept: Sequence[LabelCategory], class_map: ClassMap) -> dict[str, list[LabelCategory]]:
    """Group categories by their new name."""
    merged = dict.fromkeys(class_map.merge.get(category.name, category.name) for category in kept)
    _refuse_unknown(class_map, "rename", class_map.rename, merged, "after merging")
    users: dict[str, str] = {}
    for name in merged:
        new_name = class_map.rename.get(name, name)
        other = users.setdefault(new_name, name)
        if other != name:
            raise ConfigError(
                f"{class_map.at(new_name)}: {cut(other)} and {cut(name)} would both be "
                f"called {cut(new_name)}. "
                "If they are one class, say so under merge; otherwise choose another name."
            )
    groups: dict[str, list[LabelCategory]] = {}
    for category in kept:
        groups.setdefault(class_map.new_name(category.name), []).append(category)
    return groups


def _ordered(groups: Mapping[str, Sequence[LabelCategory]], class_map: ClassMap) -> list[str]:
    """Put the new names in order."""
    _refuse_unknown(class_map, "order", class_map.order, groups, "that come out")
    if not class_map.order and class_map.only is not None:
        return list(dict.fromkeys(class_map.new_name(name) for name in class_map.only))
    return list(dict.fromkeys((*class_map.order, *groups)))


def _one_category(name: str, members: Sequence[LabelCategory]) -> LabelCategory:
    """The category of a class that one or more categories become."""
    groups = {member.supercategory for member in members}
    return LabelCategory(members[0].category_id, name, groups.pop() if len(groups) == 1 else "")


def _with_free_names(
    left_out: Sequence[LabelCategory], taken: Iterable[str]
) -> Iterator[LabelCategory]:
    """Names are unique, and a class may have taken the name of one that is left out."""
    used = {*taken, *(category.name for category in left_out)}
    taken = set(taken)
    for category in left_out:
        name = category.name
        if name in taken:
            while name in used:
                name += " (left out)"
            used.add(name)
        yield category._replace(name=name)


def _changed(
    annotations: Iterable[LabelAnnotation], new_id: Mapping[int, int], ignored: set[int]
) -> Iterator[LabelAnnotation]:
    """Give annotations their new category; those that are left out keep theirs."""
    for annotation in annotations:
        old = annotation.category_id
        new = new_id.get(old, old)
        if old in ignored:
            yield annotation._replace(is_crowd=True)
        elif new != old:
            yield annotation._replace(category_id=new)
        else:
            yield annotation


def _pairs(
    before: Sequence[tuple[str, str]] | None, names: Sequence[str], class_map: ClassMap
) -> Sequence[tuple[str, str]] | None:
    """Left/right pairs of the result: the map's, else those the labels had that are still there."""
    if class_map.left_right is not None:
        try:
            flip_index(names, class_map.left_right)
        except ConfigError as error:
            raise ConfigError(f"{class_map.title}: {error}") from error
        return class_map.left_right
    if before is None:
        return None
    renamed = ((class_map.new_name(left), class_map.new_name(right)) for left, right in before)
    return [pair for pair in renamed if pair[0] != pair[1] and set(pair) <= set(names)]


def _refuse_unknown(
    class_map: ClassMap, key: str, wanted: Iterable[str], known: Iterable[str], whose: str
) -> None:
    """Raise ConfigError if a name is not among the known ones."""
    known = list(known)
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = (
                f" Did you mean {cut(near[0])}?" if near else " Correct the name, or leave it out."
            )
            raise ConfigError(
                f"{class_map.at(name)}: {key} names {cut(name)}, which is no class. The classes "
                f"{whose} are: {_listed(known)}.{hint}"
            )


def _listed(names: Sequence[str]) -> str:
    """Names for a message, not too many."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(map(cut, names[:_SHOWN])) + more
