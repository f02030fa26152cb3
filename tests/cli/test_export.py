"""`wps-sam export` from words to a report."""

from pathlib import Path

import pytest

from wps_sam.cli import export as export_module
from wps_sam.cli.main import main
from wps_sam.errors import ExportError
from wps_sam.export.cost import PrecisionCost
from wps_sam.export.parity import Agreement
from wps_sam.export.run import ExportReport

Call = tuple[tuple[object, ...], dict[str, object]]


def agreement(name: str, parts: int, borderline: int = 0) -> Agreement:
    return Agreement(name, (480, 640), 0.45, parts, borderline, 2e-6, 0.0002, 1.0)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """What is asked for; the answer is a file of a kilobyte and two pictures."""
    asked: list[Call] = []

    def answer(run: Path, out: Path, file_format: str, **settings: object) -> ExportReport:
        asked.append(((run, out, file_format), settings))
        out.write_bytes(bytes(1_200_000))
        return ExportReport((out,), (agreement("a [b].jpg", 3, 1), agreement("c.jpg", 0)), None)

    monkeypatch.setattr(export_module, "export_run", answer)
    return asked


def test_export__settings_and_report(
    calls: list[Call], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.xml"
    words = ["export", "my run", "--format", "openvino", "--out", str(out)]
    assert main([*words, "--score-threshold", "0.3", "--check-images", "photos"]) == 0
    assert calls == [
        (
            (Path("my run"), out, "openvino"),
            {
                "score_threshold": 0.3,
                "check_images": Path("photos"),
                "sam": None,
                "precision": "32",
                "calibrate": None,
            },
        )
    ]
    printed = " ".join(capsys.readouterr().out.split())
    for text in ("a [b].jpg", "640 x 480", "0.45", "2e-06", "0.020%", "1 px", "(1.2 MB)"):
        assert text in printed
    assert "1 parts are at the threshold, and only one of both finds them." in printed
    assert "note:" not in printed


def test_export__no_part_anywhere_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = ExportReport((tmp_path,), (agreement("a", 0),), None)
    monkeypatch.setattr(export_module, "export_run", lambda *words, **settings: report)
    assert main(["export", "run", "--out", "a.onnx"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "note: the model finds no part in any of these pictures" in printed
    assert "--check-images FOLDER" in printed


def test_export__8_bits_and_what_they_cost(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: dict[str, object] = {}

    def answer(*words: object, **settings: object) -> ExportReport:
        asked.update(settings)
        return ExportReport(
            (tmp_path,), (), PrecisionCost(32, 0.9847, 0.99523, 267, 266, 0.712, 0.533)
        )

    monkeypatch.setattr(export_module, "export_run", answer)
    words = ["export", "run", "--out", "a.xml", "--format", "openvino"]
    assert main([*words, "--precision", "int8", "--calibrate", "photos"]) == 0
    assert (asked["precision"], asked["calibrate"]) == ("int8", Path("photos"))
    printed = " ".join(capsys.readouterr().out.split())
    assert "on 32 photographs" in printed
    assert (
        "mIoU 0.985, 99.52% of all pixels the same; parts 266 and 267; seconds 0.53 and 0.71"
        in printed
    )
    assert "largest differences" not in printed  # the table of the check in full precision


def test_export__disagreement_is_one_line_and_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*words: object, **settings: object) -> None:
        raise ExportError("scores differ by 0.1; expected at most 0.005")

    monkeypatch.setattr(export_module, "export_run", fail)
    assert main(["export", "run", "--out", "a.onnx"]) == 1
    assert capsys.readouterr().err == "error: scores differ by 0.1; expected at most 0.005\n"


def test_export__unknown_format(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["export", "run", "--out", "a.onnx", "--format", "tflite"])
    assert stopped.value.code == 2
    assert "tflite" in capsys.readouterr().err
