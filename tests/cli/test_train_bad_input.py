"""Everything wrong that a user can hand to `wps-sam train`: what is said, and what stays."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from wps_sam.cli.main import main

from .conftest import HEIGHT, TOY_SAM, WIDTH, Coco, printed, train_cli, write

pytestmark = pytest.mark.usefixtures("small_prompter")


def test_resume__half_written_checkpoint(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert train_cli(data, run) == 0
    before = (run / "model.safetensors").read_bytes()
    for kept in (3000, 0):
        (run / "checkpoints" / "last.ckpt").write_bytes(
            (run / "checkpoints" / "last.ckpt").read_bytes()[:kept]
        )
        capsys.readouterr()
        assert train_cli(data, run, "--resume") == 1
        said = printed(capsys)
        assert "last.ckpt: cannot be read (" in said
        assert "Start a new run in another folder." in said
        assert "best.ckpt" not in said  # there is none without validation
    assert (run / "model.safetensors").read_bytes() == before


def test_another_sam__is_refused(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = load_file(TOY_SAM)
    name = next(name for name in sorted(weights) if weights[name].is_floating_point())
    save_file({**weights, name: weights[name] + 1}, tmp_path / "other.safetensors")
    other = ["--sam", str(tmp_path / "other.safetensors")]
    run = tmp_path / "run"
    assert train_cli(data, run) == 0
    assert train_cli(data, run, "--resume", *other) == 1
    assert "sam.fingerprint: " in printed(capsys)
    out = ["--out", str(tmp_path / "out"), "--device", "cpu"]
    assert main(["predict", str(run), str(data), *out, *other]) == 1
    said = printed(capsys)
    assert f"config.json: this prompter was trained with the SAM '{TOY_SAM}'" in said
    assert "Load it with the same SAM weights, or train again" in said


def test_broken_image__named_and_the_other_embeddings_kept(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (data.parent / "2.jpg").read_bytes()
    (data.parent / "2.jpg").write_bytes(whole[: len(whole) // 2])
    (data.parent / "4.jpg").write_bytes(b"[bold]no photograph")
    assert train_cli(data, tmp_path / "run") == 1
    said = printed(capsys)
    assert "labels.json: 2 of 6 images cannot be used: 2.jpg: Image " in said
    assert "is damaged: " in said
    assert "4.jpg: Image " in said
    assert "Mend them or take them out of the label file" in said
    assert not (tmp_path / "run").exists()
    assert len(list((tmp_path / "embedding-cache").rglob("*.safetensors"))) == 4
    (data.parent / "2.jpg").write_bytes(whole)
    (data.parent / "4.jpg").write_bytes(whole)
    assert train_cli(data, tmp_path / "run") == 0
    # 4.jpg is now a copy of 2.jpg, so it shares its embedding.
    assert "1 images embedded; 5 already in the cache" in printed(capsys)


def test_half_written_cache__is_mended_and_said(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_cli(data, tmp_path / "first") == 0
    for path in sorted((tmp_path / "embedding-cache").rglob("*.safetensors"))[:2]:
        path.write_bytes(path.read_bytes()[:3000])
    capsys.readouterr()
    assert train_cli(data, tmp_path / "second") == 0
    said = printed(capsys)
    assert "2 images embedded; 4 already in the cache; 2 damaged cache files replaced (" in said
    first, second = (
        load_file(tmp_path / name / "model.safetensors") for name in ("first", "second")
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


def odd_pictures() -> dict[str, Image.Image]:
    """Pictures of every kind a user brings, each 64 wide and 48 high."""
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (HEIGHT, WIDTH), np.uint8)
    colour = Image.fromarray(rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8))
    return {
        "0.png": Image.fromarray(grey.astype(np.uint16) * 257),
        "1.jpg": Image.fromarray(grey),
        "2.png": Image.fromarray(rng.integers(0, 256, (HEIGHT, WIDTH, 4), np.uint8)),
        "3.jpg": colour.convert("CMYK"),
        "4.png": colour.quantize(16),
        "5.jpg": colour.transpose(Image.Transpose.ROTATE_90),  # turned back by its EXIF tag
    }


def test_odd_pictures__are_learnt_from_and_cut(coco: Coco, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for record, (name, picture) in zip(coco["images"], odd_pictures().items(), strict=True):
        record["file_name"] = name
        exif = Image.Exif()
        exif[0x0112] = 6 if name == "5.jpg" else 1
        picture.save(tmp_path / "data" / name, exif=exif)
    dot = {"id": 6, "file_name": "6.png", "height": 1, "width": 1}
    Image.new("RGB", (1, 1), (255, 0, 0)).save(tmp_path / "data" / "6.png")
    coco["images"].append(dot)
    coco["annotations"].append({"id": 99, "image_id": 6, "category_id": 7, "bbox": [0, 0, 1, 1]})
    data = write(coco, tmp_path / "data")
    run, out = tmp_path / "run", tmp_path / "out"
    assert train_cli(data, run, "--val", data) == 0
    words = ["--out", str(out), "--device", "cpu", "--score-threshold", "0"]
    assert main(["predict", str(run), str(data), *words]) == 0
    for record in coco["images"]:
        with Image.open(out / "semantic" / Path(record["file_name"]).with_suffix(".png")) as found:
            assert found.size == (record["width"], record["height"])


Bend = Callable[[Coco], object]


def set_box(box: Any) -> Bend:
    """Give the first annotation another box and no polygon."""

    def bend(coco: Coco) -> None:
        coco["annotations"][0].pop("segmentation")
        coco["annotations"][0]["bbox"] = box

    return bend


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ([70, 0, 5, 5], "skipped: @: box outside the image"),
        ([5, 5, 0, 8], "skipped: @: box without area"),
        (
            [20, 5, -8, 8],
            "skipped: @: bbox with negative width or height: its corners are swapped",
        ),
        (
            [float("nan"), 5, 8, 8],
            "skipped: @: bbox has a number that is not finite",
        ),
        (None, "skipped: @: no bbox and no usable polygon"),
        (
            [60, 5, 8, 8],
            "note: @: box reached outside the image and was clipped",
        ),
    ],
    ids=["outside", "zero area", "swapped corners", "nan", "none", "partly outside"],
)
def test_bad_box__is_counted_and_the_run_goes_on(
    coco: Coco, tmp_path: Path, capsys: pytest.CaptureFixture[str], box: Any, reason: str
) -> None:
    set_box(box)(coco)
    assert train_cli(write(coco, tmp_path / "data"), tmp_path / "run") == 0
    assert reason.replace("@", "annotation 0 of image 0 (0.jpg)") in printed(capsys)


def rename_image(coco: Coco) -> None:
    coco["images"][1]["file_name"] = "0.jpg"


BAD_LABELS: dict[str, tuple[Bend, str]] = {
    "unknown category": (
        lambda coco: coco["annotations"][0].update(category_id=99),
        "annotation 0 of image 0 (0.jpg) has category_id 99, but the categories are 7 lid",
    ),
    "duplicate image id": (
        lambda coco: coco["images"][1].update(id=0),
        "image id 0 occurs twice, for 0.jpg and 1.jpg",
    ),
    "duplicate annotation id": (
        lambda coco: coco["annotations"][1].update(id=0),
        "annotation id 0 occurs twice, for image 0 and image 0",
    ),
    "duplicate category id": (
        lambda coco: coco["categories"][1].update(id=7),
        "category id 7 occurs twice, for lid and knob [left]",
    ),
    "image twice": (rename_image, "images 0 and 1 are the same file 0.jpg"),
    "no annotation": (
        lambda coco: coco.update(annotations=[]),
        "has no annotations: the list is empty",
    ),
    "no usable box": (
        lambda coco: coco.update(
            annotations=[{"id": 1, "image_id": 0, "category_id": 7, "bbox": [1, 1, 0, 0]}]
        ),
        "none of its 1 annotations can be used (1 x box without area)",
    ),
    "no image size": (
        lambda coco: coco["images"][0].update(height=0),
        "image 0 (0.jpg) has height 0; expected whole pixels",
    ),
    "size of another image": (
        lambda coco: coco["images"][0].update(height=50),
        "is 48 x 64 (height x width), but its label record says 50 x 64",
    ),
}


@pytest.mark.parametrize("fault", BAD_LABELS)
def test_bad_labels__end_the_run_by_name(
    coco: Coco, tmp_path: Path, capsys: pytest.CaptureFixture[str], fault: str
) -> None:
    bend, message = BAD_LABELS[fault]
    (tmp_path / "data").mkdir()
    write(coco, tmp_path / "data")
    bend(coco)
    assert train_cli(write(coco, tmp_path / "data"), tmp_path / "run") == 1
    said = printed(capsys)
    assert "labels.json" in said
    assert message in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "labels.json is empty"), ('{"images": [', "labels.json is broken JSON")],
    ids=["empty", "broken"],
)
def test_bad_label_file(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    data.write_text(text)
    assert train_cli(data, tmp_path / "run") == 1
    assert message in printed(capsys)
    assert not (tmp_path / "run").exists()


def test_missing_image(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (data.parent / "3.jpg").unlink()
    assert train_cli(data, tmp_path / "run") == 1
    said = printed(capsys)
    assert "the file of image 3 (3.jpg) is missing. Tried: " in said
    assert "name their folder with --images" in said


def rename_class(coco: Coco) -> None:
    coco["categories"][1]["name"] = "handle"


@pytest.mark.parametrize(
    ("bend", "message"),
    [
        (rename_class, "(only in training: knob [left]; only in validation: handle)"),
        (lambda coco: coco["categories"].reverse(), "(the same in another order)"),
    ],
    ids=["other names", "other order"],
)
def test_val__with_other_classes(
    data: Path,
    coco: Coco,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    bend: Bend,
    message: str,
) -> None:
    bend(coco)
    val = write(coco, tmp_path / "val")
    assert train_cli(data, tmp_path / "run", "--val", val) == 1
    said = printed(capsys)
    assert f"{val} has other classes than {data} {message}" in said
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "embedding-cache").exists()  # said before an hour of embedding


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--holdout", "1"], "leaves nothing to train on: expected 2 or more"),
        (["--holdout", "7"], "no image to validate on is left. Choose a smaller --holdout"),
        (["--holdout", "3", "--val", "x.json"], "--val and --holdout both say what to validate"),
        (["--num-queries", "1"], "0.jpg has 2 labelled parts, but the prompter has only 1 queries"),
        (["--epochs", "0"], "--epochs is 0; give a number above 0"),
        (["--sam", "gone.pth"], "gone.pth"),
        (["--split", "val"], "is one file, so split 'val' cannot be chosen"),
    ],
    ids=["holdout 1", "holdout 7", "val and holdout", "queries", "epochs", "sam", "split"],
)
def test_wrong_options(
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    assert train_cli(data, tmp_path / "run", *words) == 1
    assert message in printed(capsys)
    assert not (tmp_path / "run").exists()


def test_box_supervision__needs_boxes(
    data: Path, coco: Coco, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    coco["annotations"][3].update(bbox=None, segmentation=None, points=[[3, 4]])
    write(coco, data.parent)
    assert train_cli(data, tmp_path / "run") == 1
    message = "1 of 10 parts have points but no box, the first a 'knob [left]' of 1.jpg"
    assert message in printed(capsys)
    assert not (tmp_path / "run").exists()
