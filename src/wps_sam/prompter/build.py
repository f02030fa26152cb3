"""Make a prompter and its criterion from their settings. One line a kind of prompter."""

from wps_sam.prompter.dense.config import DenseCriterionConfig, DensePrompterConfig
from wps_sam.prompter.dense.loss import DenseCriterion
from wps_sam.prompter.dense.model import DensePrompter
from wps_sam.prompter.interface import Criterion, Prompter
from wps_sam.prompter.query.config import QueryCriterionConfig, QueryPrompterConfig
from wps_sam.prompter.query.loss import QueryCriterion
from wps_sam.prompter.query.model import QueryPrompter
from wps_sam.sam.frozen import FrozenSam

PrompterConfig = QueryPrompterConfig | DensePrompterConfig
CriterionConfig = QueryCriterionConfig | DenseCriterionConfig

PROMPTER_KINDS: dict[str, type[QueryPrompterConfig] | type[DensePrompterConfig]] = {
    "query": QueryPrompterConfig,
    "dense": DensePrompterConfig,
}


def kind_of(config: PrompterConfig) -> str:
    """Name of a prompter's kind, as written in config.json."""
    return next(kind for kind, made_of in PROMPTER_KINDS.items() if type(config) is made_of)


def emits_boxes(config: PrompterConfig) -> bool:
    """Whether a prompter's tokens stand for boxes whatever the labels are."""
    made: type[Prompter] = QueryPrompter if kind_of(config) == "query" else DensePrompter
    return made.emits_boxes


def tokens_of(config: PrompterConfig) -> int:
    """T, the number of tokens a part."""
    return config.tokens_per_part if isinstance(config, QueryPrompterConfig) else 2


def build_prompter(config: PrompterConfig, num_classes: int, sam: FrozenSam) -> Prompter:
    """Build a prompter with random weights that fits this SAM's features."""
    if isinstance(config, QueryPrompterConfig):
        return QueryPrompter(config, num_classes, embed_dim=sam.embed_dim, embed_hw=sam.embed_hw)
    return DensePrompter(
        config,
        num_classes,
        embed_dim=sam.embed_dim,
        embed_hw=sam.embed_hw,
        image_side=sam.image_side,
    )


def build_criterion(config: CriterionConfig, prompter: PrompterConfig, sam: FrozenSam) -> Criterion:
    """Build the loss that goes with a prompter."""
    if isinstance(config, QueryCriterionConfig) and isinstance(prompter, QueryPrompterConfig):
        return QueryCriterion(config, prompter.num_queries)
    if isinstance(config, DenseCriterionConfig) and isinstance(prompter, DensePrompterConfig):
        return DenseCriterion(config, sam.image_side)
    raise TypeError(f"{type(config).__name__} does not go with {type(prompter).__name__}")
