"""What is offered to the decoder, against what the prompters select."""

from typing import Any

import pytest
import torch
from torch import Tensor

from wps_sam.errors import ConfigError
from wps_sam.export.candidates import Candidates, candidate_finder
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.prompter.interface import PartPrompts, Prompter
from wps_sam.sam.frozen import FrozenSam


@pytest.fixture(scope="session")
def features() -> Tensor:
    return torch.randn(1, 32, 8, 8, generator=torch.Generator().manual_seed(5))


def prompts_of(candidates: Candidates) -> list[tuple[int, float, Tensor]]:
    """(class, score, tokens) of the parts, in order."""
    return [
        (
            int(candidates.class_index[row]),
            float(candidates.scores[row]),
            next(group.tokens[row] for group in candidates.groups if group.members[row]),
        )
        for row in torch.nonzero(candidates.is_part).squeeze(1).tolist()
    ]


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.6, 1.0])
@pytest.mark.parametrize("kind", ["dense", "query"])
@torch.no_grad()
def test_candidates__are_what_the_prompter_selects(
    kind: str, threshold: float, features: Tensor, request: pytest.FixtureRequest
) -> None:
    segmenter: PartSegmenter = request.getfixturevalue(f"{kind}_segmenter")
    prompter, sam = segmenter.prompter, segmenter.sam
    expected = prompter.select(prompter(features), sam, threshold)[0]
    candidates = candidate_finder(prompter, sam, threshold)(features)
    assert (sum(group.members.long() for group in candidates.groups) == 1).all()
    found = prompts_of(candidates)
    assert [part[0] for part in found] == expected.class_index.tolist()
    assert [part[1] for part in found] == expected.scores.tolist()
    assert all(torch.equal(a[2], b) for a, b in zip(found, expected.tokens, strict=True))


@torch.no_grad()
def test_candidates__these_tests_see_both_prompts_and_a_choice(
    dense_segmenter: PartSegmenter, features: Tensor
) -> None:
    prompter, sam = dense_segmenter.prompter, dense_segmenter.sam
    parts = prompter.select(prompter(features), sam, 0.0)[0]
    assert {len(tokens) for tokens in parts.tokens} == {2, 5}
    assert len(parts) < 10  # some were suppressed


class Other(Prompter):
    def forward(self, features: Tensor) -> Any:
        return features

    def select(self, output: Any, sam: FrozenSam, score_threshold: float) -> list[PartPrompts]:
        return []


def test_candidate_finder__unknown_prompter(tiny_sam: FrozenSam) -> None:
    with pytest.raises(ConfigError, match=r"^A Other cannot be exported; .* `strong` or `paper`"):
        candidate_finder(Other(), tiny_sam, 0.5)
