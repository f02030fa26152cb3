"""Write the findings as one HTML page that holds everything it shows."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from wps_sam.checking.findings import Case, CheckReport, Finding
from wps_sam.checking.small_pictures import large_images_allowed
from wps_sam.checking.thumbnails import Thumbnail, thumbnail

PICTURES_PER_FINDING = 12
LINES_PER_FINDING = 40

_SEVERITY_NAMES = {
    "error": "Makes training unsound",
    "warning": "Look at these",
    "info": "Good to know",
}


class ShownCase(NamedTuple):
    """A case with its thumbnails."""

    case: Case
    thumbnails: Sequence[Thumbnail]


class ShownFinding(NamedTuple):
    """A finding as the page shows it.

    Attributes:
        finding: What was found.
        anchor: Name of its place on the page.
        pictured: Cases with thumbnails.
        listed: Cases in words only.
        unlisted: How many more there are.
    """

    finding: Finding
    anchor: str
    pictured: Sequence[ShownCase]
    listed: Sequence[Case]
    unlisted: int


def write_page(path: str | Path, report: CheckReport, *, title: str) -> Path:
    """Write the page; it loads nothing from elsewhere.

    Args:
        path: Where to write it; folders are made.
        report: What was found.
        title: Heading of the page.

    Returns:
        The path.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    environment = Environment(
        loader=PackageLoader("wps_sam.checking"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    with large_images_allowed():
        shown = [_shown(number, finding) for number, finding in enumerate(report.findings, 1)]
    text = environment.get_template("check.html.j2").render(
        title=title,
        report=report,
        groups=[
            (severity, heading, [one for one in shown if one.finding.severity == severity])
            for severity, heading in _SEVERITY_NAMES.items()
        ],
    )
    # A file name that is not UTF-8 must not cost the user the page.
    target.write_text(text, encoding="utf-8", errors="replace")
    return target


def _shown(number: int, finding: Finding) -> ShownFinding:
    """Draw the thumbnails of a finding."""
    with_pictures = [case for case in finding.cases if case.pictures][:PICTURES_PER_FINDING]
    pictured = [ShownCase(case, [thumbnail(one) for one in case.pictures])
                for case in with_pictures]  # fmt: skip
    chosen = set(map(id, with_pictures))
    listed = [case for case in finding.cases if id(case) not in chosen][:LINES_PER_FINDING]
    unlisted = finding.count - len(pictured) - len(listed)
    return ShownFinding(finding, f"finding-{number}", pictured, listed, unlisted)
