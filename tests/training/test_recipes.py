"""Taking a recipe and changing single settings."""

import pytest

from wps_sam.errors import ConfigError
from wps_sam.prompter.query.config import QueryPrompterConfig
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
