"""Suppression of duplicates."""

import torch

from wps_sam.prompter.dense.suppression import suppress_overlaps

BOXES = torch.tensor([[0.0, 0, 10, 10], [0.0, 0, 10, 9], [0.0, 0, 10, 10], [50.0, 50, 60, 60]])
SCORES = torch.tensor([0.9, 0.8, 0.7, 0.6])


def test_suppress__same_class_only() -> None:
    stays = suppress_overlaps(BOXES, SCORES, torch.tensor([0, 0, 1, 0]), 0.5)
    assert stays.tolist() == [0, 2, 3]


def test_suppress__nothing_in_nothing_out() -> None:
    stays = suppress_overlaps(BOXES[:0], SCORES[:0], torch.zeros(0, dtype=torch.long), 0.5)
    assert stays.shape == (0,)
