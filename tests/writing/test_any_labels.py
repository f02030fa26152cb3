"""Labels broken in every way: all writers write them or refuse with a DataError."""

import json
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from labels.formats.mutations import mutated_json
from wps_sam.errors import DataError
from wps_sam.labels.formats.coco import open_coco
from wps_sam.writing.formats import WRITERS
from wps_sam.writing.label_shapes import ShapeChoice, read_label_shapes

TRIANGLE = [10, 5, 30, 5, 10, 25]
COMMON = {"image_id": 5, "category_id": 9}
SOUND: dict[str, Any] = {
    "images": [
        {"id": 5, "file_name": "a.png", "height": 50, "width": 100},
        {"id": 6, "file_name": "b.png"},
    ],
    "categories": [{"id": 9, "name": "wheel"}, {"id": 4, "name": "door", "supercategory": "car"}],
    "annotations": [
        {"id": 1, "bbox": [1, 2, 3, 4], "points": [[2, 3]], **COMMON},
        {"id": 2, "segmentation": [TRIANGLE, TRIANGLE[::-1]], **COMMON},
        {"id": 3, "segmentation": {"size": [50, 100], "counts": [1010, 2, 3988]}, **COMMON},
        {"id": 4, "segmentation": [TRIANGLE], "iscrowd": 1, **COMMON},
    ],
}


def write_all(folder: Path, name: str, content: Any, choice: ShapeChoice) -> None:
    """Convert a COCO file."""
    for photograph in ("a.png", "b.png"):
        Image.new("RGB", (100, 50)).save(folder / photograph)
    (folder / "labels.json").write_text(json.dumps(content))
    shapes = read_label_shapes(open_coco(folder / "labels.json"), choice)
    writer = WRITERS[name](folder / "out", shapes.categories)
    try:
        for image in shapes.images():
            writer.add(image)
        writer.finish()
    finally:
        writer.discard()


@pytest.mark.parametrize("name", WRITERS)
def test_sound_labels_are_written(tmp_path: Path, name: str) -> None:
    write_all(tmp_path, name, SOUND, ShapeChoice())


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=15, deadline=None)
@given(content=mutated_json(SOUND), boxes_only=st.booleans())
def test_any_labels_are_written_or_refused(name: str, content: Any, boxes_only: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with suppress(DataError):
            write_all(Path(folder), name, content, ShapeChoice(boxes_only=boxes_only))
        hidden = [path for path in Path(folder).rglob(".*") if path.is_file()]
        assert hidden == []
