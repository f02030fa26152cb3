"""A small data set in the making, which each test spoils in its own way."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from wps_sam.checking.splits import CheckedSplit, prepare_splits
from wps_sam.labels.label_file import LabelFile
from wps_sam.labels.open import open_labels

WIDTH, HEIGHT = 128, 96


def photo(seed: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Image.Image:
    """A colourful picture of (width, height) that no other seed gives."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


class DataSet:
    """A COCO file in the making, with its images beside it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.images: list[dict[str, Any]] = []
        self.annotations: list[dict[str, Any]] = []
        self.names: list[str] = []

    def add_image(
        self, name: str, image: Image.Image | None = None, *parts: tuple[str, Sequence[float]]
    ) -> None:
        """Save an image, if given, and label its parts: class name and bbox."""
        width, height = WIDTH, HEIGHT
        if image is not None:
            options: dict[str, Any] = {"quality": 92} if name.endswith("jpg") else {}
            image.save(self.folder / name, **options)
            width, height = image.size
        number = len(self.images)
        record = {"id": number, "file_name": name, "width": width, "height": height}
        self.images.append(record)
        for class_name, bbox in parts:
            self.add_part(number, class_name, bbox=list(bbox))

    def add_part(self, image: int, class_name: str, **fields: Any) -> None:
        """Add an annotation with any fields."""
        self.annotations.append(
            {
                "id": len(self.annotations) + 1,
                "image_id": image,
                "category_id": self.category(class_name),
                **fields,
            }
        )

    def category(self, name: str) -> int:
        """Id of a class, which is added if it is new."""
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)

    def write(self) -> Path:
        """Write the label file."""
        categories = [{"id": i, "name": name} for i, name in enumerate(self.names)]
        content = {
            "images": self.images,
            "categories": categories,
            "annotations": self.annotations,
        }
        path = self.folder / "annotations.json"
        path.write_text(json.dumps(content))
        return path

    def open(self) -> LabelFile:
        """Write and open the label file."""
        return open_labels(self.write())

    def split(self, name: str = "") -> CheckedSplit:
        """Write, open and prepare the labels for a check."""
        return prepare_splits({name: self.open()})[0]
