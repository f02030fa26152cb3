"""LabelMe files as LabelMe 5 writes them; the keys are those of its `_label_file.py`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from wps_sam.labels.label_file import LabelFile

Json = dict[str, Any]

TRIANGLE = [[1.5, 2.0], [11.25, 2.0], [1.5, 30.0]]


def shape(label: str, kind: str | None, points: Sequence[Sequence[float]], **more: Any) -> Json:
    base = {"label": label, "points": points, "group_id": None, "description": ""}
    return {**base, "shape_type": kind, "flags": {}, "mask": None, **more}


def content(*shapes: Json, image: str = "a.jpg", **more: Any) -> Json:
    """A file for an image of 40 x 60 (height x width)."""
    return {
        "version": "5.5.0",
        "flags": {},
        "shapes": list(shapes),
        "imagePath": image,
        "imageData": None,
        "imageHeight": 40,
        "imageWidth": 60,
        **more,
    }


def write_file(folder: Path, value: Json, name: str = "a.json", image: str | None = None) -> Path:
    """Write a file below the folder, with its image beside it; return the folder."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")
    photograph = folder / (image or name.replace(".json", ".jpg"))
    photograph.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (60, 40)).save(photograph)
    return folder


def names(labels: LabelFile) -> list[str]:
    """The classes in their order."""
    return [category.name for category in labels.categories]
