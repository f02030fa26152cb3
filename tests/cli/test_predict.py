"""`wps-sam predict` from the command line to the files."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wps_sam.cli.main import main
from wps_sam.evaluation.predictions import read_predictions
from wps_sam.export import exported
from wps_sam.inference.journal import PredictionJournal
from wps_sam.inference.segmenter import PartSegmenter


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three images: a.jpg, more/a.jpg, z.jpg."""
    for index, name in enumerate(("a.jpg", "more/a.jpg", "z.jpg")):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(index).integers(0, 256, (60, 90, 3), np.uint8)
        Image.fromarray(noise).save(path)
    return tmp_path / "photos"


def predict(run: Path, *words: str | Path) -> int:
    return main(["predict", str(run), *map(str, words), "--device", "cpu"])


def test_writes_all_files(
    run_folder: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert predict(run_folder, photos, "--out", out) == 0
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*"))
    assert found == [
        "classes.json",
        "overlays/a.jpg",
        "overlays/more/a.jpg",
        "overlays/z.jpg",
        "predictions.json",
        "semantic/a.png",
        "semantic/more/a.png",
        "semantic/z.png",
    ]
    assert json.loads((out / "classes.json").read_text()) == ["wheel", "door [left]"]
    predictions = read_predictions(out / "predictions.json")
    assert [image.file_name for image in predictions.images] == ["a.jpg", "more/a.jpg", "z.jpg"]
    assert predictions.category_ids == (4, 8)
    assert predictions.info["sam_fingerprint"]
    with Image.open(out / "semantic" / "z.png") as picture:
        assert np.array_equal(np.asarray(picture), predictions.parts(2).label_map(2))
        assert set(np.unique(np.asarray(picture))) == {0, 2}
    info = json.loads((out / "predictions.json").read_text())["info"]
    assert info["score_threshold"] == 0.25
    assert info["failed"] == []
    assert "3 images predicted, 9 parts." in capsys.readouterr().out


def test_formats_and_limit(run_folder: Path, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ("--format", "semantic", "--limit", "2", "--score_threshold", "1.0")
    assert predict(run_folder, photos, "--out", out, *options) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "classes.json",
        "predictions.json",
        "semantic",
    ]
    predictions = read_predictions(out / "predictions.json")
    assert [len(predictions.parts(index).runs) for index in range(2)] == [0, 0]


def test_broken_image__listed_and_exit_1_and_the_others_written(
    run_folder: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "more" / "a.jpg").rename(photos / "more" / "[red]a.jpg")
    (photos / "more" / "[red]a.jpg").write_bytes(b"no photograph")
    out = tmp_path / "out"
    assert predict(run_folder, photos, "--out", out) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "1 of 3 images failed" in printed
    assert "more/[red]a.jpg" in printed
    assert "run the same command again" in printed
    content = json.loads((out / "predictions.json").read_text())
    assert [image["file_name"] for image in content["images"]] == ["a.jpg", "z.jpg"]
    assert content["info"]["failed"] == ["more/[red]a.jpg"]
    assert (out / "overlays" / "z.jpg").exists()

    (photos / "more" / "[red]a.jpg").write_bytes((photos / "a.jpg").read_bytes())
    assert predict(run_folder, photos, "--out", out) == 0
    printed = capsys.readouterr().out
    assert "1 images predicted" in printed
    assert "2 images taken over from the interrupted run" in printed
    assert len(read_predictions(out / "predictions.json").images) == 3


def test_all_broken__older_predictions_stay(
    run_folder: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "predictions.json").write_text("old")
    (photos / "a.jpg").write_bytes(b"")
    assert predict(run_folder, photos / "a.jpg", "--out", out) == 1
    assert (out / "predictions.json").read_text() == "old"
    assert "No image could be predicted" in capsys.readouterr().out


@pytest.mark.parametrize("stop_at", [1, 2])
def test_interrupted_run_goes_on(
    run_folder: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_at: int
) -> None:
    predict(run_folder, photos, "--out", tmp_path / "whole")
    calls: list[Any] = []
    add = PredictionJournal.add

    def stop(self: PredictionJournal, *arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == stop_at:
            raise KeyboardInterrupt
        add(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(PredictionJournal, "add", stop)
        assert predict(run_folder, photos, "--out", tmp_path / "out") == 130
    assert not (tmp_path / "out" / "predictions.json").exists()
    assert predict(run_folder, photos, "--out", tmp_path / "out") == 0
    first, second = (
        (tmp_path / name / "predictions.json").read_bytes() for name in ("out", "whole")
    )
    assert first == second


def test_label_file__ids_and_holdout(run_folder: Path, photos: Path, tmp_path: Path) -> None:
    names = ["z.jpg", "gone.jpg", "a.jpg", "more/a.jpg"]
    labels = {
        "images": [{"id": 50 + i, "file_name": name} for i, name in enumerate(names)],
        "categories": [{"id": 1, "name": "other"}],
        "annotations": [{"id": 1, "image_id": 50, "category_id": 1, "bbox": [1, 1, 5, 5]}],
    }
    (photos / "annotations.json").write_text(json.dumps(labels))
    out = tmp_path / "out"
    assert predict(run_folder, photos, "--out", out) == 1  # gone.jpg
    found = read_predictions(out / "predictions.json")
    assert [(image.image_id, image.file_name) for image in found.images] == [
        (50, "z.jpg"),
        (52, "a.jpg"),
        (53, "more/a.jpg"),
    ]
    assert predict(run_folder, photos, "--out", out, "--holdout", "4") == 0
    found = read_predictions(out / "predictions.json")
    assert [image.image_id for image in found.images] == [53]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "png"], "choose from coco, semantic, overlay"),
        (["--limit", "0"], "--limit must be 1 or more"),
        (["--score_threshold", "2"], "from 0 to 1; found 2"),
        (["--holdout", "2", "--images", "x"], "No labels were recognised"),
    ],
)
def test_wrong_options(
    run_folder: Path,
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    assert predict(run_folder, photos, "--out", tmp_path / "out", *words) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_nothing_to_predict(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    assert predict(run_folder, tmp_path / "empty", "--out", tmp_path / "out") == 1
    assert "No image found" in capsys.readouterr().err


def test_out_is_a_file(
    run_folder: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").write_text("")
    assert predict(run_folder, photos, "--out", tmp_path / "out") == 1
    assert "cannot be made: File exists" in " ".join(capsys.readouterr().err.split())


def test_folder_with_labels__says_which_images_are_left_out(
    run_folder: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = sorted(path.name for path in photos.iterdir())
    folder = tmp_path / "mixed"
    shutil.copytree(photos, folder)
    with Image.open(folder / names[0]) as picture:
        width, height = picture.size
    one = {"id": 1, "file_name": names[0], "height": height, "width": width}
    labels = {"images": [one], "categories": [{"id": 1, "name": "part"}]}
    part = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 5, 5]}
    (folder / "annotations.json").write_text(json.dumps({**labels, "annotations": [part]}))
    main(["predict", str(run_folder), str(folder), "--out", str(tmp_path / "out")])
    said = " ".join(capsys.readouterr().out.split())
    assert f"{len(names) - 1} other images there are not" in said


def test_label_maps_are_labels_not_photographs(
    run_folder: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    shutil.copytree(photos, data / "images")
    for name in ("a", "z"):
        (data / "masks").mkdir(exist_ok=True)
        Image.fromarray(np.ones((60, 90), np.uint8)).save(data / "masks" / f"{name}.png")
    (data / "classes.txt").write_text("wheel\n")
    assert predict(run_folder, data, "--out", tmp_path / "out") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "1 other images there are not, such as images/more/a.jpg." in said
    assert "2 images predicted" in said
    (data / "dataset.yaml").write_text("labels: .\nimages: images\nsplit: {val: 0.5}\n")
    for source in (data, data / "dataset.yaml"):
        assert predict(run_folder, source, "--split", "val", "--out", tmp_path / "val") == 0
        said = " ".join(capsys.readouterr().out.split())
        assert "1 images" in said
        assert "note:" not in said


def test_formats_of_other_tools(
    run_folder: Path, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    options = ("--format", "yolo", "labelme", "cvat", "label_studio", "--limit", "2")
    assert predict(run_folder, photos, "--out", out, *options) == 0
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*"))
    assert found == [
        *("classes.json", "cvat/annotations.xml", "cvat/images/a.jpg", "cvat/images/more/a.jpg"),
        *("label_studio/images/a.jpg", "label_studio/images/more/a.jpg"),
        *("label_studio/label_config.xml", "label_studio/tasks.json"),
        *("labelme/a.jpg", "labelme/a.json", "labelme/classes.txt"),
        *("labelme/more/a.jpg", "labelme/more/a.json", "predictions.json", "yolo/data.yaml"),
        *("yolo/images/a.jpg", "yolo/images/more/a.jpg"),
        *("yolo/labels/a.txt", "yolo/labels/more/a.txt"),
    ]
    lines = (out / "yolo/labels/a.txt").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["1", "1", "1"]
    assert "2 images predicted, 6 parts." in capsys.readouterr().out


def test_exported_file_in_the_place_of_a_run(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run_folder: Path
) -> None:
    loaded: list[Path] = []

    def load(path: Path) -> PartSegmenter:
        loaded.append(path)
        return PartSegmenter.load(run_folder)

    monkeypatch.setattr(exported.ExportedSegmenter, "load", load)
    words = ["predict", str(tmp_path / "cars.xml"), str(photos), "--out", str(tmp_path / "out")]
    assert main(words) == 0
    assert loaded == [tmp_path / "cars.xml"]
    assert main(["predict", str(run_folder), str(photos), "--out", str(tmp_path / "run")]) == 0
    found, expected = (
        json.loads((tmp_path / folder / "predictions.json").read_text())["annotations"]
        for folder in ("out", "run")
    )
    assert found == expected


@pytest.mark.parametrize(
    "words", [["--sam", "mobile_sam"], ["--device", "cuda"], ["--ray", "local"]]
)
def test_exported_file__has_nothing_to_choose(
    words: list[str], photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["predict", "cars.onnx", str(photos), "--out", str(tmp_path / "out"), *words]
    assert main(command) == 1
    assert f"with its own SAM and for the CPU: found {' '.join(words)} beside it" in (
        " ".join(capsys.readouterr().err.split())
    )
