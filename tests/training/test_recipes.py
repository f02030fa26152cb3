"""Taking a recipe, changing single settings, and fitting it to the size of a data set."""

from dataclasses import replace

import pytest

from wps_sam.errors import ConfigError
from wps_sam.prompter.query.config import QueryPrompterConfig
from wps_sam.training.fit import validation_interval
from wps_sam.training.recipes import RECIPES, get_recipe


def test_get_recipe__untouched() -> None:
    assert get_recipe("paper") == RECIPES["paper"]


def test_get_recipe__each_setting_changes_itself_only() -> None:
    found = get_recipe("paper", epochs=3, batch_size=2, learning_rate=0.1, num_queries=50)
    assert (found.epochs, found.batch_size, found.optimiser.learning_rate) == (3, 2, 0.1)
    assert found.prompter == QueryPrompterConfig(num_queries=50)
    assert found.criterion == RECIPES["paper"].criterion


def test_get_recipe__unknown_name_lists_the_names() -> None:
    with pytest.raises(ConfigError, match="'best' is unknown; choose one of paper, strong"):
        get_recipe("best")


@pytest.mark.parametrize("setting", ["epochs", "batch_size", "learning_rate", "num_queries"])
def test_get_recipe__zero_is_refused(setting: str) -> None:
    flag = "--" + setting.replace("_", "-")
    with pytest.raises(ConfigError, match=f"{flag} is 0; give a number above 0"):
        get_recipe("paper", **{setting: 0})


def test_get_recipe__queries_only_where_there_are_queries() -> None:
    with pytest.raises(ConfigError, match="--num-queries belongs to --recipe paper"):
        get_recipe("strong", num_queries=50)


FOUR_AT_ONCE = replace(
    RECIPES["strong"],
    epochs=12,
    least_steps=1000,
    batch_size=4,
    patience_epochs=7,
    validate_every_epochs=5,
    extra_views=5,
    most_extra_embeddings=100,
)


@pytest.mark.parametrize(
    ("images", "epochs", "every"),
    # Steps an epoch: 80, 10, 3, 1 and 1; epochs are rounded up to a multiple of the interval.
    [(320, 13, 1), (40, 104, 8), (9, 351, 27), (1, 1079, 83), (0, 1079, 83)],
)
def test_for_images__few_images_need_more_epochs(images: int, epochs: int, every: int) -> None:
    found = FOUR_AT_ONCE.for_images(images)
    assert (found.epochs, found.patience_epochs) == (epochs, epochs)
    assert found.validate_every_epochs == every


@pytest.mark.parametrize("images", [*range(1, 400, 7), 5000])
def test_for_images__validates_about_a_dozen_times(images: int) -> None:
    found = FOUR_AT_ONCE.for_images(images)
    assert 12 <= found.epochs / validation_interval(found) <= 24


def test_for_images__many_images_have_steps_enough() -> None:
    found = FOUR_AT_ONCE.for_images(4000)
    assert (found.epochs, found.validate_every_epochs) == (12, 1)


@pytest.mark.parametrize(
    ("images", "views"), [(5, 5), (20, 5), (21, 4), (50, 2), (100, 1), (101, 0), (0, 5)]
)
@pytest.mark.parametrize("least_steps", [0, 1000])
def test_for_images__no_more_views_than_embeddings_allow(
    images: int, views: int, least_steps: int
) -> None:
    found = replace(FOUR_AT_ONCE, least_steps=least_steps).for_images(images)
    assert found.extra_views == views


def test_for_images__epochs_that_are_given_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "strong", FOUR_AT_ONCE)
    found = get_recipe("strong", epochs=3).for_images(50)
    assert found == replace(FOUR_AT_ONCE, epochs=3, least_steps=0, extra_views=2)


@pytest.mark.parametrize("images", [1, 50, 16_000])
def test_for_images__the_paper_knows_neither(images: int) -> None:
    paper = RECIPES["paper"]
    assert paper.for_images(images) == paper
    assert (paper.extra_views, paper.least_steps) == (0, 0)


def test_get_recipe__views_that_are_asked_for_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RECIPES, "strong", FOUR_AT_ONCE)
    assert get_recipe("strong", views=3).for_images(5000).extra_views == 3
    assert get_recipe("strong", views=0).for_images(5).extra_views == 0
    assert get_recipe("strong", views=9, epochs=2).for_images(5000).extra_views == 9


def test_get_recipe__views_that_cannot_be() -> None:
    with pytest.raises(ConfigError, match="--views is -1; give 0 or more"):
        get_recipe("strong", views=-1)
    with pytest.raises(ConfigError, match="--views belongs to --recipe strong; the recipe 'paper'"):
        get_recipe("paper", views=2)
