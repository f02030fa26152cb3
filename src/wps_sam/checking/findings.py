"""What the checks hand back: findings, each with the places where it was found."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""From worst to mildest. With an error training would not be sound."""

MOST_CASES = 500
"""A finding keeps this many of its cases; `count` counts all."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the original frame."""


@dataclass(frozen=True)
class Picture:
    """An image to show beside a case.

    Attributes:
        path: The image file.
        file_name: Its name in the labels.
        boxes: What it is about; may reach outside the image.
        others: What that is to be compared with.
        hw: (height, width) of the original frame that the boxes are in, or None to take the file's.
    """

    path: Path
    file_name: str
    boxes: tuple[Box, ...] = ()
    others: tuple[Box, ...] = ()
    hw: tuple[int, int] | None = None


@dataclass(frozen=True)
class Case:
    """One place where something was found.

    Attributes:
        split: Name of the split; "" if there is only one or it concerns all.
        record: Which image, part, class or label record.
        detail: What was measured there; may be empty.
        pictures: Images to show: none for a matter of classes, two for a pair of duplicates.
    """

    split: str
    record: str
    detail: str = ""
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong or worth knowing, with the places where it was found.

    Attributes:
        kind: Short name that does not change between versions, such as "tiny-box".
        severity: "error" makes training unsound, "warning" should be looked at, "info" is good to
            know.
        title: A few words.
        message: What was found, with the threshold.
        remedy: What to do about it.
        count: In how many places.
        cases: The first `MOST_CASES` of them.
    """

    kind: str
    severity: Severity
    title: str
    message: str
    remedy: str
    count: int
    cases: tuple[Case, ...]


class Cases:
    """Collects the cases of one finding: counts all, keeps the first `MOST_CASES`."""

    def __init__(self) -> None:
        """Start with none."""
        self.count = 0
        self.kept: list[Case] = []

    def add(self, case: Case) -> None:
        """Count a case, and keep it if there is room."""
        self.count += 1
        if len(self.kept) < MOST_CASES:
            self.kept.append(case)

    def finding(
        self, kind: str, severity: Severity, title: str, message: str, remedy: str
    ) -> list[Finding]:
        """The finding in a list, or an empty list if no case was added.

        Args:
            kind: See `Finding`.
            severity: See `Finding`.
            title: See `Finding`.
            message: See `Finding`.
            remedy: See `Finding`.

        Returns:
            No finding or one.
        """
        if not self.count:
            return []
        return [Finding(kind, severity, title, message, remedy, self.count, tuple(self.kept))]


@dataclass(frozen=True)
class SplitSummary:
    """What was checked of one split.

    Attributes:
        name: Of the split, "" if there is only one.
        source: The label file or folder.
        label_format: Key of its reader, "" if it could not be opened.
        images: Image records.
        parts: Parts that training would use.
        classes: Classes that training would learn.
    """

    name: str
    source: str
    label_format: str
    images: int
    parts: int
    classes: int


@dataclass(frozen=True)
class CheckReport:
    """Everything that was found, worst first.

    Attributes:
        splits: What was checked.
        findings: Errors, then warnings, then what is good to know.
    """

    splits: tuple[SplitSummary, ...]
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Whether training on these labels makes sense: no finding is an error."""
        return not any(finding.severity == "error" for finding in self.findings)

    def severity_counts(self) -> dict[str, int]:
        """How many findings there are of each severity, worst first, those without any as 0."""
        counts = Counter(finding.severity for finding in self.findings)
        return {severity: counts[severity] for severity in SEVERITIES}

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; pictures as file names and boxes."""
        return {
            "sound": self.sound,
            "findings_by_severity": self.severity_counts(),
            "splits": [asdict(split) for split in self.splits],
            "findings": [_finding_values(finding) for finding in self.findings],
        }


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number and its noun: "1 image", "2 images"; `many` is for nouns that do not take an s."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def by_severity(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Sort findings from worst to mildest; within a severity the order stays."""
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))


def _finding_values(finding: Finding) -> dict[str, Any]:
    """A finding as plain values."""
    return {
        "kind": finding.kind,
        "severity": finding.severity,
        "title": finding.title,
        "message": finding.message,
        "remedy": finding.remedy,
        "count": finding.count,
        "cases": [_case_values(case) for case in finding.cases],
    }


def _case_values(case: Case) -> dict[str, Any]:
    """A case as plain values."""
    return {
        "split": case.split,
        "record": case.record,
        "detail": case.detail,
        "images": [
            {
                "file_name": picture.file_name,
                "boxes_xyxy": [[round(value, 2) for value in box] for box in picture.boxes],
                "other_boxes_xyxy": [[round(value, 2) for value in box] for box in picture.others],
            }
            for picture in case.pictures
        ],
    }
