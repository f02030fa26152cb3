"""A file is the old one or the new one, never a part."""

import os
import stat
from pathlib import Path

import pytest

from wps_sam.files import write_atomically


def test_write__new_file(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a.json", b"new")
    assert (tmp_path / "a.json").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_write__a_reader_of_the_old_file_keeps_it(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        write_atomically(path, b"new")
        assert reader.read() == b"old"
    assert path.read_bytes() == b"new"


def test_write__the_name_appears_only_when_all_is_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, seen = tmp_path / "a.json", []
    sync = os.fsync

    def look(handle: int) -> None:
        seen.append((path.exists(), os.fstat(handle).st_size))
        sync(handle)

    monkeypatch.setattr(os, "fsync", look)
    write_atomically(path, b"new")
    assert seen == [(False, 3)]


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("error", [OSError(28, "No space left"), KeyboardInterrupt()], ids=repr)
def test_write__failure_leaves_the_old_file_and_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(*((os, step, fail) if step == "fsync" else (Path, step, fail)))
    with pytest.raises(type(error)):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_write__a_full_disk_names_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match=r"No space left on device: '.*a\.json'"):
        write_atomically(tmp_path / "a.json", b"new")


@pytest.mark.skipif(os.name == "nt", reason="permissions of another kind")
def test_write__others_may_read(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a.json", b"new")
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o644
