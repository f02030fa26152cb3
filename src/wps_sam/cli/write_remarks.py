"""Prints what writers left out or changed."""

from rich.markup import escape

from wps_sam.cli.console import console
from wps_sam.cli.remark_lines import remark_lines
from wps_sam.writing.writer import WriteRemarks


def print_remarks(remarks: WriteRemarks) -> None:
    """Print what was left out and what was changed, by reason."""
    for line in remark_lines(remarks.skipped, remarks.notes, remarks.first, left_out="left out"):
        console.print(escape(line), soft_wrap=True)
