"""Every wrong shape is refused, and said with what was expected."""

import pytest
import torch

from wps_sam.errors import ConfigError
from wps_sam.sam.shape_checks import check_pixels, check_prompts

FEATURES = (8, 4, 5)


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 1, 32, 32), (1, 3, 32, 31)], ids=str)
def test_pixels(shape: tuple[int, ...]) -> None:
    check_pixels("a sam", 32, torch.zeros(2, 3, 32, 32))
    check_pixels("a sam", 32, torch.zeros(0, 3, 32, 32))
    with pytest.raises(ConfigError, match=r"^a sam\.encode: found .*, expected \(B, 3, 32, 32\)\."):
        check_pixels("a sam", 32, torch.zeros(shape))


@pytest.mark.parametrize(
    ("features", "tokens", "index"),
    [
        ((8, 4, 5), (3, 2, 6), (3,)),
        ((2, 8, 5, 4), (3, 2, 6), (3,)),
        ((2, 8, 4, 5), (3, 6), (3,)),
        ((2, 8, 4, 5), (3, 2, 7), (3,)),
        ((2, 8, 4, 5), (3, 2, 6), (2,)),
    ],
    ids=str,
)
def test_prompts__shapes(
    features: tuple[int, ...], tokens: tuple[int, ...], index: tuple[int, ...]
) -> None:
    given = torch.zeros(features), torch.zeros(tokens), torch.zeros(index, dtype=torch.long)
    message = r"expected features \(B, 8, 4, 5\), tokens \(N, T, 6\), image_index \(N,\)\.$"
    with pytest.raises(ConfigError, match=message):
        check_prompts("a sam", FEATURES, 6, *given)


@pytest.mark.parametrize("index", [[0, 2], [-1, 0]])
def test_prompts__images_that_are_not_there(index: list[int]) -> None:
    features, tokens = torch.zeros(2, *FEATURES), torch.zeros(2, 3, 6)
    check_prompts("a sam", FEATURES, 6, features, tokens, torch.tensor([1, 0]))
    check_prompts("a sam", FEATURES, 6, features, tokens[:0], torch.zeros(0, dtype=torch.long))
    with pytest.raises(ConfigError, match="for 2 images, expected 0 to 1"):
        check_prompts("a sam", FEATURES, 6, features, tokens, torch.tensor(index))
