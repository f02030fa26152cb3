"""`wps-sam data toy` and `wps-sam data info`."""

import json
from pathlib import Path

import pytest
from PIL import Image

from wps_sam.cli.main import main


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    """Standard output in one line."""
    return " ".join(capsys.readouterr().out.split())


def toy(out: Path, *words: str) -> int:
    size = ("--train", "2", "--val", "1", "--height", "96", "--width", "128")
    return main(["data", "toy", "--out", str(out), *size, *words])


def test_toy__writes_what_it_says_and_info_reads_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert toy(tmp_path / "toy") == 0
    said = printed(capsys)
    labels = json.loads((tmp_path / "toy/annotations/train/train.json").read_text())
    parts = len(labels["annotations"])
    assert f"train: 2 images, {parts} parts in {tmp_path / 'toy'}" in said
    assert "val: 1 images" in said
    with Image.open(tmp_path / "toy/images/val/00000.jpg") as picture:
        assert picture.size == (128, 96)

    assert main(["data", "info", str(tmp_path / "toy"), "--split", "train", "--keep-groups"]) == 0
    said = printed(capsys)
    assert f"train.json (coco): 2 images, {parts} parts" in said
    for category in labels["categories"]:
        assert str(category["name"]) in said


def test_toy__seed_decides(tmp_path: Path) -> None:
    contents = []
    for name, seed in (("a", "3"), ("b", "3"), ("c", "4")):
        assert toy(tmp_path / name, "--seed", seed) == 0
        contents.append((tmp_path / name / "images/train/00000.jpg").read_bytes())
    assert contents[0] == contents[1] != contents[2]


def test_toy__folder_in_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "precious.txt").write_text("keep me")
    assert toy(tmp_path) == 1
    assert str(tmp_path) in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


@pytest.mark.parametrize(
    ("words", "message"),
    [(["--train", "0", "--val", "0"], "nothing to draw"), (["--height", "5"], "height")],
    ids=["none", "too small"],
)
def test_toy__impossible(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert toy(tmp_path / "toy", *words) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "toy").exists()


def write_labels(folder: Path) -> Path:
    """Two images; a swapped box, a NaN, a box that reaches out, and an image without parts."""
    for name in ("a.jpg", "b.jpg"):
        Image.new("RGB", (60, 40)).save(folder / name)
    boxes = [[1, 2, 3, 4], [10, 20, -3, 5], [float("nan"), 0, 5, 5], [50, 30, 20, 20]]
    content = {
        "images": [
            {"id": 3, "file_name": "a.jpg", "height": 40, "width": 60},
            {"id": 8, "file_name": "b.jpg", "height": 40, "width": 60},
        ],
        "categories": [{"id": 7, "name": "wheel [left]"}, {"id": 1, "name": "_background_"}],
        "annotations": [
            {"id": i, "image_id": 3, "category_id": 7, "bbox": box} for i, box in enumerate(boxes)
        ],
    }
    path = folder / "labels.json"
    path.write_text(json.dumps(content))
    return path


def test_info__counts_what_was_left_out_or_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "info", str(write_labels(tmp_path))]) == 0
    said = printed(capsys)
    assert "labels.json (coco): 2 images, 2 parts, 0 to 2 (median 1) parts an image" in said
    assert "image sizes: height 40, width 60 pixels" in said
    assert "2 parts with a box, 0 with points; can be learnt with --supervision box," in said
    assert "0 records with a mask" in said
    assert "1 images without a part" in said
    assert "left / right: no pairs found" in said
    assert "wheel [left] │ 7 │ 2 │ 1" in said.replace("┃", "│")
    assert "skipped: annotation 1 of image 3 (a.jpg): bbox with negative width or height" in said
    assert "skipped: annotation 2 of image 3 (a.jpg): bbox has a number that is not finite" in said
    assert (
        "note: annotation 3 of image 3 (a.jpg): box reached outside the image and was clipped"
        in said
    )
    assert "note: category 1 '_background_': stands for background and becomes no class" in said


def test_info__all_splits_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_labels(tmp_path)
    data = tmp_path / "dataset.yaml"
    data.write_text(
        "labels: labels.json\nsplit: {val: 0.5}\nclasses: {rename: {'wheel [left]': tyre}}\n"
    )
    out = tmp_path / "info.json"
    # Parts are in one image, so that one of the two splits has nothing to learn from.
    assert main(["data", "info", str(data)]) == 1
    assert "none of its 0 annotations can be used" in capsys.readouterr().err
    content = json.loads((tmp_path / "labels.json").read_text())
    content["annotations"].append(
        {"id": 9, "image_id": 8, "category_id": 7, "bbox": [1, 2, 3, 4], "segmentation": []}
    )
    (tmp_path / "labels.json").write_text(json.dumps(content))
    assert main(["data", "info", str(data), "--json", str(out)]) == 0
    said = printed(capsys)
    assert said.index("train: ") < said.index("val: ")
    written = json.loads(out.read_text())
    assert {split: found["images"] for split, found in written.items()} == {"train": 1, "val": 1}
    assert {found["parts"] for found in written.values()} == {1, 2}
    (only,) = written["val"]["classes"]
    assert (only["name"], only["category_id"], only["images"]) == ("tyre", 7, 1)


def test_info__unsound_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_labels(tmp_path)
    path.write_text(path.read_text()[:200])
    assert main(["data", "info", str(path)]) == 1
    assert "labels.json is broken JSON" in capsys.readouterr().err
