"""The module: what it saves, what it trains, and what its seed decides."""

from typing import Any

import torch
from torch import nn

from wps_sam.prompter.interface import Criterion, PartTargets, Prompter
from wps_sam.training.module import PrompterModule
from wps_sam.training.recipes import OptimiserConfig


class OneWeight(Prompter):
    """One number, and one that no gradient reaches."""

    choice: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.register_buffer("choice", torch.zeros(1))

    def forward(self, features: Any) -> Any:
        return self.weight

    def select(self, output: Any, sam: Any, score_threshold: float) -> Any:
        raise AssertionError


class NoCriterion(Criterion):
    """Training never runs here."""

    def __call__(self, output: Any, targets: Any) -> Any:
        raise AssertionError

    def check(self, targets: PartTargets, image_name: str) -> None:
        raise AssertionError


def module(seed: int = 0) -> PrompterModule:
    """A module around the two numbers."""
    optimiser = OptimiserConfig(
        kind="adam",
        learning_rate=0.1,
        weight_decay=0.0,
        warmup_steps=1,
        gradient_norm_limit=1.0,
    )
    return PrompterModule(OneWeight(), NoCriterion(), optimiser, total_steps=10, seed=seed)


def test_state_dict__holds_the_prompter_only() -> None:
    assert set(module().state_dict()) == {"prompter.weight", "prompter.choice"}


def test_configure_optimizers__moves_what_gradients_reach() -> None:
    trained = module()
    groups = trained.configure_optimizers()["optimizer"].param_groups
    assert [id(p) for group in groups for p in group["params"]] == [
        id(p) for p in trained.prompter.parameters()
    ]


def test_epoch_start__the_seed_decides_what_dropout_draws() -> None:
    drawn = []
    for seed in (3, 3, 4):
        module(seed).on_train_epoch_start()
        drawn.append(torch.rand(1).item())
    assert drawn[0] == drawn[1] != drawn[2]
