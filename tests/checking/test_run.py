"""All checks together: a set with every fault, one without, and the page about them."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from PIL import Image

from checking.data_sets import DataSet, photo
from labels.formats.mutations import mutated_json
from wps_sam.checking import images
from wps_sam.checking.findings import MOST_CASES, Case, Cases, CheckReport, Picture
from wps_sam.checking.page import LINES_PER_FINDING, PICTURES_PER_FINDING, write_page
from wps_sam.checking.run import run_checks
from wps_sam.errors import DataError
from wps_sam.labels.label_file import LabelFile
from wps_sam.labels.open import open_labels
from wps_sam.toy import ToyConfig, draw_toy_dataset

BOX = ("wheel", [10, 10, 20, 20])
LEFT, RIGHT = "left_mirror", "right_mirror"
EVERY_KIND = {
    *("labels-unusable", "missing-image", "unreadable-image", "size-differs", "shared-file"),
    *("exif-turned", "not-rgb", "large-image", "small-image", "no-parts", "unlabelled-file"),
    *("leak", "duplicate", "left-out", "note", "far-outside", "pieces-in-one-box"),
    *("pieces-apart", "tiny-box", "whole-image-box", "thin-box", "repeated-box", "group-box"),
    *("left-right", "class-only-elsewhere", "class-without-parts", "few-images", "imbalance"),
    *("similar-names", "too-many-parts", "other-classes", "no-box"),
}


@pytest.fixture
def spoilt(
    new_set: Callable[[str], DataSet], monkeypatch: pytest.MonkeyPatch
) -> tuple[DataSet, DataSet]:
    """Training and validation labels with every fault that there is."""
    monkeypatch.setattr(images, "LARGE_PIXELS", 300 * 200 - 1)
    train, val = new_set("train"), new_set("val")
    for i in range(10):
        train.add_image(f"pair{i}.jpg", photo(i), (LEFT, [90, 9, 20, 20]), (RIGHT, [9, 9, 20, 20]))
    train.add_image("swapped.jpg", photo(10), (LEFT, [9, 9, 20, 20]), (RIGHT, [90, 9, 20, 20]))
    train.add_image("again.jpg", photo(3), BOX)
    train.add_image("missing.jpg", None, BOX)
    train.add_image("broken.jpg", photo(11), BOX)
    (train.folder / "broken.jpg").write_text("no image")
    train.add_image("wrong size.jpg", photo(12), BOX)
    train.images[-1]["height"] = 1
    train.add_image("x/again.jpg", None, BOX)
    train.add_image("turned.jpg", photo(13, (96, 128)), BOX)
    exif = Image.Exif()
    exif[0x0112] = 3
    photo(13, (96, 128)).save(train.folder / "turned.jpg", exif=exif)
    train.add_image("grey.jpg", photo(14).convert("L"), BOX)
    train.add_image("large.jpg", photo(15, (300, 200)), BOX)
    train.add_image("small.jpg", photo(16, (60, 40)), BOX)
    train.add_image("empty.jpg", photo(17))
    photo(18).save(train.folder / "unnamed.jpg")
    boxes: list[list[float]] = [
        [10, 10, 0.5, 5],
        [0, 0, 128, 96],
        [10, 80, 100, 2],
        [100, 10, 90, 20],
        [9, 9, -3, 4],
    ]
    train.add_image("boxes.jpg", photo(19), *(("lid", box) for box in boxes))
    group: list[list[float]] = [
        [5, 5, 100, 50],
        [10, 10, 20, 20],
        [70, 10, 20, 20],
        [70, 10, 20, 20],
    ]
    train.add_image("group.jpg", photo(20), *(("wheel", box) for box in group))
    pieces = [[left, 10, left + 20, 10, left + 20, 30] for left in (5, 90)]
    train.add_part(0, "wheel", segmentation=pieces, bbox=[5, 10, 105, 20])
    # 20 pixels at the top of the first column and 20 in the hundred-and-first, with 96 a column.
    run_lengths = {"size": [96, 128], "counts": [0, 20, 96 * 100, 20, 96 * 28 - 40]}
    train.add_part(1, "wheel", segmentation=run_lengths, bbox=[0, 0, 101, 20])
    train.add_image("many.jpg", photo(21), *(("bolt", [i % 90, 5, 20, 20]) for i in range(600)))
    train.add_part(2, "Bolt", bbox=[5, 5, 20, 20])
    train.add_part(2, "bolt", points=[[5, 5]])
    train.category("spare")
    val.add_image("copy.jpg", photo(5).resize((64, 48)), ("hub", [5, 5, 20, 20]))
    return train, val


def test_every_fault_is_found(spoilt: tuple[DataSet, DataSet]) -> None:
    train, val = spoilt
    broken = DataError("Label file test.json is broken JSON. Export it again.")
    report = run_checks({"train": train.open(), "val": val.open(), "test": broken})
    assert {finding.kind for finding in report.findings} == EVERY_KIND
    assert not report.sound
    severities = [finding.severity for finding in report.findings]
    assert severities == sorted(severities, key=["error", "warning", "info"].index)
    for finding in report.findings:
        assert all((finding.title, finding.message, finding.remedy))
        assert len(finding.cases) == min(finding.count, MOST_CASES) > 0
        if finding.kind in ("left-out", "far-outside", "pieces-apart", "pieces-in-one-box"):
            assert all(f"({case.pictures[0].file_name})" in case.record for case in finding.cases)
    assert [split.name for split in report.splits] == ["train", "val", "test"]
    assert (report.splits[1].images, report.splits[1].parts) == (1, 1)
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False))["sound"] is False


def test_nothing_is_found_in_a_sound_set(new_set: Callable[[str], DataSet]) -> None:
    train, val = new_set("train"), new_set("val")
    for i in range(12):
        chosen = val if i >= 10 else train
        chosen.add_image(f"{i}.jpg", photo(i), BOX, (LEFT, [90, 9, 20, 20]), (RIGHT, [9, 50, 9, 9]))
    report = run_checks({"train": train.open(), "val": val.open()})
    assert report.findings == ()
    assert report.sound


def test_toy_set_raises_no_false_alarm(tmp_path: Path) -> None:
    draw_toy_dataset(tmp_path / "toy", ToyConfig(train=20, val=6, height=192, width=256))
    splits = ("train", "val")
    report = run_checks({name: open_labels(tmp_path / "toy", split=name) for name in splits})
    assert report.sound
    # Classes are rare in so small a set, and what covers a part may cut it in two.
    expected = {"few-images", "class-without-parts", "pieces-in-one-box", "class-only-elsewhere"}
    assert {finding.kind for finding in report.findings} <= expected | {"tiny-box"}


@pytest.mark.parametrize("fault", ["no image", "no box", "broken later"])
def test_unusable_labels_are_a_finding(data_set: DataSet, fault: str) -> None:
    data_set.add_image("a.jpg", photo(0), BOX)
    labels = data_set.open()
    if fault == "no image":
        (data_set.folder / "a.jpg").unlink()
    if fault == "no box":
        data_set.annotations[0]["bbox"] = [1, 2, -3, 4]
        labels = data_set.open()
    if fault == "broken later":
        text = labels.path.read_text()
        labels.path.write_text(text[:-20])
    report = run_checks({"": labels})
    assert not report.sound
    findings = {finding.kind: finding for finding in report.findings}
    assert str(labels.path) in findings["labels-unusable"].cases[0].detail


def test_keep_groups_comes_from_the_labels(data_set: DataSet) -> None:
    data_set.add_image("a.jpg", photo(0))
    pieces = [[left, 10, left + 20, 10, left + 20, 30] for left in (5, 90)]
    data_set.add_part(0, "wheel", segmentation=pieces)
    labels = data_set.open()
    assert run_checks({"": labels}).splits[0].parts == 2
    assert run_checks({"": replace(labels, keep_groups=True)}).splits[0].parts == 1


class Page(HTMLParser):
    """Collects what a page would load, and whether its tags match."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)
        self.scripts += tag == "script"
        self.loads += [values[key] or "" for key in ("src", "srcset", "data") if key in values]
        if "id" in values:
            self.anchors.add(f"#{values['id']}")
        if "href" in values:
            self.links.add(values["href"] or "")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(path: Path) -> Page:
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    assert page.open == []
    return page


def test_page__holds_all_it_shows(spoilt: tuple[DataSet, DataSet], tmp_path: Path) -> None:
    train, val = spoilt
    report = run_checks({"train": train.open(), "val": val.open()})
    path = write_page(tmp_path / "new" / "check.html", report, title="spoilt")
    page = parsed(path)
    assert len(page.loads) > len(EVERY_KIND)
    assert all(address.startswith("data:image/jpeg;base64,") for address in page.loads)
    assert page.links - {"data:,"} <= page.anchors
    assert len(page.anchors) == len(report.findings)
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"https?://|@import|url\(|fetch\(", text)
    for finding in report.findings:
        assert f"<code>{finding.kind}</code>" in text


def test_page__words_of_the_user_are_escaped(data_set: DataSet, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>"
    data_set.add_image('"><img onerror=x>.jpg', photo(0), (evil, [10, 10, 0.5, 9]))
    report = run_checks({"<b>": data_set.open()})
    path = write_page(tmp_path / "check.html", report, title="<i>title</i>")
    text = path.read_text(encoding="utf-8")
    assert parsed(path).scripts == 0
    for raw in (evil, "<b>", "<i>", "<img onerror"):
        assert raw not in text.replace("<b>What to do:</b>", "").replace(
            "<b>Nothing was found that makes training unsound.</b>", ""
        ).replace("<b>1</b>", "")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; in" in text


def test_page__shows_some_lists_more_and_counts_all(tmp_path: Path) -> None:
    photo(0).save(tmp_path / "a.jpg")
    cases = Cases()
    for i in range(100):
        cases.add(Case("", f"case {i}", "", (Picture(tmp_path / "a.jpg", "a.jpg"),)))
    report = CheckReport((), tuple(cases.finding("kind", "warning", "Title", "", "")))
    path = write_page(tmp_path / "check.html", report, title="many")
    assert len(parsed(path).loads) == PICTURES_PER_FINDING == 12
    text = path.read_text(encoding="utf-8")
    assert text.count("<li>case") == LINES_PER_FINDING
    assert f"and {100 - 12 - LINES_PER_FINDING} more, see check.json" in text


def test_page__without_findings_and_with_unreadable_pictures(tmp_path: Path) -> None:
    path = write_page(tmp_path / "check.html", CheckReport((), ()), title="none")
    assert "Nothing was found." in path.read_text(encoding="utf-8")
    cases = Cases()
    cases.add(Case("", "gone", "", (Picture(tmp_path / "gone.jpg", "gone.jpg"),)))
    report = CheckReport((), tuple(cases.finding("kind", "error", "Title", "", "")))
    assert "does not exist" in write_page(path, report, title="gone").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one photograph."""
    path = tmp_path_factory.mktemp("mutated")
    photo(0).save(path / "a.png")
    return path


MUTABLE = {
    "images": [{"id": 0, "file_name": "a.png", "width": 128, "height": 96}],
    "categories": [{"id": 0, "name": LEFT}, {"id": 1, "name": RIGHT}],
    "annotations": [
        {"id": 0, "image_id": 0, "category_id": 0, "bbox": [10, 10, 20, 20]},
        {
            "id": 1,
            "image_id": 0,
            "category_id": 1,
            "iscrowd": 0,
            "points": [[5, 5]],
            "segmentation": [[10, 10, 20, 10, 20, 20], [60, 10, 90, 10, 90, 30]],
        },
        {
            "id": 2,
            "image_id": 0,
            "category_id": 1,
            "bbox": [1, 1, 9, 9],
            "segmentation": {"size": [96, 128], "counts": [0, 20, 9600, 20, 2648]},
        },
    ],
}


@settings(max_examples=60, deadline=None)
@given(content=mutated_json(MUTABLE))
def test_any_labels_are_checked_or_refused(folder: Path, content: object) -> None:
    path = folder / "labels.json"
    path.write_text(json.dumps(content))
    labels: LabelFile | DataError
    try:
        labels = open_labels(path)
    except DataError as error:
        labels = error
    report = run_checks({"": labels})
    json.dumps(report.to_dict(), allow_nan=False)
    assert parsed(write_page(folder / "check.html", report, title="x")).open == []
