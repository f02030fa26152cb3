"""The ONNX file of a small model, in ONNX Runtime."""

from pathlib import Path

import numpy as np
import pytest

from wps_sam.errors import ExportError
from wps_sam.export.check_pictures import drawn_pictures
from wps_sam.export.onnx_file import OnnxFile
from wps_sam.export.parity import check_picture
from wps_sam.extra_packages import EXPORT, extra_package
from wps_sam.inference.segmenter import PartSegmenter

pytestmark = pytest.mark.usefixtures("exact_sizes")


def test_agrees_with_the_model__on_wide_tall_and_small(
    dense_segmenter: PartSegmenter, dense_file: OnnxFile
) -> None:
    for picture in drawn_pictures():
        assert check_picture(dense_segmenter, dense_file, picture, 0.5).parts > 1


def test_inputs_and_outputs__names_types_and_free_sizes(dense_onnx: Path) -> None:
    graph = extra_package("onnx", EXPORT).load(dense_onnx).graph
    assert [value.name for value in graph.input] == ["image"]
    session = extra_package("onnxruntime", EXPORT).InferenceSession(dense_onnx)
    assert session.get_inputs()[0].shape == ["height", "width", 3]
    assert session.get_inputs()[0].type == "tensor(uint8)"
    outputs = {value.name: value.type for value in session.get_outputs()}
    assert outputs == {
        "masks": "tensor(bool)",
        "class_index": "tensor(int64)",
        "scores": "tensor(float)",
        "boxes": "tensor(float)",
    }


def test_metadata__comes_back(dense_file: OnnxFile) -> None:
    assert dense_file.metadata["class_names"] == '["lid"]'
    assert dense_file.metadata["made_by"] == "a test"


def test_no_part__empty_outputs_of_the_right_shape(dense_file: OnnxFile) -> None:
    found = dense_file.with_threshold(1.0).run(np.zeros((30, 50, 3), np.uint8))
    assert [values.shape for values in found] == [(0, 30, 50), (0,), (0,), (0, 4)]


def test_threshold__exchanged_in_a_copy_only(dense_file: OnnxFile) -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    own = dense_file.run(image)
    assert len(own.scores) > 1
    higher = float(own.scores[1]) + 1e-4
    assert len(dense_file.with_threshold(higher).run(image).scores) == 1
    assert len(dense_file.run(image).scores) == len(own.scores)


def test_threshold__not_in_the_file(dense_onnx: Path, tmp_path: Path) -> None:
    onnx = extra_package("onnx", EXPORT)
    model = onnx.load(dense_onnx)
    for node in model.graph.node:
        if node.op_type == "GreaterOrEqual":
            node.op_type = "Greater"
    onnx.save(model, tmp_path / "other.onnx")
    file = OnnxFile(tmp_path / "other.onnx")
    with pytest.raises(ExportError, match=r"other.onnx: found 0 comparisons .* expected one"):
        file.with_threshold(0.1)
