"""What all writers have in common."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from wps_sam.errors import DataError
from wps_sam.geometry.masks import mask_to_rle
from wps_sam.labels.label_file import LabelCategory
from wps_sam.writing.coco import CocoWriter
from wps_sam.writing.formats import WRITERS
from wps_sam.writing.photographs import MISSING, NO_LINKS
from wps_sam.writing.shapes import ImageShapes, ShapeRecord
from wps_sam.writing.writer import JOINED, NO_IGNORED, NO_PIXEL, RENAMED, ShapeWriter, WriteRemarks
from wps_sam.writing.yolo import YoloWriter

Make = Callable[..., ImageShapes]
Categories = tuple[LabelCategory, ...]


@pytest.mark.parametrize(
    ("name", "safe", "stem"),
    [
        ("a.b/c.d.jpg", "a.b/c.d.jpg", "a.b/c.d"),
        ("../../etc/x.jpg", "etc/x.jpg", "etc/x"),
        ("/etc/x.jpg", "etc/x.jpg", "etc/x"),
        ("C:/x.jpg", "C_/x.jpg", "C_/x"),
        ("../c:/x.jpg", "c_/x.jpg", "c_/x"),
        ("2024-01-01T10:30:00.jpg", "2024-01-01T10:30:00.jpg", "2024-01-01T10:30:00"),
        ("C:x/D:/y.jpg", "C:x/D:/y.jpg", "C:x/D:/y"),
        ("..", "image-5", "image-5"),
    ],
)
def test_names_stay_below_the_folder(name: str, safe: str, stem: str) -> None:
    image = ImageShapes(5, name, (1, 1), ())
    assert (image.safe_name, image.stem) == (safe, stem)


@pytest.mark.parametrize("name", WRITERS)
def test_any_writer_takes_any_shape(
    tmp_path: Path,
    categories: Categories,
    one_image: Make,
    name: str,
    request: pytest.FixtureRequest,
) -> None:
    kinds = ("door_box", "wheel_outline", "two_pieces", "door_mask", "wheel_points", "crowd")
    shapes = [request.getfixturevalue(kind) for kind in kinds]
    writer = WRITERS[name](tmp_path / "out", categories)
    for image in (one_image(*shapes), one_image(name="empty.png")):
        writer.add(image)
    writer.finish()
    assert writer.shapes_written + writer.remarks.skipped.total() == len(shapes)
    files = [path.name for path in (tmp_path / "out").rglob("*")]
    assert not [file for file in files if file.startswith(".")]


def test_two_images_for_one_file(tmp_path: Path, categories: Categories, one_image: Make) -> None:
    writer = YoloWriter(tmp_path / "out", categories)
    writer.add(one_image(name="a.png"))
    with pytest.raises(DataError, match=r"a\.png and A\.jpg would write the same file A\. Rename"):
        writer.add(one_image(name="A.jpg"))
    coco = CocoWriter(tmp_path / "coco", categories)
    coco.add(one_image(name="a.png"))
    coco.add(one_image(name="a.jpg"))  # one file for all


def test_names_are_checked_before_anything_is_written() -> None:
    names = [(1, "a.png"), (2, "b.png"), (3, "A.jpg")]
    with pytest.raises(DataError, match=r"a\.png and A\.jpg would write the same file A\. Rename"):
        YoloWriter.check_names(names)
    CocoWriter.check_names(names)  # one file for all
    for bad in ([(1, "a.png"), (2, "A.png")], [(1, "/a.png"), (2, "a.png")]):
        with pytest.raises(DataError, match="would write the same file"):
            CocoWriter.check_names(bad)
    with pytest.raises(DataError, match=r"The image 'a\\n' has the character"):
        CocoWriter.check_names([(1, "a\n")])


@pytest.mark.parametrize("name", WRITERS)
def test_changed_name_is_noted(
    tmp_path: Path, categories: Categories, one_image: Make, door_mask: ShapeRecord, name: str
) -> None:
    writer = WRITERS[name](tmp_path / "out", categories)
    writer.add(replace(one_image(door_mask), file_name="C:/a.png"))
    writer.add(one_image(name="10:30.png"))
    writer.finish()
    assert writer.remarks.notes == {RENAMED: 1}
    assert writer.remarks.first[RENAMED] == "C:/a.png"
    texts = [path.read_text() for path in (tmp_path / "out").rglob("*.[jx][sm]*")]
    assert not [text for text in texts if "C:/a" in text]


@pytest.mark.parametrize("counts", [[5000], [5000, 0], "compressed"])
@pytest.mark.parametrize("name", WRITERS)
def test_mask_without_a_pixel_is_counted(
    tmp_path: Path, categories: Categories, one_image: Make, name: str, counts: str | list[int]
) -> None:
    if isinstance(counts, str):
        counts = mask_to_rle(np.zeros((50, 100)))["counts"]
    empty = ShapeRecord(0, "wheel", rle={"size": [50, 100], "counts": counts})
    writer = WRITERS[name](tmp_path / "out", categories)
    writer.add(one_image(empty))
    writer.finish()
    assert writer.remarks.skipped == {NO_PIXEL: 1}
    assert writer.remarks.first == {NO_PIXEL: "part 0 of sub/a.png"}
    assert writer.shapes_written == 0


@pytest.mark.parametrize("character", ["\0", "\n", "\x85", "\u2028", "\ud800", "\uffff"])
@pytest.mark.parametrize("name", WRITERS)
def test_name_that_some_format_cannot_hold(
    tmp_path: Path, categories: Categories, one_image: Make, name: str, character: str
) -> None:
    with pytest.raises(DataError, match=r"The class 'a.* has the character .* Rename it"):
        WRITERS[name](tmp_path / "out", (LabelCategory(0, f"a{character}b"),))
    assert not (tmp_path / "out").exists()
    writer = WRITERS[name](tmp_path / "out", categories)
    with pytest.raises(DataError, match=r"The image 'a.* has the character .* Rename it"):
        writer.add(replace(one_image(), file_name=f"a{character}.png"))


def written_outline(writer: ShapeWriter, image: ImageShapes) -> str:
    writer.add(image)
    return (writer.out / "labels" / f"{image.stem}.txt").read_text()


def test_mask_becomes_its_outline(
    tmp_path: Path, categories: Categories, one_image: Make, door_mask: ShapeRecord
) -> None:
    writer = YoloWriter(tmp_path / "out", categories)
    line = written_outline(writer, one_image(door_mask))
    numbers = [float(word) for word in line.split()[1:]]
    corners = {
        (round(x * 100), round(y * 50)) for x, y in zip(numbers[0::2], numbers[1::2], strict=True)
    }
    assert corners == {(20, 10), (22, 10), (22, 12), (20, 12)}
    assert not writer.remarks.notes


def test_mask_in_two_pieces_and_mask_without_a_pixel_are_counted(
    tmp_path: Path, categories: Categories, one_image: Make, crowd: ShapeRecord
) -> None:
    pieces = ShapeRecord(0, "wheel", rle={"size": [50, 100], "counts": [10, 2, 100, 3, 4885]})
    empty = ShapeRecord(0, "wheel", rle={"size": [50, 100], "counts": [5000]})
    writer = YoloWriter(tmp_path / "out", categories)
    assert len(written_outline(writer, one_image(pieces, empty, crowd)).splitlines()) == 1
    assert writer.remarks.notes == {JOINED: 1}
    assert writer.remarks.skipped == {NO_PIXEL: 1, NO_IGNORED: 1}
    assert writer.remarks.first == {
        JOINED: "part 0 of sub/a.png",
        NO_PIXEL: "part 1 of sub/a.png",
        NO_IGNORED: "part 2 of sub/a.png",
    }


def test_damaged_mask_names_the_part(
    tmp_path: Path, categories: Categories, one_image: Make
) -> None:
    damaged = ShapeRecord(0, "wheel", rle={"size": [50, 100], "counts": [7]})
    for name in WRITERS:
        writer = WRITERS[name](tmp_path / name, categories)
        with pytest.raises(DataError, match=r"part 0 of sub/a\.png: The runs of a mask must be"):
            writer.add(one_image(damaged))


@pytest.mark.parametrize("copy_images", [False, True])
def test_photographs_are_linked_or_copied(
    tmp_path: Path, categories: Categories, one_image: Make, copy_images: bool
) -> None:
    image = one_image()
    writer = YoloWriter(tmp_path / "out", categories, copy_images=copy_images)
    writer.add(image)
    placed = tmp_path / "out/images/sub/a.png"
    assert placed.is_symlink() is not copy_images
    assert image.image_path is not None
    assert placed.read_bytes() == image.image_path.read_bytes()
    assert not writer.remarks.notes

    # Again, as after an interruption; and never over a file that is no link.
    YoloWriter(tmp_path / "out", categories).add(image)
    assert placed.is_symlink() is not copy_images


def test_photograph_that_is_not_there(
    tmp_path: Path,
    categories: Categories,
    one_image: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    writer = YoloWriter(tmp_path / "out", categories)
    writer.add(replace(one_image(), image_path=None))
    assert writer.remarks.notes == {MISSING: 1}
    assert writer.remarks.first == {MISSING: "sub/a.png"}

    def refuse(*arguments: object) -> None:
        raise OSError("no links on this disk")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    writer.add(one_image(name="b.png"))
    assert writer.remarks.notes == {MISSING: 1, NO_LINKS: 1}


def test_remarks_add_up() -> None:
    first, second = WriteRemarks(), WriteRemarks()
    first.skip("a", "too small")
    second.skip("b", "too small")
    second.note("c", "rounded")
    first.add(second)
    assert first.skipped == {"too small": 2}
    assert first.notes == {"rounded": 1}
    assert first.first == {"too small": "a", "rounded": "c"}
