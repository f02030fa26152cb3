"""A folder appears whole or not at all."""

from pathlib import Path

import pytest

from wps_sam.errors import ConfigError
from wps_sam.writing.whole_folder import whole_folder


def fill(folder: Path) -> None:
    (folder / "images").mkdir()
    (folder / "images/a.txt").write_text("a")
    (folder / "labels.txt").write_text("b")


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("is_there", [False, True])
def test_appears_at_the_end(tmp_path: Path, is_there: bool) -> None:
    out = tmp_path / "deep/out"
    if is_there:
        out.mkdir(parents=True)
    with whole_folder(out) as folder:
        fill(folder)
        assert not (out / "labels.txt").exists()
    assert names(out) == ["images", "images/a.txt", "labels.txt"]
    assert names(tmp_path / "deep") == ["out", *(f"out/{name}" for name in names(out))]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
@pytest.mark.parametrize("is_there", [False, True])
def test_nothing_is_left_after_an_error(
    tmp_path: Path, is_there: bool, error: type[BaseException]
) -> None:
    out = tmp_path / "out"
    (tmp_path / "out.other").mkdir()
    if is_there:
        out.mkdir()

    def stop_half_way() -> None:
        with whole_folder(out) as folder:
            fill(folder)
            raise error

    with pytest.raises(error):
        stop_half_way()
    assert names(tmp_path) == (["out", "out.other"] if is_there else ["out.other"])


def test_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with whole_folder(Path()) as folder:
        fill(folder)
    assert Path("labels.txt").read_text() == "b"  # still the folder the user is in


def test_folder_of_another_run_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out.partial").mkdir()
    fill(tmp_path / "out.partial")
    with (
        pytest.raises(ConfigError, match=r"out\.partial is there already: .* Remove it"),
        whole_folder(tmp_path / "out"),
    ):
        pass
    assert names(tmp_path / "out.partial") == ["images", "images/a.txt", "labels.txt"]
