"""Recipes: a prompter, its loss and how long to train it. `paper` stays what the paper says."""

import math
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
        epochs: passes over the training images, at least.
        least_steps: passes are added until a run has so many steps; 0 adds none.
        batch_size: images a step.
        patience_epochs: stop when box agreement has not risen for this many epochs.
        validate_every_epochs: how often box agreement is measured.
        extra_views: most views of each training image beside the image as it is.
        most_extra_embeddings: no more views are made than give so many embeddings in all; None
            sets no limit.
        box_corrections: how many times boxes that SAM made of points are corrected by what the
            prompter has learnt; for prompters that learn boxes.
        score_threshold: least score of a part in prediction.
    """

    name: str
    prompter: PrompterConfig
    criterion: CriterionConfig
    optimiser: OptimiserConfig
    epochs: int
    least_steps: int
    batch_size: int
    patience_epochs: int
    validate_every_epochs: int
    extra_views: int
    most_extra_embeddings: int | None
    box_corrections: int
    score_threshold: float

    def for_images(self, images: int) -> "Recipe":
        """Fit length and views to the size of a data set: few images need more of both.

        Args:
            images: how many training images there are.

        Returns:
            The recipe with the epochs and views of the run. Where epochs were added, they are
            validated a dozen times, and flat agreement does not end the run.
        """
        views = self.extra_views
        if self.most_extra_embeddings is not None:
            views = min(views, self.most_extra_embeddings // max(1, images))
        if self.least_steps == 0:
            return replace(self, extra_views=views)
        steps_an_epoch = math.ceil(max(1, images) / self.batch_size)
        epochs = max(self.epochs, math.ceil(self.least_steps / steps_an_epoch))
        every = max(1, epochs // _VALIDATIONS)
        epochs = math.ceil(epochs / every) * every  # so that the last epoch is validated
        return replace(
            self,
            epochs=epochs,
            patience_epochs=epochs,
            validate_every_epochs=every,
            extra_views=views,
        )


_VALIDATIONS = 12

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
        least_steps=0,
        batch_size=8,
        patience_epochs=50,
        validate_every_epochs=1,
        extra_views=0,
        most_extra_embeddings=0,
        box_corrections=0,
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
        epochs=12,
        least_steps=4800,
        batch_size=4,
        patience_epochs=60,
        validate_every_epochs=5,
        extra_views=3,
        most_extra_embeddings=2000,
        box_corrections=2,
        score_threshold=0.45,
    ),
}


def get_recipe(
    name: str,
    *,
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    num_queries: int | None = None,
    views: int | None = None,
) -> Recipe:
    """Take a recipe by name; every setting left at None keeps the recipe's own value.

    Raises:
        ConfigError: unknown recipe, a value that is not positive, queries for a prompter that has
            none, or views for the recipe that has none.
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
        recipe = _with_queries(recipe, num_queries)
    if views is not None:
        recipe = _with_views(recipe, views)
    if learning_rate is not None:
        recipe = replace(recipe, optimiser=replace(recipe.optimiser, learning_rate=learning_rate))
    if epochs is not None:
        recipe = replace(recipe, epochs=epochs, least_steps=0)
    return replace(recipe, batch_size=batch_size or recipe.batch_size)


def _with_queries(recipe: Recipe, num_queries: int) -> Recipe:
    """The recipe with another number of queries, if it has any."""
    if not isinstance(recipe.prompter, QueryPrompterConfig):
        raise ConfigError(
            f"--num-queries belongs to --recipe paper; the recipe {recipe.name!r} has no queries. "
            "Leave it out."
        )
    return replace(recipe, prompter=replace(recipe.prompter, num_queries=num_queries))


def _with_views(recipe: Recipe, views: int) -> Recipe:
    """The recipe with another number of views, if it has any."""
    if views < 0:
        raise ConfigError(f"--views is {views}; give 0 or more.")
    if recipe.extra_views == 0:
        raise ConfigError(
            f"--views belongs to --recipe strong; the recipe {recipe.name!r} learns from the "
            "images as they are. Leave it out."
        )
    return replace(recipe, extra_views=views, most_extra_embeddings=None)
