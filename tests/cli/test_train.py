"""`wps-sam train` on six tiny pictures, then `predict` and `evaluate` with what it made."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from wps_sam.cli.label_place import LabelPlace
from wps_sam.cli.main import main
from wps_sam.cli.mask_validation import mask_measure
from wps_sam.cli.train import _training_device
from wps_sam.embeddings.build import embed_images
from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.embeddings.view_readers import ImageToEmbed
from wps_sam.export.encoder import Bfloat16OpenvinoEncoder
from wps_sam.labels.open import open_weak_labels
from wps_sam.prompter.build import build_prompter
from wps_sam.prompter.dense.config import DensePrompterConfig
from wps_sam.prompter.dense.model import DensePrompter
from wps_sam.prompter.store import ModelInfo, save_model
from wps_sam.sam.frozen import FrozenSam
from wps_sam.training.job import LabelledFeatures
from wps_sam.training.recipes import RECIPES

from .conftest import TOY_SAM, Coco, printed, square, train_cli, write

pytestmark = pytest.mark.usefixtures("small_prompter")


def last_line(run: Path) -> dict[str, Any]:
    """The log's last line."""
    line: dict[str, Any] = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    return line


@pytest.mark.parametrize("recipe", ["paper", "strong"])
def test_train_predict_evaluate(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], recipe: str
) -> None:
    run, predicted = tmp_path / "run", tmp_path / "predicted"
    assert train_cli(data, run, "--holdout", "3", recipe=recipe) == 0
    said = printed(capsys)
    assert "training: 4 images, 8 parts, 2 classes from" in said
    assert "validation: 2 images, 2 parts, 2 classes from" in said
    assert f"Next: wps-sam predict {run}" in said
    assert {path.name for path in run.iterdir()} == {
        *("config.json", "model.safetensors", "classes.json"),
        *("metrics.jsonl", "train.yaml", "checkpoints", "logs", "validation.json"),
    }
    assert {path.name for path in (run / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    assert json.loads((run / "classes.json").read_text()) == ["lid", "knob [left]"]
    settings = yaml.safe_load((run / "train.yaml").read_text())
    assert settings["train"]["images"] == 4
    assert settings["val"]["images"] == 2
    assert {"val/box_agreement", "val/loss"} <= last_line(run).keys()
    assert json.loads((run / "validation.json").read_text()).keys() == {
        *("miou", "macc", "miou_image_class_pairs", "boundary_miou", "pq", "ap"),
        *("oracle_miou", "share_of_oracle"),
    }
    assert "validation masks: miou 0." in said

    words = ["--out", str(predicted), "--score-threshold", "0", "--device", "cpu"]
    assert main(["predict", str(run), str(data), "--holdout", "3", *words]) == 0
    content = json.loads((predicted / "predictions.json").read_text())
    assert [image["file_name"] for image in content["images"]] == ["2.jpg", "5.jpg"]
    capsys.readouterr()
    scores = ["--holdout", "3", "--out", str(tmp_path / "scores")]
    assert main(["evaluate", str(predicted / "predictions.json"), str(data), *scores]) == 0
    assert "mIoU" in printed(capsys)
    assert json.loads((tmp_path / "scores" / "metrics.json").read_text())["images"] == 2
    assert main(["evaluate", str(predicted / "predictions.json"), str(data), *scores[:2]]) == 0


def test_mask_measure__is_what_predict_and_evaluate_find(
    data: Path, tmp_path: Path, toy_sam: FrozenSam
) -> None:
    labels = open_weak_labels(data)
    store = EmbeddingCache(tmp_path / "cache", Fingerprint.of(toy_sam))
    images = [ImageToEmbed(i.path, i.file_name, (i.height, i.width)) for i in labels.images]
    keys = embed_images(store, toy_sam, images).keys
    features = LabelledFeatures(labels, [keys[image] for image in images])
    measure = mask_measure(LabelPlace(data), toy_sam, store, features, 0.0, "box")
    assert measure is not None

    prompter = build_prompter(RECIPES["paper"].prompter, 2, toy_sam)
    weights = prompter.state_dict()
    weights["class_head.bias"] = torch.tensor([9.0, 0, 0])  # all queries: class 0, one large box
    weights["token_head.2.bias"] = toy_sam.prompt_boxes(
        torch.tensor([[40.0, 40, 160, 120]])
    ).flatten()
    prompter.load_state_dict(weights)
    classes = (labels.class_names, labels.category_ids)
    info = ModelInfo(
        *classes, "paper", "box", 0.0, str(TOY_SAM), toy_sam.fingerprint, RECIPES["paper"].prompter
    )
    save_model(tmp_path / "run", prompter, info)

    out = str(tmp_path / "out")
    assert main(["predict", str(tmp_path / "run"), str(data), "--out", out, "--device", "cpu"]) == 0
    assert main(["evaluate", f"{out}/predictions.json", str(data), "--out", out]) == 0
    found = json.loads((tmp_path / "out" / "metrics.json").read_text())
    measured = measure(prompter)
    assert 0 < found["miou"] < 1
    # The measure reads features kept in float16.
    assert measured["miou"] == pytest.approx(found["miou"], abs=0.01)
    assert measured["macc"] == pytest.approx(found["macc"], abs=0.01)

    bound = str(tmp_path / "oracle")
    words = ["--out", bound, "--sam", str(TOY_SAM), "--device", "cpu"]
    assert main(["oracle", str(data), *words]) == 0
    oracle = json.loads((tmp_path / "oracle" / "metrics.json").read_text())
    assert measured["oracle_miou"] == pytest.approx(oracle["miou"], abs=0.01)
    share = measured["miou"] / measured["oracle_miou"]
    assert measured["share_of_oracle"] == pytest.approx(share, abs=1e-9)


def keypoints_only(coco: Coco) -> Coco:
    """The same parts as named keypoints of one object an image."""
    middles: dict[int, list[float]] = {}
    for part in coco["annotations"]:
        left, top, side, _ = part["bbox"]
        middles.setdefault(part["image_id"], []).extend((left + side / 2, top + side / 2, 2))
    return {
        "images": coco["images"],
        "categories": [{"id": 1, "name": "pot", "keypoints": ["lid", "knob"]}],
        "annotations": [
            {"id": i, "image_id": i, "category_id": 1, "keypoints": numbers}
            for i, numbers in middles.items()
        ],
    }


def boxes_and_points(coco: Coco) -> Coco:
    """Every other part as five points without a box."""
    for part in coco["annotations"][::2]:
        left, top, _, _ = part.pop("bbox")
        del part["segmentation"]
        part["points"] = [[left + i, top + i] for i in range(5)]
    return coco


@pytest.mark.parametrize(
    ("bend", "recipe", "supervision", "said"),
    [
        (keypoints_only, "strong", "point", "SAM makes a box for each of 10 parts of"),
        (boxes_and_points, "paper", "mixed", "have more than 4 points; 4 of each"),
    ],
    ids=["keypoints", "mixed"],
)
def test_points__train_and_predict(
    coco: Coco,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    bend: Callable[[Coco], Coco],
    recipe: str,
    supervision: str,
    said: str,
) -> None:
    data, run = write(bend(coco), tmp_path / "data"), tmp_path / "run"
    val = ["--val", str(data), "--mask-validations", "0"]
    assert train_cli(data, run, "--supervision", supervision, *val, recipe=recipe) == 0
    assert said in printed(capsys)
    assert json.loads((run / "config.json").read_text())["supervision"] == supervision
    assert "val/box_agreement" in last_line(run)
    words = ["--out", str(tmp_path / "out"), "--score-threshold", "0", "--device", "cpu"]
    assert main(["predict", str(run), str(data.parent), *words]) == 0
    assert len(json.loads((tmp_path / "out" / "predictions.json").read_text())["images"]) == 6


def test_dataset_file__says_splits_and_supervision(
    coco: Coco, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    write(boxes_and_points(coco), folder)
    described = folder / "dataset.yaml"
    described.write_text("labels: labels.json\nsplit: {val: 0.5, seed: 1}\nsupervision: mixed\n")
    run = tmp_path / "run"
    assert train_cli(described, run, "--mask-validations", "0") == 0
    assert "training on the split train, validating on the split val" in printed(capsys)
    settings = yaml.safe_load((run / "train.yaml").read_text())
    assert settings["supervision"] == "mixed"
    assert settings["train"]["images"] + settings["val"]["images"] == 6
    assert train_cli(described, tmp_path / "other", "--supervision", "box") == 1
    assert "have points but no box" in printed(capsys)


def test_no_validation(data: Path, tmp_path: Path) -> None:
    assert train_cli(data, tmp_path / "run") == 0
    assert not [name for name in last_line(tmp_path / "run") if name.startswith("val/")]
    assert not (tmp_path / "run" / "validation.json").exists()
    assert (tmp_path / "run" / "model.safetensors").exists()


def test_val__a_file_of_its_own(
    data: Path, coco: Coco, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    coco["images"] = coco["images"][:2]
    coco["annotations"] = coco["annotations"][:4]
    val = write(coco, tmp_path / "val")
    assert train_cli(data, tmp_path / "run", "--val", val) == 0
    said = printed(capsys)
    assert "validation: 2 images, 4 parts" in said
    assert "also trained on" not in said
    settings = yaml.safe_load((tmp_path / "run" / "train.yaml").read_text())
    assert (settings["val"]["source"], settings["val"]["images"]) == (str(val), 2)
    assert (tmp_path / "run" / "validation.json").exists()


def test_val__without_masks_says_so(
    data: Path, coco: Coco, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for annotation in coco["annotations"]:
        del annotation["segmentation"]
    val = write(coco, tmp_path / "val")
    assert train_cli(data, tmp_path / "run", "--val", val) == 0
    said = printed(capsys)
    assert (
        f"No mask mIoU during training: {val} has 10 annotations with boxes or points but no masks"
        in said
    )
    line = last_line(tmp_path / "run")
    assert "val/box_agreement" in line
    assert "val/miou" not in line
    assert not (tmp_path / "run" / "validation.json").exists()


def test_val__images_that_are_trained_on_are_counted(
    data: Path, coco: Coco, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    coco["images"] = coco["images"][:2]
    coco["annotations"] = coco["annotations"][:4]
    val = write(coco, data.parent, "val.json")
    assert train_cli(data, tmp_path / "run", "--val", val) == 0
    assert "2 validation images are also trained on, such as 0.jpg" in printed(capsys)


@pytest.mark.parametrize(
    ("times", "logged", "kept"),
    [("0", [False] * 4, False), ("1", [False] * 4, True), ("2", [False, True, False, False], True)],
    ids=["never", "at the end", "also half way"],
)
def test_mask_validations(
    data: Path, tmp_path: Path, times: str, logged: list[bool], kept: bool
) -> None:
    words = ["--holdout", "3", "--epochs", "4", "--mask-validations", times]
    assert train_cli(data, tmp_path / "run", *words) == 0
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").open()]
    assert ["val/miou" in line for line in lines] == logged
    assert (tmp_path / "run" / "validation.json").exists() == kept


@pytest.fixture
def small_strong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The strong recipe with a small network and two views of each image beside itself."""
    small = DensePrompterConfig(
        width=16,
        context_layers=1,
        heads=2,
        tower_layers=1,
        second_looks=4,
        training_looks=4,
        detail_width=16,
        refinement_width=16,
    )
    recipe = replace(
        RECIPES["strong"], prompter=small, batch_size=2, extra_views=2, most_extra_embeddings=99
    )
    monkeypatch.setitem(RECIPES, "strong", recipe)


@pytest.mark.usefixtures("small_strong")
@pytest.mark.parametrize(("recipe", "views"), [("paper", 0), ("strong", 2)])
def test_masks__decide_nothing(
    data: Path, coco: Coco, tmp_path: Path, recipe: str, views: int
) -> None:
    coco["categories"][1]["name"] = "knob"  # "knob [left]" alone would forbid mirrored views
    with_masks = write(coco, data.parent, "masks.json")
    for annotation in coco["annotations"]:
        del annotation["segmentation"]
    stripped = write(coco, data.parent, "boxes.json")
    assert "segmentation" in with_masks.read_text()
    assert "segmentation" not in stripped.read_text()
    found = []
    for name, labels in (("masks", with_masks), ("boxes", stripped)):
        words = ["--holdout", "3", "--epochs", "3"]
        assert train_cli(labels, tmp_path / name, *words, recipe=recipe) == 0
        settings = yaml.safe_load((tmp_path / name / "train.yaml").read_text())
        assert len(settings["views"]) == views
        found.append((settings["views"], (tmp_path / name / "model.safetensors").read_bytes()))
    assert found[0] == found[1]


@pytest.mark.usefixtures("small_strong")
def test_views__are_embedded_once_and_said(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert train_cli(data, run, "--holdout", "3", recipe="strong") == 0
    said = printed(capsys)
    # "knob [left]" has no partner.
    assert "note: no view is mirrored, as left or right of knob [left] has no partner" in said
    assert "views of the training images, 2 each: 8 images embedded; 0 already" in said
    assert train_cli(data, run, "--holdout", "3", "--resume", recipe="strong") == 0
    assert "views of the training images, 2 each: 0 images embedded; 8 already" in printed(capsys)


def test_views__fewer_for_many_images_are_said(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(RECIPES["strong"], epochs=1, least_steps=0, most_extra_embeddings=0)
    monkeypatch.setitem(RECIPES, "strong", recipe)
    assert train_cli(data, tmp_path / "run", recipe="strong") == 0
    assert (
        f"note: 0 views of each training image in place of {recipe.extra_views}, as there are many "
        f"images; --views {recipe.extra_views} makes all" in printed(capsys)
    )


def test_points_in_prompts__are_said(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DensePrompter, "choose_prompts", lambda *given: (1,))
    assert train_cli(data, tmp_path / "run", "--views", "0", recipe="strong") == 0
    assert "prompted with points inside their box too: knob [left]" in printed(capsys)


def test_keep_groups(coco: Coco, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    coco["annotations"][0]["segmentation"].append(square(40, 2, 8))
    data = write(coco, tmp_path / "data")
    assert train_cli(data, tmp_path / "pieces") == 0
    assert "training: 6 images, 11 parts" in printed(capsys)
    assert train_cli(data, tmp_path / "groups", "--keep-groups") == 0
    assert "training: 6 images, 10 parts" in printed(capsys)


def test_point_supervision(data: Path, tmp_path: Path) -> None:
    assert train_cli(data, tmp_path / "run", "--supervision", "point", "--holdout", "3") == 0
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert config["supervision"] == "point"


def test_resume__and_settings_that_differ(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert train_cli(data, run, "--resume") == 1
    assert "train.yaml does not exist, so there is no run to go on with" in printed(capsys)
    assert train_cli(data, run) == 0
    before = (run / "model.safetensors").read_bytes()
    assert train_cli(data, run) == 1
    assert "is not empty. Choose another folder, or add --resume" in printed(capsys)
    assert train_cli(data, run, "--resume", "--seed", "1") == 1
    assert "seed: 0 before, 1 now." in printed(capsys)
    assert train_cli(data, run, "--resume") == 0
    assert (run / "model.safetensors").read_bytes() == before


def test_precision__measured_once_and_kept_when_resumed(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for gain, expected in ((9.0, "bf16-mixed"), (1.0, "32-true")):
        run = tmp_path / expected
        monkeypatch.setattr("wps_sam.training.precision.bf16_gain", lambda gain=gain: gain)
        assert train_cli(data, run) == 0
        said = "note: training in bf16-mixed; --precision 32-true trains" in printed(capsys)
        assert said == (expected == "bf16-mixed")
        assert yaml.safe_load((run / "train.yaml").read_text())["precision"] == expected
        other = 10.0 - gain
        monkeypatch.setattr("wps_sam.training.precision.bf16_gain", lambda other=other: other)
        assert train_cli(data, run, "--resume") == 0
        assert f"note: going on in {expected}, as the run began" in printed(capsys)
    assert train_cli(data, run, "--resume", "--precision", "bf16-mixed") == 1
    assert "precision: '32-true' before, 'bf16-mixed' now" in printed(capsys)


def test_encoder__of_images_and_their_views(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded = []
    encode = Bfloat16OpenvinoEncoder.encode

    def counted(self: Bfloat16OpenvinoEncoder, pixels: torch.Tensor) -> torch.Tensor:
        encoded.append(len(pixels))
        return encode(self, pixels)

    monkeypatch.setattr(Bfloat16OpenvinoEncoder, "encode", counted)
    run, words = tmp_path / "run", ("--holdout", "3", "--views", "2")
    coarse = ("--encoder", "openvino-bf16")
    assert train_cli(data, run, *words, *coarse, recipe="strong") == 0
    assert sum(encoded) == 2 + 4 * 3
    # Masks are scored on features as prediction makes them.
    assert printed(capsys).count("2 images embedded; 0 already in the cache") == 2
    assert len(list((tmp_path / "embedding-cache").rglob("*.safetensors"))) == 14 + 2
    assert train_cli(data, run, *words, "--resume", recipe="strong") == 0  # with that encoder
    assert sum(encoded) == 14
    assert train_cli(data, run, *words, "--resume", "--encoder", "pytorch", recipe="strong") == 1
    assert "encoder: 'openvino-bf16' before, 'pytorch' now" in printed(capsys)


def test_output__holds_nothing_of_lightnings(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_cli(data, tmp_path / "run") == 0
    out, err = capsys.readouterr()
    assert err == ""
    for word in ("GPU", "TPU", "litlogger", "Warning", "DataLoader"):
        assert word not in out


def test_config__resolved_settings_of_a_yaml_file(data: Path, tmp_path: Path) -> None:
    settings = tmp_path / "train.yaml"
    settings.write_text("holdout: 3\nbatch_size: 2\nlearning_rate: 0.5\nseed: 4\n")
    assert train_cli(data, tmp_path / "run", "--config", settings, "--seed", "5") == 0
    found = yaml.safe_load((tmp_path / "run" / "train.yaml").read_text())
    assert found["recipe"]["batch_size"] == 2
    assert found["recipe"]["optimiser"]["learning_rate"] == 0.5
    assert (found["seed"], found["val"]["images"]) == (5, 2)


def test_val__a_split_of_the_same_folder(coco: Coco, tmp_path: Path) -> None:
    for split in ("train", "val"):
        folder = tmp_path / "set" / "annotations" / split
        folder.mkdir(parents=True)
        write(coco, tmp_path / "set" / "images" / split)
        (folder / f"{split}.json").write_text(json.dumps(coco))
    root = tmp_path / "set"
    assert train_cli(root, tmp_path / "run", "--split", "train", "--val", root) == 0
    settings = yaml.safe_load((tmp_path / "run" / "train.yaml").read_text())
    assert settings["val"]["source"].endswith("val.json")
    words = ["--split", "train", "--val", str(root), "--val-split", "train"]
    assert train_cli(root, tmp_path / "other", *words) == 0


def test_damaged_validation_mask__is_said_before_training_and_does_not_end_it(
    coco: Coco, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    coco["annotations"][4]["segmentation"] = [[1, 1, 9, 1, 9, 9, 5]]  # seven numbers; image 2
    data = write(coco, tmp_path / "data")
    assert train_cli(data, tmp_path / "run", "--holdout", "3") == 0
    assert "No mask mIoU during training" in printed(capsys)
    assert not (tmp_path / "run" / "validation.json").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seed", "-1"], "--seed is -1; give a number from 0"),
        (["--device", "cuda:1"], "cuda:1"),
    ],
)
def test_wrong_values(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert train_cli(data, tmp_path / "run", *words) == 1
    assert message in " ".join(capsys.readouterr().err.split())


def test_training_device__leaves_each_process_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert _training_device("cuda:0").index is None


def test_used_folder__is_refused_before_any_embedding(data: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "precious.txt").write_text("keep me")
    assert train_cli(data, tmp_path / "run", "--cache", tmp_path / "cache") == 1
    assert not list((tmp_path / "cache").rglob("*.safetensors"))


def test_folder_that_cannot_be_made(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert train_cli(data, tmp_path / "file" / "run") == 1
    assert "Traceback" not in capsys.readouterr().err
