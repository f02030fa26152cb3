"""`wps-sam oracle` from labels to scores."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wps_sam.cli.main import main
from wps_sam.evaluation.predictions import read_predictions

TOY_SAM = Path(__file__).parent.parent / "goldens" / "sam_vit_toy.safetensors"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Four images; the first has one annotation of two squares and one of one square."""
    images, annotations = [], []
    for index in range(4):
        name = f"{index}.jpg"
        noise = np.random.default_rng(index).integers(0, 256, (60, 90, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / name)
        images.append({"id": 70 + index, "file_name": name, "height": 60, "width": 90})
        annotations.append(annotation(index, 70 + index, 3, [square(30, 30)]))
    annotations.append(annotation(9, 70, 5, [square(2, 2), square(60, 2)]))
    categories = [{"id": 3, "name": "wheel"}, {"id": 5, "name": "door"}]
    content = {"images": images, "categories": categories, "annotations": annotations}
    (tmp_path / "labels.json").write_text(json.dumps(content))
    return tmp_path / "labels.json"


def square(left: int, top: int) -> list[int]:
    return [left, top, left + 20, top, left + 20, top + 20, left, top + 20]


def annotation(
    number: int, image_id: int, category_id: int, polygons: list[list[int]]
) -> dict[str, object]:
    return {
        "id": number,
        "image_id": image_id,
        "category_id": category_id,
        "segmentation": polygons,
        "bbox": [2, 2, 78, 20],
        "iscrowd": 0,
    }


def oracle(data: Path, out: Path, *words: str) -> int:
    options = ["--sam", str(TOY_SAM), "--device", "cpu", "--out", str(out)]
    return main(["oracle", str(data), *options, *words])


@pytest.mark.parametrize("prompt", ["box", "point"])
def test_writes_predictions_and_scores(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], prompt: str
) -> None:
    out = tmp_path / "out"
    assert oracle(data, out, "--prompt", prompt) == 0
    found = read_predictions(out / "predictions.json")
    assert [image.image_id for image in found.images] == [70, 71, 72, 73]
    assert found.category_ids == (3, 5)
    info = json.loads((out / "predictions.json").read_text())["info"]
    assert (info["prompt"], info["mask"]) == (prompt, "single")
    assert json.loads((out / "metrics.json").read_text())["images"] == 4
    assert (out / "report.html").exists()
    assert json.loads((out / "classes.json").read_text()) == ["wheel", "door"]
    assert "mIoU" in capsys.readouterr().out


def test_one_prompt_a_polygon_unless_groups_are_kept(data: Path, tmp_path: Path) -> None:
    counts = []
    for words in ([], ["--keep_groups"]):
        out = tmp_path / f"out{len(words)}"
        assert oracle(data, out, "--prompt", "box", *words) == 0
        found = read_predictions(out / "predictions.json")
        counts.append(found.parts(0).class_index.tolist().count(1))
    assert counts == [2, 1]


def without_boxes(data: Path, *positions: int) -> Path:
    """The same labels; some parts keep their mask but have only points beside it."""
    content = json.loads(data.read_text())
    for position in positions:
        kept = content["annotations"][position]
        part = {**kept, "id": 100 + position, "points": [[35, 35], [45, 40]]}
        del part["bbox"], part["segmentation"]
        content["annotations"].append(part)
    path = data.with_name("points.json")
    path.write_text(json.dumps(content))
    return path


def test_points__box_is_refused_and_mixed_works(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = without_boxes(data, 1)
    assert oracle(labels, tmp_path / "out", "--prompt", "box") == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "1 of 7 parts have points but no box, the first a 'wheel' of 1.jpg" in said
    assert "--prompt box needs the box of each. Use --prompt mixed" in said
    for prompt in ("mixed", "point"):
        assert oracle(labels, tmp_path / prompt, "--prompt", prompt) == 0
        found = read_predictions(tmp_path / prompt / "predictions.json")
        assert len(found.parts(1).runs) == 2


def info_of(out: Path) -> dict[str, Any]:
    info: dict[str, Any] = json.loads((out / "predictions.json").read_text())["info"]
    return info


def test_labels_in_a_folder_of_files(tmp_path: Path) -> None:
    """LabelMe, whose labels are no single file."""
    for index in range(2):
        noise = np.random.default_rng(index).integers(0, 256, (60, 90, 3), np.uint8)
        Image.fromarray(noise).save(tmp_path / f"{index}.jpg")
        shape = {"label": "wheel", "shape_type": "polygon", "points": [[2, 2], [40, 2], [40, 40]]}
        content = {"shapes": [shape], "imagePath": f"{index}.jpg", "imageHeight": 60}
        (tmp_path / f"{index}.json").write_text(json.dumps({**content, "imageWidth": 90}))
    assert oracle(tmp_path, tmp_path / "out") == 0
    assert len(info_of(tmp_path / "out")["labels"]) == 64
    assert len(read_predictions(tmp_path / "out" / "predictions.json").images) == 2


def test_labels_are_named_by_what_they_say(data: Path, tmp_path: Path) -> None:
    class_map = tmp_path / "classes.yaml"
    class_map.write_text("rename: {wheel: tyre}\n")
    runs: dict[str, list[str]] = {"a": [], "b": ["--classes", str(class_map)], "c": []}
    for name, words in runs.items():
        assert oracle(data, tmp_path / name, *words) == 0
    digests = [info_of(tmp_path / name)["labels"] for name in runs]
    assert digests[0] == digests[2] != digests[1]


def test_keep_groups_of_a_dataset_file(data: Path, tmp_path: Path) -> None:
    described = tmp_path / "dataset.yaml"
    described.write_text(f"labels: {data.name}\nkeep_groups: true\n")
    out = tmp_path / "out"
    assert oracle(described, out) == 0
    found = read_predictions(out / "predictions.json")
    assert found.parts(0).class_index.tolist().count(1) == 1
    assert info_of(out)["keep_groups"] is True
    scored = json.loads((out / "metrics.json").read_text())["scored"]
    assert scored["keep_groups"] is True
    assert scored["info"]["keep_groups"] is True


def test_holdout(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert oracle(data, tmp_path / "out", "--prompt", "box", "--holdout", "2") == 0
    found = read_predictions(tmp_path / "out" / "predictions.json")
    assert [image.image_id for image in found.images] == [71, 73]
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["images"] == 2
    assert oracle(data, tmp_path / "out", "--prompt", "box", "--holdout", "5") == 1
    assert "--holdout must be from 2 to the number of images, 4; found 5" in " ".join(
        capsys.readouterr().err.split()
    )


def test_cache__filled_once_and_same_masks(data: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    words = ("--prompt", "box", "--mask", "best-of-3")
    assert oracle(data, tmp_path / "live", *words) == 0
    assert oracle(data, tmp_path / "cached", *words, "--cache", str(cache)) == 0
    stored = sorted(cache.rglob("*-60x90.safetensors"))
    assert len(stored) == 4
    times = [path.stat().st_mtime_ns for path in stored]
    assert oracle(data, tmp_path / "cached", *words, "--cache", str(cache)) == 0
    assert [path.stat().st_mtime_ns for path in stored] == times
    live, cached = (
        read_predictions(tmp_path / name / "predictions.json") for name in ("live", "cached")
    )
    for index in range(4):
        first, second = (file.parts(index).label_map(2) for file in (live, cached))
        assert (first != second).mean() < 0.01  # float16 features


def test_broken_image(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data.parent / "2.jpg").write_bytes(b"broken")
    assert oracle(data, tmp_path / "out", "--prompt", "box") == 1
    assert "2.jpg" in capsys.readouterr().err
    assert oracle(data, tmp_path / "o", "--prompt", "box", "--cache", str(tmp_path / "c")) == 1
    assert "1 of 4 images cannot be used" in " ".join(capsys.readouterr().err.split())
