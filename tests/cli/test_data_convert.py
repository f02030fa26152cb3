"""`wps-sam data convert`."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from wps_sam.cli.data_convert import data_convert
from wps_sam.cli.parser import build_parser
from wps_sam.errors import ConfigError, DataError
from wps_sam.evaluation.evaluate import evaluate_predictions
from wps_sam.evaluation.truth import open_truth
from wps_sam.geometry.masks import mask_to_rle, polygons_to_mask
from wps_sam.labels.open import open_labels
from wps_sam.writing.formats import WRITERS
from wps_sam.writing.writer import RENAMED

TRIANGLE = [10, 5, 30, 5, 10, 25]
SECOND = [50, 5, 70, 5, 50, 25]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """One image of 50 x 100 with a part in two pieces, a swapped box and a name for rich."""
    folder = tmp_path / "data"
    folder.mkdir()
    Image.new("RGB", (100, 50)).save(folder / "a.png")
    content = {
        "images": [{"id": 5, "file_name": "a.png", "height": 50, "width": 100}],
        "categories": [{"id": 9, "name": "wheel [left]"}, {"id": 4, "name": "door"}],
        "annotations": [
            {"id": 1, "image_id": 5, "category_id": 9, "segmentation": [TRIANGLE, SECOND]},
            {"id": 2, "image_id": 5, "category_id": 4, "bbox": [1, 2, -3, 4]},
        ],
    }
    (folder / "annotations.json").write_text(json.dumps(content))
    return folder


def convert(data: Path, out: Path, *words: str) -> int:
    """The command as a user types it."""
    parser = build_parser("data convert", data_convert)
    parsed = parser.parse_args([str(data), "--out", str(out), *words])
    parsed.pop("config", None)
    return data_convert(**parser.instantiate(parsed).as_dict())


def said(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())


def test_says_what_was_written_and_what_was_left_out(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert convert(data, out, "--format", "yolo") == 0
    text = said(capsys)
    assert f"1 images, 2 shapes written to {out}" in text
    assert ": bbox with negative width or height" in text
    assert "left out: annotation 2 of image 5 (a.png): " in text
    lines = (out / "labels/a.txt").read_text().splitlines()
    assert [line.split()[0] for line in lines] == ["0", "0"]
    assert (out / "images/a.png").is_symlink()


def test_keep_groups_and_copied_images(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ("--format", "cvat", "--keep-groups", "--copy-images")
    assert convert(data, out, *words) == 0
    text = said(capsys)
    assert "1 images, 1 shapes" in text
    assert ": holes or several pieces joined to one outline" in text
    assert (out / "images/a.png").is_file()
    assert not (out / "images/a.png").is_symlink()


def test_boxes_only(data: Path, tmp_path: Path) -> None:
    assert convert(data, tmp_path / "out", "--format", "coco", "--boxes-only") == 0
    content: Any = json.loads((tmp_path / "out/annotations.json").read_text())
    assert [one["bbox"] for one in content["annotations"]] == [[10, 5, 20, 20], [50, 5, 20, 20]]
    assert [one["category_id"] for one in content["annotations"]] == [9, 9]
    assert "segmentation" not in content["annotations"][0]


def test_classes_of_a_class_map(data: Path, tmp_path: Path) -> None:
    (tmp_path / "classes.yaml").write_text("rename: {'wheel [left]': tyre}\nonly: ['wheel [left]']")
    words = ("--format", "label_map", "--classes", str(tmp_path / "classes.yaml"))
    assert convert(data, tmp_path / "out", *words) == 0
    assert json.loads((tmp_path / "out/classes.json").read_text()) == ["tyre"]


@pytest.mark.parametrize("format", ["coco", "labelme"])
def test_ignored_class_is_not_scored_in_what_was_written_either(
    data: Path, tmp_path: Path, format: str
) -> None:
    """A false wheel on an ignored door costs nothing, before and after."""
    content = json.loads((data / "annotations.json").read_text())
    content["annotations"][1] = {"id": 2, "image_id": 5, "category_id": 4, "segmentation": [SECOND]}
    content["annotations"][0]["segmentation"] = [TRIANGLE]
    (data / "annotations.json").write_text(json.dumps(content))
    content["categories"] = content["categories"][:1]
    for annotation in content["annotations"]:
        mask = mask_to_rle(polygons_to_mask(annotation["segmentation"], (50, 100)))
        annotation.update(category_id=9, score=0.5, segmentation=mask)
    (tmp_path / "predictions.json").write_text(json.dumps(content))
    (tmp_path / "classes.yaml").write_text("ignore: [door]")

    words = ("--format", format, "--classes", str(tmp_path / "classes.yaml"))
    assert convert(data, tmp_path / "out", *words) == 0
    before, after = (
        evaluate_predictions(tmp_path / "predictions.json", truth)
        for truth in (open_truth(data, classes=tmp_path / "classes.yaml"), tmp_path / "out")
    )
    assert before.miou == after.miou == 1
    assert before.counts.tolist() == after.counts.tolist()
    # Had it become background, the second triangle would be half of what is predicted.
    without_map = evaluate_predictions(tmp_path / "predictions.json", data).miou
    assert without_map is not None
    assert without_map < 0.6


@pytest.mark.parametrize("name", WRITERS)
def test_names_with_a_time_open_again(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    time = "2024-01-01T10:30:00.png"
    (data / "a.png").rename(data / time)
    content = json.loads((data / "annotations.json").read_text())
    content["images"][0]["file_name"] = time
    (data / "annotations.json").write_text(json.dumps(content))
    assert convert(data, tmp_path / "out", "--format", name) == 0
    labels = open_labels(tmp_path / "out")
    (image,) = labels.images
    assert image.file_name == time
    assert labels.find_image(image).name == time
    assert RENAMED not in said(capsys)


@pytest.mark.parametrize("name", WRITERS)
def test_changed_name_opens_again(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    content = json.loads((data / "annotations.json").read_text())
    content["images"][0]["file_name"] = "C:/b/a.png"
    (data / "annotations.json").write_text(json.dumps(content))
    assert convert(data, tmp_path / "out", "--format", name) == 0
    assert f"note: C:/b/a.png: {RENAMED}" in said(capsys)
    labels = open_labels(tmp_path / "out")
    (image,) = labels.images
    assert image.file_name == "C_/b/a.png"
    assert labels.find_image(image).resolve() == (data / "a.png").resolve()


def test_names_are_checked_before_anything_is_written(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = json.loads((data / "annotations.json").read_text())
    content["images"].append({**content["images"][0], "id": 6, "file_name": "a.jpg"})
    (data / "annotations.json").write_text(json.dumps(content))
    monkeypatch.setattr(WRITERS["labelme"], "add", None)  # never called
    with pytest.raises(DataError, match=r"a\.png and a\.jpg would write the same file a\."):
        convert(data, tmp_path / "out", "--format", "labelme")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


@pytest.mark.parametrize(
    "places", [("train.json", "val.json"), ("train/annotations.json", "val/annotations.json")]
)
def test_data_with_several_splits(data: Path, tmp_path: Path, places: tuple[str, str]) -> None:
    content = (data / "annotations.json").read_text()
    (data / "annotations.json").unlink()
    for place in places:
        (data / place).parent.mkdir(exist_ok=True)
        (data / place).write_text(content)
    with pytest.raises(DataError, match=r"[Cc]hoose (one )?with --split"):
        convert(data, tmp_path / "out", "--format", "coco")
    words = ("--format", "coco", "--split", "val", "--images", str(data))
    assert convert(data, tmp_path / "out", *words) == 0


@pytest.mark.parametrize("name", WRITERS)
def test_crash_leaves_no_half_file(data: Path, tmp_path: Path, name: str) -> None:
    content = json.loads((data / "annotations.json").read_text())
    damaged = {"size": [50, 100], "counts": [7]}
    content["annotations"].append(
        {"id": 3, "image_id": 5, "category_id": 9, "segmentation": damaged}
    )
    (data / "annotations.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=r"annotation 3 of image 5 .* Correct the annotation"):
        convert(data, tmp_path / "out", "--format", name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--format", "voc"], "'voc' is unknown; choose from coco, yolo, labelme, cvat,"),
        (["--format", "label_map", "--boxes-only"], "holds nothing but masks"),
    ],
)
def test_wrong_options(data: Path, tmp_path: Path, words: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        convert(data, tmp_path / "out", *words)
    assert not (tmp_path / "out").exists()


def test_folder_in_use(data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"not an empty folder. Name a new one"):
        convert(data, data, "--format", "coco")
    with pytest.raises(ConfigError, match=r"not an empty folder"):
        convert(data, data / "a.png", "--format", "coco")
    (tmp_path / "empty").mkdir()
    assert convert(data, tmp_path / "empty", "--format", "coco") == 0
