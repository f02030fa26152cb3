"""Names from label files in a terminal: shown, never obeyed."""

import io
import json
import sys
from pathlib import Path

import pytest
from PIL import Image
from rich.table import Table

from wps_sam.cli.console import SafeConsole
from wps_sam.cli.main import main
from wps_sam.cli.printable import printable


def test_printable() -> None:
    assert printable("a\x1b[31m\x07\r\x7f\x9b2J\tb\nä") == (
        "a\\x1b[31m\\x07\\x0d\\x7f\\x9b2J\\x09b\nä"
    )
    assert printable("w\ud800") == "w\\ud800"


def test_console__also_in_tables() -> None:
    file = io.StringIO()
    console = SafeConsole(file=file, width=60)
    table = Table("class")
    table.add_row("wh\x1b]0;title\x07eel")
    console.print("b\x1b[2Jell", table)
    assert "\x1b" not in file.getvalue()
    assert "\x07" not in file.getvalue()
    assert "b\\x1b[2Jell" in file.getvalue()
    assert "wh\\x1b]0;title\\x07eel" in file.getvalue()


@pytest.mark.parametrize("name", ["w\ud800", "Tür", "車輪", "wh\x1b[31meel"])
@pytest.mark.parametrize("is_sound", [True, False])
def test_names_of_any_kind_on_an_ascii_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, is_sound: bool
) -> None:
    Image.new("RGB", (60, 40)).save(tmp_path / "a.jpg")
    content = {
        "images": [{"id": 3, "file_name": "a.jpg", "height": 40, "width": 60}],
        "categories": [{"id": 7, "name": name}] * (1 if is_sound else 2),
        "annotations": [{"id": 1, "image_id": 3, "category_id": 7, "bbox": [1, 2, 3, 4]}],
    }
    (tmp_path / "labels.json").write_text(json.dumps(content))
    out, err = (io.TextIOWrapper(io.BytesIO(), "ascii") for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    assert main(["data", "info", str(tmp_path / "labels.json")]) == int(not is_sound)
    printed = b""
    for stream in (out, err):
        stream.flush()
        printed += stream.buffer.getvalue()
    assert b"\x1b" not in printed
    if is_sound:
        assert name.encode("ascii", "backslashreplace").replace(b"\x1b", b"\\x1b") in printed


def test_endless_messages_are_cut(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    split = "x" * 20_000
    (tmp_path / "labels.json").write_text("{}")
    assert main(["data", "info", str(tmp_path), "--split", split]) == 1
    assert len(capsys.readouterr().err) < 2_100
