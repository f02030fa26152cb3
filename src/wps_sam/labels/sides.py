"""Left and right in class names: which classes a mirrored image swaps.

Three ways to write a side are known, and the first that a name shows counts:

1. the words `left` and `right` (`left_mirror`, `Mirror Right`, `person.left_arm`, `LeftDoor`);
2. the letters `l` and `r` as words (`l_wing`, `wing_r`, `LWing`);
3. PASCAL-Part's short names, where the side is glued to the part (`leye`, `rfuleg`, `hleftside`),
   also behind the name of the object (`cat leye`).

A class is left or right only if its partner is there too. So `rear` is a right ear beside `lear`,
and the back of something anywhere else; `light` and `right`, `lock` and `rock` are never a pair,
because glued sides are known for PASCAL's parts alone.
"""

import re
from collections import Counter
from collections.abc import Container, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wps_sam.errors import ConfigError

SidePairs = tuple[tuple[str, str], ...]
"""Names of the left and the right class of each pair."""

_SEPARATORS = r"[\s_\-:./]+"
_CAPITALS = r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"
_BETWEEN_WORDS = re.compile(f"({_SEPARATORS}|{_CAPITALS})")
_WORDS = {"left": "l", "right": "r"}
_LETTERS = {"l", "r"}
_PASCAL_PARTS = (
    "wing eye ear ebrow horn leg foot hand "
    "larm uarm lleg uleg "  # person: lower and upper arm and leg
    "fleg fpa bleg bpa "  # cat, dog: front and back leg and paw
    "fuleg flleg buleg blleg fho bho "  # cow, horse, sheep: upper and lower leg; hoof
)
_GLUED_LETTER = re.compile(f"()([lr])({'|'.join(_PASCAL_PARTS.split())})", re.IGNORECASE)
_GLUED_WORD = re.compile("([hc]?)(left|right)(side|mirror)", re.IGNORECASE)


class _Sided(NamedTuple):
    """A name that shows a side.

    Attributes:
        spelling: Which of the three ways.
        bare: The name without its sides, "" if nothing is left.
        sides: "l" or "r" for each place that shows one.
    """

    spelling: Literal["word", "letter", "glued"]
    bare: str
    sides: tuple[str, ...]


def find_pairs(class_names: Sequence[str]) -> SidePairs:
    """Find the classes that differ only in left and right.

    Letters in capitals count for the sides, but not for the rest of the name: `Eye-LEFT` is the
    partner of `Eye-right`, not of `eye-right`.

    Args:
        class_names: C names.

    Returns:
        (left, right) for each pair, in the order of the left classes. No class is in two pairs; of
        names that differ only in capitals the first is taken.
    """
    first: dict[_Sided, str] = {}
    for name in class_names:
        sided = _sided(name)
        if sided is not None:
            first.setdefault(sided, name)
    pairs = []
    for sided, name in first.items():
        mirrored = tuple("r" if side == "l" else "l" for side in sided.sides)
        partner = first.get(sided._replace(sides=mirrored))
        if sided.sides[0] == "l" and partner is not None:
            pairs.append((name, partner))
    return tuple(pairs)


def flip_index(class_names: Sequence[str], pairs: Sequence[tuple[str, str]]) -> NDArray[np.int64]:
    """Which class each class becomes when the image is mirrored left to right.

    Args:
        class_names: C names.
        pairs: Names of the left and the right class of each pair, such as `find_pairs` gives.

    Returns:
        (C,) int64 index into `class_names`; a permutation that is its own inverse.

    Raises:
        ConfigError: A pair names a class that does not exist, or a class is named twice.
    """
    position = {name: index for index, name in enumerate(class_names)}
    named = Counter(name for pair in pairs for name in pair)
    unknown = [name for name in named if name not in position]
    if unknown:
        raise ConfigError(
            f"The left/right pairs name classes that do not exist: {', '.join(unknown)}. The "
            f"classes are: {', '.join(class_names)}. Correct the names, or leave the pair out."
        )
    repeated = [name for name, count in named.items() if count > 1]
    if repeated:
        raise ConfigError(
            f"The left/right pairs name {', '.join(repeated)} more than once. A class has one "
            "partner, and is never its own: leave one of the pairs out."
        )
    index = np.arange(len(class_names), dtype=np.int64)
    for left, right in pairs:
        index[position[left]], index[position[right]] = position[right], position[left]
    return index


def unpaired_sides(class_names: Sequence[str]) -> tuple[str, ...]:
    """Find classes of one side whose other side is no class.

    Args:
        class_names: C names.

    Returns:
        The names that say `left` or `right` in words and are in no pair of `find_pairs`.
    """
    paired = {name for pair in find_pairs(class_names) for name in pair}
    sided = {name: _sided(name) for name in class_names if name not in paired}
    return tuple(name for name, found in sided.items() if found and found.spelling == "word")


def merged_side_names(
    class_names: Sequence[str], pairs: Sequence[tuple[str, str]] | None = None
) -> dict[str, str]:
    """One name for the classes that differ only in their side.

    Classes whose names are equal once the side is dropped are one class: a left and a right
    mirror, and a class `mirror` beside them. A side that is not written out (`l_wing`, `leye`)
    counts only in a pair, and a class without a partner stays as it is.

    Args:
        class_names: C names.
        pairs: Names of the left and the right class of each pair, which alone are merged then;
            None goes by the names.

    Returns:
        Class name -> merged name, only for the classes that are merged. A pair whose names have
        nothing else in common becomes "port or starboard".
    """
    if pairs is not None:
        return {name: _common_name(*pair) for pair in pairs for name in pair}
    paired = {name for pair in find_pairs(class_names) for name in pair}
    bare = {name: _bare_name(name, name in paired) for name in class_names}
    partners = Counter(bare.values())
    return {name: short for name, short in bare.items() if partners[short] > 1}


def _common_name(left: str, right: str) -> str:
    """Name of a pair."""
    bare = {_bare_name(name, True) for name in (left, right)}
    return bare.pop() if len(bare) == 1 else f"{left} or {right}"


def _bare_name(name: str, is_paired: bool) -> str:
    """The name without its side; the name itself where it shows none or is nothing else."""
    sided = _sided(name)
    if sided is None or not (is_paired or sided.spelling == "word"):
        return name
    return sided.bare or name


def _sided(name: str) -> _Sided | None:
    """Take a name apart; None if it shows no side."""
    pieces = _BETWEEN_WORDS.split(name)
    words, separators = pieces[0::2], [*pieces[1::2], ""]
    plain = [word.strip("()[]").lower() for word in words]
    if any(word in _WORDS for word in plain):
        bare = _without(_WORDS, plain, words, separators)
        return _Sided("word", bare, tuple(_WORDS[word] for word in plain if word in _WORDS))
    bare = _without(_LETTERS, plain, words, separators)
    if bare and any(word in _LETTERS for word in plain):
        return _Sided("letter", bare, tuple(word for word in plain if word in _LETTERS))
    glued = _GLUED_LETTER.fullmatch(words[-1]) or _GLUED_WORD.fullmatch(words[-1])
    if glued is None:
        return None
    before, side, part = glued.groups()
    bare = name.removesuffix(words[-1]) + before + part
    return _Sided("glued", bare, (side[0].lower(),))


def _without(
    sides: Container[str], plain: list[str], words: list[str], separators: list[str]
) -> str:
    """Put a name together again without the words that are sides."""
    pieces = zip(plain, words, separators, strict=True)
    kept = [word + separator for key, word, separator in pieces if key not in sides]
    return "".join(kept).strip(" _-:./")
