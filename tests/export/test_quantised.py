"""The file with an encoder of 8 bits, of a small model."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from wps_sam.export.check_pictures import drawn_pictures, own_files
from wps_sam.export.graph import PartGraph
from wps_sam.export.openvino_file import OpenvinoFile
from wps_sam.export.pieces import write_pieces
from wps_sam.export.quantised import quantised_encoder
from wps_sam.extra_packages import EXPORT, extra_package
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.sam.frozen import FrozenSam

pytestmark = pytest.mark.usefixtures("exact_sizes")


@pytest.fixture(scope="module")
def path(dense_segmenter: PartSegmenter, tmp_path_factory: pytest.TempPathFactory) -> Path:
    photographs = tmp_path_factory.mktemp("photographs")
    for picture in drawn_pictures():
        Image.fromarray(picture.image).save(photographs / f"{picture.name}.png")
    folder = tmp_path_factory.mktemp("int8")
    graph = PartGraph(dense_segmenter, 0.5).eval()
    write_encoder = quantised_encoder(own_files("-", photographs))
    write_pieces(graph, folder / "dense.xml", {"precision": "int8"}, write_encoder)
    assert sorted(path.name for path in folder.iterdir()) == ["dense.bin", "dense.xml"]
    return folder / "dense.xml"


def test_only_the_encoder_is_in_8_bits(path: Path, dense_segmenter: PartSegmenter) -> None:
    operations = extra_package("openvino", EXPORT).Core().read_model(path).get_ops()
    in_8_bits = [
        op.get_output_shape(0)
        for op in operations
        if op.get_type_name() == "Constant" and op.get_element_type().to_string() == "i8"
    ]
    # The small SAM's encoder is one convolution from 3 to 32 channels.
    assert [list(shape) for shape in in_8_bits] == [[32, 3, 16, 16]]
    assert any(op.get_type_name() == "FakeQuantize" for op in operations)


def quantised(change: Callable[[nn.Module], nn.Module], sam: FrozenSam, folder: Path) -> Any:
    """What is written of a SAM whose encoder is changed."""
    Image.fromarray(next(iter(drawn_pictures())).image).save(folder / "photograph.png")
    other, encoder = deepcopy(sam), sam.encoder
    assert isinstance(encoder, nn.Module)
    other.encoder = change(encoder)
    other.freeze()
    return quantised_encoder(own_files("-", folder))(other, folder)


def test_convolution_a_channel__in_8_bits_too(tiny_sam: FrozenSam, tmp_path: Path) -> None:
    by_channel = nn.Conv2d(32, 32, 3, padding=1, groups=32)
    written = quantised(lambda encoder: nn.Sequential(encoder, by_channel), tiny_sam, tmp_path)
    (convolution,) = [op for op in written.get_ops() if op.get_type_name() == "GroupConvolution"]
    scaled = convolution.input_value(1).get_node()
    # A weight is a whole number times a scale; there is one scale a channel.
    assert [scaled.get_type_name(), list(scaled.get_output_shape(0))] == [
        "Multiply",
        [32, 1, 1, 3, 3],
    ]
    stored, scale = (scaled.input_value(i).get_node() for i in (0, 1))
    assert stored.input_value(0).get_element_type().to_string() == "i8"
    assert list(scale.get_output_shape(0)) == [32, 1, 1, 1, 1]


class Twice(nn.Module):
    """A linear layer over the channels of a map, whose weight serves a second time."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        # So large that torch leaves its transpose to be computed when the graph runs.
        self.linear = nn.Linear(32, 2048)

    def forward(self, pixels: Tensor) -> Tensor:
        tokens = self.encoder(pixels).flatten(2).transpose(1, 2)
        found: Tensor = self.linear(tokens) + self.linear(torch.ones(32))
        return torch.unflatten(found[..., :32].transpose(1, 2), 2, (8, 8))


def test_weight_that_serves_twice__in_8_bits_too(tiny_sam: FrozenSam, tmp_path: Path) -> None:
    written = quantised(Twice, tiny_sam, tmp_path)
    in_8_bits = [
        sorted(op.get_output_shape(0))
        for op in written.get_ops()
        if op.get_type_name() == "Constant" and op.get_element_type().to_string() == "i8"
    ]
    assert [32, 2048] in in_8_bits


def test_finds_what_the_model_finds__up_to_8_bits(
    path: Path, dense_segmenter: PartSegmenter
) -> None:
    file = OpenvinoFile(path)
    assert file.metadata == {"precision": "int8"}
    for picture in drawn_pictures():
        found = file.run(picture.image)
        expected = dense_segmenter.predict(picture.image)
        assert found.masks.shape[1:] == expected.original_hw
        # 255 steps over the range of the pixels: scores move a little, and do move.
        best = min(len(found.scores), len(expected)) // 2
        difference = np.abs(found.scores[:best] - expected.scores[:best]).max()
        assert 0 < difference < 0.05


def test_threshold__exchanged_in_a_file_of_8_bits_too(path: Path) -> None:
    image = next(iter(drawn_pictures())).image
    file = OpenvinoFile(path)
    assert len(file.with_threshold(1.0).run(image).scores) == 0 < len(file.run(image).scores)
