"""Divide images into training, validation and test where a data set does not do it itself."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from wps_sam.errors import ConfigError
from wps_sam.labels.quoting import cut, quote

REST = "train"
"""The split that takes every image that no other split takes."""


@dataclass(frozen=True)
class RandomSplit:
    """How to draw splits.

    Attributes:
        fractions: Share of the images by split, such as {"val": 0.2, "test": 0.1}; the rest is
            `train`.
        seed: Another seed draws other images.
        group_by: Regular expression on the file name. Images whose first group (or whole match)
            is equal stay together, such as several photographs of one object; None draws images
            one by one.
    """

    fractions: Mapping[str, float] = field(default_factory=lambda: {"val": 0.2})
    seed: int = 0
    group_by: str | None = None

    def __post_init__(self) -> None:
        """Refuse shares that leave nothing to train on, and patterns that cannot be.

        Raises:
            ConfigError: Which setting is wrong, and what would be right.
        """
        for name, share in self.fractions.items():
            if name == REST or not 0 < share < 1:
                raise ConfigError(
                    f"The split {name!r} has the share {quote(share)}; expected a number between 0 "
                    f"and 1 for splits other than {REST}, which takes the rest."
                )
        if sum(self.fractions.values()) >= 1:
            raise ConfigError(
                f"The splits {', '.join(self.fractions)} take {sum(self.fractions.values()):g} of "
                f"the images, which leaves nothing for {REST}. Choose smaller shares."
            )
        if self.group_by is not None:
            try:
                re.compile(self.group_by)
            except (re.error, RecursionError, OverflowError) as error:
                raise ConfigError(
                    f"group_by {quote(self.group_by)} is no regular expression: {cut(str(error))}. "
                    "An example: '(.*)_[0-9]+' keeps car7_1.jpg and car7_2.jpg together."
                ) from error

    def names(self) -> tuple[str, ...]:
        """All splits, `train` first."""
        return (REST, *self.fractions)


def assign_splits(file_names: Sequence[str], how: RandomSplit) -> dict[str, list[int]]:
    """Draw the splits.

    Groups are put in an order that depends on the seed and on each group's name alone, and the
    splits are filled from the front, smallest name of a split first; so the same files always give
    the same splits, and a new file moves only the few images at a border.

    Args:
        file_names: Names of the images.
        how: Shares, seed and grouping.

    Returns:
        Positions in `file_names` by split, in the given order; each position in one split.

    Raises:
        ConfigError: A file name does not match `group_by`, or a split gets no image.
    """
    groups: dict[str, list[int]] = {}
    for position, name in enumerate(file_names):
        groups.setdefault(_group(name, how.group_by), []).append(position)
    ordered = sorted(groups, key=lambda group: _rank(how.seed, group))
    splits: dict[str, list[int]] = {name: [] for name in how.names()}
    waiting = iter(ordered)
    for name in sorted(how.fractions):
        wanted = max(1, round(how.fractions[name] * len(file_names)))
        while len(splits[name]) < wanted and (group := next(waiting, None)) is not None:
            splits[name] += groups[group]
    splits[REST] = [position for group in waiting for position in groups[group]]
    _refuse_empty(splits, len(file_names), len(groups))
    return {name: sorted(positions) for name, positions in splits.items()}


def _group(file_name: str, pattern: str | None) -> str:
    """What must stay together with a file."""
    if pattern is None:
        return file_name
    match = re.search(pattern, file_name)
    if match is None:
        raise ConfigError(
            f"group_by {quote(pattern)} does not match the image {cut(file_name)}, so it belongs "
            "to no group. Correct the pattern, or leave it out to draw images one by one."
        )
    groups = match.groups()
    return (groups[0] or "") if groups else match.group()


def _rank(seed: int, group: str) -> bytes:
    """A number that looks random but is the same on every machine."""
    return hashlib.sha256(f"{seed}\0{group}".encode()).digest()


def _refuse_empty(splits: Mapping[str, Sequence[int]], images: int, groups: int) -> None:
    """Raise ConfigError if a split got nothing."""
    empty = [name for name, positions in splits.items() if not positions]
    if empty:
        raise ConfigError(
            f"{images} images in {groups} groups are too few for the splits "
            f"{', '.join(splits)}: {', '.join(empty)} would be empty. Take fewer splits, smaller "
            "shares or smaller groups."
        )
