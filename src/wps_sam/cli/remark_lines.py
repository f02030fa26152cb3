"""Lines that say which records were left out or changed, alike in every verb."""

from collections.abc import Mapping


def remark_lines(
    skipped: Mapping[str, int],
    notes: Mapping[str, int],
    first: Mapping[str, str],
    *,
    left_out: str = "skipped",
) -> list[str]:
    """Put remarks into words.

    Args:
        skipped: Number of records that were left out, by reason.
        notes: Number of records that were changed, by what was done.
        first: The first record of each reason and of each thing that was done.
        left_out: What to call leaving out.

    Returns:
        A line for each, most frequent first, such as "skipped 3: box without area (first:
        annotation 17 of image 3 (a.jpg))" and, of a single record, "note: category 1 'rest':
        stands for background and becomes no class".
    """
    lines = []
    for one, many, counts in (
        (left_out, f"{left_out} {{}}", skipped),
        ("note", "note, {} times", notes),
    ):
        for text, count in sorted(counts.items(), key=lambda item: -item[1]):
            if count == 1:
                lines.append(f"{one}: {first[text]}: {text}")
            else:
                lines.append(f"{many.format(count)}: {text} (first: {first[text]})")
    return lines
