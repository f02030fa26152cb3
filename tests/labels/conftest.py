"""A small COCO data set that each test bends in its own way."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Coco = dict[str, Any]


@pytest.fixture
def coco() -> Coco:
    """Two images of 40 x 60 (height x width), two classes with odd ids, three boxes."""
    return {
        "images": [
            {"id": 3, "file_name": "a.jpg", "height": 40, "width": 60},
            {"id": 8, "file_name": "b.jpg", "height": 40, "width": 60},
        ],
        "categories": [
            {"id": 7, "name": "wheel", "supercategory": "car"},
            {"id": 0, "name": "door", "supercategory": "car"},
        ],
        "annotations": [
            {"id": 16, "image_id": 8, "category_id": 0, "bbox": [1, 2, 3, 4]},
            {"id": 17, "image_id": 3, "category_id": 7, "bbox": [10, 20, 30, 5]},
            {"id": 18, "image_id": 3, "category_id": 0, "bbox": [0, 0, 60, 40]},
        ],
    }


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], Path]:
    """Write something as annotations.json, with a.jpg and b.jpg beside it."""
    for name in ("a.jpg", "b.jpg"):
        Image.new("RGB", (60, 40)).save(tmp_path / name)

    def write_json(content: Any) -> Path:
        path = tmp_path / "annotations.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    return write_json
