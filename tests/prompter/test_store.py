"""The model folder: what is saved comes back bit for bit, and every kind of damage is named."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from wps_sam.errors import CheckpointError
from wps_sam.prompter import store
from wps_sam.prompter.build import PrompterConfig, build_prompter
from wps_sam.prompter.dense.config import DensePrompterConfig
from wps_sam.prompter.interface import Prompter
from wps_sam.prompter.query.config import QueryPrompterConfig
from wps_sam.prompter.store import ModelInfo, load_info, load_prompter, save_model
from wps_sam.sam.frozen import FrozenSam

SMALL = QueryPrompterConfig(
    num_queries=3, encoder_layers=1, decoder_layers=1, width=16, heads=2, feedforward=16
)


def info_of(sam: FrozenSam, prompter: PrompterConfig = SMALL) -> ModelInfo:
    """What a run with two classes would write."""
    return ModelInfo(
        class_names=("Tür", "wheel"),
        category_ids=(7, 3),
        recipe="paper",
        supervision="box",
        score_threshold=0.25,
        sam_source="mobile_sam",
        sam_fingerprint=sam.fingerprint,
        prompter=prompter,
    )


def prompter_for(sam: FrozenSam, config: PrompterConfig = SMALL, seed: int = 0) -> Prompter:
    """A prompter with random weights."""
    torch.manual_seed(seed)
    return build_prompter(config, 2, sam)


@pytest.fixture
def run(tmp_path: Path, toy_sam: FrozenSam) -> Path:
    """A saved model folder."""
    save_model(tmp_path / "run", prompter_for(toy_sam), info_of(toy_sam))
    return tmp_path / "run"


@pytest.mark.parametrize("config", [SMALL, DensePrompterConfig(width=32)], ids=["query", "dense"])
def test_save_then_load__bit_identical(
    tmp_path: Path, toy_sam: FrozenSam, config: PrompterConfig
) -> None:
    prompter, info = prompter_for(toy_sam, config), info_of(toy_sam, config)
    save_model(tmp_path / "deep" / "run", prompter, info)
    assert load_info(tmp_path / "deep" / "run") == info
    loaded = load_prompter(tmp_path / "deep" / "run", toy_sam, info)
    assert not loaded.training
    found, expected = loaded.state_dict(), prompter.state_dict()
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    features = torch.randn(1, 256, 16, 16)
    torch.testing.assert_close(loaded(features), prompter.eval()(features), rtol=0, atol=0)


def test_save__three_files_and_their_content(run: Path, toy_sam: FrozenSam) -> None:
    assert sorted(path.name for path in run.iterdir()) == [
        *("classes.json", "config.json", "model.safetensors")
    ]
    assert json.loads((run / "classes.json").read_text(encoding="utf-8")) == ["Tür", "wheel"]
    assert json.loads((run / "config.json").read_text()) == {
        "format_version": 1,
        "wps_sam_version": version("wps-sam"),
        "recipe": "paper",
        "supervision": "box",
        "score_threshold": 0.25,
        "sam": {"source": "mobile_sam", "fingerprint": toy_sam.fingerprint},
        "category_ids": [7, 3],
        "prompter": {"kind": "query", **asdict(SMALL)},
    }
    assert not any(name.startswith("sam") for name in load_file(run / "model.safetensors"))


def edit_config(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    """Change config.json in place."""

    def edit(run: Path) -> None:
        path = run / "config.json"
        config = json.loads(path.read_text())
        change(config)
        path.write_text(json.dumps(config))

    return edit


def put(name: str, text: str) -> Callable[[Path], object]:
    """Overwrite one file."""
    return lambda run: (run / name).write_text(text)


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (
        lambda run: (run / "config.json").unlink(),
        r"config\.json: no such file, so \S*run is not a trained model.*`wps-sam train --out`",
    ),
    "no classes": (lambda run: (run / "classes.json").unlink(), r"classes\.json: no such file"),
    "cut off": (put("config.json", '{"recipe": '), r"config\.json: not readable as JSON.*Train ag"),
    "empty": (put("classes.json", ""), r"classes\.json: not readable as JSON"),
    "list": (put("config.json", "[1]"), r"config\.json: holds a JSON list, expected a dict"),
    "dict": (put("classes.json", "{}"), r"classes\.json: holds a JSON dict, expected a list"),
    "too few classes": (
        put("classes.json", '["Tür"]'),
        r"classes\.json: holds \['Tür'\], expected 2 names, one for each of category_ids.*copy the",
    ),
    "classes no text": (put("classes.json", "[1, 2]"), r"holds \[1, 2\], expected 2 names"),
    "newer format": (
        edit_config(lambda c: c.update(format_version=2, wps_sam_version="9.1")),
        r"format_version is 2; this program reads 1. Use the wps-sam version .*\(9\.1\)",
    ),
    "no format": (
        edit_config(lambda c: [c.pop("format_version"), c.pop("wps_sam_version")]),
        r"format_version is None; .*\(unknown\)",
    ),
    "key missing": (
        edit_config(lambda c: c.pop("recipe")),
        r"config\.json: the key 'recipe' is missing. Train again, or copy the whole",
    ),
    "wrong kind of value": (
        edit_config(lambda c: c.update(score_threshold="high")),
        r"config\.json: a value is of the wrong kind \(could not convert string to float: 'high'",
    ),
    "sam no object": (edit_config(lambda c: c.update(sam="x")), r"a value is of the wrong kind"),
    "unknown prompter": (
        edit_config(lambda c: c["prompter"].update(kind="magic")),
        r"prompter kind 'magic' is unknown; this program knows query, dense. A newer version",
    ),
    "no prompter kind": (edit_config(lambda c: c["prompter"].pop("kind")), r"kind None is unknown"),
    "unknown setting": (
        edit_config(lambda c: c["prompter"].update(zoom=2)),
        r"the prompter setting 'zoom' is unknown. Train again",
    ),
    "missing setting": (
        edit_config(lambda c: c["prompter"].pop("heads")),
        r"the prompter setting 'heads' is missing. Train again",
    ),
    "setting no number": (
        edit_config(lambda c: c["prompter"].update(heads="2")),
        r"the prompter setting 'heads' is '2', expected a number such as 8",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_load_info__damage_is_named(run: Path, damage: str) -> None:
    inflict, message = DAMAGES[damage]
    inflict(run)
    with pytest.raises(CheckpointError, match=message):
        load_info(run)


def test_load_info__a_model_from_before_there_were_several_points(run: Path) -> None:
    edit_config(lambda c: c["prompter"].pop("tokens_per_part"))(run)
    assert load_info(run).prompter == SMALL


def test_save_then_load__mixed_labels_and_several_points(
    tmp_path: Path, toy_sam: FrozenSam
) -> None:
    config = replace(SMALL, tokens_per_part=4)
    info = replace(info_of(toy_sam, config), supervision="mixed")
    save_model(tmp_path / "run", prompter_for(toy_sam, config), info)
    assert load_info(tmp_path / "run") == info
    loaded = load_prompter(tmp_path / "run", toy_sam, info)
    assert loaded(torch.zeros(1, 256, 16, 16)).tokens.shape == (1, 3, 4, 256)


def test_load_info__a_file_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"")
    with pytest.raises(CheckpointError, match=r"photo\.jpg is not a trained model"):
        load_info(tmp_path / "photo.jpg")


def test_load_prompter__weights_missing(run: Path, toy_sam: FrozenSam) -> None:
    (run / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors: no such file. Train again"):
        load_prompter(run, toy_sam, load_info(run))


@pytest.mark.parametrize("kept", [0, 6, 100, 5000], ids=["empty", "size", "header", "half"])
def test_load_prompter__weights_half_written(run: Path, toy_sam: FrozenSam, kept: int) -> None:
    path = run / "model.safetensors"
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CheckpointError, match=r"safetensors: damaged weights \(.*copy the whole"):
        load_prompter(run, toy_sam, load_info(run))


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        (
            "queries",
            (1, 4, 16),
            r"'queries' has shape \(1, 4, 16\), but config.json asks for \(1, 3",
        ),
        ("queries", None, r"'queries' has shape nothing, but config.json asks for \(1, 3, 16\)"),
        ("extra", (1,), r"'extra' has shape \(1,\), but config.json asks for nothing"),
    ],
    ids=["other shape", "missing", "too many"],
)
def test_load_prompter__weights_of_another_network(
    run: Path, toy_sam: FrozenSam, name: str, shape: tuple[int, ...] | None, message: str
) -> None:
    weights = load_file(run / "model.safetensors")
    weights.pop(name, None)
    if shape is not None:
        weights[name] = torch.zeros(shape)
    save_file(weights, run / "model.safetensors")
    with pytest.raises(CheckpointError, match=rf"model\.safetensors: weight {message}"):
        load_prompter(run, toy_sam, load_info(run))


def test_load_prompter__trained_for_another_sam(run: Path, toy_sam: FrozenSam) -> None:
    info = replace(load_info(run), sam_fingerprint="0123456789abcdef")
    message = (
        r"config\.json: this prompter was trained with the SAM 'mobile_sam' \(fingerprint "
        rf"0123456789ab\.\.\.\), but '{toy_sam.name}' has fingerprint {toy_sam.fingerprint[:12]}"
        r".*Load it with the same SAM weights"
    )
    with pytest.raises(CheckpointError, match=message):
        load_prompter(run, toy_sam, info)


@pytest.mark.parametrize("fails_at", ["classes.json", "config.json", "model.safetensors"])
def test_save__a_crash_leaves_the_earlier_model_whole(
    run: Path, toy_sam: FrozenSam, monkeypatch: pytest.MonkeyPatch, fails_at: str
) -> None:
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    replace_file = Path.replace

    def crash(temporary: Path, target: Path) -> Path:
        if target.name == fails_at:
            raise OSError(28, "No space left on device")
        return replace_file(temporary, target)

    monkeypatch.setattr(Path, "replace", crash)
    with pytest.raises(OSError, match="No space left"):
        save_model(run, prompter_for(toy_sam, seed=1), info_of(toy_sam))
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before
    assert load_prompter(run, toy_sam, load_info(run)) is not None


def test_save__writes_through_the_atomic_writer_only(
    run: Path, toy_sam: FrozenSam, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    monkeypatch.setattr(store, "write_atomically", lambda path, content: written.append(path.name))
    save_model(run, prompter_for(toy_sam), info_of(toy_sam))
    assert sorted(written) == sorted(path.name for path in run.iterdir())
