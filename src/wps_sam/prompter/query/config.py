"""Settings of the paper's prompter. Values marked (paper) are stated there; for the others
docs/paper-map.md gives the reason.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class QueryPrompterConfig:
    """The query prompter's shape.

    Attributes:
        num_queries: S, the most parts one image can have (paper: 25).
        encoder_layers: transformer encoder depth (paper: 6).
        decoder_layers: transformer decoder depth (paper: 6).
        width: channels of the transformer; SAM's own 256.
        heads: attention heads.
        feedforward: hidden width of the transformer's feed-forward blocks.
        dropout: probability, after attention and in the feed-forward blocks of the transformer.
        tokens_per_part: T. A box is two corner tokens, K points are K + 1 tokens (the last is SAM's
            padding point); training raises it to what the labels need.
    """

    num_queries: int = 25
    encoder_layers: int = 6
    decoder_layers: int = 6
    width: int = 256
    heads: int = 8
    feedforward: int = 1024
    dropout: float = 0.1
    tokens_per_part: int = 2


@dataclass(frozen=True)
class QueryCriterionConfig:
    """Weights of matching (equation 3) and loss (equation 4), all from the paper.

    Attributes:
        match_class: alpha.
        match_token: beta.
        loss_class: lambda_cls.
        loss_token: lambda_reg.
    """

    match_class: float = 10.0
    match_token: float = 1.0
    loss_class: float = 5.0
    loss_token: float = 20.0
