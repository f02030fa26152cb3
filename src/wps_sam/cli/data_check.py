"""`wps-sam data check`: what is wrong with labels and images, before anyone trains on them."""

from pathlib import Path
from typing import NamedTuple

from rich.markup import escape

from wps_sam import __version__
from wps_sam.checking.findings import CheckReport, Finding, SplitSummary, counted
from wps_sam.checking.page import write_page
from wps_sam.checking.run import run_checks
from wps_sam.cli.console import console
from wps_sam.cli.label_place import LabelPlace
from wps_sam.cli.score_files import dump_scores
from wps_sam.cli.training_places import validation_place
from wps_sam.errors import ConfigError, DataError
from wps_sam.files import write_atomically
from wps_sam.labels.label_file import LabelFile
from wps_sam.labels.open import split_names
from wps_sam.labels.split_roles import validation_split

JSON_FILE = "check.json"
PAGE_FILE = "check.html"
_RECORDS_PRINTED = 3
_STYLES = {"error": "bold red", "warning": "yellow", "info": "blue"}


def data_check(
    data: Path,
    *,
    out: Path | None = None,
    images: Path | None = None,
    split: str | None = None,
    classes: Path | None = None,
    keep_groups: bool = False,
    val: Path | None = None,
    val_images: Path | None = None,
    val_split: str | None = None,
) -> int:
    """Look for mistakes in labels and images; exit status 1 if training would not be sound.

    All splits of the data set are checked, and compared with each other. Warnings alone give exit
    status 0.

    Args:
        data: label file, data set folder or dataset.yaml
        out: folder for check.json and check.html; without it, only the summary is printed
        images: folder of the images, if not beside the labels
        split: only this split
        classes: class map file: which classes to take, merge and rename
        keep_groups: one label an annotation even if it has several polygons
        val: other labels that training will validate on
        val_images: folder of the validation images (default: that of --images)
        val_split: which split of the folder --val (default: val, if there is one)
    """
    if out is not None and out.exists() and not out.is_dir():
        raise ConfigError(f"--out {out} is a file; give a folder, which may be new.")
    place = LabelPlace(data, images, split, None, keep_groups, classes)
    validation = None
    if val is not None:
        validation = validation_place(place, val, images=val_images, split=val_split)
    places = _places(place, validation)
    report = run_checks({name: _open(place) for name, place in places.items()})
    for one in report.splits:
        _print_split(one)
    for finding in report.findings:
        _print_finding(finding)
    if out is not None:
        settings = _Settings(
            data=str(data),
            split=split,
            val=_text(val),
            val_images=_text(val_images),
            val_split=val_split,
            images=_text(images),
            classes=_text(classes),
            keep_groups=keep_groups,
        )
        _write(out, report, settings, title=data.resolve().name)
    _print_verdict(report)
    return 0 if report.sound else 1


class _Settings(NamedTuple):
    """What was asked for."""

    data: str
    split: str | None
    val: str | None
    val_images: str | None
    val_split: str | None
    images: str | None
    classes: str | None
    keep_groups: bool


def _text(path: Path | None) -> str | None:
    """A path in words."""
    return None if path is None else str(path)


def _places(place: LabelPlace, validation: LabelPlace | None) -> dict[str, LabelPlace]:
    """The splits to check by name; "" for labels that are not divided.

    Args:
        place: What the user gave.
        validation: Other labels to validate on, which are called val.
    """
    names = (place.split,) if place.split is not None else split_names(place.data)
    places = {name: place._replace(split=name) for name in names} or {"": place}
    if validation is None:
        return places
    own = validation_split(places)
    if own is not None:
        raise ConfigError(
            f"Data {place.data} has a split {own!r} already, so it cannot be checked against --val "
            f"{validation.data} as well. Choose the one to train on with --split, or leave --val "
            "out."
        )
    if "" in places:
        places = {"train": places[""]}
    return {**places, "val": validation}


def _open(place: LabelPlace) -> LabelFile | DataError:
    """The labels, or why they cannot be opened."""
    try:
        return place.open()
    except DataError as error:
        return error


def _print_split(one: SplitSummary) -> None:
    """Print what was checked."""
    name = f"{one.name}: " if one.name else ""
    source = f"{one.source} ({one.label_format})" if one.source else "could not be opened"
    counts = (
        counted(one.images, "image"),
        counted(one.parts, "part"),
        counted(one.classes, "class", "classes"),
    )
    console.print(escape(f"{name}{source}: {', '.join(counts)}"), soft_wrap=True)


def _print_finding(finding: Finding) -> None:
    """Print a finding with its first records."""
    style = _STYLES[finding.severity]
    console.print(
        f"\n[{style}]{finding.severity}[/] [bold]{escape(finding.title)}[/] ({finding.count})",
        highlight=False,
        soft_wrap=True,
    )
    for case in finding.cases[:_RECORDS_PRINTED]:
        where = f"{case.split}: " if case.split else ""
        detail = f": {case.detail}" if case.detail else ""
        console.print(escape(f"  {where}{case.record}{detail}"), highlight=False, soft_wrap=True)
    if finding.count > _RECORDS_PRINTED:
        console.print(f"  and {finding.count - _RECORDS_PRINTED} more", highlight=False)
    remedy = escape(finding.remedy)
    console.print(f"  [dim]{remedy}[/]", highlight=False, soft_wrap=True)


def _print_verdict(report: CheckReport) -> None:
    """Print the last line."""
    counts = report.severity_counts()
    verdict = "[green]sound[/]" if report.sound else "[bold red]not sound[/]"
    console.print(
        f"\nTraining on these labels would be {verdict}: "
        f"{counted(counts['error'], 'error')}, {counted(counts['warning'], 'warning')}, "
        f"{counts['info']} good to know.",
        highlight=False,
        soft_wrap=True,
    )


def _write(out: Path, report: CheckReport, settings: _Settings, *, title: str) -> None:
    """Write the findings as JSON and as a page."""
    out.mkdir(parents=True, exist_ok=True)
    content = {
        "wps_sam_version": __version__,
        "checked": settings._asdict(),
        **report.to_dict(),
    }
    write_atomically(out / JSON_FILE, dump_scores(content).encode("utf-8", "replace"))
    page = write_page(out / PAGE_FILE, report, title=title)
    console.print(escape(f"\nWrote {out / JSON_FILE}, {page}"), soft_wrap=True)
