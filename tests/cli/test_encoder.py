"""Encoders by name."""

import pytest

from wps_sam.cli.encoder import named_encoder, open_encoder
from wps_sam.embeddings.bfloat16 import Bfloat16Encoder
from wps_sam.export.encoder import Bfloat16OpenvinoEncoder
from wps_sam.sam.frozen import FrozenSam


def test_open_encoder(toy_sam: FrozenSam) -> None:
    assert open_encoder("pytorch", toy_sam) is toy_sam
    assert isinstance(open_encoder("pytorch-bf16", toy_sam), Bfloat16Encoder)
    assert isinstance(open_encoder("openvino-bf16", toy_sam), Bfloat16OpenvinoEncoder)


@pytest.mark.parametrize("name", ["pytorch", "pytorch-bf16", "openvino-bf16"])
def test_named_encoder(name: str) -> None:
    assert named_encoder(name) == name


def test_named_encoder__of_a_damaged_record() -> None:
    assert named_encoder(7) == "pytorch"
