"""The example runs where neither torch nor wps_sam can be imported."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

from wps_sam.export.onnx_file import OnnxFile
from wps_sam.extra_packages import EXPORT, extra_package
from wps_sam.geometry.masks import paint_semantic

EXAMPLE = Path(__file__).parents[2] / "examples" / "segment_onnx.py"
# Read by Python itself when it starts.
WITHOUT = """
import sys
for name in ("torch", "wps_sam"):
    sys.modules[name] = None
"""


def test_example(dense_onnx: Path, dense_file: OnnxFile, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT)
    onnx = extra_package("onnx", EXPORT)
    model = onnx.load(dense_onnx)
    about = {"class_names": json.dumps(["lid", "knob", "Räder"]), "category_ids": "[4, 5, 9]"}
    onnx.helper.set_model_props(model, about)
    onnx.save(model, tmp_path / "parts.onnx")
    pixels = np.random.default_rng(3).integers(0, 256, (70, 90, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONIOENCODING": "utf-8"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    assert "ModuleNotFoundError" in run("-c", "import torch").stderr  # or the test proves nothing
    done = run(str(EXAMPLE), "parts.onnx", "photo.png", "--out", "found")
    assert done.returncode == 0, done.stderr
    parts = json.loads((tmp_path / "found" / "photo.json").read_text(encoding="utf-8"))
    found = dense_file.run(pixels)
    assert len(parts) == len(found.scores) > 1
    assert [part["box_xyxy"] for part in parts] == found.boxes.tolist()
    names, ids = ("lid", "knob", "Räder"), (4, 5, 9)
    assert [(part["name"], part["category_id"]) for part in parts] == [
        (names[index], ids[index]) for index in found.class_index
    ]
    label_map = np.asarray(Image.open(tmp_path / "found" / "photo.png"))
    expected = paint_semantic(found.masks, found.class_index, (70, 90), found.scores)
    assert np.array_equal(label_map, expected)
