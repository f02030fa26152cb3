"""The same photograph twice, within a split or across splits."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise, product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wps_sam.checking.findings import Case, Cases, Finding, Picture
from wps_sam.checking.image_facts import ImageFacts
from wps_sam.checking.splits import CheckedSplit, FoundImage

HASH_BITS = 64

MOST_DIFFERING_BITS = 8
"""Of 64 bits of the perceptual hash. Recompressed and resized copies differ in at most 6."""

LEAST_CORRELATION = 0.95
"""Of the grey thumbnails. Of 79,800 pairs of car photographs none is above 0.86 that does not show
the same picture, and copies of any size and quality stay above 0.98."""

LEAST_CONTRAST = 4.0
"""Grey levels, standard deviation of the thumbnail. Below, an image is blank and looks like every
other blank one."""

_BANDS = MOST_DIFFERING_BITS + 1
_POPULATION = np.array([value.bit_count() for value in range(1 << 16)], np.uint8)
_PAIRS_AT_A_TIME = 1_000_000


class _Entry(NamedTuple):
    """An image of a split."""

    split: str
    image: FoundImage
    facts: ImageFacts


class DuplicatePair(NamedTuple):
    """Two images, by position, that show the same picture.

    Attributes:
        first: Position of the one.
        second: Position of the other; larger.
        correlation: Of their thumbnails, up to 1.
        mirrored: Whether one is the mirror image of the other.
    """

    first: int
    second: int
    correlation: float
    mirrored: bool


def check_duplicates(splits: Sequence[CheckedSplit]) -> list[Finding]:
    """Look for copies, whether to the byte or to the eye.

    Args:
        splits: All splits.

    Returns:
        Findings `leak` (copies in two splits) and `duplicate` (within one).
    """
    entries = [
        _Entry(split.name, image, image.facts)
        for split in splits
        for image in split.images
        if image.facts is not None and image.problem_kind != "same-file"
    ]
    leaks, duplicates = Cases(), Cases()
    for first, second, text in _copies(entries):
        cases = duplicates if first.split == second.split else leaks
        cases.add(_case(first, second, text))
    return [
        *leaks.finding(
            "leak",
            "error",
            "The same photograph in two splits",
            "What is scored was also learnt from: the scores will be too high. Copies are found to "
            "the byte, and to the eye after resizing, recompressing and mirroring.",
            "Remove one of each pair, or divide the images anew so that copies stay together.",
        ),
        *duplicates.finding(
            "duplicate",
            "warning",
            "The same photograph twice",
            "It counts twice in training, and if the two copies are labelled differently they "
            "contradict each other. With --holdout, or a random split, one may be scored while the "
            "other is learnt.",
            "Remove one of each pair.",
        ),
    ]


def similar_pairs(facts: Sequence[ImageFacts]) -> list[DuplicatePair]:
    """Find images that show the same picture, perhaps resized, recompressed or mirrored.

    Hashes that differ in at most 8 bits agree in one of 9 bands, so only images that share a band
    are compared; the thumbnails then decide.

    Args:
        facts: N images.

    Returns:
        Pairs in rising order of the positions.
    """
    # Blank images all look alike; comparing each with each could take for ever.
    clear = [i for i, one in enumerate(facts) if one.thumbnail.std() >= LEAST_CONTRAST]
    hashes = np.array([facts[i].perceptual_hash for i in clear], np.uint64)
    mirrored = np.array([facts[i].mirrored_hash for i in clear], np.uint64)
    found: dict[tuple[int, int], DuplicatePair] = {}
    for is_mirrored, others in ((False, hashes), (True, mirrored)):
        for one, two in _close_pairs(hashes, others):
            first, second = clear[one], clear[two]
            if (first, second) in found:
                continue
            other = facts[second].thumbnail
            other = other[:, ::-1] if is_mirrored else other
            correlation = _correlation(facts[first].thumbnail, other)
            if correlation >= LEAST_CORRELATION:
                pair = DuplicatePair(first, second, correlation, is_mirrored)
                found[first, second] = pair
    return [found[key] for key in sorted(found)]


def _copies(entries: Sequence[_Entry]) -> Iterator[tuple[_Entry, _Entry, str]]:
    """Pairs of images that are one picture, and how alike they are.

    Of images that are equal to the byte, each is paired with the first only, and the first speaks
    for all of them in the comparison to the eye.
    """
    groups: dict[str, list[_Entry]] = defaultdict(list)
    for entry in entries:
        groups[entry.facts.sha256].append(entry)
    of_splits = {sha: _first_of_each_split(group) for sha, group in groups.items()}
    for sha, group in groups.items():
        for other in group[1:]:
            first, _ = _across_splits(of_splits[sha], [other])
            yield first, other, "equal to the byte"
    firsts = [group[0] for group in groups.values()]
    for pair in similar_pairs([entry.facts for entry in firsts]):
        text = "mirror images" if pair.mirrored else "equal to the eye"
        both = [of_splits[firsts[i].facts.sha256] for i in (pair.first, pair.second)]
        first, second = _across_splits(*both)
        yield first, second, f"{text}, correlation {pair.correlation:.3f}"


def _first_of_each_split(group: Sequence[_Entry]) -> list[_Entry]:
    """The images that are enough to name one of another split."""
    first: dict[str, _Entry] = {}
    for entry in group:
        first.setdefault(entry.split, entry)
    return list(first.values())


def _across_splits(
    first_group: Sequence[_Entry], second_group: Sequence[_Entry]
) -> tuple[_Entry, _Entry]:
    """One image of each group: of different splits if there are such, else the first two.

    A copy in another split matters more than one in the same.
    """
    for first, second in product(first_group, second_group):
        if first.split != second.split:
            return first, second
    return first_group[0], second_group[0]


def _close_pairs(
    hashes: NDArray[np.uint64], others: NDArray[np.uint64]
) -> Iterator[tuple[int, int]]:
    """Positions i < j whose hash and other hash differ in at most `MOST_DIFFERING_BITS`.

    A pair may come more than once.
    """
    edges = np.linspace(0, HASH_BITS, _BANDS + 1).astype(int)
    for low, high in pairwise(edges.tolist()):
        mask = np.uint64((1 << (high - low)) - 1)
        left, right = (hashes >> np.uint64(low)) & mask, (others >> np.uint64(low)) & mask
        order = np.argsort(right, kind="stable")
        starts = np.searchsorted(right[order], np.arange(int(mask) + 2, dtype=np.uint64))
        for value in np.unique(left):
            rows = np.flatnonzero(left == value)
            columns = order[starts[int(value)] : starts[int(value) + 1]]
            yield from _close_in_band(hashes, others, rows, columns)


def _close_in_band(
    hashes: NDArray[np.uint64],
    others: NDArray[np.uint64],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
) -> Iterator[tuple[int, int]]:
    """The close pairs among images that share a band, some rows at a time."""
    step = max(1, _PAIRS_AT_A_TIME // max(1, len(columns)))
    for start in range(0, len(rows), step):
        some = rows[start : start + step]
        differing = hashes[some][:, None] ^ others[columns][None, :]
        words = differing[..., None].view(np.uint16)
        distance = _POPULATION[words].sum(axis=2)
        for i, j in np.argwhere(distance <= MOST_DIFFERING_BITS):
            if some[i] < columns[j]:
                yield int(some[i]), int(columns[j])


def _correlation(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Pearson correlation of two thumbnails that are not blank."""
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])


def _case(first: _Entry, second: _Entry, text: str) -> Case:
    """The two images side by side."""
    names = [_name(entry, first.split != second.split) for entry in (first, second)]
    pictures = tuple(
        Picture(entry.image.path, entry.image.record.file_name)
        for entry in (first, second)
        if entry.image.path is not None
    )
    split = first.split if first.split == second.split else ""
    return Case(split, f"{names[0]} and {names[1]}", text, pictures)


def _name(entry: _Entry, with_split: bool) -> str:
    """File name of an image, with its split where that matters."""
    name = entry.image.record.file_name
    return f"{name} ({entry.split})" if with_split and entry.split else name
