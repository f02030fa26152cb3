"""Run all checks on the splits of a data set."""

from collections.abc import Mapping

from wps_sam.checking.boxes import check_boxes
from wps_sam.checking.classes import check_classes
from wps_sam.checking.duplicates import check_duplicates
from wps_sam.checking.findings import Case, Cases, CheckReport, Finding, SplitSummary, by_severity
from wps_sam.checking.images import check_images
from wps_sam.checking.queries import check_queries
from wps_sam.checking.records import check_records
from wps_sam.checking.sides import check_sides
from wps_sam.checking.splits import CheckedSplit, prepare_splits
from wps_sam.checking.supervision import check_supervision
from wps_sam.errors import DataError
from wps_sam.labels.label_file import LabelFile


def run_checks(labels: Mapping[str, LabelFile | DataError]) -> CheckReport:
    """Check labels and images, and splits against each other.

    Each image is decoded once, much reduced. Labels that cannot be used are a finding, not an
    error.

    Args:
        labels: Labels by the name of the split, or the error that opening them raised; the name of
            an only split is "". A split named "train" or so is what a prompter learns from.

    Returns:
        What was found, worst first.
    """
    opened = {name: one for name, one in labels.items() if isinstance(one, LabelFile)}
    splits = prepare_splits(opened)
    summaries = {split.name: _summary(split) for split in splits}
    findings = [
        *_unusable(labels, splits),
        *check_images(splits),
        *check_duplicates(splits),
        *check_records(splits),
        *check_supervision(splits),
        *check_boxes(splits),
        *check_sides(splits),
        *check_classes(splits),
        *check_queries(splits),
    ]
    return CheckReport(
        splits=tuple(summaries.get(name, SplitSummary(name, "", "", 0, 0, 0)) for name in labels),
        findings=by_severity(findings),
    )


def _unusable(
    labels: Mapping[str, LabelFile | DataError], splits: list[CheckedSplit]
) -> list[Finding]:
    """Labels that could not be opened or read."""
    problems = {name: str(one) for name, one in labels.items() if isinstance(one, DataError)}
    problems |= {split.name: split.problem for split in splits if split.weak is None}
    cases = Cases()
    for name, problem in problems.items():
        cases.add(Case(name, name or "labels", problem))
    return cases.finding(
        "labels-unusable",
        "error",
        "Labels that cannot be used",
        "Nothing can be learnt from them as they are. Their boxes and classes were not checked.",
        "Do what the message says, then check again.",
    )


def _summary(split: CheckedSplit) -> SplitSummary:
    """What was checked of a split."""
    weak = split.weak
    return SplitSummary(
        name=split.name,
        source=str(split.labels.path),
        label_format=split.labels.label_format,
        images=len(split.images),
        parts=sum(len(image.class_index) for image in weak.images) if weak else 0,
        classes=len(weak.class_names) if weak else 0,
    )
