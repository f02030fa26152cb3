"""Finding images in files, folders and patterns."""

import re
from pathlib import Path

import pytest

from wps_sam.errors import DataError
from wps_sam.images.reading import ImageFile, list_images


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with images, junk and other files; contents do not matter for listing."""
    root = tmp_path / "photos"
    for name in (
        *("b.jpg", "a.PNG", "notes.txt", "sub/c.jpeg", "sub/deep/d.webp"),
        *("._b.jpg", ".hidden/e.jpg", "__MACOSX/f.jpg"),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def names(images: list[ImageFile]) -> list[str]:
    """The names only."""
    return [image.name for image in images]


def test_list_images__folder_with_sub_folders(folder: Path) -> None:
    images = list_images([folder])
    assert names(images) == ["a.PNG", "b.jpg", "sub/c.jpeg", "sub/deep/d.webp"]
    assert images[2].path == folder / "sub" / "c.jpeg"


def test_list_images__file_is_taken_whatever_its_ending(folder: Path) -> None:
    assert names(list_images([str(folder / "sub/c.jpeg"), folder / "notes.txt"])) == [
        "c.jpeg",
        "notes.txt",
    ]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.jpg", ["b.jpg"]),
        ("*/*.jpeg", ["sub/c.jpeg"]),
        ("**/*", ["a.PNG", "b.jpg", "sub/c.jpeg", "sub/deep/d.webp"]),
        ("s*", ["sub/c.jpeg", "sub/deep/d.webp"]),
    ],
    ids=["files", "in folders", "all", "a folder"],
)
def test_list_images__pattern(folder: Path, pattern: str, expected: list[str]) -> None:
    assert names(list_images([str(folder / pattern)])) == expected


def test_list_images__relative_pattern(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert names(list_images(["*.jpg", "sub/*.jpeg"])) == ["b.jpg", "c.jpeg"]


def test_list_images__brackets_in_a_real_name(tmp_path: Path) -> None:
    (tmp_path / "a[1].jpg").touch()
    assert names(list_images([tmp_path / "a[1].jpg"])) == ["a[1].jpg"]


def test_list_images__file_reached_twice_is_listed_once(folder: Path) -> None:
    images = list_images([folder, folder / "b.jpg", folder / "sub"])
    assert names(images) == ["a.PNG", "b.jpg", "sub/c.jpeg", "sub/deep/d.webp"]


def test_list_images__link_to_parent_ends(folder: Path) -> None:
    # With two such links, following them blindly would take 2 to the power of 40 steps.
    (folder / "sub" / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "sub" / "again").symlink_to(folder, target_is_directory=True)
    assert len(list_images([folder])) == 4


def test_list_images__linked_folder_is_searched(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "z.jpg").touch()
    (folder / "zz").symlink_to(tmp_path / "more", target_is_directory=True)
    assert names(list_images([folder]))[-1] == "zz/z.jpg"


def test_list_images__same_name_twice(folder: Path) -> None:
    (folder / "sub" / "b.jpg").touch()
    with pytest.raises(DataError, match=r"same name 'b\.jpg': .*b\.jpg and .*sub.b\.jpg.*both"):
        list_images([folder / "b.jpg", folder / "sub" / "b.jpg"])


def test_list_images__empty_folder(tmp_path: Path) -> None:
    message = r"No image found: looked for files ending in \.bmp.*in folder " + re.escape(
        str(tmp_path)
    )
    with pytest.raises(DataError, match=message):
        list_images([tmp_path])


def test_list_images__one_empty_source_among_good_ones(folder: Path) -> None:
    with pytest.raises(DataError, match=r"looked for pattern .*\*\.xyz"):
        list_images([folder, str(folder / "*.xyz")])


def test_list_images__missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"nowhere does not exist: expected an image file, a folde"):
        list_images([tmp_path / "nowhere"])


def test_list_images__no_source() -> None:
    with pytest.raises(DataError, match="name at least one image file"):
        list_images([])
