"""What a run leaves on disk while it trains: the model folder, one JSON line an epoch, settings."""

import json
import math
import platform
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import lightning as L
import yaml

from wps_sam.errors import CheckpointError, ConfigError
from wps_sam.files import write_atomically
from wps_sam.labels.quoting import cut, quote
from wps_sam.prompter.store import complete_settings
from wps_sam.training.validation import AGREEMENT, MaskValidation

_RUN_FILES = {
    "train.yaml",
    "logs",
    "metrics.jsonl",
    "checkpoints",
    "config.json",
    "classes.json",
    "model.safetensors",
}
# Settings that older runs lack, and what these runs did.
_RECIPE_BEFORE = {
    "least_steps": 0,
    "extra_views": 0,
    "most_extra_embeddings": 0,
    "box_corrections": 0,
}
_SETTINGS_BEFORE: dict[str, Any] = {"views": [], "encoder": "pytorch"}
# A setting that is no more, and the value with which it did nothing.
_OPTIMISER_WITHOUT = {"average_decay": 0.0}
_SHOWN = 5
_LONGEST_PATH = 300
_PACKAGES = ("wps-sam", "torch", "lightning", "transformers", "numpy", "scipy", "safetensors")
_PACKAGES_OF_ENCODER = {"openvino-bf16": ("onnx", "onnxscript", "openvino")}


def environment(encoder: str) -> dict[str, str]:
    """Versions and machine that a result depends on, with features by this encoder."""
    found = {name: version(name) for name in _PACKAGES}
    for name in _PACKAGES_OF_ENCODER.get(encoder, ()):
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # all features were in the cache already
            found[name] = "not installed"
    return {**found, "python": platform.python_version(), "machine": platform.machine()}


def git_state() -> str:
    """Commit of the working folder, with `-dirty` if changed; `unknown` outside git."""
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return described.stdout.strip()


def refuse_used_folder(run: Path) -> None:
    """Check that a new run may begin in a folder.

    A run that was cut off before its first checkpoint leaves nothing to go on from, so its folder
    counts as empty.

    Raises:
        ConfigError: it is a file, or holds something.
    """
    if not run.exists():
        return
    if not run.is_dir():
        raise ConfigError(f"--out {run} is a file. Choose a folder that is new or empty.")
    names = {path.name for path in run.iterdir()}
    is_stillborn = "train.yaml" in names and not last_checkpoint(run).exists()
    if names and not (is_stillborn and names <= _RUN_FILES):
        raise ConfigError(
            f"--out {run} is not empty. Choose another folder, or add --resume to go on with "
            "the run in it."
        )


def last_checkpoint(run: Path) -> Path:
    """Where a run folder has the checkpoint to go on from."""
    return run / "checkpoints" / "last.ckpt"


def open_run(run: Path, settings: dict[str, Any], *, resume: bool) -> Path | None:
    """Prepare a run folder.

    Args:
        run: the folder.
        settings: all that decides the result; kept as train.yaml.
        resume: go on with the run in the folder.

    Returns:
        The checkpoint to go on from, or None for a new run.

    Raises:
        ConfigError: the folder is taken, or holds a run with other settings.
        CheckpointError: nothing to resume.
    """
    settings_file = run / "train.yaml"
    if not resume:
        refuse_used_folder(run)
        run.mkdir(parents=True, exist_ok=True)
        versions = environment(settings["encoder"])
        content = {**settings, "git": git_state(), "environment": versions}
        write_atomically(settings_file, yaml.safe_dump(content, sort_keys=False).encode())
        return None
    checkpoint = last_checkpoint(run)
    if not settings_file.exists() or not checkpoint.exists():
        missing = settings_file if not settings_file.exists() else checkpoint
        raise CheckpointError(
            f"--resume: {missing} does not exist, so there is no run to go on with in {run}. "
            "Start without --resume in an empty folder."
        )
    _refuse_other_settings(settings_file, settings)
    return checkpoint


def recorded_settings(run: Path) -> dict[str, Any]:
    """The settings that a run began with; none where they cannot be read, which `open_run` says."""
    try:
        return _read_settings(run / "train.yaml")
    except (OSError, CheckpointError):
        return {}


def _refuse_other_settings(path: Path, settings: dict[str, Any]) -> None:
    """Raise ConfigError that names what differs from the settings of the earlier run."""
    earlier = _complete(_read_settings(path), settings)
    found = [
        difference
        for name, value in settings.items()
        for difference in _differences(name, earlier.get(name), value)
    ]
    if found:
        more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        raise ConfigError(
            f"--resume: {path} is of a run with other settings: {'; '.join(found[:_SHOWN])}{more}. "
            "Resume with the same settings, or start a new run in another folder."
        )


def _complete(earlier: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """The settings of an earlier run with those that its version did not have yet."""
    recipe, now = earlier.get("recipe"), settings.get("recipe")
    if not isinstance(recipe, dict) or not isinstance(recipe.get("prompter"), dict):
        return earlier
    names = now.get("prompter", {}) if isinstance(now, dict) else {}
    optimiser = recipe.get("optimiser")
    complete: dict[str, Any] = {**_RECIPE_BEFORE, **recipe}
    complete["prompter"] = complete_settings(recipe["prompter"], names)
    if isinstance(optimiser, dict):
        complete["optimiser"] = {
            name: value
            for name, value in optimiser.items()
            if name not in _OPTIMISER_WITHOUT or value != _OPTIMISER_WITHOUT[name]
        }
    return _SETTINGS_BEFORE | earlier | {"recipe": complete}


def _differences(name: str, earlier: Any, now: Any) -> Iterator[str]:
    """Say which values differ, each by its full name, such as `recipe.prompter.dropout`."""
    if isinstance(earlier, list) and isinstance(now, list):
        earlier, now = dict(enumerate(earlier)), dict(enumerate(now))
    if isinstance(earlier, dict) and isinstance(now, dict):
        for key in {**now, **earlier}:
            yield from _differences(f"{name}.{key}", earlier.get(key), now.get(key))
    elif earlier != now:
        yield f"{name}: {_shown(earlier)} before, {_shown(now)} now"


def _shown(value: Any) -> str:
    """A setting as a message shows it."""
    if isinstance(value, str):  # long paths may differ anywhere
        return repr(cut(value, _LONGEST_PATH))
    return "nothing" if value is None else quote(value)


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        settings = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        settings = str(error).splitlines()[0]
    if not isinstance(settings, dict):
        raise CheckpointError(
            f"--resume: {path} does not hold the settings of a run ({str(settings)[:80]}). Start a "
            "new run in another folder."
        )
    return settings


def _step_of(line: str) -> float:
    """Step of a line of metrics.jsonl; infinity if the program was killed while writing it."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf


class RunLog(L.Callback):
    """Appends one line an epoch to metrics.jsonl."""

    def __init__(self, path: Path, masks: MaskValidation | None) -> None:
        """Log to `path`, with the mask metrics of `masks` where they were measured."""
        self.path = path
        self.masks = masks
        self._started = time.monotonic()
        self._before = 0.0

    def state_dict(self) -> dict[str, Any]:
        """Seconds spent so far, so that a resumed run goes on counting."""
        return {"seconds": self._seconds()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the seconds of the run so far."""
        self._before = float(state_dict["seconds"])
        self._started = time.monotonic()

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Drop half lines, and those of epochs after the checkpoint, which are trained again."""
        if trainer.is_global_zero and self.path.exists():
            lines = self.path.read_text().splitlines()
            kept = [line for line in lines if _step_of(line) <= trainer.global_step]
            write_atomically(self.path, "".join(f"{line}\n" for line in kept).encode())

    def _seconds(self) -> float:
        return self._before + time.monotonic() - self._started

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Write the epoch's line; every process has to ask for the metrics, the first writes."""
        validated = was_validated(trainer)
        metrics = {
            name: float(value)
            for name, value in trainer.callback_metrics.items()
            if name.startswith("train/") or validated
        }
        masks = self.masks.latest if self.masks is not None and validated else {}
        line = {
            "epoch": trainer.current_epoch + 1,
            "step": trainer.global_step,
            "seconds": round(self._seconds(), 1),
            **metrics,
            **masks,
        }
        if not trainer.is_global_zero:
            return
        with self.path.open("a") as file:
            file.write(json.dumps(line, allow_nan=False) + "\n")


def was_validated(trainer: L.Trainer) -> bool:
    """Whether the epoch that ends now had a validation pass."""
    return (trainer.current_epoch + 1) % (trainer.check_val_every_n_epoch or 1) == 0


class ModelFolder(L.Callback):
    """Writes the model folder whenever box agreement rises, or each epoch without validation."""

    def __init__(self, save: Callable[[], None], settled_after: int = 0) -> None:
        """`save` writes the present weights; up to epoch `settled_after`, it always does.

        Until then what is to be learnt may still change, and scores say nothing of which weights
        are best.
        """
        self.save = save
        self.settled_after = settled_after
        self.best = -1.0

    def state_dict(self) -> dict[str, Any]:
        """The best agreement so far."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on comparing with the best of the run so far."""
        self.best = float(state_dict["best"])

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Save if this epoch is the best."""
        if not trainer.val_dataloaders:
            self.save()
            return
        if not was_validated(trainer):  # the metrics of an earlier epoch still stand there
            return
        if trainer.current_epoch < self.settled_after:
            self.save()
            return
        agreement = float(trainer.callback_metrics[AGREEMENT])
        if agreement >= self.best:  # of equals the later: it has seen more
            self.best = agreement
            self.save()
