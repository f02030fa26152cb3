"""The encoder that fills the cache from OpenVINO in bfloat16, against PyTorch in float32."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from wps_sam.embeddings.build import embed_images
from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.embeddings.view_readers import ImageToEmbed
from wps_sam.errors import ConfigError, ExportError
from wps_sam.export.check_pictures import drawn_pictures
from wps_sam.export.encoder import Bfloat16OpenvinoEncoder
from wps_sam.sam.frozen import FrozenSam


@pytest.fixture(scope="module")
def encoder(tiny_sam: FrozenSam) -> Bfloat16OpenvinoEncoder:
    return Bfloat16OpenvinoEncoder(tiny_sam)


def test_encode__rounds_as_bfloat16_does(
    encoder: Bfloat16OpenvinoEncoder, tiny_sam: FrozenSam
) -> None:
    images = [picture.image for picture in drawn_pictures()]
    pixels = encoder.preprocess(images)
    assert torch.equal(pixels, tiny_sam.preprocess(images))
    found, again = encoder.encode(pixels), encoder.encode(pixels.flip(0))
    assert (found.dtype, found.shape) == (torch.float32, (len(images), 32, 8, 8))
    expected = tiny_sam.encode(pixels)
    # 8 bits of a number are kept: an error of at most 2**-9 each of input, weights and result.
    assert (found - expected).norm() / expected.norm() < 3 * 2**-9
    assert torch.equal(again.flip(0), found)  # no image overwrites another


def test_encode__fills_a_cache(
    encoder: Bfloat16OpenvinoEncoder, tiny_sam: FrozenSam, tmp_path: Path
) -> None:
    picture = tmp_path / "drawn.png"
    Image.fromarray(np.arange(144, dtype=np.uint8).reshape(6, 8, 3)).save(picture)
    image, stored = ImageToEmbed(picture, picture.name), []
    for one in (encoder, tiny_sam):
        cache = EmbeddingCache(tmp_path / type(one).__name__, Fingerprint.of(tiny_sam))
        report = embed_images(cache, one, [image])
        stored.append(cache.read(report.keys[image]).float())
    torch.testing.assert_close(*stored, atol=0.02, rtol=0.02)


def compile_to(
    sam: FrozenSam, factor: float, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[object, ...]]:
    """In place of OpenVINO a SAM's features times a factor; lists what was converted."""
    converted: list[tuple[object, ...]] = []
    monkeypatch.setattr(
        "wps_sam.export.encoder.bfloat16_encoder", lambda *given: converted.append(given)
    )

    def run(inputs: list[NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        return {"features": (factor * sam.encode(torch.from_numpy(inputs[0]))).numpy()}

    monkeypatch.setattr("wps_sam.export.encoder.compile_for_cpu", lambda model: run)
    return converted


def test_converts_only_when_an_image_comes(
    tiny_sam: FrozenSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    converted = compile_to(tiny_sam, 1.0, monkeypatch)
    encoder = Bfloat16OpenvinoEncoder(tiny_sam)
    assert not converted
    for _ in range(2):
        encoder.encode(torch.zeros(1, 3, 128, 128))
    assert len(converted) == 1


@pytest.mark.parametrize("wrong", [0.2, float("nan")])
def test_encode__refuses_other_features(
    tiny_sam: FrozenSam, monkeypatch: pytest.MonkeyPatch, wrong: float
) -> None:
    compile_to(tiny_sam, 1 + wrong, monkeypatch)
    with pytest.raises(ExportError, match=r"features differ from PyTorch's by (0\.2|nan) of"):
        Bfloat16OpenvinoEncoder(tiny_sam).encode(torch.zeros(1, 3, 128, 128))


def test_refuses_a_sam_with_finer_features() -> None:
    sam = SimpleNamespace(name="sam2", feature_dim=96, embed_dim=32, device=torch.device("cpu"))
    with pytest.raises(ConfigError, match="sam2 cannot be converted yet"):
        Bfloat16OpenvinoEncoder(sam)  # type: ignore[arg-type]  # only what it looks at


def test_refuses_another_device() -> None:
    sam = SimpleNamespace(name="s", feature_dim=32, embed_dim=32, device=torch.device("cuda:0"))
    with pytest.raises(ConfigError, match="computes on the CPU, found the device cuda:0"):
        Bfloat16OpenvinoEncoder(sam)  # type: ignore[arg-type]  # only what it looks at


def test_says_what_to_install(tiny_sam: FrozenSam, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    encoder = Bfloat16OpenvinoEncoder(tiny_sam)  # nothing to encode, nothing to install
    message = r"^--encoder openvino-bf16 needs the package openvino, .*wps-sam\[export\]"
    with pytest.raises(ConfigError, match=message):
        encoder.encode(torch.zeros(1, 3, 128, 128))


def test_encode__no_image(encoder: Bfloat16OpenvinoEncoder) -> None:
    assert encoder.encode(torch.zeros(0, 3, 128, 128)).shape == (0, 32, 8, 8)


def test_encode__pixels_of_another_side(encoder: Bfloat16OpenvinoEncoder) -> None:
    with pytest.raises(ConfigError, match=r"found pixels of shape \(1, 3, 64, 64\), expected"):
        encoder.encode(torch.zeros(1, 3, 64, 64))
