"""The module: which weights are kept, and their average by hand."""

from typing import Any, cast

import lightning as L
import pytest
import torch
from torch import nn

from wps_sam.prompter.interface import Criterion, PartTargets, Prompter
from wps_sam.training.data import Batch
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


def module(decay: float) -> PrompterModule:
    """A module that averages with this decay."""
    optimiser = OptimiserConfig(
        kind="adam",
        learning_rate=0.1,
        weight_decay=0.0,
        warmup_steps=1,
        gradient_norm_limit=1.0,
        average_decay=decay,
    )
    return PrompterModule(OneWeight(), NoCriterion(), optimiser, total_steps=10, seed=0)


def weight(prompter: Prompter) -> float:
    """The only weight."""
    return cast(OneWeight, prompter).weight.item()


def step(trained: PrompterModule, value: float) -> None:
    """As if a step had moved the weight there."""
    with torch.no_grad():
        cast(OneWeight, trained.prompter).weight.fill_(value)
    trained.on_train_batch_end(None, cast(Batch, None), 0)


def test_average__by_hand() -> None:
    trained = module(decay=0.24)
    # The first step is copied. After n earlier ones the decay is the smaller of 0.24 and
    # (1 + n) / (10 + n): 2/11 = 0.18, then 0.24 instead of 3/12 = 0.25, then 0.24 again.
    step(trained, 11.0)
    assert weight(trained.kept) == pytest.approx(11)
    step(trained, 22.0)
    second = 2 / 11 * 11 + 9 / 11 * 22
    assert weight(trained.kept) == pytest.approx(second)
    step(trained, 33.0)
    third = 0.24 * second + 0.76 * 33
    assert weight(trained.kept) == pytest.approx(third)
    step(trained, 0.0)
    assert weight(trained.kept) == pytest.approx(0.24 * third)
    assert weight(trained.prompter) == 0


def test_average__decay_grows_with_the_steps() -> None:
    trained = module(decay=0.998)
    expected = 0.0
    for n in range(30):
        step(trained, float(n % 7))
        decay = 0 if n == 0 else (1 + n) / (10 + n)
        expected = decay * expected + (1 - decay) * (n % 7)
    assert weight(trained.kept) == pytest.approx(expected, rel=1e-5)


def test_average__is_neither_trained_nor_in_the_optimiser() -> None:
    trained = module(decay=0.9)
    assert trained.kept is not trained.prompter
    assert not trained.kept.training
    assert not any(parameter.requires_grad for parameter in trained.kept.parameters())
    groups = trained.configure_optimizers()["optimizer"].param_groups
    assert [id(p) for group in groups for p in group["params"]] == [
        id(p) for p in trained.prompter.parameters()
    ]


def test_average__buffers_are_copied() -> None:
    trained = module(decay=0.9)
    cast(OneWeight, trained.prompter).choice.fill_(3.0)
    step(trained, 1.0)
    step(trained, 1.0)
    assert cast(OneWeight, trained.kept).choice.item() == 3


def test_average__goes_on_from_a_checkpoint() -> None:
    whole, first, second = module(0.9), module(0.9), module(0.9)
    for value in (1.0, 5.0, 2.0, 8.0):
        step(whole, value)
    for value in (1.0, 5.0):
        step(first, value)
    second.load_state_dict(first.state_dict())
    for value in (2.0, 8.0):
        step(second, value)
    assert weight(second.kept) == weight(whole.kept)


def test_no_average__keeps_the_weights_themselves() -> None:
    trained = module(decay=0.0)
    step(trained, 4.0)
    assert trained.kept is trained.prompter
    assert set(trained.state_dict()) == {"prompter.weight", "prompter.choice"}
    assert isinstance(trained, L.LightningModule)
