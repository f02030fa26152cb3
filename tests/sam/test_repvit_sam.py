"""RepViT-SAM against its official code: the encoder, and the parameters' official names."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from wps_sam.errors import CheckpointError
from wps_sam.sam.repvit import DepthwiseMixer
from wps_sam.sam.repvit_sam import SHAPE, RepVitEncoder, RepVitSam, build_repvit_sam
from wps_sam.sam.weights_file import load_exactly, read_weights

from .seeded import Golden, read_golden, seeded_input, seeded_weight, seeded_weights

PREFIX = "image_encoder."
BUNDLED = Path(__file__).parents[2] / "src/wps_sam/sam/weights/mobile_sam.safetensors"


@pytest.fixture(scope="module")
def golden() -> Golden:
    return read_golden("repvit_sam")


@pytest.fixture(scope="module")
def weights(golden: Golden) -> dict[str, Tensor]:
    """An official checkpoint: a random encoder, and MobileSAM's heads, which are SAM's."""
    heads = read_weights(BUNDLED)
    return seeded_weights(golden.shapes) | {
        name: value for name, value in heads.items() if not name.startswith(PREFIX)
    }


@pytest.fixture(scope="module")
def sam(weights: dict[str, Tensor]) -> RepVitSam:
    counter = {f"{PREFIX}features.0.0.bn.num_batches_tracked": torch.tensor(1)}
    return build_repvit_sam(weights | counter, "repvit_sam.pt")


def test_facts(sam: RepVitSam) -> None:
    facts = (sam.name, sam.image_side, sam.embed_hw, sam.embed_dim, sam.feature_dim)
    assert facts == ("repvit_sam", 1024, (64, 64), 256, 256)


def test_encode__official(sam: RepVitSam, golden: Golden) -> None:
    with torch.no_grad():
        features = sam.image_encoder(seeded_input("repvit_sam", (1, 3, 128, 128)))
    # float32 sums in another order, 51 blocks deep: measured 3e-6 of 5.2.
    assert (features[0] - golden["features"]).abs().max() < 3e-5


def test_heads__those_of_sam(sam: RepVitSam, mobile_sam: torch.nn.Module) -> None:
    for part in ("prompt_encoder", "mask_decoder"):
        expected = mobile_sam.get_submodule(part).state_dict()
        assert sam.get_submodule(part).state_dict().keys() == expected.keys()
        for name, value in sam.get_submodule(part).state_dict().items():
            assert torch.equal(value, expected[name])


def test_shape__stages_end_where_the_next_begins() -> None:
    # Stem; 6 blocks; block and step; 6; block and step; 34; block and step; 2.
    assert SHAPE.ends() == (6, 14, 50, 54)
    assert len(RepVitEncoder().features) == 55


@pytest.mark.parametrize("normed_centre", [False, True])
def test_depthwise_mixer__one_kernel_is_three_branches(normed_centre: bool) -> None:
    mixer = DepthwiseMixer(8, normed_centre=normed_centre)
    shapes = {name: tuple(value.shape) for name, value in mixer.state_dict().items()}
    weights = {name: seeded_weight(name, shape) for name, shape in shapes.items()}
    load_exactly(mixer, weights, "test")
    cells = seeded_input("cells", (1, 8, 6, 5))

    def normed(values: Tensor, name: str) -> Tensor:
        return torch.nn.functional.batch_norm(
            values,
            weights[f"{name}.running_mean"],
            weights[f"{name}.running_var"],
            weights[f"{name}.weight"],
            weights[f"{name}.bias"],
        )

    def convolved(name: str, side: int) -> Tensor:
        weight, bias = weights[f"{name}.weight"], weights.get(f"{name}.bias")
        return torch.nn.functional.conv2d(cells, weight, bias, padding=side // 2, groups=8)

    expected = normed(convolved("conv.c", 3), "conv.bn") + cells
    if normed_centre:
        expected = expected + normed(convolved("conv1.c", 1), "conv1.bn")
    else:
        expected = normed(expected + convolved("conv1", 1), "bn")
    assert torch.allclose(mixer(cells), expected, atol=1e-5)


def test_load__wrong_parameters_are_named(weights: dict[str, Tensor]) -> None:
    missing = f"{PREFIX}features.3.token_mixer.1.fc1.bias"
    damaged = {name: value for name, value in weights.items() if name != missing}
    with pytest.raises(CheckpointError, match=f"^repvit_sam.pt: .* missing {missing}"):
        build_repvit_sam(damaged, "repvit_sam.pt")
