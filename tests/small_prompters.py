"""Settings of prompters that train and predict in seconds."""

from wps_sam.prompter.dense.config import DensePrompterConfig
from wps_sam.prompter.query.config import QueryPrompterConfig

SMALL_QUERY = QueryPrompterConfig(
    num_queries=5, encoder_layers=1, decoder_layers=1, width=32, heads=2, feedforward=32
)
SMALL_DENSE = DensePrompterConfig(
    width=32,
    context_layers=1,
    heads=2,
    tower_layers=1,
    second_looks=8,
    training_looks=8,
    detail_width=16,
    refinement_width=32,
)
