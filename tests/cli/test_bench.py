"""`wps-sam bench` from words to a table and a JSON file."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wps_sam.bench.comparison import PathAgreement
from wps_sam.bench.path_process import RunToMeasure
from wps_sam.bench.report import TOTAL, BenchReport, CostAlone, stage_costs
from wps_sam.bench.run import BenchJob
from wps_sam.bench.stages import STAGES
from wps_sam.cli import bench as bench_module
from wps_sam.cli.main import main


def report(agreement: PathAgreement, peak_bytes: int | None = 750_000_000) -> BenchReport:
    """The stages take 1, 2, ... ms, on the plain path three times that."""
    ours = {name: 0.001 * (index + 1) for index, name in enumerate(STAGES)}
    plain = {name: 3 * seconds for name, seconds in ours.items()}
    return BenchReport(
        sam="mobile_sam",
        device="cpu",
        machine={"cores": 2, "torch_threads": 1, "load_before": 3.5},
        images=2,
        repeats=1,
        costs=stage_costs([ours], [plain]),
        ours_alone=CostAlone(40.0, peak_bytes),
        plain_alone=CostAlone(11.0, peak_bytes and 2 * peak_bytes),
        agreement=agreement,
    )


FOUND = PathAgreement(200, 198, 5, 4, 2, 1)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[BenchJob]:
    """What is asked for; the answer is always the same."""
    asked: list[BenchJob] = []

    def answer(job: BenchJob, on_progress: object) -> BenchReport:
        asked.append(job)
        return report(FOUND)

    monkeypatch.setattr(bench_module, "run_bench", answer)
    return asked


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    for index in range(10):
        picture = Image.fromarray(np.zeros((4, 6, 3), np.uint8))
        picture.save(tmp_path / "photos" / f"{index}.png")
    return tmp_path / "photos"


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_table_and_json(
    jobs: list[BenchJob], photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "bench.json"
    words = ["bench", "my run", str(photos), "--limit", "2", "--repeats", "5", "--out", str(out)]
    assert main([*words, "--device", "cpu"]) == 0
    [job] = jobs
    assert job.run == RunToMeasure(Path("my run"), sam=None, device="cpu")
    assert job.repeats == 5
    assert [image.name for image in job.images] == ["0.png", "1.png"]
    text = printed(capsys)
    for name in STAGES:
        assert f"│ {name} │" in text
    assert "│ encode │ 0.0030 │ 0.0090 │ 3.00 (3.00 to 3.00) │" in text
    # 1 + 2 + ... + 7 = 28 ms; 1 / 0.028 = 35.7 and 1 / 0.084 = 11.9 a second.
    assert f"│ {TOTAL} │ 0.0280 │ 0.0840 │ 3.00 (3.00 to 3.00) │" in text
    assert "│ images a second │ 35.7 │ 11.9 │" in text
    assert "│ images a second, alone │ 40 │ 11 │" in text
    assert "│ peak memory, alone, MB │ 750 │ 1,500 │ 2.00 │" in text
    assert "mobile_sam on cpu, 2 cores, 1 threads, load 3.5 before" in text
    assert "agree in 99.0000% of 200 pixels." in text
    assert "Of 12 parts 5 are equal to the pixel and 4 are not; 2 only ours found, 1 only" in text
    assert "note:" not in text
    assert json.loads(out.read_text()) == report(FOUND).to_json()


def test_defaults(
    jobs: list[BenchJob], photos: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["bench", "run", str(photos)]) == 0
    assert (len(jobs[0].images), jobs[0].repeats, jobs[0].run.device) == (8, 3, "auto")
    assert "Wrote" not in printed(capsys)
    assert not list(tmp_path.glob("*.json"))


def test_no_part_anywhere__said(
    monkeypatch: pytest.MonkeyPatch, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = report(PathAgreement(200, 200), peak_bytes=None)
    monkeypatch.setattr(bench_module, "run_bench", lambda job, on_progress: empty)
    assert main(["bench", "run", str(photos)]) == 0
    text = printed(capsys)
    assert "note: the run finds no part in any of these images" in text
    assert "peak memory" not in text  # where the system does not say


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--limit", "0"], "--limit must be 1 or more; found 0"),
        (["--out", "."], "--out . is a folder; expected the name of a JSON file"),
    ],
)
def test_wrong_options(
    jobs: list[BenchJob],
    photos: Path,
    words: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["bench", "run", str(photos), *words]) == 1
    assert message in " ".join(capsys.readouterr().err.split())
    assert not jobs


def test_out_below_a_file(
    jobs: list[BenchJob], photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "run", str(photos), "--out", str(photos / "0.png" / "a.json")]) == 1
    assert "cannot be written" in " ".join(capsys.readouterr().err.split())
    assert not jobs


def test_no_images(
    jobs: list[BenchJob], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["bench", "run", str(tmp_path / "empty")]) == 1
    assert "No image found" in capsys.readouterr().err
    assert not jobs


def test_no_repeats_and_no_run(
    photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", str(tmp_path / "run"), str(photos), "--repeats", "0"]) == 1
    assert "--repeats must be 1 or more; found 0" in " ".join(capsys.readouterr().err.split())
    assert main(["bench", str(tmp_path / "run"), str(photos)]) == 1
    assert "config.json" in " ".join(capsys.readouterr().err.split())
