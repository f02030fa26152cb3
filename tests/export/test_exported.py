"""An exported file in the place of a run."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wps_sam.cli.main import main
from wps_sam.errors import CheckpointError, ConfigError, DataError
from wps_sam.export import exported
from wps_sam.export.check_pictures import drawn_pictures
from wps_sam.export.exported import ExportedSegmenter
from wps_sam.export.graph_file import FoundParts, GraphFile
from wps_sam.export.openvino_file import write_openvino
from wps_sam.extra_packages import EXPORT, extra_package
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
    onnx = extra_package("onnx", EXPORT)
    model = onnx.load(dense_onnx)
    onnx.helper.set_model_props(model, ABOUT)
    onnx.save(model, path)
    return path


def test_predict__as_the_run_does(path: Path, dense_segmenter: PartSegmenter) -> None:
    segmenter = ExportedSegmenter.load(path)
    assert segmenter.class_names == dense_segmenter.class_names
    assert segmenter.category_ids == (4, 5, 9)
    assert (segmenter.sam_name, segmenter.sam_fingerprint) == ("tiny_sam", "cd34")
    for picture in drawn_pictures():
        for threshold in (None, 0.7):
            found = segmenter.predict(picture.image, score_threshold=threshold)
            expected = dense_segmenter.predict(picture.image, score_threshold=threshold)
            assert found.labels == expected.labels
            np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
            assert (found.masks != expected.masks).mean() < 1e-3
    # The file's own threshold comes back.
    image = next(iter(drawn_pictures())).image
    assert len(segmenter.predict(image)) == len(dense_segmenter.predict(image))


def test_predict__files_and_bad_input(path: Path, tmp_path: Path) -> None:
    segmenter = ExportedSegmenter.load(path)
    image = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    Image.fromarray(image).save(tmp_path / "a.png")
    from_file, from_array = segmenter.predict_batch([tmp_path / "a.png", image])
    assert np.array_equal(from_file.masks, from_array.masks)
    with pytest.raises(DataError, match=r"Image 0 is an array of shape \(4, 4\)"):
        segmenter.predict(np.zeros((4, 4), np.uint8))
    with pytest.raises(ConfigError, match="from 0 to 1; found 2"):
        segmenter.predict(image, score_threshold=2)


def test_predict__by_the_command(
    path: Path, dense_segmenter: PartSegmenter, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    for picture in drawn_pictures():
        Image.fromarray(picture.image).save(tmp_path / "photos" / f"{picture.name}.png")
    out = tmp_path / "out"
    assert main(["predict", str(path), str(tmp_path / "photos"), "--out", str(out)]) == 0
    written = json.loads((out / "predictions.json").read_text())
    expected = sum(len(dense_segmenter.predict(picture.image)) for picture in drawn_pictures())
    assert len(written["annotations"]) == expected > 0
    for picture in drawn_pictures():
        label_map = np.asarray(Image.open(out / "semantic" / f"{picture.name}.png"))
        semantic = dense_segmenter.predict(picture.image).semantic
        assert (label_map != semantic).mean() < 1e-3


def test_fingerprint__of_the_file_and_its_weights(path: Path, tmp_path: Path) -> None:
    """Two files of 8 bits, calibrated on other photographs, differ in their weights only."""
    copy = tmp_path / path.name
    shutil.copy(path, copy)
    weights = path.with_suffix(".bin")
    if weights.exists():
        shutil.copy(weights, copy.with_suffix(".bin"))
    assert ExportedSegmenter.load(copy).fingerprint == ExportedSegmenter.load(path).fingerprint
    if weights.exists():
        content = bytearray(weights.read_bytes())
        content[len(content) // 2] ^= 0x01  # of some weight
        copy.with_suffix(".bin").write_bytes(content)
    else:
        onnx = extra_package("onnx", EXPORT)
        model = onnx.load(path)
        model.graph.initializer[-1].doc_string = "another"
        onnx.save(model, copy)
    assert ExportedSegmenter.load(copy).fingerprint != ExportedSegmenter.load(path).fingerprint


class Broken(GraphFile):
    """A file that says enough about itself, and fails to compute."""

    def __init__(self, **about: str) -> None:
        self.metadata = {**ABOUT, **about}

    def run(self, image: np.ndarray) -> FoundParts:
        raise MemoryError

    def with_threshold(self, score_threshold: float) -> GraphFile:
        return self


def test_predict__what_fails_is_the_images_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmenter = ExportedSegmenter(Broken(), tmp_path / "a.onnx")
    with pytest.raises(
        DataError, match=r"image of 30 x 50 pixels .* \(MemoryError\). Predict it w"
    ):
        segmenter.predict(np.zeros((30, 50, 3), np.uint8))
    monkeypatch.setattr(exported, "MOST_PIXELS", 1000)
    with pytest.raises(DataError, match=r"image of 30 x 50 pixels .* 0.001 megapixels, .*smaller"):
        segmenter.predict(np.zeros((30, 50, 3), np.uint8))


@pytest.mark.parametrize(
    "about",
    [
        {"class_names": "a,b"},
        {"category_ids": "5"},
        {"score_threshold": "high"},
        {"score_threshold": "7"},
    ],
)
def test_metadata__that_cannot_be_understood(about: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"a.onnx: its metadata cannot be understood \("):
        ExportedSegmenter(Broken(**about), tmp_path / "a.onnx")


def test_metadata__one_id_for_each_name(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"a.onnx: found 1 category_ids for 3 class_names"):
        ExportedSegmenter(Broken(category_ids="[1]"), tmp_path / "a.onnx")


def test_load__missing_damaged_or_of_something_else(dense_onnx: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"gone\.onnx: found no exported file"):
        ExportedSegmenter.load(tmp_path / "gone.onnx")
    (tmp_path / "a.py").touch()
    with pytest.raises(CheckpointError, match=r"a.py: found no .* ends in .onnx or .xml"):
        ExportedSegmenter.load(tmp_path / "a.py")
    for name in ("bad.onnx", "bad.xml"):
        (tmp_path / name).write_bytes(b"nothing")
        with pytest.raises(CheckpointError, match=f"{name}: cannot be read .* files beside it"):
            ExportedSegmenter.load(tmp_path / name)
    with pytest.raises(
        CheckpointError, match=r"dense.onnx: its metadata .*KeyError: 'category_ids'"
    ):
        ExportedSegmenter.load(dense_onnx)
