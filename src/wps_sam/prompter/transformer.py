"""A DETR-style transformer: positions are added to queries and keys at every layer, never to
values (Carion et al., ECCV 2020, appendix A.3).
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_VALUES = 1 << 16
"""How many values 16 random bits have; read as a number with a sign, half of them are below 0."""


@dataclass(frozen=True)
class LayerShape:
    """What all transformer layers of a prompter share: channels, heads, hidden width, dropout."""

    width: int
    heads: int
    feedforward: int
    dropout: float


def _attention(shape: LayerShape) -> nn.MultiheadAttention:
    """Attention without dropout on its weights, which would cost a CPU step a third more."""
    return nn.MultiheadAttention(shape.width, shape.heads, batch_first=True)


class Dropout(nn.Module):
    """`nn.Dropout`, which on a CPU spends 16 random bits on a number where torch draws a double.

    Drawing doubles was a sixth of a step of the paper's prompter. The probability is rounded to a
    multiple of 1 / 65536; what is kept is scaled by the rounded one, so the mean stays exact.
    """

    def __init__(self, probability: float) -> None:
        """Drop with this probability in training; ValueError if it is not from 0 to 1."""
        super().__init__()
        if not 0 <= probability <= 1:
            raise ValueError(f"dropout is {probability}; expected a probability from 0 to 1")
        self.probability = probability

    def extra_repr(self) -> str:
        """What `print` shows."""
        return f"probability={self.probability}"

    def forward(self, x: Tensor) -> Tensor:
        """Any shape and float dtype -> the same."""
        if not self.training or x.device.type != "cpu":
            return F.dropout(x, self.probability, self.training)
        dropped = round(self.probability * _VALUES)
        if dropped in (0, _VALUES):
            return F.dropout(x, self.probability)
        words = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device)
        drawn = words.random_(-(2**63), None).view(torch.int16)[: x.numel()].view(x.shape)
        kept = drawn >= dropped - _VALUES // 2
        return x * kept.to(x.dtype).mul_(_VALUES / (_VALUES - dropped))


class FeedForward(nn.Module):
    """Two linear layers with ReLU, residual and norm."""

    def __init__(self, shape: LayerShape) -> None:
        """Build with random weights."""
        super().__init__()
        self.linear1 = nn.Linear(shape.width, shape.feedforward)
        self.linear2 = nn.Linear(shape.feedforward, shape.width)
        self.norm = nn.LayerNorm(shape.width)
        self.dropout = Dropout(shape.dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, width) -> the same."""
        hidden = self.dropout(F.relu(self.linear1(x)))
        normed: Tensor = self.norm(x + self.dropout(self.linear2(hidden)))
        return normed


class EncoderLayer(nn.Module):
    """Self-attention over the image features."""

    def __init__(self, shape: LayerShape) -> None:
        """Build with random weights."""
        super().__init__()
        self.self_attn = _attention(shape)
        self.norm = nn.LayerNorm(shape.width)
        self.dropout = Dropout(shape.dropout)
        self.feedforward = FeedForward(shape)

    def forward(self, memory: Tensor, position: Tensor) -> Tensor:
        """Memory (B, N, width) and its position (1, N, width) -> memory."""
        query = memory + position
        attended, _ = self.self_attn(query, query, memory, need_weights=False)
        encoded: Tensor = self.feedforward(self.norm(memory + self.dropout(attended)))
        return encoded


class DecoderLayer(nn.Module):
    """Queries look at each other, then at the image."""

    def __init__(self, shape: LayerShape) -> None:
        """Build with random weights."""
        super().__init__()
        self.self_attn = _attention(shape)
        self.cross_attn = _attention(shape)
        self.self_norm = nn.LayerNorm(shape.width)
        self.cross_norm = nn.LayerNorm(shape.width)
        self.dropout = Dropout(shape.dropout)
        self.feedforward = FeedForward(shape)

    def forward(self, x: Tensor, query_position: Tensor, memory: Tensor, keys: Tensor) -> Tensor:
        """One decoder step.

        Args:
            x: (B, S, width) state of the queries.
            query_position: (1, S, width), what makes one query differ from another.
            memory: (B, N, width) encoded image.
            keys: (B, N, width), memory with its position added.

        Returns:
            (B, S, width), the next state.
        """
        query = x + query_position
        attended, _ = self.self_attn(query, query, x, need_weights=False)
        x = self.self_norm(x + self.dropout(attended))
        attended, _ = self.cross_attn(x + query_position, keys, memory, need_weights=False)
        decoded: Tensor = self.feedforward(self.cross_norm(x + self.dropout(attended)))
        return decoded


class Transformer(nn.Module):
    """Encoder over image features, then decoder over queries."""

    def __init__(self, shape: LayerShape, encoder_layers: int, decoder_layers: int) -> None:
        """Build with random weights; matrices start Xavier-uniform, as DETR's."""
        super().__init__()
        self.encoder = nn.ModuleList(EncoderLayer(shape) for _ in range(encoder_layers))
        self.decoder = nn.ModuleList(DecoderLayer(shape) for _ in range(decoder_layers))
        self.norm = nn.LayerNorm(shape.width)
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)

    def forward(self, memory: Tensor, position: Tensor, queries: Tensor) -> Tensor:
        """Turn queries into part descriptions.

        Args:
            memory: (B, N, width) image features, one row a cell.
            position: (1, N, width) position encoding of the cells.
            queries: (1, S, width) learnt queries.

        Returns:
            (B, S, width) float32.
        """
        for layer in self.encoder:
            memory = layer(memory, position)
        keys = memory + position
        x = queries.expand(memory.shape[0], -1, -1)
        for layer in self.decoder:
            x = layer(x, queries, memory, keys)
        described: Tensor = self.norm(x)
        return described
