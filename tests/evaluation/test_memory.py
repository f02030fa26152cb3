"""Memory does not grow with the number of images, but for a few bytes that name each of them."""

import gc
import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from wps_sam.evaluation import average_precision, class_rows
from wps_sam.evaluation.collector import ScoreCollector, TruthFacts
from wps_sam.evaluation.parts import ImageParts
from wps_sam.evaluation.predictions import read_predictions
from wps_sam.evaluation.scratch import ScratchRows

HW = (4, 4)
NAMES = ("left_mirror", "right_mirror", "wheel")


def image() -> ImageParts:
    """Three parts of four pixels each."""
    runs = tuple(np.array([4 * part, 4, 12 - 4 * part]) for part in range(3))
    return ImageParts(HW, np.arange(3), runs, np.full(3, 0.5))


def test_collector_keeps_a_pointer_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(class_rows, "IMAGES_PER_BLOCK", 16)
    monkeypatch.setattr(average_precision, "_PARTS_AT_ONCE", 16)
    # That the rows' store is on disk is tested in test_scratch.py; here its buffers would hide
    # whether anything else grows.
    monkeypatch.setattr(ScratchRows, "append", lambda *_: None)
    collector = ScoreCollector(TruthFacts(NAMES, ("car", "car", ""), "polygon"))
    kept = []
    tracemalloc.start()
    try:
        for _ in range(7):
            for _ in range(192):
                collector.add("a.jpg", image(), image())
            gc.collect()  # also what Python keeps for later
            kept.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    # A list points to each name, 8 bytes, and grows in steps; an image's own counts take 2,000.
    # The first rounds also fill what Python and SQLite keep for later.
    assert (kept[6] - kept[2]) / (4 * 192) < 40


def test_predictions_keep_some_bytes_an_image(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(ScratchRows, "append", lambda *_: None)

    def write(images: int) -> Path:
        path = tmp_path / f"{images}.json"
        rle = {"size": HW, "counts": [0, 16]}
        content = {
            "images": [
                {"id": n, "file_name": f"{n:08}.jpg", "height": 4, "width": 4}
                for n in range(images)
            ],
            "categories": [{"id": 1, "name": "wheel"}],
            "annotations": [
                {"image_id": n, "category_id": 1, "segmentation": rle, "score": 0.5}
                for n in range(images)
            ],
        }
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    kept = []
    for path in (write(500), write(500), write(3500)):
        tracemalloc.start()
        try:
            predictions = read_predictions(path)
            kept.append(tracemalloc.get_traced_memory()[0])
        finally:
            tracemalloc.stop()
        assert predictions.images[1].file_name == "00000001.jpg"
    # The name's 12 bytes and its end, the id and the number of the size, 8 each; arrays grow by an
    # eighth. As an object, an image takes some 200.
    assert (kept[2] - kept[1]) / 3000 < 60
