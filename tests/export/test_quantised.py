"""The file with an encoder of 8 bits, of a small model."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wps_sam.export.check_pictures import drawn_pictures, own_files
from wps_sam.export.graph import PartGraph
from wps_sam.export.openvino_file import OpenvinoFile
from wps_sam.export.pieces import write_pieces
from wps_sam.export.quantised import quantised_encoder
from wps_sam.extra_packages import EXPORT, extra_package
from wps_sam.inference.segmenter import PartSegmenter

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
