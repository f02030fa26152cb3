"""An exported file in the place of a run."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wps_sam.errors import CheckpointError, ConfigError, DataError
from wps_sam.export.check_pictures import drawn_pictures
from wps_sam.export.exported import ExportedSegmenter
from wps_sam.export.extra_packages import extra_package
from wps_sam.export.openvino_file import write_openvino
from wps_sam.inference.segmenter import PartSegmenter

pytestmark = pytest.mark.usefixtures("exact_sizes")

ABOUT = {
    "class_names": json.dumps(["lid", "knob [left]", "Räder"]),
    "category_ids": "[4, 5, 9]",
    "score_threshold": "0.5",
    "model_fingerprint": "ab12",
    "sam": "tiny_sam",
    "sam_fingerprint": "cd34",
    "precision": "32",
}


@pytest.fixture(scope="module", params=["onnx", "xml"])
def path(
    request: pytest.FixtureRequest, dense_onnx: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("exported") / f"dense.{request.param}"
    if request.param == "xml":
        write_openvino(dense_onnx, path, ABOUT)
        return path
    onnx = extra_package("onnx")
    model = onnx.load(dense_onnx)
    onnx.helper.set_model_props(model, ABOUT)
    onnx.save(model, path)
    return path


def test_predict__as_the_run_does(path: Path, dense_segmenter: PartSegmenter) -> None:
    exported = ExportedSegmenter.load(path)
    assert exported.class_names == dense_segmenter.class_names
    assert exported.category_ids == (4, 5, 9)
    assert (exported.sam_name, exported.sam_fingerprint) == ("tiny_sam", "cd34")
    for picture in drawn_pictures():
        for threshold in (None, 0.7):
            found = exported.predict(picture.image, score_threshold=threshold)
            expected = dense_segmenter.predict(picture.image, score_threshold=threshold)
            assert found.labels == expected.labels
            np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
            assert (found.masks != expected.masks).mean() < 1e-3
    # The file's own threshold comes back.
    image = next(iter(drawn_pictures())).image
    assert len(exported.predict(image)) == len(dense_segmenter.predict(image))


def test_predict__files_and_bad_input(path: Path, tmp_path: Path) -> None:
    exported = ExportedSegmenter.load(path)
    image = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    Image.fromarray(image).save(tmp_path / "a.png")
    from_file, from_array = exported.predict_batch([tmp_path / "a.png", image])
    assert np.array_equal(from_file.masks, from_array.masks)
    with pytest.raises(DataError, match=r"Image 0 is an array of shape \(4, 4\)"):
        exported.predict(np.zeros((4, 4), np.uint8))
    with pytest.raises(ConfigError, match="from 0 to 1; found 2"):
        exported.predict(image, score_threshold=2)


def test_fingerprint__of_model_engine_and_precision(path: Path) -> None:
    exported = ExportedSegmenter.load(path)
    other = ExportedSegmenter.load(path)
    assert exported.fingerprint == other.fingerprint
    other._precision = "int8"
    assert exported.fingerprint != other.fingerprint


def test_load__missing_damaged_or_of_something_else(dense_onnx: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"gone\.onnx: there is no such file"):
        ExportedSegmenter.load(tmp_path / "gone.onnx")
    for name in ("bad.onnx", "bad.xml"):
        (tmp_path / name).write_bytes(b"nothing")
        with pytest.raises(CheckpointError, match=f"{name}: cannot be read .* files beside it"):
            ExportedSegmenter.load(tmp_path / name)
    with pytest.raises(CheckpointError, match=r"dense.onnx: found a file without 'category_ids'"):
        ExportedSegmenter.load(dense_onnx)
