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
        on_purpose: Whether it is left out because the labels, a table of classes or the user's
            class map say so; otherwise something about the record may have to be corrected.
    """

    record: str
    reason: str
    on_purpose: bool = False


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


def first_records(skipped: Iterable[Skip], notes: Iterable[Note]) -> dict[str, str]:
    """The first record that was left out for each reason, or changed in each way."""
    first: dict[str, str] = {}
    for skip in skipped:
        first.setdefault(skip.reason, skip.record)
    for note in notes:
        first.setdefault(note.text, note.record)
    return first
