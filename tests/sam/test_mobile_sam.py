"""The bundled MobileSAM against onnxruntime with the float32 weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor

from wps_sam.geometry.frames import SamFrame
from wps_sam.sam.build import load_sam
from wps_sam.sam.frozen import DecodedMasks, FrozenSam
from wps_sam.sam.mobile_sam import MobileSam

Golden = dict[str, NDArray[np.generic]]
NAMES = ("chelsea", "coffee")
BUNDLED = Path(__file__).parents[2] / "src/wps_sam/sam/weights/mobile_sam.safetensors"


def tensor(golden: Golden, key: str) -> Tensor:
    return torch.from_numpy(golden[key]).float()


@pytest.fixture(scope="module")
def features(mobile_sam: FrozenSam, mobile_golden: Golden) -> Tensor:
    """(2, 256, 64, 64): the only two encodings at side 1024 in the whole suite, in one batch."""
    images = [np.asarray(mobile_golden[f"{name}_image"], dtype=np.uint8) for name in NAMES]
    return mobile_sam.encode(mobile_sam.preprocess(images))


@pytest.fixture(scope="module")
def decoded(mobile_sam: FrozenSam, mobile_golden: Golden, features: Tensor) -> list[DecodedMasks]:
    """All boxes of both photographs in one call, then apart again."""
    tokens = [mobile_sam.prompt_boxes(boxes_in_sam(mobile_golden, name)) for name in NAMES]
    counts = [len(part) for part in tokens]
    index = torch.repeat_interleave(torch.arange(2), torch.tensor(counts))
    masks = mobile_sam.decode(features, torch.cat(tokens), index, multimask=True)
    pairs = zip(
        torch.split(masks.low_res_logits, counts), torch.split(masks.iou, counts), strict=True
    )
    return [DecodedMasks(*pair) for pair in pairs]


def boxes_in_sam(golden: Golden, name: str) -> Tensor:
    height, width = golden[f"{name}_image"].shape[:2]
    return torch.from_numpy(SamFrame((height, width)).boxes_to_sam(golden[f"{name}_boxes_xyxy"]))


@pytest.mark.parametrize("index", [0, 1], ids=NAMES)
def test_encode__onnxruntime(mobile_golden: Golden, features: Tensor, index: int) -> None:
    expected = tensor(mobile_golden, f"{NAMES[index]}_embedding_every_4th_channel")
    difference = (features[index, ::4] - expected).abs()
    # Weights and golden are rounded to float16 (half a step is 2.4e-4 at 0.6, the largest value);
    # measured 3e-4 and 2e-5.
    assert difference.max() < 8e-4
    assert difference.mean() < 4e-5


@pytest.mark.parametrize("index", [0, 1], ids=NAMES)
def test_decode__onnxruntime(
    mobile_golden: Golden, decoded: list[DecodedMasks], index: int
) -> None:
    masks, name = decoded[index], NAMES[index]
    best = masks.iou.argmax(dim=1)
    logits = masks.low_res_logits[torch.arange(len(best)), best]
    expected = tensor(mobile_golden, f"{name}_low_res_logits")
    # float16 weights: measured 2e-4, 0.12 (of 55; the golden's own step is 0.03) and 4 of 65 536
    # pixels per mask.
    assert (masks.iou.amax(dim=1) - tensor(mobile_golden, f"{name}_iou")).abs().max() < 1e-3
    assert (logits - expected).abs().max() < 0.3
    assert ((logits > 0) != (expected > 0)).sum(dim=(1, 2)).max() <= 12


def test_boxes_from_tokens__real_boxes(mobile_sam: FrozenSam, mobile_golden: Golden) -> None:
    boxes = torch.cat([boxes_in_sam(mobile_golden, name) for name in NAMES])
    found = mobile_sam.boxes_from_tokens(mobile_sam.prompt_boxes(boxes))
    assert (found - boxes).abs().max() < 0.01


def test_facts(mobile_sam: FrozenSam) -> None:
    facts = (mobile_sam.name, mobile_sam.image_side, mobile_sam.embed_hw, mobile_sam.embed_dim)
    assert facts == ("mobile_sam", 1024, (64, 64), 256)
    assert {parameter.dtype for parameter in mobile_sam.parameters()} == {torch.float32}


def test_load__official_file_with_unused_parts(mobile_sam: FrozenSam, tmp_path: Path) -> None:
    weights = load_file(BUNDLED)
    weights["image_encoder.norm_head.weight"] = torch.ones(320)
    weights["image_encoder.head.bias"] = torch.ones(1000)
    weights["image_encoder.layers.1.blocks.0.attn.attention_bias_idxs"] = torch.zeros(49, 49).long()
    weights["image_encoder.patch_embed.seq.0.bn.num_batches_tracked"] = torch.tensor(1)
    path = tmp_path / "mobile_sam.pt"
    torch.save(weights, path)
    assert load_sam(path).fingerprint == mobile_sam.fingerprint


def test_encode__fused_weights_follow_a_load() -> None:
    sam = MobileSam()
    fused = sam.get_submodule("image_encoder.patch_embed.seq.0")
    weights = sam.state_dict()
    weights["image_encoder.patch_embed.seq.0.bn.bias"] = torch.full((32,), 3.0)
    weights["image_encoder.patch_embed.seq.0.bn.running_mean"] = torch.full((32,), 2.0)
    weights["image_encoder.patch_embed.seq.0.bn.running_var"] = torch.full((32,), 4.0)
    sam.load_state_dict(weights)
    pixels = torch.randn(1, 3, 32, 32)
    plain = torch.nn.functional.conv2d(
        pixels, weights["image_encoder.patch_embed.seq.0.c.weight"], stride=2, padding=1
    )
    expected = torch.nn.functional.batch_norm(
        plain, torch.full((32,), 2.0), torch.full((32,), 4.0), bias=torch.full((32,), 3.0)
    )
    assert torch.allclose(fused(pixels), expected, atol=1e-5)
