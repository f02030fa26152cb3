"""The OpenVINO file, made of the ONNX file of a small model."""

from pathlib import Path

import numpy as np
import pytest

from wps_sam.export.check_pictures import drawn_pictures
from wps_sam.export.openvino_file import OpenvinoFile, write_openvino
from wps_sam.export.parity import check_picture
from wps_sam.inference.segmenter import PartSegmenter

pytestmark = pytest.mark.usefixtures("exact_sizes")

ABOUT = {"class_names": '["lid", "knob [left]"]', "score_threshold": "0.5"}


@pytest.fixture(scope="module")
def file(dense_onnx: Path, tmp_path_factory: pytest.TempPathFactory) -> OpenvinoFile:
    path = tmp_path_factory.mktemp("openvino") / "dense.xml"
    write_openvino(dense_onnx, path, ABOUT)
    assert path.with_suffix(".bin").exists()
    return OpenvinoFile(path)


def test_agrees_with_the_model__on_wide_tall_and_small(
    dense_segmenter: PartSegmenter, file: OpenvinoFile
) -> None:
    for picture in drawn_pictures():
        assert check_picture(dense_segmenter, file, picture, 0.5).parts > 1


def test_metadata__comes_back(file: OpenvinoFile) -> None:
    assert file.metadata == ABOUT


def test_threshold__exchanged__and_no_part(file: OpenvinoFile) -> None:
    black = np.zeros((30, 50, 3), np.uint8)
    found = file.with_threshold(1.0).run(black)
    assert [values.shape for values in found] == [(0, 30, 50), (0,), (0,), (0, 4)]
    assert [values.dtype for values in found] == [bool, np.int64, np.float32, np.float32]
    assert len(file.with_threshold(0.0).run(black).scores) > 0
