"""Equation 4 against a loss worked out by hand."""

import math

import pytest
import torch

from wps_sam.errors import ConfigError
from wps_sam.prompter.interface import PartTargets
from wps_sam.prompter.query.config import QueryCriterionConfig
from wps_sam.prompter.query.loss import QueryCriterion
from wps_sam.prompter.query.model import QueryOutput


def one_part(value: float, class_index: int = 0) -> PartTargets:
    """A part whose two tokens (2, 2) hold one value everywhere."""
    return PartTargets(torch.tensor([class_index]), torch.full((1, 2, 2), value), torch.zeros(1, 4))


def no_part() -> PartTargets:
    """An image without parts."""
    return PartTargets(torch.zeros(0, dtype=torch.long), torch.zeros(0, 2, 2), torch.zeros(0, 4))


def test_loss__by_hand() -> None:
    criterion = QueryCriterion(QueryCriterionConfig(), num_queries=2)
    # Query 0 says class 0 with 1/2, query 1 says no part with 3/4; tokens 0 and 100.
    logits = torch.log(torch.tensor([[[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]]]))
    tokens = torch.tensor([0.0, 100.0])[None, :, None, None].expand(1, 2, 2, 2)
    losses = criterion(QueryOutput(logits, tokens), [one_part(3.0)])
    cross_entropy = -(math.log(0.5) + math.log(0.75)) / 2
    smooth_l1 = (3.0 - 0.5) / 2  # one of S = 2 queries is matched; |3| > 1, so |x| - 1/2
    assert losses.total.item() == pytest.approx(5 * cross_entropy + 20 * smooth_l1, rel=1e-6)
    assert losses.terms["class"].item() == pytest.approx(cross_entropy, rel=1e-6)
    assert losses.terms["token"].item() == pytest.approx(smooth_l1, rel=1e-6)


def test_loss__image_without_parts_teaches_no_part_only() -> None:
    criterion = QueryCriterion(QueryCriterionConfig(), num_queries=2)
    logits = torch.log(torch.tensor([[[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]]]))
    losses = criterion(QueryOutput(logits, torch.zeros(1, 2, 2, 2)), [no_part()])
    assert losses.terms["token"].item() == 0
    expected = -(math.log(0.25) + math.log(0.75)) / 2
    assert losses.terms["class"].item() == pytest.approx(expected, rel=1e-6)


def test_loss__batch_is_the_mean_of_its_images() -> None:
    criterion = QueryCriterion(QueryCriterionConfig(), num_queries=3)
    torch.manual_seed(0)
    output = QueryOutput(torch.randn(2, 3, 4), torch.randn(2, 3, 2, 2))
    parts = [one_part(0.3, 1), no_part()]
    singles = [
        criterion(QueryOutput(output.class_logits[i : i + 1], output.tokens[i : i + 1]), [parts[i]])
        for i in range(2)
    ]
    both = criterion(output, parts).total
    torch.testing.assert_close(both, (singles[0].total + singles[1].total) / 2)


def test_check__more_parts_than_queries() -> None:
    criterion = QueryCriterion(QueryCriterionConfig(), num_queries=1)
    two = PartTargets(torch.zeros(2, dtype=torch.long), torch.zeros(2, 2, 2), torch.zeros(2, 4))
    with pytest.raises(ConfigError, match=r"street\.jpg has 2 labelled parts.*--num-queries to 2"):
        criterion.check(two, "street.jpg")
