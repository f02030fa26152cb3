"""When masks are measured, what agreement is measured on, and which labels can validate."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import EarlyStopping

from small_prompters import SMALL_DENSE, SMALL_QUERY
from wps_sam.errors import ConfigError, DataError
from wps_sam.labels.open import open_weak_labels
from wps_sam.labels.weak_labels import WeakDataset
from wps_sam.prompter.build import build_prompter
from wps_sam.prompter.dense.model import DenseOutput
from wps_sam.prompter.dense.proposals import Proposals
from wps_sam.prompter.interface import Criterion, PartTargets
from wps_sam.prompter.query.model import QueryOutput, QueryPrompter
from wps_sam.prompter.teacher import Supervision
from wps_sam.sam.frozen import FrozenSam
from wps_sam.training.agreement import BoxAgreement
from wps_sam.training.data import Batch
from wps_sam.training.job import check_validation_labels
from wps_sam.training.module import PrompterModule
from wps_sam.training.recipes import RECIPES
from wps_sam.training.validation import (
    AGREEMENT,
    AgreementValidation,
    MaskValidation,
    StopWhenFlat,
)

from .conftest import Train

NO_TRAINER = cast(L.Trainer, None)


def measured_epochs(times: int, validations: int, every: int) -> list[int]:
    """Epochs, counted from 1, after which masks are measured."""
    asked: list[int] = []
    masks = MaskValidation(lambda: {"miou": 0.5}, times, validations)
    for epoch in range(0, validations * every, 1):
        if (epoch + 1) % every:
            continue  # Lightning validates every `every` epochs only
        state = SimpleNamespace(
            current_epoch=epoch,
            check_val_every_n_epoch=every,
            sanity_checking=False,
            loggers=[],
        )
        masks.on_validation_epoch_end(cast(L.Trainer, state), cast(L.LightningModule, None))
        if masks.latest:
            assert masks.latest == {"val/miou": 0.5}
            asked.append(epoch + 1)
    return asked


@pytest.mark.parametrize(
    ("times", "validations", "every", "expected"),
    [
        (1, 10, 1, []),
        (2, 10, 1, [5]),
        (3, 10, 1, [3, 7]),
        (5, 10, 4, [8, 16, 24, 32]),
        (9, 3, 1, [1, 2, 3]),
        (0, 3, 1, []),
    ],
    ids=["end only", "half", "thirds", "every 8th", "more than there are", "never"],
)
def test_mask_validation__spread_evenly_before_the_end(
    times: int, validations: int, every: int, expected: list[int]
) -> None:
    assert measured_epochs(times, validations, every) == expected


@pytest.mark.parametrize(
    ("scores", "epochs"),
    [
        ([0.0, 0.0, 0.0, 0.0, 0.0, 0.0], 6),
        ([0.0, 0.0, 0.0, 0.3, 0.2, 0.1], 6),
        ([0.3, 0.2, 0.1, 0.4, 0.5, 0.6], 3),
        ([0.3, 0.2, 0.4, 0.3, 0.3, 0.6], 5),
    ],
    ids=["nothing found yet", "found late", "flat", "rose once"],
)
@pytest.mark.parametrize("every", [1, 2])
def test_stop_when_flat__two_validations_without_a_rise(
    train: Train,
    monkeypatch: pytest.MonkeyPatch,
    scores: list[float],
    epochs: int,
    every: int,
) -> None:
    recipe = replace(RECIPES["paper"], patience_epochs=2 * every, validate_every_epochs=every)
    monkeypatch.setitem(RECIPES, "paper", recipe)
    script = iter(scores)
    monkeypatch.setattr(BoxAgreement, "score", lambda self: next(script))
    run = train("run", epochs=6 * every)
    assert len((run / "metrics.jsonl").read_text().splitlines()) == epochs * every


class NoCriterion(Criterion):
    """Training never runs here."""

    def __call__(self, output: Any, targets: Any) -> Any:
        raise AssertionError

    def check(self, targets: PartTargets, image_name: str) -> None:
        raise AssertionError


def agreement(sam: FrozenSam, supervision: Supervision, tokens: torch.Tensor) -> float:
    """Agreement of an image whose queries emit these tokens as class 0, twice validated.

    The labels are a box and a point: (40, 60, 120, 140) and its centre (80, 100).
    """
    prompter = QueryPrompter(SMALL_QUERY, 2, embed_dim=256, embed_hw=(16, 16))
    recipe = RECIPES["paper"]
    module = PrompterModule(prompter, NoCriterion(), recipe.optimiser, total_steps=1, seed=0)
    logged: dict[str, float] = {}
    module.log = lambda name, value, **_: logged.update({name: value})  # type: ignore[method-assign]
    logits = torch.tensor([9.0, 0, 0]).expand(1, len(tokens), 3)
    box = torch.tensor([[40.0, 60, 120, 140]])
    label = box if supervision == "box" else torch.tensor([[80.0, 100, 80, 100]])
    batch = Batch(torch.zeros(1), [PartTargets(torch.tensor([0]), tokens[:1], label)], [0])
    callback = AgreementValidation(sam, supervision, 0.5)
    for _ in range(2):
        callback.on_validation_epoch_start(NO_TRAINER, module)
        outputs = {"output": QueryOutput(logits, tokens[None])}
        callback.on_validation_batch_end(NO_TRAINER, module, outputs, batch, 0)
        callback.on_validation_epoch_end(NO_TRAINER, module)
    return logged[AGREEMENT]


def test_agreement__perfect_box_tokens(toy_sam: FrozenSam) -> None:
    tokens = toy_sam.prompt_boxes(torch.tensor([[40.0, 60, 120, 140]]))
    assert agreement(toy_sam, "box", tokens) == pytest.approx(1, abs=0.01)


def test_agreement__half_the_box(toy_sam: FrozenSam) -> None:
    tokens = toy_sam.prompt_boxes(torch.tensor([[40.0, 60, 80, 140]]))
    assert agreement(toy_sam, "box", tokens) == pytest.approx(0.5, abs=0.01)


def test_agreement__perfect_point_tokens(toy_sam: FrozenSam) -> None:
    tokens = toy_sam.prompt_points(torch.tensor([[[80.0, 100]]]))
    assert agreement(toy_sam, "point", tokens) == pytest.approx(1, abs=0.01)


def test_agreement__a_point_16_pixels_off(toy_sam: FrozenSam) -> None:
    # 1 - 16 / 64; with one spare query: two predicted and one labelled.
    tokens = toy_sam.prompt_points(torch.tensor([[[80.0, 116]], [[250.0, 250]]]))
    assert agreement(toy_sam, "point", tokens[:1]) == pytest.approx(0.75, abs=0.01)
    assert agreement(toy_sam, "point", tokens) == pytest.approx(2 * 0.75 / 3, abs=0.01)


def test_agreement__mixed_tokens_are_read_as_what_they_are(toy_sam: FrozenSam) -> None:
    box = toy_sam.prompt_boxes(torch.tensor([[40.0, 60, 120, 140]]))
    point = toy_sam.prompt_points(torch.tensor([[[80.0, 100]]]))
    # `agreement` labels the centre (80, 100) where the supervision is not `box`.
    assert agreement(toy_sam, "mixed", point) == pytest.approx(1, abs=0.01)
    assert agreement(toy_sam, "mixed", box) == pytest.approx(1, abs=0.01)  # by its centre


@pytest.mark.parametrize("supervision", ["point", "mixed"])
def test_agreement__boxes_of_the_dense_prompter_count_by_their_centre(
    toy_sam: FrozenSam, supervision: Supervision
) -> None:
    prompter = build_prompter(SMALL_DENSE, 2, toy_sam)
    module = PrompterModule(
        prompter, NoCriterion(), RECIPES["strong"].optimiser, total_steps=1, seed=0
    )
    logged: dict[str, float] = {}
    module.log = lambda name, value, **_: logged.update({name: value})  # type: ignore[method-assign]
    logits, boxes = torch.tensor([[[9.0, -9]]]), torch.tensor([[[40.0, 60, 120, 140]]])
    proposals = Proposals(logits, boxes, torch.zeros(1, 2), torch.zeros(1, 1, 1, 1))
    output = DenseOutput(proposals, torch.tensor([[0]]), boxes, logits, boxes)
    label = PartTargets(
        torch.tensor([0]), torch.zeros(1, 2, 256), torch.tensor([[80.0, 116, 80, 116]])
    )
    callback = AgreementValidation(toy_sam, supervision, 0.5)
    callback.on_validation_epoch_start(NO_TRAINER, module)
    batch = Batch(torch.zeros(1), [label], [0])
    callback.on_validation_batch_end(NO_TRAINER, module, {"output": output}, batch, 0)
    callback.on_validation_epoch_end(NO_TRAINER, module)
    assert logged[AGREEMENT] == pytest.approx(1 - 16 / 64)  # the centre is (80, 100)


@pytest.fixture
def labels(label_file: Path) -> WeakDataset:
    """Six images with classes lid and knob."""
    return open_weak_labels(label_file)


def test_check_validation_labels__same_classes(labels: WeakDataset) -> None:
    check_validation_labels(labels, replace(labels, category_ids=(1, 2)))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("lid", "rim"), r"\(only in training: knob; only in validation: rim\)"),
        (("lid",), r"\(only in training: knob\)"),
        (("lid", "knob", "rim"), r"\(only in validation: rim\)"),
        (("knob", "lid"), r"\(the same in another order\)"),
    ],
    ids=["other", "fewer", "more", "other order"],
)
def test_check_validation_labels__other_classes(
    labels: WeakDataset, names: tuple[str, ...], message: str
) -> None:
    val = replace(labels, class_names=names, source=Path("val.json"))
    expected = rf"val\.json has other classes than \S*labels\.json {message}. Both files must list"
    with pytest.raises(DataError, match=expected):
        check_validation_labels(labels, val)


def test_check_validation_labels__no_image(labels: WeakDataset) -> None:
    with pytest.raises(ConfigError, match=r"labels\.json: no image to validate on.*--holdout"):
        check_validation_labels(labels, labels.subset([]))


def test_fit__refuses_other_classes(
    train: Train, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    split = WeakDataset.split_every

    def bent(self: WeakDataset, n: int) -> tuple[WeakDataset, WeakDataset]:
        rest, held = split(self, n)
        return rest, replace(held, class_names=("knob", "lid"))

    monkeypatch.setattr(WeakDataset, "split_every", bent)
    with pytest.raises(DataError, match="the same in another order"):
        train("run")
    assert not (tmp_path / "run").exists()


def test_stop_when_flat__counts_nothing_before_what_is_learnt_has_settled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted: list[int] = []
    monkeypatch.setattr(
        EarlyStopping,
        "on_validation_end",
        lambda self, trainer, module: counted.append(trainer.current_epoch + 1),
    )
    stop = StopWhenFlat(2, settled_after=3)
    for epoch in range(6):
        state = SimpleNamespace(current_epoch=epoch, callback_metrics={AGREEMENT: 0.5})
        stop.on_validation_end(cast(L.Trainer, state), cast(L.LightningModule, None))
    assert counted == [4, 5, 6]
