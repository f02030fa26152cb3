"""Our layers against PyTorch's own, which have no position input: with positions at zero they must
agree.
"""

import pytest
import torch
from torch import nn

from wps_sam.prompter.transformer import (
    DecoderLayer,
    Dropout,
    EncoderLayer,
    LayerShape,
    Transformer,
)

SHAPE = LayerShape(width=16, heads=2, feedforward=32, dropout=0.0)


def copy_feedforward(source: nn.Module, target: nn.Module, norm: str) -> None:
    """Copy the two linear layers and the last norm of a PyTorch layer."""
    for name in ("linear1", "linear2"):
        getattr(target, name).load_state_dict(getattr(source, name).state_dict())
    target.get_submodule("norm").load_state_dict(source.get_submodule(norm).state_dict())


def test_encoder_layer__equals_torch() -> None:
    torch.manual_seed(0)
    reference = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
    ours = EncoderLayer(SHAPE)
    ours.self_attn.load_state_dict(reference.self_attn.state_dict())
    ours.norm.load_state_dict(reference.norm1.state_dict())
    copy_feedforward(reference, ours.feedforward, "norm2")
    memory = torch.randn(2, 5, 16)
    torch.testing.assert_close(ours(memory, torch.zeros(1, 5, 16)), reference(memory))


def test_decoder_layer__equals_torch() -> None:
    torch.manual_seed(0)
    reference = nn.TransformerDecoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
    ours = DecoderLayer(SHAPE)
    ours.self_attn.load_state_dict(reference.self_attn.state_dict())
    ours.cross_attn.load_state_dict(reference.multihead_attn.state_dict())
    ours.self_norm.load_state_dict(reference.norm1.state_dict())
    ours.cross_norm.load_state_dict(reference.norm2.state_dict())
    copy_feedforward(reference, ours.feedforward, "norm3")
    queries, memory = torch.randn(2, 3, 16), torch.randn(2, 5, 16)
    found = ours(queries, torch.zeros(1, 3, 16), memory, memory)
    torch.testing.assert_close(found, reference(queries, memory))


def test_transformer__position_of_keys_matters_but_not_of_values() -> None:
    torch.manual_seed(0)
    layer = EncoderLayer(SHAPE)
    same = torch.randn(1, 1, 16).expand(1, 5, 16)
    # With equal values everywhere attention returns that value, wherever it looks.
    moved = layer(same, torch.randn(1, 5, 16))
    torch.testing.assert_close(moved, layer(same, torch.zeros(1, 5, 16)))


def test_transformer__shape_and_no_batch_mixing() -> None:
    torch.manual_seed(0)
    model = Transformer(SHAPE, encoder_layers=2, decoder_layers=2).eval()
    memory, position, queries = torch.randn(3, 5, 16), torch.randn(1, 5, 16), torch.randn(1, 4, 16)
    together = model(memory, position, queries)
    assert together.shape == (3, 4, 16)
    torch.testing.assert_close(together[1:2], model(memory[1:2], position, queries))


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_dropout__share_and_mean(probability: float) -> None:
    torch.manual_seed(0)
    x = torch.full((1000, 1001), 2.0, requires_grad=True)
    dropped = Dropout(probability)(x)
    zeros = (dropped == 0).double().mean()
    # Six standard deviations of a million coins: 6 * sqrt(0.25 / 1e6) = 0.003.
    assert zeros == pytest.approx(probability, abs=0.003)
    kept = dropped.detach()[dropped > 0]
    torch.testing.assert_close(
        kept, torch.full_like(kept, 2 / (1 - probability)), rtol=2e-4, atol=0
    )
    dropped.sum().backward()
    torch.testing.assert_close(x.grad, dropped.detach() / 2)


def test_dropout__neighbours_fall_independently() -> None:
    # Four numbers share the bits of one word: no two of them may fall together more often.
    torch.manual_seed(0)
    gone = (Dropout(0.5)(torch.ones(250_000, 4)) == 0).double()
    together = torch.corrcoef(gone.T) - torch.eye(4)
    assert together.abs().max() < 0.012  # six standard deviations, 6 / sqrt(250,000)


def test_dropout__seed_and_modes() -> None:
    x, layer = torch.ones(3, 7), Dropout(0.5)
    torch.manual_seed(1)
    first, second = layer(x), layer(x)
    torch.manual_seed(1)
    assert torch.equal(layer(x), first)
    assert not torch.equal(first, second)
    assert torch.equal(layer.eval()(x), x)
    assert torch.equal(Dropout(0.0)(x), x)
    assert torch.equal(Dropout(1.0)(x), torch.zeros(3, 7))
    assert Dropout(0.5)(x.bfloat16()).dtype == torch.bfloat16
    assert Dropout(0.5)(torch.ones(0, 4)).shape == (0, 4)


@pytest.mark.parametrize("probability", [-0.1, 1.5, float("nan")])
def test_dropout__not_a_probability(probability: float) -> None:
    with pytest.raises(ValueError, match="expected a probability from 0 to 1"):
        Dropout(probability)


def test_dropout__shown() -> None:
    assert str(Dropout(0.1)) == "Dropout(probability=0.1)"
