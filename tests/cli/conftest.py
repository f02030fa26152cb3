"""Six tiny pictures with labels, and a training command that takes half a second."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from wps_sam.cli.main import main
from wps_sam.prompter.query.config import QueryPrompterConfig
from wps_sam.training.recipes import RECIPES

TOY_SAM = Path(__file__).parent.parent / "goldens" / "sam_vit_toy.safetensors"
HEIGHT, WIDTH = 48, 64
Coco = dict[str, Any]


@pytest.fixture
def small_prompter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The paper's recipe with a network of a few thousand weights."""
    prompter = QueryPrompterConfig(
        num_queries=5, encoder_layers=1, decoder_layers=1, width=16, heads=2, feedforward=16
    )
    monkeypatch.setitem(RECIPES, "paper", replace(RECIPES["paper"], prompter=prompter))


def square(left: int, top: int, side: int) -> list[int]:
    return [left, top, left + side, top, left + side, top + side, left, top + side]


@pytest.fixture
def coco() -> Coco:
    """Two parts in each of five images and none in the sixth."""
    annotations = [
        {
            "id": 2 * image + part,
            "image_id": image,
            "category_id": 7 + part,
            "bbox": [left, top, side, side],
            "segmentation": [square(left, top, side)],
        }
        for image in range(5)
        for part, (left, top, side) in enumerate(((4 + image, 6, 16), (30, 20, 12)))
    ]
    return {
        "images": [
            {"id": i, "file_name": f"{i}.jpg", "height": HEIGHT, "width": WIDTH} for i in range(6)
        ],
        "categories": [{"id": 7, "name": "lid"}, {"id": 8, "name": "knob [left]"}],
        "annotations": annotations,
    }


def write(coco: Coco, folder: Path, name: str = "labels.json") -> Path:
    """Write labels, and their pictures where they are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for image in coco["images"]:
        path = folder / image["file_name"]
        if not path.exists():
            noise = np.random.default_rng(image["id"]).integers(0, 256, (HEIGHT, WIDTH, 3))
            Image.fromarray(noise.astype(np.uint8)).save(path)
    (folder / name).write_text(json.dumps(coco))
    return folder / name


@pytest.fixture
def data(coco: Coco, tmp_path: Path) -> Path:
    """The label file beside its pictures."""
    return write(coco, tmp_path / "data")


def train_cli(data: Path, out: Path, *words: str | Path, recipe: str = "paper") -> int:
    settings = ["--sam", str(TOY_SAM), "--device", "cpu", "--recipe", recipe, "--epochs", "1"]
    return main(["train", str(data), "--out", str(out), *settings, *map(str, words)])


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    """Both streams in one line."""
    out, err = capsys.readouterr()
    return " ".join((out + err).split())
