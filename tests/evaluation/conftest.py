"""A scene: truth and predictions of a few tiny images, drawn part by part."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from wps_sam.evaluation.evaluate import evaluate_predictions
from wps_sam.evaluation.parts import ImageParts
from wps_sam.evaluation.result import Evaluation
from wps_sam.geometry.masks import mask_to_rle

Mask = NDArray[np.bool_]


class Scene:
    """Collects records; `truth` and `predictions` are the raw contents and may be bent."""

    def __init__(self, folder: Path, class_names: tuple[str, ...] = ("wheel", "door")) -> None:
        self.folder = folder
        self.truth: dict[str, Any] = self._empty(class_names)
        self.predictions: dict[str, Any] = self._empty(class_names)

    def _empty(self, class_names: tuple[str, ...]) -> dict[str, Any]:
        categories = [{"id": 5 + i, "name": name} for i, name in enumerate(class_names)]
        return {"images": [], "categories": categories, "annotations": []}

    def image(self, name: str, hw: tuple[int, int] = (10, 10), with_file: bool = False) -> None:
        for content in (self.truth, self.predictions):
            number = len(content["images"]) + 1
            record = {"id": number, "file_name": name, "height": hw[0], "width": hw[1]}
            content["images"].append(record)
        if with_file:
            pixels = np.random.default_rng(len(name)).integers(0, 255, (*hw, 3), np.uint8)
            Image.fromarray(pixels).save(self.folder / name)

    def true(self, image: str, class_name: str, mask: Mask | Any, **more: Any) -> None:
        self._add(self.truth, image, class_name, mask, more)

    def predict(self, image: str, class_name: str, mask: Mask | Any, score: float = 0.5) -> None:
        self._add(self.predictions, image, class_name, mask, {"score": score})

    def _add(
        self, content: dict[str, Any], image: str, class_name: str, mask: Any, more: dict[str, Any]
    ) -> None:
        images = {record["file_name"]: record["id"] for record in content["images"]}
        categories = {record["name"]: record["id"] for record in content["categories"]}
        record = {
            "id": len(content["annotations"]) + 1,
            "image_id": images[image],
            "category_id": categories[class_name],
            "segmentation": mask_to_rle(mask) if isinstance(mask, np.ndarray) else mask,
            "bbox": [0, 0, 1, 1],
        }
        content["annotations"].append(record | more)

    @property
    def truth_path(self) -> Path:
        return self._write("truth.json", self.truth)

    @property
    def predictions_path(self) -> Path:
        return self._write("predictions.json", self.predictions)

    def _write(self, name: str, content: dict[str, Any]) -> Path:
        path = self.folder / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    def evaluate(self, **options: Any) -> Evaluation:
        return evaluate_predictions(self.predictions_path, self.truth_path, **options)


def box(hw: tuple[int, int], top: int, left: int, bottom: int, right: int) -> Mask:
    """A filled box, bottom and right exclusive."""
    mask = np.zeros(hw, dtype=bool)
    mask[top:bottom, left:right] = True
    return mask


ClassMask = Callable[[ImageParts, int], Mask]


@pytest.fixture
def class_mask() -> ClassMask:
    """Union of all masks of a class, decoded once more in the plainest way."""

    def decode(parts: ImageParts, class_index: int) -> Mask:
        mask = np.zeros(parts.hw, dtype=bool)
        for runs in parts.class_runs(class_index):
            values = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
            mask |= values.reshape(parts.hw[1], parts.hw[0]).T
        return mask

    return decode


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Classes wheel and door, one image a.jpg of 10 x 10 without parts yet."""
    result = Scene(tmp_path)
    result.image("a.jpg")
    return result


@pytest.fixture
def picture_scene(tmp_path: Path) -> Scene:
    """Seven images with photographs, mirrors mixed up, for reports."""
    names = ("wheel <b>", "left_mirror", "right_mirror", "never $x$ seen")
    result = Scene(tmp_path, names)
    hw = (40, 60)
    for i in range(7):
        name = f"photo_{i}.png"
        result.image(name, hw, with_file=True)
        result.true(name, names[0], box(hw, 5, 5, 25, 25))
        result.true(name, names[1], box(hw, 5, 30, 20, 40))
        result.predict(name, names[0], box(hw, 5, 5 + i, 25, 25 + i))
        result.predict(name, names[2 if i % 2 else 1], box(hw, 5, 30, 20, 40))
    return result
