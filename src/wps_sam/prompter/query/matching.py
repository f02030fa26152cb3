"""One-to-one matching of labelled parts with queries (equations 2 and 3)."""

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from wps_sam.prompter.interface import PartTargets
from wps_sam.prompter.query.config import QueryCriterionConfig


def matching_cost(
    class_logits: Tensor, tokens: Tensor, targets: PartTargets, config: QueryCriterionConfig
) -> Tensor:
    """Equation 3 for one image.

    L_2 is the Euclidean distance between all T x 256 numbers of a prompt. Padding parts cost
    nothing in any place, so they are left out.

    Args:
        class_logits: (S, C + 1).
        tokens: (S, T, 256).
        targets: P labelled parts.
        config: alpha and beta.

    Returns:
        (P, S) float32: cost of giving part p to query s.
    """
    probability = class_logits.softmax(-1)[:, targets.class_index].T
    distance = torch.cdist(targets.tokens.flatten(1), tokens.flatten(1))
    return config.match_token * distance - config.match_class * probability


@torch.no_grad()
def match_queries(
    class_logits: Tensor, tokens: Tensor, targets: PartTargets, config: QueryCriterionConfig
) -> npt.NDArray[np.int64]:
    """Find the cheapest assignment (equation 2) with the Hungarian algorithm.

    Returns:
        (P,) int64: the query that each labelled part is given to; all different.
    """
    cost = matching_cost(class_logits, tokens, targets, config)
    # The solver refuses what is no number; let the loss be the one to say that a run diverged.
    cost = cost.float().nan_to_num(nan=1e6, posinf=1e6, neginf=-1e6)
    rows, queries = linear_sum_assignment(cost.cpu().numpy())
    return np.asarray(queries[np.argsort(rows)], dtype=np.int64)
