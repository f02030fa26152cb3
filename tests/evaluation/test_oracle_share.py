"""Shares of the oracle, where they are defined."""

import numpy as np
import pytest

from wps_sam.evaluation.metrics import ClassMeans, class_means, class_scores
from wps_sam.evaluation.oracle_share import oracle_share


def means(correct: int, true: int) -> ClassMeans:
    """Of one class of which some true pixels were found and nothing else."""
    return class_means(class_scores(np.array([[9, 0], [true - correct, correct]]), ["wheel"]))


def test_the_papers_own_share() -> None:
    share = oracle_share(means(6893, 10000), means(9114, 10000), "oracle.json")
    assert share.miou_share == pytest.approx(0.7563, abs=5e-5)
    assert share.to_dict()["miou"] == pytest.approx(0.9114, abs=1e-12)


def test_undefined_shares() -> None:
    nothing = oracle_share(means(1, 2), means(0, 2), "o.json")
    assert nothing.miou == 0
    assert nothing.miou_share is None
    no_truth = oracle_share(means(0, 0), means(0, 0), "o.json")
    assert no_truth.miou is no_truth.miou_share is no_truth.macc_share is None
