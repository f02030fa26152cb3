"""Our layers against PyTorch's own, which have no position input: with positions at zero they must
agree.
"""

import torch
from torch import nn

from wps_sam.prompter.transformer import DecoderLayer, EncoderLayer, LayerShape, Transformer

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
