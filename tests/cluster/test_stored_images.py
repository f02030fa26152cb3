"""Bytes from elsewhere become files for a while."""

import sys
from pathlib import Path

import fsspec
import pytest

from wps_sam.cluster.stored_images import (
    RECORD_FIELDS,
    StoredImage,
    fetched,
    stamp,
    to_record,
)
from wps_sam.errors import ConfigError
from wps_sam.inference.sources import ImageToPredict

pytest.importorskip("pyarrow")


def test_record__has_all_columns(tmp_path: Path) -> None:
    here = ImageToPredict(1, "a.png", tmp_path / "a.png", (3, 4), "")
    there = StoredImage(1, "a.png", None, address="s3://b/a.png")
    for image in (here, there):
        assert list(to_record(0, image)) != []
        assert to_record(0, image).keys() == RECORD_FIELDS.keys()


def test_fetched__whole_files_and_parts_of_one(tmp_path: Path) -> None:
    storage = fsspec.filesystem("memory")
    storage.pipe_file("/fetch/a.jpg", b"whole file")
    storage.pipe_file("/fetch/b.tar", b"...inside...")
    (tmp_path / "c.png").write_bytes(b"here")
    images = [
        StoredImage(1, "a.jpg", None, address="memory://fetch/a.jpg"),
        StoredImage(2, "b/x.png", None, address="memory://fetch/b.tar", offset=3, length=6),
        ImageToPredict(3, "c.png", tmp_path / "c.png", (5, 6)),
        ImageToPredict(4, "gone.png", None, problem="is missing"),
    ]
    with fetched([to_record(at, image) for at, image in enumerate(images)]) as found:
        contents = [image.path and image.path.read_bytes() for image in found]
        assert contents == [b"whole file", b"inside", b"here", None]
        assert [image.path.suffix for image in found if image.path] == [".jpg", ".png", ".png"]
        assert found[2].expected_hw == (5, 6)
        assert found[3].problem == "is missing"
        paths = [image.path for image in found[:2]]
    assert not any(path and path.exists() for path in paths)
    assert (tmp_path / "c.png").exists()


@pytest.mark.parametrize(
    ("address", "length", "reason"),
    [
        ("memory://fetch/none.jpg", None, "FileNotFoundError"),
        ("no-such-protocol://x", None, "ValueError"),
        ("memory://fetch/short.tar", 100, "EOFError: 5 of 100 bytes"),
    ],
)
def test_fetched__what_cannot_be_is_a_problem_of_that_image(
    address: str, length: int | None, reason: str
) -> None:
    fsspec.filesystem("memory").pipe_file("/fetch/short.tar", b"short")
    image = StoredImage(1, "x.jpg", None, address=address, length=length)
    with fetched([to_record(0, image)]) as (found,):
        assert found.path is None
        assert f"Image x.jpg cannot be fetched from {address} ({reason}" in found.problem
        assert "run the same command again" in found.problem


def test_fetched__a_disk_that_is_full_is_no_problem_of_an_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(path: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    fsspec.filesystem("memory").pipe_file("/fetch/a.jpg", b"whole file")
    monkeypatch.setattr(Path, "write_bytes", full)
    image = StoredImage(1, "a.jpg", None, address="memory://fetch/a.jpg")
    with pytest.raises(OSError, match="No space left"), fetched([to_record(0, image)]):
        pass


def test_fetched__a_package_that_is_missing_is_no_problem_of_an_image(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    image = StoredImage(1, "a.jpg", None, address="memory://fetch/a.jpg")
    with (
        pytest.raises(ConfigError, match="needs the package fsspec"),
        fetched([to_record(0, image)]),
    ):
        pass


def test_stamp__changes_with_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    image = ImageToPredict(1, "a.png", path)
    assert stamp(image) == "missing"
    path.write_bytes(b"1")
    before = stamp(image)
    path.write_bytes(b"22")
    assert stamp(image) != before
    stored = StoredImage(1, "a", None, address="s3://b/t.tar", offset=512, version="v1")
    assert stamp(stored) != stamp(StoredImage(1, "a", None, address="s3://b/t.tar", offset=512))
