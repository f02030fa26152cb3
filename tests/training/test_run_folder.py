"""Starting and resuming in a run folder, its log, and when the model in it is replaced."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import lightning as L
import pytest
import torch
import yaml

from wps_sam.errors import CheckpointError, ConfigError, WpsSamError
from wps_sam.prompter.query.config import QueryPrompterConfig
from wps_sam.training.recipes import RECIPES, Recipe
from wps_sam.training.run_folder import (
    ModelFolder,
    RunLog,
    environment,
    git_state,
    open_run,
    recorded_settings,
    refuse_used_folder,
)
from wps_sam.training.validation import AGREEMENT, MaskValidation

SETTINGS: dict[str, Any] = {
    "seed": 0,
    "recipe": {"name": "paper", "epochs": 3},
    "val": None,
    "encoder": "pytorch",
}
MODULE = cast(L.LightningModule, None)  # these callbacks never look at the module


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with a checkpoint."""
    open_run(tmp_path / "run", SETTINGS, resume=False)
    (tmp_path / "run" / "checkpoints").mkdir()
    (tmp_path / "run" / "checkpoints" / "last.ckpt").write_bytes(b"weights")
    return tmp_path / "run"


def test_open_run__new(tmp_path: Path) -> None:
    assert open_run(tmp_path / "deep" / "run", SETTINGS, resume=False) is None
    written = yaml.safe_load((tmp_path / "deep" / "run" / "train.yaml").read_text())
    assert {name: written[name] for name in SETTINGS} == SETTINGS
    assert written["environment"]["torch"] == torch.__version__
    assert set(written) - set(SETTINGS) == {"git", "environment"}


def test_open_run__empty_folder_is_fine(tmp_path: Path) -> None:
    assert open_run(tmp_path, SETTINGS, resume=False) is None


def test_open_run__folder_in_use(run: Path) -> None:
    before = (run / "train.yaml").read_text()
    with pytest.raises(ConfigError, match=r"--out \S*run is not empty. Choose another.*--resume"):
        open_run(run, {"seed": 5}, resume=False)
    assert (run / "train.yaml").read_text() == before


@pytest.mark.parametrize(
    ("resume", "message"),
    [
        (False, r"--out \S*run is a file. Choose a folder"),
        (True, r"no run to go on with in \S*run"),
    ],
)
def test_open_run__a_file_is_in_the_way(tmp_path: Path, resume: bool, message: str) -> None:
    (tmp_path / "run").write_text("precious")
    with pytest.raises(WpsSamError, match=message):
        open_run(tmp_path / "run", SETTINGS, resume=resume)
    assert (tmp_path / "run").read_text() == "precious"


def test_open_run__resume(run: Path) -> None:
    before = (run / "train.yaml").read_text()
    assert open_run(run, SETTINGS, resume=True) == run / "checkpoints" / "last.ckpt"
    assert (run / "train.yaml").read_text() == before


@pytest.mark.parametrize("missing", ["train.yaml", "checkpoints/last.ckpt"])
def test_open_run__nothing_to_resume(run: Path, missing: str) -> None:
    (run / missing).unlink()
    with pytest.raises(
        CheckpointError, match=rf"--resume: \S*{missing} does not exist.*Start with"
    ):
        open_run(run, SETTINGS, resume=True)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("seed", 1, r"train\.yaml is of a run with other settings: seed: 0 before, 1 now\. Resume"),
        (
            "recipe",
            {"name": "paper", "epochs": 9},
            r"settings: recipe\.epochs: 3 before, 9 now\. R",
        ),
        ("recipe", {"name": "paper"}, r"settings: recipe\.epochs: 3 before, nothing now\. R"),
        ("val", {"images": 2}, r"settings: val: nothing before, \{'images': 2\} now\. R"),
        ("sam", {"name": "b"}, r"settings: sam: nothing before, \{'name': 'b'\} now\. R"),
        ("seed", 10**5000, r"seed: 0 before, a number of 16610 bits now\. R"),
    ],
    ids=["seed", "nested", "missing", "other data", "another sam", "endless"],
)
def test_open_run__resume_with_other_settings(
    run: Path, name: str, value: object, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        open_run(run, {**SETTINGS, name: value}, resume=True)


# What a run of recipe `paper` wrote before prompters had `tokens_per_part`.
OLD_PAPER_RUN = """\
recipe:
  name: paper
  prompter:
    num_queries: 25
    encoder_layers: 6
    decoder_layers: 6
    width: 256
    heads: 8
    feedforward: 1024
    dropout: 0.1
  criterion: {match_class: 10.0, match_token: 1.0, loss_class: 5.0, loss_token: 20.0}
  optimiser:
    kind: adam
    learning_rate: 0.0001
    weight_decay: 0.0
    warmup_steps: 250
    gradient_norm_limit: inf
  epochs: 150
  batch_size: 8
  patience_epochs: 50
  validate_every_epochs: 1
  score_threshold: 0.0
supervision: box
seed: 0
"""


def settings_of(recipe: Recipe) -> dict[str, Any]:
    values = asdict(recipe)
    values["optimiser"]["gradient_norm_limit"] = str(recipe.optimiser.gradient_norm_limit)
    return {"recipe": values, "supervision": "box", "seed": 0, "views": [], "encoder": "pytorch"}


def test_open_run__resume_of_a_run_before_tokens_per_part(run: Path) -> None:
    (run / "train.yaml").write_text(OLD_PAPER_RUN)
    paper = RECIPES["paper"]
    prompter = paper.prompter
    assert isinstance(prompter, QueryPrompterConfig)
    assert open_run(run, settings_of(paper), resume=True) == run / "checkpoints" / "last.ckpt"
    more = replace(paper, epochs=9, prompter=replace(prompter, dropout=0.2, tokens_per_part=3))
    with pytest.raises(ConfigError) as refused:
        open_run(run, settings_of(more), resume=True)
    assert str(refused.value) == (
        f"--resume: {run / 'train.yaml'} is of a run with other settings: "
        "recipe.prompter.dropout: 0.1 before, 0.2 now; "
        "recipe.prompter.tokens_per_part: 2 before, 3 now; recipe.epochs: 150 before, 9 now. "
        "Resume with the same settings, or start a new run in another folder."
    )


def test_open_run__resume_of_a_run_before_views(run: Path) -> None:
    (run / "train.yaml").write_text(OLD_PAPER_RUN)
    paper = RECIPES["paper"]
    settings = settings_of(paper)
    assert open_run(run, settings, resume=True) == run / "checkpoints" / "last.ckpt"
    more = replace(
        paper,
        extra_views=2,
        least_steps=9,
        box_corrections=3,
    )
    with pytest.raises(ConfigError) as refused:
        open_run(run, {**settings_of(more), "views": ["1f"]}, resume=True)
    for difference in (
        "recipe.least_steps: 0 before, 9 now",
        "recipe.extra_views: 0 before, 2 now",
        "recipe.box_corrections: 0 before, 3 now",
        "views.0: nothing before, '1f' now",
    ):
        assert difference in str(refused.value)


def test_open_run__resume_of_a_run_that_could_average(run: Path) -> None:
    now = settings_of(RECIPES["paper"])
    earlier = settings_of(RECIPES["paper"])
    earlier["recipe"]["optimiser"]["average_decay"] = 0.0
    (run / "train.yaml").write_text(yaml.safe_dump(earlier))
    assert open_run(run, now, resume=True) == run / "checkpoints" / "last.ckpt"
    earlier["recipe"]["optimiser"]["average_decay"] = 0.998
    (run / "train.yaml").write_text(yaml.safe_dump(earlier))
    with pytest.raises(
        ConfigError, match=r"optimiser\.average_decay: 0\.998 before, nothing now\. Resume"
    ):
        open_run(run, now, resume=True)


def test_open_run__resume_of_a_run_before_encoders(run: Path) -> None:
    (run / "train.yaml").write_text(OLD_PAPER_RUN)
    now = {**settings_of(RECIPES["paper"]), "encoder": "openvino-bf16"}
    with pytest.raises(
        ConfigError, match=r"encoder: 'pytorch' before, 'openvino-bf16' now\. Resume"
    ):
        open_run(run, now, resume=True)


def test_open_run__resume_with_other_views(run: Path) -> None:
    now = {**settings_of(RECIPES["paper"]), "views": ["1f", "2e"]}
    (run / "train.yaml").write_text(yaml.safe_dump({**now, "views": ["1f", "3d"]}))
    with pytest.raises(ConfigError, match=r"settings: views\.1: '3d' before, '2e' now\. Resume"):
        open_run(run, now, resume=True)


def test_open_run__resume_with_another_recipe_is_short(run: Path) -> None:
    (run / "train.yaml").write_text(OLD_PAPER_RUN)
    with pytest.raises(
        ConfigError, match=r"recipe\.name: 'paper' before, 'strong' now; .*; and [0-9]+ more\."
    ) as refused:
        open_run(run, settings_of(RECIPES["strong"]), resume=True)
    assert len(str(refused.value)) < 600
    assert "tokens_per_part" not in str(refused.value)


def test_open_run__resume_with_a_class_or_a_path_that_differs_late(run: Path) -> None:
    before = {"class_names": [*"abcdefgh"], "source": "/data/" + "x" * 80 + "/y" * 40}
    now = {"class_names": [*"abcdefgi"], "source": "/data/" + "x" * 80 + "/z" * 40}
    (run / "train.yaml").write_text(yaml.safe_dump(before))
    with pytest.raises(ConfigError) as refused:
        open_run(run, now, resume=True)
    assert "class_names.7: 'h' before, 'i' now; source: '/data/" in str(refused.value)
    assert "/y' before" in str(refused.value)
    assert "/z' now" in str(refused.value)


@pytest.mark.parametrize("recipe", ["paper", {"prompter": 5}, {"name": "paper"}, [1]], ids=str)
def test_open_run__resume_with_a_recipe_of_another_kind(run: Path, recipe: object) -> None:
    (run / "train.yaml").write_text(yaml.safe_dump({"recipe": recipe}))
    with pytest.raises(ConfigError, match="is of a run with other settings: recipe"):
        open_run(run, settings_of(RECIPES["paper"]), resume=True)


@pytest.mark.parametrize("text", ["", "seed: [", "just words"], ids=["empty", "broken", "words"])
def test_open_run__resume_with_damaged_settings(run: Path, text: str) -> None:
    (run / "train.yaml").write_text(text)
    with pytest.raises(CheckpointError, match=r"train\.yaml does not hold the settings of a run"):
        open_run(run, SETTINGS, resume=True)


def test_open_run__resume_with_settings_that_are_no_text(run: Path) -> None:
    (run / "train.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CheckpointError, match=r"train\.yaml does not hold the settings of a run"):
        open_run(run, SETTINGS, resume=True)


def test_recorded_settings(tmp_path: Path) -> None:
    assert recorded_settings(tmp_path) == {}
    (tmp_path / "train.yaml").write_text("precision: bf16-mixed\nseed: 3\n")
    assert recorded_settings(tmp_path) == {"precision": "bf16-mixed", "seed": 3}
    (tmp_path / "train.yaml").write_text("seed: [")
    assert recorded_settings(tmp_path) == {}


def test_git_state__outside_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert git_state() == "unknown"
    monkeypatch.setenv("PATH", str(tmp_path))  # no git at all
    assert git_state() == "unknown"


def test_environment__names_what_a_result_depends_on() -> None:
    found = environment("pytorch")
    assert {"wps-sam", "torch", "transformers", "python", "machine"} <= found.keys()
    assert "openvino" not in found


def test_environment__names_what_the_encoder_depends_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        if name == "onnxscript":
            raise PackageNotFoundError(name)
        return f"{name} 7"

    monkeypatch.setattr("wps_sam.training.run_folder.version", version)
    found = environment("openvino-bf16")
    assert found["openvino"] == "openvino 7"
    assert found["onnxscript"] == "not installed"  # its features may all be in the cache


def trainer(
    epoch: int,
    step: int,
    metrics: dict[str, float],
    *,
    every: int = 1,
    has_val: bool = True,
    rank: int = 0,
) -> L.Trainer:
    """As much of a trainer as the callbacks read, at the end of an epoch counted from 0."""
    values = {name: torch.tensor(value) for name, value in metrics.items()}
    state = SimpleNamespace(
        current_epoch=epoch,
        global_step=step,
        callback_metrics=values,
        check_val_every_n_epoch=every,
        val_dataloaders=[0] if has_val else None,
        sanity_checking=False,
        is_global_zero=rank == 0,
    )
    return cast(L.Trainer, state)


def lines_of(path: Path) -> list[dict[str, Any]]:
    """All lines of a log."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_run_log__one_line_an_epoch(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "metrics.jsonl", None)
    log.on_train_epoch_end(trainer(0, 2, {"train/loss": 0.5}), MODULE)
    log.on_train_epoch_end(trainer(1, 4, {"train/loss": 0.25, AGREEMENT: 0.75}), MODULE)
    first, second = lines_of(tmp_path / "metrics.jsonl")
    assert (first["epoch"], first["step"], first["train/loss"]) == (1, 2, 0.5)
    assert AGREEMENT not in first
    assert (second["epoch"], second["step"], second[AGREEMENT]) == (2, 4, 0.75)
    assert 0 <= first["seconds"] <= second["seconds"]


def test_run_log__only_the_first_process_writes(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "metrics.jsonl", None)
    log.on_train_epoch_end(trainer(0, 2, {"train/loss": 0.5}, rank=1), MODULE)
    assert not (tmp_path / "metrics.jsonl").exists()
    (tmp_path / "metrics.jsonl").write_text('{"step": 8}\n')
    log.on_train_start(trainer(0, 2, {}, rank=1), MODULE)
    assert lines_of(tmp_path / "metrics.jsonl") == [{"step": 8}]


def test_run_log__an_old_score_is_not_written_again(tmp_path: Path) -> None:
    masks = MaskValidation(dict, times=1, validations=1)
    masks.latest = {"val/miou": 0.5}
    log = RunLog(tmp_path / "metrics.jsonl", masks)
    metrics = {"train/loss": 0.5, AGREEMENT: 0.75}  # Lightning keeps the score between validations
    for epoch in range(4):
        log.on_train_epoch_end(trainer(epoch, epoch + 1, metrics, every=2), MODULE)
    lines = lines_of(tmp_path / "metrics.jsonl")
    assert [AGREEMENT in line for line in lines] == [False, True, False, True]
    assert ["val/miou" in line for line in lines] == [False, True, False, True]


@pytest.mark.parametrize(
    ("tail", "kept"),
    [
        ("", [2, 4]),
        ('{"step": 6}\n', [2, 4, 6]),
        ('{"step": 8}\n', [2, 4]),
        ('{"step": 6}\n{"step": 8}\n', [2, 4, 6]),
        ('{"epoch": 3, "st', [2, 4]),
        ('{"step": 6}\n\n', [2, 4, 6]),
        ("6\n", [2, 4]),
    ],
    ids=["all", "equal", "beyond", "both", "killed while writing", "blank", "no object"],
)
def test_run_log__resumed_at_step_6(tmp_path: Path, tail: str, kept: list[int]) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 2}\n{"step": 4}\n' + tail)
    log = RunLog(path, None)
    log.on_train_start(trainer(3, 6, {}), MODULE)
    assert [line["step"] for line in lines_of(path)] == kept
    log.on_train_epoch_end(trainer(3, 8, {}), MODULE)
    assert [line["step"] for line in lines_of(path)] == [*kept, 8]


def test_run_log__goes_on_counting_seconds(tmp_path: Path) -> None:
    log = RunLog(tmp_path / "metrics.jsonl", None)
    log.load_state_dict({"seconds": 1000.0})
    log.on_train_epoch_end(trainer(0, 2, {}), MODULE)
    assert lines_of(tmp_path / "metrics.jsonl")[0]["seconds"] == pytest.approx(1000, abs=5)
    assert log.state_dict()["seconds"] >= 1000


Saves = tuple[ModelFolder, Callable[[], int]]


@pytest.fixture
def folder() -> Saves:
    """A model folder that counts how often it is written."""
    saved: list[int] = []
    return ModelFolder(lambda: saved.append(1)), lambda: len(saved)


def test_model_folder__unless_agreement_falls(folder: Saves) -> None:
    model_folder, count = folder
    counts = []
    for epoch, agreement in enumerate([0.0, 0.5, 0.4, 0.5, 0.6]):
        model_folder.on_train_epoch_end(trainer(epoch, epoch, {AGREEMENT: agreement}), MODULE)
        counts.append(count())
    assert counts == [1, 2, 2, 3, 4]


def test_model_folder__compares_only_after_what_is_learnt_has_settled() -> None:
    saved: list[int] = []
    model_folder = ModelFolder(lambda: saved.append(1), settled_after=2)
    counts = []
    for epoch, agreement in enumerate([0.9, 0.8, 0.4, 0.3, 0.5]):
        model_folder.on_train_epoch_end(trainer(epoch, epoch, {AGREEMENT: agreement}), MODULE)
        counts.append(len(saved))
    assert counts == [1, 2, 3, 3, 4]


def test_model_folder__resumed_remembers_the_best(folder: Saves) -> None:
    model_folder, count = folder
    model_folder.load_state_dict({"best": 0.5})
    model_folder.on_train_epoch_end(trainer(0, 1, {AGREEMENT: 0.4}), MODULE)
    assert count() == 0
    assert model_folder.state_dict() == {"best": 0.5}


def test_model_folder__each_epoch_without_validation(folder: Saves) -> None:
    model_folder, count = folder
    for epoch in range(3):
        model_folder.on_train_epoch_end(trainer(epoch, epoch, {}, has_val=False), MODULE)
    assert count() == 3


def test_model_folder__waits_for_the_first_validation(folder: Saves) -> None:
    model_folder, count = folder
    model_folder.on_train_epoch_end(trainer(0, 1, {}, every=2), MODULE)
    assert count() == 0


def test_model_folder__an_epoch_without_validation_does_not_stand_for_the_one_before(
    folder: Saves,
) -> None:
    model_folder, count = folder
    for epoch in range(4):  # epochs 1 and 3, counted from 0, are validated
        metrics = {AGREEMENT: 0.5 if epoch < 3 else 0.2}
        model_folder.on_train_epoch_end(trainer(epoch, epoch, metrics, every=2), MODULE)
    assert count() == 1


def test_refuse_used_folder__a_run_cut_off_before_its_first_checkpoint_is_no_run(
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    refuse_used_folder(run)
    (run / "logs").mkdir(parents=True)
    (run / "train.yaml").write_text("seed: 0")
    refuse_used_folder(run)
    (run / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"run is not empty"):
        refuse_used_folder(run)
    (run / "notes.txt").unlink()
    (run / "checkpoints").mkdir()
    (run / "checkpoints" / "last.ckpt").write_text("")
    with pytest.raises(ConfigError, match=r"run is not empty.*--resume"):
        refuse_used_folder(run)
