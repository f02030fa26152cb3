"""The plain encoder computes what the fast one does."""

import torch

from wps_sam.bench.plain_encoder import PlainTinyViT
from wps_sam.bench.plain_path import plain_encoder
from wps_sam.sam.build import load_sam
from wps_sam.sam.frozen import FrozenSam
from wps_sam.sam.mobile_sam import MobileSam
from wps_sam.sam.tiny_vit import TinyViT


@torch.inference_mode()
def test_mobile_sam__real_weights() -> None:
    sam = load_sam("mobile_sam")
    pixels = torch.randn(1, 3, 1024, 1024, generator=torch.Generator().manual_seed(0))
    expected = sam.encode(pixels)
    found = plain_encoder(sam)(pixels)
    assert found.shape == (1, 256, 64, 64)
    # Rounding of sums in another order: measured 2e-6, of features up to 0.6.
    assert (found - expected).abs().max() < 2e-5
    assert expected.abs().max() > 0.3


@torch.inference_mode()
def test_other_norms() -> None:
    """MobileSAM's bundled batch norms are identities; those of other files are not."""
    generator = torch.Generator().manual_seed(1)
    fast, plain = TinyViT().eval(), PlainTinyViT()
    sam = load_sam("mobile_sam")
    assert isinstance(sam, MobileSam)
    weights = sam.image_encoder.state_dict()
    for name, tensor in weights.items():
        if ".bn." in name:
            noise = torch.rand(tensor.shape, generator=generator) - 0.5
            weights[name] = tensor + 0.5 * noise  # variances are 1, so none falls below 0
    fast.load_state_dict(weights)
    plain.load_state_dict(weights)
    # 176 pixels are 22 cells and then 11, which no window divides; 224 are 28 and 14: all do.
    for side in (176, 224):
        pixels = torch.randn(2, 3, side, side, generator=generator)
        expected, found = fast(pixels), plain(pixels)
        assert found.shape == (2, 256, side // 16, side // 16)
        assert (found - expected).abs().max() < 2e-5
        assert (sam.image_encoder(pixels) - expected).abs().max() > 0.1


def test_nothing_is_folded() -> None:
    norms = [m for m in PlainTinyViT().modules() if isinstance(m, torch.nn.BatchNorm2d)]
    # Two in the stem, three in each of two bottlenecks and three steps, one in each of ten blocks.
    assert len(norms) == 2 + 2 * 3 + 3 * 3 + 10
    assert not any(norm.training for norm in norms)


def test_other_sams__their_own(toy_sam: FrozenSam) -> None:
    assert plain_encoder(toy_sam) == toy_sam.encode
