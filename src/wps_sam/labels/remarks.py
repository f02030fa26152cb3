"""What a reader has to say about single records: left out, or changed on the way in."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Skip:
    """A record that was left out.

    Attributes:
        record: Which one, such as "annotation 17 of image 3 (a.jpg)".
        reason: Why; the same words for the same reason, so that they can be counted.
    """

    record: str
    reason: str


@dataclass(frozen=True)
class Note:
    """Something about a record that was used that the user should know of.

    Attributes:
        record: Which one, such as "annotation 17 of image 3 (a.jpg)".
        text: What was done; the same words for the same thing, so that they can be counted.
    """

    record: str
    text: str


def count_skips(skipped: Iterable[Skip]) -> dict[str, int]:
    """How many records were left out, by reason, most frequent first."""
    return dict(Counter(skip.reason for skip in skipped).most_common())


def count_notes(notes: Iterable[Note]) -> dict[str, int]:
    """How many records were changed, by what was done, most frequent first."""
    return dict(Counter(note.text for note in notes).most_common())
