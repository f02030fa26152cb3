"""Prompts of different length."""

import torch

from wps_sam.prompter.token_lengths import same_length


def test_same_length__groups() -> None:
    prompts = [torch.full((length, 4), float(length)) for length in (3, 2, 3)]
    groups = [(rows, tokens.shape) for rows, tokens in same_length(prompts)]
    assert groups == [([1], (1, 2, 4)), ([0, 2], (2, 3, 4))]
    assert list(same_length([])) == []
