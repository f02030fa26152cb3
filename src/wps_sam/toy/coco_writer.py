"""Writes scenes as one split of a COCO data set in PartImageNet's layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from wps_sam.geometry.masks import mask_to_box
from wps_sam.toy.objects import OBJECT_KINDS
from wps_sam.toy.scene import Scene, ScenePart
from wps_sam.toy.tracing import segmentation_of

JPEG_QUALITY = 92


def toy_categories() -> list[dict[str, Any]]:
    """Return the COCO categories; ids count from 1, the supercategory is the kind of object."""
    names = [(part, kind.name) for kind in OBJECT_KINDS for part in kind.part_names]
    return [
        {"id": index, "name": part, "supercategory": kind}
        for index, (part, kind) in enumerate(names, start=1)
    ]


class CocoSplitWriter:
    """Collects the scenes of one split; pictures go to disk at once, labels at the end."""

    def __init__(self, out: Path, split: str) -> None:
        """Make the folders of the split below `out`."""
        self.image_dir = out / "images" / split
        self.annotation_file = out / "annotations" / split / f"{split}.json"
        self.image_dir.mkdir(parents=True, exist_ok=True)
        self.annotation_file.parent.mkdir(parents=True, exist_ok=True)
        self._categories = toy_categories()
        self._category_ids = {entry["name"]: entry["id"] for entry in self._categories}
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def add(self, index: int, scene: Scene) -> None:
        """Save picture number `index` and remember its labels."""
        file_name = f"{index:05d}.jpg"
        height, width = scene.image.shape[:2]
        Image.fromarray(scene.image).save(self.image_dir / file_name, quality=JPEG_QUALITY)
        image_id = index + 1
        self._images.append(
            {"id": image_id, "file_name": file_name, "height": height, "width": width}
        )
        for part in scene.parts:
            record = {
                "id": len(self._annotations) + 1,
                "image_id": image_id,
                "category_id": self._category_ids[part.name],
                **_geometry(part),
                "iscrowd": 0,
            }
            self._annotations.append(record)

    def finish(self) -> Path:
        """Write the annotation file and return its path."""
        content = {
            "info": {"description": "wps-sam toy set: drawn by a program, exact masks"},
            "images": self._images,
            "annotations": self._annotations,
            "categories": self._categories,
        }
        self.annotation_file.write_text(json.dumps(content, separators=(",", ":")))
        return self.annotation_file


def _geometry(part: ScenePart) -> dict[str, Any]:
    x0, y0, x1, y1 = (int(edge) for edge in mask_to_box(part.mask))
    return {
        "segmentation": segmentation_of(part.mask),
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": int(np.count_nonzero(part.mask)),
    }
