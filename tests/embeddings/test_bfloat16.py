"""The encoder that fills the cache from PyTorch in bfloat16, against the SAM in float32."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from wps_sam.embeddings.bfloat16 import Bfloat16Encoder
from wps_sam.errors import ConfigError
from wps_sam.export.check_pictures import drawn_pictures
from wps_sam.sam.frozen import FrozenSam


def test_encode__rounds_as_bfloat16_does(toy_sam: FrozenSam) -> None:
    encoder = Bfloat16Encoder(toy_sam)
    images = [picture.image for picture in drawn_pictures()]
    pixels = encoder.preprocess(images)
    assert torch.equal(pixels, toy_sam.preprocess(images))
    found, expected = encoder.encode(pixels), toy_sam.encode(pixels)
    assert (found.dtype, found.shape) == (torch.float32, expected.shape)
    # 8 bits of a number are kept, and rounding errors of a few layers add up.
    assert 2**-12 < (found - expected).norm() / expected.norm() < 2**-5


def test_encode__no_image(toy_sam: FrozenSam) -> None:
    found = Bfloat16Encoder(toy_sam).encode(torch.zeros(0, 3, 256, 256))
    assert found.shape == (0, toy_sam.feature_dim, *toy_sam.embed_hw)


def test_encode__pixels_of_another_side(toy_sam: FrozenSam) -> None:
    with pytest.raises(ConfigError, match=r"found pixels of shape \(1, 3, 64, 64\), expected"):
        Bfloat16Encoder(toy_sam).encode(torch.zeros(1, 3, 64, 64))


def test_encode__on_a_gpu_it_is_compiled_for_one_number_of_images(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes: list[int] = []

    def compiled(
        encode: Callable[[Tensor], Tensor], *, dynamic: bool
    ) -> Callable[[Tensor], Tensor]:
        assert not dynamic

        def run(pixels: Tensor) -> Tensor:
            sizes.append(len(pixels))
            return encode(pixels)

        return run

    monkeypatch.setattr(torch, "compile", compiled)
    monkeypatch.setattr(torch, "autocast", lambda kind, dtype: torch.no_grad())
    sam = SimpleNamespace(device=torch.device("cuda:0"), encode=lambda pixels: pixels.amax((1, 2)))
    encoder = Bfloat16Encoder(sam)  # type: ignore[arg-type]  # only what it looks at
    pixels = torch.rand(3, 3, 4, 4)
    for count in (3, 1, 2):
        assert torch.equal(encoder.encode(pixels[:count]), pixels[:count].amax((1, 2)))
    assert sizes == [3, 3, 3]


def test_encode__one_graph_for_a_last_call_of_fewer_images(
    toy_sam: FrozenSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphs: list[torch.fx.GraphModule] = []

    def backend(graph: torch.fx.GraphModule, example: list[Tensor]) -> Callable[..., Any]:
        graphs.append(graph)
        return graph.forward

    encoder = Bfloat16Encoder(toy_sam)
    pixels = toy_sam.preprocess([picture.image for picture in drawn_pictures()])
    expected = encoder.encode(pixels[:2])
    encoder._compiled = True  # as on a GPU
    encoder._encode = torch.compile(toy_sam.encode, dynamic=False, backend=backend)
    found = [encoder.encode(pixels[:count]) for count in (2, 2, 1)]
    assert len(graphs) == 1
    for one in found:
        torch.testing.assert_close(one, expected[: len(one)], atol=2e-2, rtol=2e-2)


def test_encode__a_machine_that_cannot_compile(
    toy_sam: FrozenSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    def backend(graph: torch.fx.GraphModule, example: list[Tensor]) -> Callable[..., Any]:
        raise RuntimeError("no compiler found")

    encoder = Bfloat16Encoder(toy_sam)
    encoder._compiled = True
    encoder._encode = torch.compile(toy_sam.encode, dynamic=False, backend=backend)
    torch._dynamo.reset()
    with pytest.raises(
        ConfigError, match=r"cannot be compiled on cpu \(.*\n?.*Install a C compiler"
    ):
        encoder.encode(torch.zeros(1, 3, 256, 256))
