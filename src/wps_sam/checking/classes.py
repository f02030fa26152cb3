"""Classes with too few parts, far fewer than others, or names that look like slips."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from wps_sam.checking.findings import Case, Cases, Finding, counted
from wps_sam.checking.splits import CheckedSplit, learnt_split, validation_splits

FEWEST_IMAGES = 10
"""Of training images that show a class; with fewer, its score depends on single photographs."""

WORST_IMBALANCE = 50
"""Parts of the most frequent class over parts of this one."""

RARE_SHARE = 0.1
"""A misspelt class has at most this share of the parts of the class that was meant. Without this
rule `lfleg` and `lbleg` (left front and left back leg) would be a misspelling."""

SHORTEST_MISSPELT = 4
"""Letters. Shorter names differ by one letter too easily."""

_Counts = Mapping[str, int]


def check_classes(splits: Sequence[CheckedSplit]) -> list[Finding]:
    """Look at how often each class was labelled and at the names.

    Frequencies are those of the split that a prompter learns from (`splits.learnt_split`).

    Args:
        splits: All splits.

    Returns:
        Findings `other-classes`, `class-only-elsewhere`, `class-without-parts`, `few-images`,
        `imbalance` and `similar-names`.
    """
    read = [split for split in splits if split.weak is not None]
    learnt = learnt_split(splits)
    if learnt is None:
        return []
    parts, images = _counts(learnt)
    everywhere = Counter[str]()
    for split in read:
        everywhere.update(_counts(split)[0])
    return [
        *_other_classes(learnt, validation_splits(splits)),
        *_only_elsewhere(learnt, [split for split in read if split is not learnt], parts),
        *_without_parts(everywhere),
        *_few_images(learnt, parts, images),
        *_imbalance(learnt, parts),
        *_similar_names(everywhere),
    ]


def _counts(split: CheckedSplit) -> tuple[Counter[str], Counter[str]]:
    """Parts and images of each class, also of classes without any."""
    assert split.weak is not None
    names = split.weak.class_names
    parts = Counter(dict.fromkeys(names, 0))
    images = Counter(dict.fromkeys(names, 0))
    for image in split.weak.images:
        found = [names[index] for index in image.class_index]
        parts.update(found)
        images.update(set(found))
    return parts, images


def _other_classes(learnt: CheckedSplit, validation: Sequence[CheckedSplit]) -> list[Finding]:
    """Validation labels whose class k is not class k of training, which training refuses."""
    assert learnt.weak is not None
    learnt_names = learnt.weak.class_names
    cases = Cases()
    for split in validation:
        assert split.weak is not None
        names = split.weak.class_names
        if split is learnt or names == learnt_names:
            continue
        missing = [name for name in learnt_names if name not in names]
        extra = [name for name in names if name not in learnt_names]
        found = [f"only in {learnt.name}: {', '.join(missing)}"] if missing else []
        found += [f"only in {split.name}: {', '.join(extra)}"] if extra else []
        text = "; ".join(found) or "the same in another order"
        cases.add(Case(split.name, str(split.labels.path), text))
    return cases.finding(
        "other-classes",
        "error",
        "Validation labels with other classes",
        "Training refuses them: class 3 of one file must be class 3 of the other.",
        "Let both files list the same categories in the same order, also those without a part; or "
        "take the same classes of both with a class map (--classes).",
    )


def _only_elsewhere(
    learnt: CheckedSplit, others: Sequence[CheckedSplit], parts: _Counts
) -> list[Finding]:
    """Classes that are scored but never learnt."""
    cases = Cases()
    for split in others:
        for name, count in _counts(split)[0].items():
            if count and not parts.get(name):
                cases.add(Case(split.name, name, f"{counted(count, 'part')} in {split.name}"))
    return cases.finding(
        "class-only-elsewhere",
        "warning",
        "Classes that training never sees",
        f"These classes have no part in {learnt.name or 'the training split'}, so nothing can "
        "learn them; their parts elsewhere will all be missed.",
        "Check the spelling of the class in both splits, move some of its images over, or leave "
        "the class out.",
    )


def _without_parts(everywhere: _Counts) -> list[Finding]:
    """Classes without any part."""
    cases = Cases()
    for name, count in everywhere.items():
        if not count:
            cases.add(Case("", name))
    return cases.finding(
        "class-without-parts",
        "info",
        "Classes that were never labelled",
        "The class list names them, but no usable part has them.",
        "Nothing, if they are not needed. Otherwise label some parts, or leave them out of the "
        "class list.",
    )


def _few_images(learnt: CheckedSplit, parts: _Counts, images: _Counts) -> list[Finding]:
    """Classes in few images."""
    cases = Cases()
    for name, count in sorted(images.items(), key=lambda item: item[1]):
        if 0 < count < FEWEST_IMAGES:
            cases.add(
                Case(learnt.name, name, f"{counted(parts[name], 'part')} in "
                     f"{counted(count, 'image')}")
            )  # fmt: skip
    return cases.finding(
        "few-images",
        "warning",
        f"Classes in fewer than {FEWEST_IMAGES} images",
        f"Fewer than {FEWEST_IMAGES} training images show these classes. What is learnt of them "
        "will hang on single photographs.",
        "Label more images that show them, or merge them with a similar class.",
    )


def _imbalance(learnt: CheckedSplit, parts: _Counts) -> list[Finding]:
    """Classes far rarer than the most frequent one."""
    cases = Cases()
    most = max(parts.values())
    frequent = max(parts, key=lambda name: parts[name])
    for name, count in sorted(parts.items(), key=lambda item: item[1]):
        if 0 < count * WORST_IMBALANCE < most:
            text = f"{counted(count, 'part')}, {most / count:.0f} times fewer"
            cases.add(Case(learnt.name, name, text))
    return cases.finding(
        "imbalance",
        "warning",
        "Classes far rarer than others",
        f"They have less than 1/{WORST_IMBALANCE} of the parts of {frequent!r} ({most} parts). The "
        "frequent classes dominate the loss.",
        "Label more images that show the rare classes; expect low scores for them.",
    )


def _similar_names(everywhere: _Counts) -> list[Finding]:
    """Names that may be one class written in two ways."""
    cases = Cases()
    for first, second, why in _similar_pairs(everywhere):
        text = f"{why}; {everywhere[first]} and {counted(everywhere[second], 'part')}"
        cases.add(Case("", f"{first} / {second}", text))
    return cases.finding(
        "similar-names",
        "warning",
        "Class names that look like one name",
        "They differ only in capitals, spaces and separators, or in one letter while one of them "
        f"has at most {RARE_SHARE:.0%} of the parts of the other.",
        "If they mean one class, rename one in the labels, or merge them in the class map.",
    )


def _similar_pairs(everywhere: _Counts) -> Iterator[tuple[str, str, str]]:
    """Pairs of similar names and what makes them similar."""
    names = sorted(everywhere, key=lambda name: (-everywhere[name], name))
    plain = {name: re.sub(r"[\W_]+", "", name.casefold()) or name for name in names}
    for position, common in enumerate(names):
        for other in names[position + 1 :]:
            if plain[common] == plain[other]:
                yield common, other, "the same but for capitals and separators"
            elif _is_rare(everywhere[other], everywhere[common]) and _is_slip(
                plain[common], plain[other]
            ):
                yield common, other, "one letter apart"


def _is_rare(count: int, common: int) -> bool:
    """Whether a class may be a misspelling of another by its number of parts."""
    return 0 < count <= RARE_SHARE * common


def _is_slip(first: str, second: str) -> bool:
    """Whether two different names are one slip apart: a letter more, less, other, or swapped."""
    if min(len(first), len(second)) < SHORTEST_MISSPELT or abs(len(first) - len(second)) > 1:
        return False
    start = 0
    while start < min(len(first), len(second)) and first[start] == second[start]:
        start += 1
    one, two = first[start:], second[start:]
    if any(rest[:1].isdigit() for rest in (one, two)):
        return False  # door1 and door2 are two classes
    swapped = one[:2] == two[:2][::-1] and one[2:] == two[2:]
    return swapped or one[1:] == two[1:] or one[1:] == two or one == two[1:]
