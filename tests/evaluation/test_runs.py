"""Run lengths of decoded masks, against pycocotools."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wps_sam.evaluation.runs import mask_to_runs, rle_to_runs
from wps_sam.geometry.masks import mask_to_rle


@pytest.mark.parametrize(
    ("rows", "runs"),
    [
        ([[0, 0], [0, 0]], [4]),
        ([[1, 1], [1, 1]], [0, 4]),
        # Down the columns: 0 1 1 0.
        ([[0, 1], [1, 0]], [1, 2, 1]),
        ([[0, 0], [0, 1]], [3, 1]),
    ],
)
def test_by_hand(rows: list[list[int]], runs: list[int]) -> None:
    assert mask_to_runs(np.array(rows)).tolist() == runs


@given(st.integers(0, 10_000))
def test_agrees_with_pycocotools(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random(rng.integers(1, 9, 2)) < rng.random()
    hw = (mask.shape[0], mask.shape[1])
    assert mask_to_runs(mask).tolist() == rle_to_runs(mask_to_rle(mask), hw).tolist()
