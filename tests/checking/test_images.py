"""Files of images: one of every problem."""

from collections.abc import Callable

import pytest
from PIL import Image

from checking.data_sets import DataSet, photo
from wps_sam.checking import images
from wps_sam.checking.findings import Finding
from wps_sam.checking.images import check_images
from wps_sam.checking.splits import prepare_splits
from wps_sam.labels.open import open_labels

BOX = ("wheel", [10, 10, 20, 20])


def check(data_set: DataSet) -> dict[str, Finding]:
    """Findings by kind."""
    return {finding.kind: finding for finding in check_images([data_set.split()])}


@pytest.fixture
def good(data_set: DataSet) -> DataSet:
    """A data set with one sound image."""
    data_set.add_image("good.jpg", photo(0), BOX)
    return data_set


def only(found: dict[str, Finding], kind: str, severity: str) -> Finding:
    """The one finding, with one case about bad.*."""
    assert list(found) == [kind]
    assert (found[kind].severity, found[kind].count) == (severity, 1)
    assert found[kind].cases[0].record.startswith("bad.")
    return found[kind]


def test_nothing(good: DataSet) -> None:
    assert check(good) == {}


def test_missing(good: DataSet) -> None:
    good.add_image("bad.jpg", None, BOX)
    finding = only(check(good), "missing-image", "error")
    assert "is missing. Tried: " in finding.cases[0].detail
    assert finding.cases[0].pictures == ()


def test_unreadable(good: DataSet) -> None:
    good.add_image("bad.jpg", photo(1), BOX)
    path = good.folder / "bad.jpg"
    path.write_bytes(path.read_bytes()[:-300])
    finding = only(check(good), "unreadable-image", "error")
    assert "is damaged" in finding.cases[0].detail
    assert finding.cases[0].pictures == ()


def test_size_differs(good: DataSet) -> None:
    good.add_image("bad.jpg", photo(1), BOX)
    good.images[-1]["width"] = 256
    finding = only(check(good), "size-differs", "error")
    assert finding.cases[0].detail == (
        "labels say 256 x 96, the file has 128 x 96 (width x height)"
    )


def test_shared_file(good: DataSet) -> None:
    good.add_image("sub/good.jpg", None, BOX)
    found = check(good)
    assert list(found) == ["shared-file"]
    assert found["shared-file"].severity == "error"
    assert "sub/good.jpg and good.jpg both lead to" in found["shared-file"].cases[0].detail


@pytest.mark.parametrize(
    ("orientation", "stated", "text"),
    [
        (6, (96, 128), "orientation 6, turned when it is read"),
        (6, (128, 96), "orientation 6, not turned: the labels state the size of the stored pixels"),
        (3, (128, 96), "orientation 3, turned when it is read"),
    ],
)
def test_exif(good: DataSet, orientation: int, stated: tuple[int, int], text: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    good.add_image("bad.jpg", photo(1), BOX)
    photo(1).save(good.folder / "bad.jpg", exif=exif)
    good.images[-1]["width"], good.images[-1]["height"] = stated
    (case,) = only(check(good), "exif-turned", "warning").cases
    assert case.detail == text
    assert case.pictures[0].boxes == ((10, 10, 30, 30),)
    assert case.pictures[0].hw == stated[::-1]


@pytest.mark.parametrize(("mode", "suffix"), [("L", "jpg"), ("CMYK", "jpg"), ("RGBA", "png")])
def test_not_rgb(good: DataSet, mode: str, suffix: str) -> None:
    good.add_image(f"bad.{suffix}", photo(1).convert(mode), BOX)
    finding = only(check(good), "not-rgb", "info")
    assert finding.cases[0].detail.startswith(f"{mode}: ")


def test_large(good: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "LARGE_PIXELS", 200 * 300 - 1)
    good.add_image("bad.jpg", photo(1, (300, 200)), BOX)
    assert only(check(good), "large-image", "warning").cases[0].detail == "300 x 200 px"


def test_small(good: DataSet) -> None:
    good.add_image("fine.jpg", photo(2, (64, 20)), BOX)
    good.add_image("bad.jpg", photo(1, (63, 63)), BOX)
    assert only(check(good), "small-image", "warning").cases[0].detail == "63 x 63 px"


def test_without_parts__half_is_good_to_know_and_more_a_warning(good: DataSet) -> None:
    good.add_image("bad.jpg", photo(1))
    finding = only(check(good), "no-parts", "info")
    assert finding.message.startswith("1 of 2 images have no usable part.")
    good.add_image("c.jpg", photo(2))
    assert check(good)["no-parts"].severity == "warning"


def test_files_that_no_label_names(new_set: Callable[[str], DataSet]) -> None:
    train, val = new_set("all"), new_set("all")
    train.add_image("a.jpg", photo(0), BOX)
    val.add_image("b.jpg", photo(1), BOX)
    for name in ("bad.jpg", ".hidden.jpg", "._a.jpg", "a.png", "notes.txt"):
        (train.folder / name).write_text("never opened")
    labels = {"train": train.open(), "val": val.open()}
    found = {finding.kind: finding for finding in check_images(prepare_splits(labels))}
    finding = only(found, "unlabelled-file", "info")  # a.png is the mask of a.jpg
    assert finding.cases[0].detail == f"in {train.folder}"
    assert finding.title == "Image files in all/ that no label names"


def test_files_that_no_label_names__in_the_current_folder(
    good: DataSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    (good.folder / "bad.jpg").write_text("never opened")
    path = good.write()
    monkeypatch.chdir(good.folder)
    (finding,) = check_images(prepare_splits({"": open_labels(path.name)}))
    assert finding.title == "Image files in set/ that no label names"


def test_files_that_no_label_names__in_several_folders(new_set: Callable[[str], DataSet]) -> None:
    sets = {name: new_set(name) for name in ("train", "val", "test")}
    for data_set in sets.values():
        data_set.add_image("a.jpg", photo(0), BOX)
    for name in ("train", "val"):
        (sets[name].folder / "b.jpg").write_text("never opened")
    splits = prepare_splits({name: one.open() for name, one in sets.items()})
    (finding,) = check_images(splits)
    assert finding.title == "Image files in 2 folders that no label names"
