"""The file with an encoder of bfloat16, of a small model."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from wps_sam.export.bfloat16 import (
    Bfloat16Decoding,
    Bfloat16Encoder,
    bfloat16_encoder,
)
from wps_sam.export.check_pictures import drawn_pictures
from wps_sam.export.graph import Encoder, MaskDecoding, PartGraph
from wps_sam.export.openvino_file import OpenvinoFile
from wps_sam.export.pieces import convert_encoder, write_pieces
from wps_sam.extra_packages import EXPORT, extra_package
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.sam.frozen import FrozenSam
from wps_sam.sam.mask_reach import OUTSIDE

pytestmark = pytest.mark.usefixtures("exact_sizes")


@pytest.fixture(scope="module")
def path(query_segmenter: PartSegmenter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bf16") / "query.xml"
    graph = PartGraph(query_segmenter, 0.2, Bfloat16Decoding(query_segmenter.sam)).eval()
    write_pieces(graph, path, {"precision": "bf16"}, bfloat16_encoder)
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


def test_decoding__rounds_as_bfloat16_does(query_segmenter: PartSegmenter) -> None:
    sam = query_segmenter.sam
    image = sam.share(torch.randn(32, 8, 8, generator=torch.Generator().manual_seed(0)))
    tokens = sam.prompt_boxes(torch.tensor([[10.0, 20.0, 60.0, 90.0], [0.0, 0.0, 128.0, 40.0]]))
    reach = torch.ones(2, 8, 8, dtype=torch.bool)
    reach[1, 4:] = False
    expected = MaskDecoding(sam)(image, tokens, reach)
    found = Bfloat16Decoding(sam)(image, tokens, reach)
    assert found.dtype == torch.float32
    assert torch.equal(found == OUTSIDE, expected == OUTSIDE)
    spread = (expected - expected.mean()).norm()
    assert 0 < (found - expected).norm() / spread < 0.05
    assert next(sam.parameters()).dtype == torch.float32  # a copy was converted


def test_encoder_and_mask_decoder_are_in_bfloat16(
    path: Path, query_segmenter: PartSegmenter
) -> None:
    operations = extra_package("openvino", EXPORT).Core().read_model(path).get_ops()
    sizes: dict[str, list[int]] = {"bf16": [], "f32": []}
    for op in operations:
        kind = op.get_element_type().to_string() if op.get_output_size() == 1 else ""
        if op.get_type_name() == "Constant" and kind in sizes:
            sizes[kind].append(int(np.prod(op.get_output_shape(0))))

    # The small SAM's encoder is one convolution from 3 to 32 channels by 16 x 16 pixels; squares of
    # 32 channels are its decoder's only.
    assert 3 * 32 * 16 * 16 in sizes["bf16"]
    assert 3 * 32 * 16 * 16 not in sizes["f32"]
    assert sizes["bf16"].count(32 * 32) >= 9
    assert 32 * 32 not in sizes["f32"]
    own = {parameter.numel() for parameter in query_segmenter.prompter.parameters()}
    assert {size for size in own if size > 512} <= set(sizes["f32"])


def test_dense__the_parts_of_the_model__with_masks_near_their_boxes(
    dense_segmenter: PartSegmenter, tmp_path: Path
) -> None:
    threshold, decoding = dense_segmenter.score_threshold, Bfloat16Decoding(dense_segmenter.sam)
    graph = PartGraph(dense_segmenter, threshold, decoding).eval()
    write_pieces(graph, tmp_path / "dense.xml", {"precision": "-"}, convert_in_full_precision)
    file = OpenvinoFile(tmp_path / "dense.xml")
    for picture in drawn_pictures():
        found, expected = file.run(picture.image), dense_segmenter.predict(picture.image)
        assert len(expected) > 1
        assert np.array_equal(found.class_index, expected.class_index)
        assert np.abs(found.scores - expected.scores).max() < 1e-4
        assert (found.masks == expected.masks).mean() > 0.97
    empty = file.with_threshold(1.0).run(picture.image)
    assert empty.masks.shape[0] == 0


def convert_in_full_precision(sam: FrozenSam, folder: Path) -> Any:
    return convert_encoder(Encoder(sam), sam, folder)


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
