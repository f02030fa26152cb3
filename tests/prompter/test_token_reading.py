"""Tokens of the teacher come back as the boxes and points that they were made of."""

import pytest
import torch
from torch import Tensor

from wps_sam.prompter.token_reading import places_of_tokens, points_of_tokens
from wps_sam.sam.frozen import FrozenSam


def padded(sam: FrozenSam, tokens: Tensor, length: int) -> Tensor:
    """Prompts (P, T, 256) with SAM's "not a point" token behind, up to a length."""
    padding = sam.prompt_points(torch.zeros(1, 1, 2))[:, 1:]
    return torch.cat([tokens, padding.expand(len(tokens), length - tokens.shape[1], -1)], dim=1)


BOX = torch.tensor([[40.0, 60, 120, 140]])
POINTS = torch.tensor([[[30.0, 50], [90.0, 110], [180.0, 20]]])


@pytest.mark.parametrize("length", [2, 3, 5])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_points__the_middle_of_those_that_are_there(
    toy_sam: FrozenSam, count: int, length: int
) -> None:
    tokens = toy_sam.prompt_points(POINTS[:, :count])
    found = points_of_tokens(toy_sam, padded(toy_sam, tokens, max(length, count + 1)))
    torch.testing.assert_close(found, POINTS[:, :count].mean(1), atol=0.5, rtol=0)


def test_points__two_tokens_are_one_point_bit_for_bit(toy_sam: FrozenSam) -> None:
    tokens = torch.randn(4, 2, 256, generator=torch.Generator().manual_seed(0))
    assert torch.equal(points_of_tokens(toy_sam, tokens), toy_sam.points_from_tokens(tokens))


@pytest.mark.parametrize("length", [2, 3, 4])
def test_places__boxes_and_points(toy_sam: FrozenSam, length: int) -> None:
    prompts = [toy_sam.prompt_boxes(BOX), toy_sam.prompt_points(POINTS[:, :1])]
    expected = [[40.0, 60, 120, 140], [30.0, 50, 30, 50]]
    if length > 2:
        prompts.append(toy_sam.prompt_points(POINTS[:, :2]))
        expected.append([60.0, 80, 60, 80])
    generator = torch.Generator().manual_seed(0)
    tokens = torch.cat([padded(toy_sam, prompt, length) for prompt in prompts])
    tokens += 0.01 * torch.randn(tokens.shape, generator=generator)  # a prompter is never exact
    found = places_of_tokens(toy_sam, tokens)
    torch.testing.assert_close(found, torch.tensor(expected), atol=2.0, rtol=0)


def test_no_parts(toy_sam: FrozenSam) -> None:
    assert places_of_tokens(toy_sam, torch.zeros(0, 3, 256)).shape == (0, 4)
