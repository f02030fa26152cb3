"""Prints what writers left out or changed."""

from rich.markup import escape

from wps_sam.cli.console import console
from wps_sam.writing.writer import WriteRemarks


def print_remarks(remarks: WriteRemarks) -> None:
    """Print what was left out and what was changed, by reason."""
    for verb, counts in (("left out", remarks.skipped), ("note,", remarks.notes)):
        for text, count in counts.most_common():
            times = f"{count} times" if verb == "note," else f"{count}"
            line = f"{verb} {times}: {text} (first: {remarks.first[text]})"
            console.print(escape(line), soft_wrap=True)
