"""Shares of the oracle, where they are defined."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wps_sam.errors import PredictionError
from wps_sam.evaluation.metrics import ClassMeans, class_means, class_scores
from wps_sam.evaluation.oracle_share import (
    check_oracle,
    describe_oracle,
    oracle_share,
    sam_notes,
)
from wps_sam.evaluation.predictions import PredictionFile
from wps_sam.evaluation.scratch import ScratchRows

INFO = {
    "made_by": "wps-sam 0.1.0 oracle",
    "sam": "mobile_sam",
    "prompt": "box",
    "mask": "single",
    "keep_groups": False,
}


def file_with(**info: Any) -> PredictionFile:
    """A prediction file without images."""
    return PredictionFile(Path("o.json"), (), (), (), ScratchRows(), info)


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


@pytest.mark.parametrize(
    ("change", "statement"),
    [
        ({}, "SAM mobile_sam given the true boxes, single mask, one prompt a polygon"),
        (
            {"prompt": "point", "mask": "best-of-3", "keep_groups": True},
            "SAM mobile_sam given the centre points of the true boxes, the mask it rates best of "
            "three, one prompt an annotation",
        ),
        ({"sam": 3, "prompt": None, "mask": "new", "keep_groups": 1}, "SAM, new"),
    ],
    ids=["box", "point", "unknown"],
)
def test_how_the_oracle_was_made(change: dict[str, Any], statement: str) -> None:
    share = describe_oracle(oracle_share(means(1, 2), means(1, 1), "o.json"), INFO | change)
    assert share.statement == share.to_dict()["statement"] == statement
    assert share.miou_share == 0.5
    if not change:
        assert (share.sam, share.prompt, share.mask) == ("mobile_sam", "box", "single")
        assert share.keep_groups is False


@pytest.mark.parametrize(
    ("info", "found"),
    [
        ({}, r"info does not say what made it"),
        ({"made_by": "wps-sam 0.1.0"}, r"info says made_by 'wps-sam 0\.1\.0'"),
        ({"made_by": ["wps-sam 0.1.0 oracle"]}, r"info says made_by \["),
        ({"made_by": "not wps-sam 0.1.0 oracle"}, r"info says made_by 'not"),
    ],
)
def test_only_an_oracle_is_an_oracle(info: dict[str, Any], found: str) -> None:
    with pytest.raises(
        PredictionError,
        match=rf"o\.json was not made by `wps-sam oracle`: its {found}.*run `wps-sam oracle DATA",
    ):
        check_oracle(file_with(**info))
    check_oracle(file_with(made_by="wps-sam 1.2.3.dev4+g5 oracle"))


def test_another_sam_is_noted() -> None:
    oracle = file_with(sam="mobile_sam", sam_fingerprint="f1")
    assert sam_notes(file_with(), oracle) == []
    assert sam_notes(file_with(sam="mobile_sam"), oracle) == []
    assert sam_notes(file_with(sam="./my.pt", sam_fingerprint="f1"), oracle) == []
    assert sam_notes(file_with(sam="vit_b"), oracle) == [
        "The oracle was made with another SAM (mobile_sam) than the predictions (vit_b): its share "
        "says how the two SAMs differ as well as how good the prompts are."
    ]
    other_weights = sam_notes(file_with(sam="mobile_sam", sam_fingerprint="f2"), oracle)
    assert (
        "other weights of SAM (mobile_sam, f1) than the predictions (mobile_sam, f2)"
        in (other_weights[0])
    )
