"""Prompters and criteria from their settings."""

from dataclasses import replace

import pytest
import torch

from wps_sam.prompter.build import (
    PROMPTER_KINDS,
    CriterionConfig,
    PrompterConfig,
    build_criterion,
    build_prompter,
    emits_boxes,
    kind_of,
    tokens_of,
)
from wps_sam.prompter.dense.config import DenseCriterionConfig, DensePrompterConfig
from wps_sam.prompter.interface import PartTargets
from wps_sam.prompter.query.config import QueryCriterionConfig, QueryPrompterConfig
from wps_sam.sam.frozen import FrozenSam

QUERY = QueryPrompterConfig(
    num_queries=4, encoder_layers=1, decoder_layers=1, width=16, heads=2, feedforward=16
)
DENSE = DensePrompterConfig(width=32)


def test_emits_boxes_and_tokens_of() -> None:
    assert not emits_boxes(QUERY)
    assert emits_boxes(DENSE)
    assert tokens_of(replace(QUERY, tokens_per_part=4)) == 4
    assert tokens_of(DENSE) == 2


def test_kind_of__is_the_inverse_of_the_table() -> None:
    for kind, made_of in PROMPTER_KINDS.items():
        assert kind_of(made_of()) == kind


@pytest.mark.parametrize(
    ("prompter", "criterion"),
    [(QUERY, QueryCriterionConfig()), (DENSE, DenseCriterionConfig())],
    ids=["query", "dense"],
)
def test_build__fits_the_sam_and_its_criterion(
    toy_sam: FrozenSam, prompter: PrompterConfig, criterion: CriterionConfig
) -> None:
    model = build_prompter(prompter, 3, toy_sam)
    output = model(torch.randn(2, toy_sam.embed_dim, *toy_sam.embed_hw))
    one = PartTargets(
        torch.tensor([2]),
        toy_sam.prompt_boxes(torch.tensor([[20.0, 20, 90, 90]])),
        torch.tensor([[20.0, 20, 90, 90]]),
    )
    none = PartTargets(torch.zeros(0, dtype=torch.long), torch.zeros(0, 2, 256), torch.zeros(0, 4))
    total = build_criterion(criterion, prompter, toy_sam)(output, [one, none]).total
    torch.autograd.backward(total)
    assert torch.isfinite(total)
    without = [name for name, weight in model.named_parameters() if weight.grad is None]
    assert without == []
    assert len(model.select(output, toy_sam, 0.0)) == 2


@pytest.mark.parametrize(
    ("criterion", "prompter"),
    [(QueryCriterionConfig(), DENSE), (DenseCriterionConfig(), QUERY)],
    ids=["query loss", "dense loss"],
)
def test_build_criterion__of_another_prompter(
    toy_sam: FrozenSam, criterion: CriterionConfig, prompter: PrompterConfig
) -> None:
    with pytest.raises(TypeError, match=r"CriterionConfig does not go with \w+PrompterConfig"):
        build_criterion(criterion, prompter, toy_sam)


def test_build__dense_grid_covers_the_sams_own_frame(toy_sam: FrozenSam) -> None:
    # Features 16 x 16 of a frame of side 256: 8 x 8 cells of 32 pixels.
    output = build_prompter(DENSE, 1, toy_sam)(torch.zeros(1, 256, 16, 16))
    centers = output.proposals.cell_centers
    assert centers[0].tolist() == [16, 16]
    assert centers[-1].tolist() == [240, 240]
