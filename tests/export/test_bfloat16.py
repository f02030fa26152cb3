"""The file with an encoder of bfloat16, of a small model."""

from pathlib import Path

import numpy as np
import pytest
import torch

from wps_sam.export.bfloat16 import Bfloat16Encoder, bfloat16_encoder
from wps_sam.export.check_pictures import drawn_pictures
from wps_sam.export.graph import PartGraph
from wps_sam.export.openvino_file import OpenvinoFile
from wps_sam.export.pieces import write_pieces
from wps_sam.extra_packages import EXPORT, extra_package
from wps_sam.inference.segmenter import PartSegmenter

pytestmark = pytest.mark.usefixtures("exact_sizes")


@pytest.fixture(scope="module")
def path(query_segmenter: PartSegmenter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bf16") / "query.xml"
    write_pieces(
        PartGraph(query_segmenter, 0.2).eval(), path, {"precision": "bf16"}, bfloat16_encoder
    )
    return path


def test_encoder__rounds_as_bfloat16_does(query_segmenter: PartSegmenter) -> None:
    sam = query_segmenter.sam
    pixels = sam.preprocess([picture.image for picture in drawn_pictures()])
    found, expected = Bfloat16Encoder(sam)(pixels), sam.encode(pixels)
    assert found.dtype == torch.float32
    # 8 bits of a number are kept: an error of at most 2**-9 each of input, weights and result.
    error = (found - expected).norm() / expected.norm()
    assert 0 < error < 3 * 2**-9
    assert next(sam.parameters()).dtype == torch.float32  # a copy was converted


def test_only_the_encoder_is_in_bfloat16(path: Path) -> None:
    operations = extra_package("openvino", EXPORT).Core().read_model(path).get_ops()
    shapes = [
        list(op.get_output_shape(0))
        for op in operations
        if op.get_type_name() == "Constant"
        and op.get_element_type().to_string() == "bf16"
        and len(op.get_output_shape(0)) == 4
        and op.get_output_shape(0)[0] > 1
    ]
    # The small SAM's encoder is one convolution from 3 to 32 channels.
    assert shapes == [[32, 3, 16, 16]]


def test_openvino_computes_in_it_where_the_processor_can(path: Path) -> None:
    core = extra_package("openvino", EXPORT).Core()
    has_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    kinds = {
        op.get_rt_info()["runtimePrecision"].astype(str)
        for op in OpenvinoFile(path)._compiled.get_runtime_model().get_ops()
        if "Convolution" in op.get_rt_info()["layerType"].astype(str)
        and list(op.get_output_shape(0)) == [1, 32, 8, 8]
    }
    assert kinds == {"bf16" if has_bf16 else "f32"}


def test_finds_what_the_model_finds__up_to_rounding(
    path: Path, query_segmenter: PartSegmenter
) -> None:
    file = OpenvinoFile(path)
    for picture in drawn_pictures():
        found = file.run(picture.image)
        expected = query_segmenter.predict(picture.image)
        assert found.masks.shape[1:] == expected.original_hw
        best = min(len(found.scores), len(expected)) // 2
        assert np.abs(found.scores[:best] - expected.scores[:best]).max() < 0.02
