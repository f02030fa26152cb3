"""Training end to end on a tiny SAM: frozen, mask-free, resumable, honest about bad input."""

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from wps_sam.errors import CheckpointError, ConfigError, TrainingError
from wps_sam.prompter.dense.model import DensePrompter
from wps_sam.prompter.store import load_info, load_prompter
from wps_sam.sam.frozen import FrozenSam
from wps_sam.sam.weights_hash import frozen_parameters_hash
from wps_sam.training import self_training
from wps_sam.training.fit import validation_interval
from wps_sam.training.module import PrompterModule
from wps_sam.training.progress import RunProgress
from wps_sam.training.recipes import RECIPES

from .conftest import Train, coco


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model.safetensors")


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("recipe", ["paper", "strong"])
def test_fit__leaves_a_model_that_loads(train: Train, toy_sam: FrozenSam, recipe: str) -> None:
    run = train("run", recipe=recipe)
    info = load_info(run)
    assert info.class_names == ("lid", "knob")
    assert info.category_ids == (7, 8)
    prompter = load_prompter(run, toy_sam, info)
    output = prompter(torch.zeros(1, 256, 16, 16))
    assert len(prompter.select(output, toy_sam, 0.0)) == 1
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3, 4]
    assert lines[-1]["step"] == 8
    assert 0 <= lines[-1]["val/box_agreement"] <= 1
    settings = yaml.safe_load((run / "train.yaml").read_text())
    assert settings["environment"]["torch"] == torch.__version__
    assert settings["recipe"]["epochs"] == 4
    assert list((run / "logs" / "csv").rglob("metrics.csv"))
    assert list((run / "logs" / "tensorboard").rglob("events*"))


def test_fit__sam_does_not_change_and_is_not_in_the_checkpoint(
    train: Train, toy_sam: FrozenSam
) -> None:
    before = frozen_parameters_hash(toy_sam)
    run = train("run")
    assert frozen_parameters_hash(toy_sam) == before
    assert not toy_sam.training
    checkpoint = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert {name.split(".")[0] for name in checkpoint["state_dict"]} == {"prompter"}
    moved = checkpoint["optimizer_states"][0]["param_groups"][0]["params"]
    assert len(moved) == len(checkpoint["state_dict"])


@pytest.mark.parametrize(("recipe", "extra_views"), [("paper", 0), ("strong", 0), ("strong", 2)])
def test_fit__a_file_without_masks_gives_the_same_model(
    train: Train, label_file: Path, tmp_path: Path, recipe: str, extra_views: int
) -> None:
    stripped = tmp_path / "boxes.json"
    stripped.write_text(json.dumps(coco(6, masks=False)))
    assert "segmentation" not in stripped.read_text()
    assert "segmentation" in label_file.read_text()
    with_masks, without = (
        train(name, labels, recipe=recipe, extra_views=extra_views)
        for name, labels in (("masks", label_file), ("boxes", stripped))
    )
    content = (with_masks / "model.safetensors").read_bytes()
    assert content == (without / "model.safetensors").read_bytes()


@pytest.mark.parametrize(("recipe", "extra_views"), [("paper", 0), ("strong", 0), ("strong", 2)])
def test_fit__of_boxes_nothing_but_the_centre_counts_under_point(
    train: Train,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    recipe: str,
    extra_views: int,
) -> None:
    content, smaller = coco(6, masks=False), coco(6, masks=False)
    for annotation in smaller["annotations"]:
        x, y, side, _ = annotation["bbox"]
        annotation["bbox"] = [x + 3, y + 3, side - 6, side - 6]
    found = []
    for name, labels in (("large", content), ("small", smaller)):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(labels))
        settings = {"recipe": recipe, "supervision": "point", "extra_views": extra_views}
        monkeypatch.setattr(self_training, "LEAST_SCORE", 0.0)  # so that boxes are corrected
        run = train(f"run-{name}", path, **settings)
        found.append((run / "model.safetensors").read_bytes())
    assert found[0] == found[1]


def test_fit__views_teach_too(train: Train) -> None:
    plain, viewed = train("a", recipe="strong"), train("b", recipe="strong", extra_views=2)
    assert not equal(weights(plain), weights(viewed))
    settings = yaml.safe_load((viewed / "train.yaml").read_text())
    assert len(settings["views"]) == 2
    assert settings["train"]["images"] == 4
    # Views do not make an epoch longer.
    lines = [json.loads(line) for line in (viewed / "metrics.jsonl").open()]
    assert [line["step"] for line in lines] == [2, 4, 6, 8]


def test_fit__clicks_are_chosen_on_the_images_as_they_are(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def choose(prompter: Any, sam: Any, targets: Any, features_of: Any) -> None:
        asked.append(len(targets))
        prompter.clicked.fill_(True)

    monkeypatch.setattr(DensePrompter, "choose_prompts", choose)
    run = train("run", recipe="strong", extra_views=1)
    assert asked == [4]
    assert weights(run)["clicked"].all()
    train("run", recipe="strong", extra_views=1, resume=True)
    assert asked == [4]


def test_fit__seed_decides(train: Train) -> None:
    first, same, other = train("a", seed=1), train("b", seed=1), train("c", seed=2)
    assert equal(weights(first), weights(same))
    assert not equal(weights(first), weights(other))


class Interrupted(RuntimeError):
    """Stands for a power cut."""


@pytest.mark.parametrize(
    ("recipe", "supervision"), [("paper", "box"), ("strong", "box"), ("strong", "point")]
)
# Boxes made of points are corrected after epochs 2 and 4, and there is a checkpoint each 3 epochs.
@pytest.mark.parametrize("cut_at", [7, 8, 15], ids=["inside an epoch", "at its last step", "late"])
def test_resume__continues_bit_for_bit(
    train: Train,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    cut_at: int,
    recipe: str,
    supervision: str,
) -> None:
    monkeypatch.setattr(self_training, "LEAST_SCORE", 0.0)  # so short a run is sure of nothing
    extra_views = 0 if recipe == "paper" else 2
    settings: dict[str, Any] = {"epochs": 9, "recipe": recipe, "extra_views": extra_views}
    settings["supervision"] = supervision
    whole = train("whole", **settings)
    advance = RunProgress.on_train_batch_end

    def cut_off(progress: RunProgress, trainer: Any, *args: Any) -> None:
        if trainer.global_step == cut_at:
            raise Interrupted
        advance(progress, trainer, *args)

    monkeypatch.setattr(RunProgress, "on_train_batch_end", cut_off)
    with pytest.raises(Interrupted):
        train("parts", **settings)
    monkeypatch.setattr(RunProgress, "on_train_batch_end", advance)
    with (tmp_path / "parts" / "metrics.jsonl").open("a") as log:
        log.write('{"step": 99}\n')  # of an epoch whose checkpoint was never written
    resumed = train("parts", **settings, resume=True)
    a = torch.load(whole / "checkpoints" / "last.ckpt", weights_only=True)
    b = torch.load(resumed / "checkpoints" / "last.ckpt", weights_only=True)
    assert equal(a["state_dict"], b["state_dict"])
    assert equal(weights(whole), weights(resumed))
    steps = [json.loads(line)["step"] for line in (resumed / "metrics.jsonl").open()]
    assert steps == [2 * epoch for epoch in range(1, 10)]


def test_fit__boxes_made_of_points_are_corrected_twice(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(self_training, "LEAST_SCORE", 0.0)
    learnt: dict[int, dict[int, list[float]]] = defaultdict(dict)
    step = PrompterModule.training_step

    def listen(module: PrompterModule, batch: Any, index: int) -> Any:
        for number, target in zip(batch.image_index, batch.targets, strict=True):
            boxes = target.learnt_boxes.flatten().tolist()
            learnt[module.current_epoch + 1][number] = boxes
        return step(module, batch, index)

    monkeypatch.setattr(PrompterModule, "training_step", listen)
    run = train("run", recipe="strong", supervision="point", epochs=8)
    assert learnt[1] == learnt[2]
    assert learnt[3] == learnt[4] != learnt[2]
    assert learnt[5] == learnt[8] != learnt[4]

    settings = yaml.safe_load((run / "train.yaml").read_text())
    assert settings["recipe"]["box_corrections"] == 2

    learnt.clear()
    run = train("boxes", recipe="strong", supervision="box", epochs=8)
    assert yaml.safe_load((run / "train.yaml").read_text())["recipe"]["box_corrections"] == 0
    assert learnt[1] == learnt[8]


def test_resume__finished_run_stays_as_it_is(train: Train) -> None:
    run = train("run")
    before = weights(run)
    assert equal(weights(train("run", resume=True)), before)


def test_resume__run_before_prompters_had_tokens_per_part(train: Train) -> None:
    run = train("run", recipe="paper")
    settings = yaml.safe_load((run / "train.yaml").read_text())
    del settings["recipe"]["prompter"]["tokens_per_part"]
    (run / "train.yaml").write_text(yaml.safe_dump(settings))
    before = weights(run)
    assert equal(weights(train("run", recipe="paper", resume=True)), before)


def test_resume__other_settings_are_refused_by_name(train: Train) -> None:
    train("run", seed=0)
    with pytest.raises(ConfigError, match=r"train\.yaml .*: seed: 0 before, 1 now\."):
        train("run", seed=1, resume=True)


def test_resume__edited_labels_are_refused(train: Train, label_file: Path) -> None:
    train("run")
    labels = json.loads(label_file.read_text())
    for corner in (0, 6):  # the left side of one box
        labels["annotations"][0]["segmentation"][0][corner] += 1
    label_file.write_text(json.dumps(labels))
    with pytest.raises(ConfigError, match=r"train\.yaml .*: train\.sha256: .*Resume with the same"):
        train("run", resume=True)


def test_resume__nothing_there(train: Train) -> None:
    with pytest.raises(CheckpointError, match=r"train\.yaml does not exist.*Start without"):
        train("run", resume=True)


def test_resume__half_written_checkpoint_is_named(train: Train) -> None:
    run = train("run")
    checkpoint = run / "checkpoints" / "last.ckpt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:2000])
    with pytest.raises(CheckpointError, match=r"last\.ckpt: cannot be read.*best\.ckpt"):
        train("run", resume=True)


def test_fit__folder_in_use_is_refused(train: Train, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "precious.txt").write_text("keep me")
    with pytest.raises(ConfigError, match=r"run is not empty.*--resume"):
        train("run")
    assert (tmp_path / "run" / "precious.txt").read_text() == "keep me"


def test_fit__too_many_parts_names_image_and_setting(train: Train, label_file: Path) -> None:
    labels = json.loads(label_file.read_text())
    one = labels["annotations"][2]
    labels["annotations"] += [{**one, "id": 100 + i} for i in range(5)]
    label_file.write_text(json.dumps(labels))
    with pytest.raises(ConfigError, match=r"1\.png has 7 labelled parts.*5 queries.*--num-queries"):
        train("run")


def test_fit__points_teach_too(train: Train, toy_sam: FrozenSam) -> None:
    run = train("run", supervision="point")
    assert load_info(run).supervision == "point"


@pytest.mark.parametrize("recipe", ["paper", "strong"])
@pytest.mark.parametrize(
    ("kind", "supervision"), [("points", "point"), ("mixed", "mixed"), ("keypoints", "mixed")]
)
def test_fit__any_labels_teach(
    train: Train, toy_sam: FrozenSam, label_file: Path, recipe: str, supervision: str, kind: str
) -> None:
    label_file.write_text(json.dumps(LABELS_OF_KIND[kind]()))
    run = train("run", recipe=recipe, supervision=supervision, epochs=2)
    info = load_info(run)
    assert info.supervision == supervision
    assert info.class_names == ("lid", "knob")
    prompter = load_prompter(run, toy_sam, info)
    (found,) = prompter.select(prompter(torch.zeros(1, 256, 16, 16)), toy_sam, 0.0)
    # Two points are three tokens; the dense prompter makes boxes of them, and perhaps clicks.
    expected = {2, 5} if recipe == "strong" else {3} if kind != "keypoints" else {2}
    assert {len(tokens) for tokens in found.tokens} <= expected
    lines = [json.loads(line) for line in (run / "metrics.jsonl").open()]
    assert 0 <= lines[-1]["val/box_agreement"] <= 1
    assert all(bool(value.isfinite().all()) for value in weights(run).values())


def with_points() -> dict[str, Any]:
    """The same parts as two points each, without a box."""
    content = coco(6, masks=False)
    for annotation in content["annotations"]:
        x, y, side, _ = annotation.pop("bbox")
        annotation["points"] = [[x + side / 2, y + 2], [x + side / 2, y + side - 2]]
    return content


def with_boxes_and_points() -> dict[str, Any]:
    """The same parts, every other one as points."""
    content, points = coco(6, masks=False), with_points()
    content["annotations"][::2] = points["annotations"][::2]
    return content


def with_keypoints() -> dict[str, Any]:
    """The same parts as keypoints of one object an image."""
    content = coco(6, masks=False)
    middles: dict[int, list[float]] = {}
    for annotation in content["annotations"]:
        x, y, side, _ = annotation["bbox"]
        middles.setdefault(annotation["image_id"], []).extend((x + side / 2, y + side / 2, 2))
    content["categories"] = [{"id": 1, "name": "pot", "keypoints": ["lid", "knob"]}]
    content["annotations"] = [
        {"id": i, "image_id": i, "category_id": 1, "bbox": [0, 0, 60, 40], "keypoints": numbers}
        for i, numbers in middles.items()
    ]
    return content


LABELS_OF_KIND = {
    "points": with_points,
    "mixed": with_boxes_and_points,
    "keypoints": with_keypoints,
}


def test_fit__box_supervision_needs_boxes(train: Train, label_file: Path) -> None:
    label_file.write_text(json.dumps(with_boxes_and_points()))
    message = (
        r"labels\.json: 4 of 8 parts have points but no box, the first a 'lid' of 0\.png, and "
        r"--supervision box needs .* Use --supervision mixed"
    )
    with pytest.raises(ConfigError, match=message):
        train("run")


def test_resume__other_views_are_refused(train: Train) -> None:
    train("run", recipe="strong", extra_views=1)
    message = r"recipe\.extra_views: 1 before, 2 now; views\.1: nothing before"
    with pytest.raises(ConfigError, match=message):
        train("run", recipe="strong", extra_views=2, resume=True)


def test_resume__moved_points_are_refused(train: Train, label_file: Path) -> None:
    content = with_points()
    label_file.write_text(json.dumps(content))
    train("run", supervision="point")
    content["annotations"][0]["points"][0][0] += 1
    label_file.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=r"train\.yaml .*: train\.sha256: .*Resume with the same"):
        train("run", supervision="point", resume=True)


def test_fit__without_validation_the_last_weights_are_kept(train: Train) -> None:
    run = train("run", validate=False)
    last = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]
    assert equal({f"prompter.{n}": v for n, v in weights(run).items()}, last)


def test_fit__mask_scores_are_only_logged(train: Train) -> None:
    plain = train("plain")
    asked: list[int] = []

    def measure(prompter: object) -> dict[str, float]:
        asked.append(1)
        return {"miou": 0.25}

    measured = train("measured", measure_masks=measure, mask_validations=2)
    assert len(asked) == 1  # the second of two, at the end, is the caller's
    lines = [json.loads(line) for line in (measured / "metrics.jsonl").open()]
    assert [line.get("val/miou") for line in lines] == [None, 0.25, None, None]
    assert equal(weights(plain), weights(measured))


def test_fit__one_batch_can_be_learnt_by_heart(train: Train) -> None:
    run = train("run", recipe="strong", epochs=60)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").open()]
    assert lines[-1]["train/loss"] < 0.5 * lines[0]["train/loss"]


@pytest.mark.parametrize(("epochs", "expected"), [(40, 5), (30, 5), (33, 3), (37, 1), (2, 2)])
def test_validation_interval__divides_the_run(epochs: int, expected: int) -> None:
    recipe = replace(RECIPES["strong"], epochs=epochs, validate_every_epochs=5)
    assert validation_interval(recipe) == expected


def test_paper_recipe__is_the_papers() -> None:
    paper = RECIPES["paper"]
    assert (paper.epochs, paper.batch_size) == (150, 8)
    assert (paper.optimiser.kind, paper.optimiser.learning_rate) == ("adam", 1e-4)
    assert vars(paper.criterion) == {
        "match_class": 10.0,
        "match_token": 1.0,
        "loss_class": 5.0,
        "loss_token": 20.0,
    }
    assert vars(paper.prompter) | {"width": 256, "dropout": 0.1} == {
        "num_queries": 25,
        "encoder_layers": 6,
        "decoder_layers": 6,
        "width": 256,
        "heads": 8,
        "feedforward": 1024,
        "dropout": 0.1,
        "tokens_per_part": 2,
    }


def test_fit__divergence_stops_the_run_and_keeps_the_last_sound_weights(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = PrompterModule.training_step

    def poisoned(module: PrompterModule, batch: Any, index: int) -> torch.Tensor:
        if module.current_epoch == 2:
            batch = batch._replace(features=batch.features * float("nan"))
        return forward(module, batch, index)

    monkeypatch.setattr(PrompterModule, "training_step", poisoned)
    with pytest.raises(TrainingError, match=r"loss is nan in epoch 3, step 5.*--learning-rate"):
        train("run")
    assert all(bool(value.isfinite().all()) for value in weights(tmp_path / "run").values())


def test_fit__ctrl_c_says_how_to_go_on(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(RunProgress, "on_train_batch_end", interrupt)
    with pytest.raises(KeyboardInterrupt, match="go on with --resume"):
        train("run")
