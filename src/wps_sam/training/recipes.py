"""Recipes: a prompter, its loss and how long to train it. `paper` stays what the paper says."""

from dataclasses import dataclass, replace
from typing import Literal

from wps_sam.errors import ConfigError
from wps_sam.prompter.build import CriterionConfig, PrompterConfig
from wps_sam.prompter.dense.config import DenseCriterionConfig, DensePrompterConfig
from wps_sam.prompter.query.config import QueryCriterionConfig, QueryPrompterConfig


@dataclass(frozen=True)
class OptimiserConfig:
    """How weights move.

    Attributes:
        kind: `adam`, or `adamw` (decoupled weight decay).
        learning_rate: at the end of the warm-up.
        weight_decay: 0 for `adam`.
        warmup_steps: linear rise from 0; a run shorter than ten warm-ups warms up for a tenth.
        gradient_norm_limit: gradients longer than this are scaled down; infinity leaves them.
    """

    kind: Literal["adam", "adamw"]
    learning_rate: float
    weight_decay: float
    warmup_steps: int
    gradient_norm_limit: float


@dataclass(frozen=True)
class Recipe:
    """All that decides what is learnt from given features and labels.

    Attributes:
        name: what the user types.
        prompter: network settings.
        criterion: loss settings.
        optimiser: step size and schedule.
        epochs: passes over the training images.
        batch_size: images a step.
        patience_epochs: stop when box agreement has not risen for this many epochs.
        validate_every_epochs: how often box agreement is measured.
        score_threshold: least score of a part in prediction.
    """

    name: str
    prompter: PrompterConfig
    criterion: CriterionConfig
    optimiser: OptimiserConfig
    epochs: int
    batch_size: int
    patience_epochs: int
    validate_every_epochs: int
    score_threshold: float


RECIPES = {
    "paper": Recipe(
        name="paper",
        prompter=QueryPrompterConfig(),
        criterion=QueryCriterionConfig(),
        optimiser=OptimiserConfig(
            kind="adam",
            learning_rate=1e-4,
            weight_decay=0.0,
            warmup_steps=250,
            gradient_norm_limit=float("inf"),
        ),
        epochs=150,
        batch_size=8,
        patience_epochs=50,
        validate_every_epochs=1,
        score_threshold=0.0,
    ),
    "strong": Recipe(
        name="strong",
        prompter=DensePrompterConfig(),
        criterion=DenseCriterionConfig(),
        optimiser=OptimiserConfig(
            kind="adamw",
            learning_rate=1e-3,
            weight_decay=1e-2,
            warmup_steps=100,
            gradient_norm_limit=5.0,
        ),
        epochs=60,
        batch_size=4,
        patience_epochs=60,
        validate_every_epochs=5,
        score_threshold=0.4,
    ),
}


def get_recipe(
    name: str,
    *,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    num_queries: int | None = None,
) -> Recipe:
    """Take a recipe by name; every setting left at None keeps the recipe's own value.

    Raises:
        ConfigError: unknown recipe, a value that is not positive, or queries for a prompter that
            has none.
    """
    if name not in RECIPES:
        raise ConfigError(f"--recipe {name!r} is unknown; choose one of {', '.join(RECIPES)}.")
    recipe = RECIPES[name]
    chosen = {
        "--epochs": epochs,
        "--batch-size": batch_size,
        "--learning-rate": learning_rate,
        "--num-queries": num_queries,
    }
    for flag, value in chosen.items():
        if value is not None and not value > 0:
            raise ConfigError(f"{flag} is {value}; give a number above 0.")
    if num_queries is not None:
        if not isinstance(recipe.prompter, QueryPrompterConfig):
            raise ConfigError(
                f"--num-queries belongs to --recipe paper; the recipe {name!r} has no queries and "
                "no limit on parts. Leave it out."
            )
        recipe = replace(recipe, prompter=replace(recipe.prompter, num_queries=num_queries))
    if learning_rate is not None:
        recipe = replace(recipe, optimiser=replace(recipe.optimiser, learning_rate=learning_rate))
    return replace(
        recipe, epochs=epochs or recipe.epochs, batch_size=batch_size or recipe.batch_size
    )
