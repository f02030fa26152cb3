"""Equations 2 and 3 against costs worked out by hand."""

import numpy as np
import torch

from wps_sam.prompter.interface import PartTargets
from wps_sam.prompter.query.config import QueryCriterionConfig
from wps_sam.prompter.query.matching import match_queries, matching_cost


def targets(classes: list[int], values: list[float]) -> PartTargets:
    """One part a class; every number of its two tokens (2, 2) has the given value."""
    tokens = torch.tensor(values)[:, None, None].expand(-1, 2, 2).clone()
    return PartTargets(
        torch.tensor(classes, dtype=torch.long), tokens, torch.zeros(len(classes), 4)
    )


def test_matching_cost__by_hand() -> None:
    # Two queries, two classes and no-part. Query 0: probabilities 1/2, 1/4, 1/4.
    logits = torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]]))
    tokens = torch.tensor([0.0, 3.0])[:, None, None].expand(-1, 2, 2)
    cost = matching_cost(logits, tokens, targets([1], [1.0]), QueryCriterionConfig())
    # Four numbers differ by 1 (query 0) and by 2 (query 1): distances sqrt(4) and sqrt(16).
    expected = [[-10 * 0.25 + 1 * 2.0, -10 * 0.8 + 1 * 4.0]]
    np.testing.assert_allclose(cost.numpy(), expected, rtol=1e-6)


def test_match_queries__best_for_all_not_best_for_first() -> None:
    # Both parts lie nearest to query 1; giving it to the second part is cheaper overall.
    logits = torch.zeros(3, 3)
    tokens = torch.tensor([0.0, 10.0, 40.0])[:, None, None].expand(-1, 2, 2)
    found = match_queries(logits, tokens, targets([0, 1], [6.0, 11.0]), QueryCriterionConfig())
    # Costs: part 0 -> (12, 8, 68), part 1 -> (22, 2, 58): 12 + 2 beats 8 + 22.
    assert found.tolist() == [0, 1]


def test_match_queries__order_follows_the_parts() -> None:
    logits = torch.zeros(3, 3)
    tokens = torch.tensor([0.0, 10.0, 40.0])[:, None, None].expand(-1, 2, 2)
    found = match_queries(logits, tokens, targets([0, 0], [40.0, 0.0]), QueryCriterionConfig())
    assert found.tolist() == [2, 0]


def test_match_queries__no_parts() -> None:
    found = match_queries(
        torch.zeros(3, 3), torch.zeros(3, 2, 2), targets([], []), QueryCriterionConfig()
    )
    assert found.shape == (0,)
