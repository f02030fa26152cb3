"""The paper's student prompter (section 3.2, figure 4b)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from wps_sam.prompter.interface import PartPrompts, Prompter
from wps_sam.prompter.query.config import QueryPrompterConfig
from wps_sam.prompter.transformer import LayerShape, Transformer
from wps_sam.sam.frozen import FrozenSam


class QueryOutput(NamedTuple):
    """What the query prompter emits for a batch.

    Attributes:
        class_logits: (B, S, C + 1) float32; the last class is no part.
        tokens: (B, S, T, 256) float32, prompt tokens.
    """

    class_logits: Tensor
    tokens: Tensor


def _halve(width_in: int, width_out: int) -> nn.Sequential:
    """A 3x3 stride-2 convolution; one group makes GroupNorm a norm over the whole map."""
    return nn.Sequential(
        nn.Conv2d(width_in, width_out, 3, stride=2, padding=1),
        nn.GroupNorm(1, width_out),
        nn.GELU(),
    )


class QueryPrompter(Prompter):
    """Two stride-2 convolutions, a transformer, a class head and a token head."""

    def __init__(
        self,
        config: QueryPrompterConfig,
        num_classes: int,
        *,
        embed_dim: int = 256,
        embed_hw: tuple[int, int] = (64, 64),
    ) -> None:
        """Build with random weights.

        Args:
            config: shape of the network.
            num_classes: C, without the no-part class.
            embed_dim: channels of SAM's features and prompt tokens.
            embed_hw: (height, width) of SAM's feature map.
        """
        super().__init__()
        self.config = config
        self.num_classes = num_classes
        self.embed_dim = embed_dim
        self.downsample = nn.Sequential(
            _halve(embed_dim, config.width), _halve(config.width, config.width)
        )
        cells = -(-embed_hw[0] // 4) * -(-embed_hw[1] // 4)
        self.position = nn.Parameter(torch.empty(1, cells, config.width))
        self.queries = nn.Parameter(torch.empty(1, config.num_queries, config.width))
        nn.init.normal_(self.position)
        nn.init.normal_(self.queries)
        shape = LayerShape(config.width, config.heads, config.feedforward, config.dropout)
        self.transformer = Transformer(shape, config.encoder_layers, config.decoder_layers)
        self.class_head = nn.Linear(config.width, num_classes + 1)
        self.token_head = nn.Sequential(
            nn.Linear(config.width, 2 * config.width),
            nn.GELU(),
            nn.Linear(2 * config.width, config.tokens_per_part * embed_dim),
        )

    def forward(self, features: Tensor) -> QueryOutput:
        """Emit S classes and prompts an image (equation 1, middle line).

        Args:
            features: (B, 256, 64, 64) float32, SAM's image features.
        """
        memory = self.downsample(features).flatten(2).transpose(1, 2)
        hidden = self.transformer(memory, self.position, self.queries)
        tokens = self.token_head(hidden).unflatten(-1, (-1, self.embed_dim))
        return QueryOutput(self.class_head(hidden).float(), tokens.float())

    def select(
        self, output: QueryOutput, sam: FrozenSam, score_threshold: float
    ) -> list[PartPrompts]:
        """Drop what is classed as no part, keep the rest (section 3.3, inference).

        Args:
            output: of `forward`.
            sam: reads back the box that the first two tokens of a part stand for.
            score_threshold: a query is also dropped if its class is less probable than this.
                The paper has no such threshold: 0 keeps its behaviour.
        """
        selected = []
        for logits, tokens in zip(output.class_logits, output.tokens, strict=True):
            scores, class_index = logits.softmax(-1).max(-1)
            kept = torch.nonzero(
                (class_index != self.num_classes) & (scores >= score_threshold)
            ).squeeze(1)
            kept = kept[scores[kept].argsort(descending=True, stable=True)]
            selected.append(
                PartPrompts(
                    class_index=class_index[kept],
                    scores=scores[kept],
                    tokens=tokens[kept].unbind(),
                    boxes_xyxy=sam.boxes_from_tokens(tokens[kept]),
                )
            )
        return selected
