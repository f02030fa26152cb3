"""The model folder: `config.json`, `model.safetensors`, `classes.json`. No SAM weights, no pickle.

`config.json` remembers all that prediction needs: which SAM, which classes, which prompter.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save

from wps_sam.errors import CheckpointError
from wps_sam.files import write_atomically
from wps_sam.prompter.build import PROMPTER_KINDS, PrompterConfig, build_prompter, kind_of
from wps_sam.prompter.interface import Prompter
from wps_sam.sam.frozen import FrozenSam

FORMAT_VERSION = 1
_BEFORE = {"tokens_per_part": 2}  # settings that older models lack, and what they had
_RETRAIN = "Train again, or copy the whole model folder from where it was made."


@dataclass(frozen=True)
class ModelInfo:
    """What a trained model is, next to its weights.

    Attributes:
        class_names: C names, in class order.
        category_ids: the ids these classes had in the label file.
        recipe: name of the training recipe.
        supervision: `box`, `point` or `mixed`: what the labels were.
        score_threshold: least score of a part, unless the user gives another.
        sam_source: name or path that `load_sam` takes.
        sam_fingerprint: sha256 of the SAM weights that the prompter was trained for.
        prompter: the prompter's settings.
    """

    class_names: tuple[str, ...]
    category_ids: tuple[int, ...]
    recipe: str
    supervision: str
    score_threshold: float
    sam_source: str
    sam_fingerprint: str
    prompter: PrompterConfig

    def to_dict(self) -> dict[str, Any]:
        """The content of config.json."""
        return {
            "format_version": FORMAT_VERSION,
            "wps_sam_version": version("wps-sam"),
            "recipe": self.recipe,
            "supervision": self.supervision,
            "score_threshold": self.score_threshold,
            "sam": {"source": self.sam_source, "fingerprint": self.sam_fingerprint},
            "category_ids": list(self.category_ids),
            "prompter": {"kind": kind_of(self.prompter), **asdict(self.prompter)},
        }


def save_model(run: Path, prompter: Prompter, info: ModelInfo) -> None:
    """Write the model folder; each file is replaced at once or not at all."""
    run.mkdir(parents=True, exist_ok=True)
    weights = {name: value.detach().cpu() for name, value in prompter.state_dict().items()}
    write_atomically(run / "classes.json", _json(list(info.class_names)))
    write_atomically(run / "config.json", _json(info.to_dict()))
    write_atomically(run / "model.safetensors", save(weights))


def load_info(run: Path) -> ModelInfo:
    """Read config.json and classes.json.

    Raises:
        CheckpointError: missing, damaged or unknown settings; names the file.
    """
    config = _read_json(run / "config.json", dict)
    names = _read_json(run / "classes.json", list)
    version = config.get("format_version")
    if version != FORMAT_VERSION:
        raise CheckpointError(
            f"{run / 'config.json'}: format_version is {version!r}; this program reads "
            f"{FORMAT_VERSION}. Use the wps-sam version that wrote it "
            f"({config.get('wps_sam_version', 'unknown')})."
        )
    try:
        _check_names(run / "classes.json", names, config["category_ids"])
        return ModelInfo(
            class_names=tuple(names),
            category_ids=tuple(config["category_ids"]),
            recipe=config["recipe"],
            supervision=config["supervision"],
            score_threshold=float(config["score_threshold"]),
            sam_source=config["sam"]["source"],
            sam_fingerprint=config["sam"]["fingerprint"],
            prompter=_read_prompter_config(run / "config.json", config["prompter"]),
        )
    except KeyError as error:
        raise CheckpointError(
            f"{run / 'config.json'}: the key {error} is missing. {_RETRAIN}"
        ) from error
    except (TypeError, ValueError) as error:
        raise CheckpointError(
            f"{run / 'config.json'}: a value is of the wrong kind ({error}). {_RETRAIN}"
        ) from error


def complete_settings(found: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Fill in what a prompter's settings did not say when a version without them wrote the file.

    Args:
        found: Settings as they were written.
        names: The settings that such a prompter has now.

    Returns:
        `found`, and for each of `names` that it lacks the value that this always had before.
    """
    return {name: _BEFORE[name] for name in names if name in _BEFORE} | dict(found)


def load_prompter(run: Path, sam: FrozenSam, info: ModelInfo) -> Prompter:
    """Build the prompter of a model folder and load its weights, in eval mode.

    Raises:
        CheckpointError: `sam` is not the one it was trained with; weights missing, damaged or of
            other names or shapes.
    """
    if sam.fingerprint != info.sam_fingerprint:
        raise CheckpointError(
            f"{run / 'config.json'}: this prompter was trained with the SAM {info.sam_source!r} "
            f"(fingerprint {info.sam_fingerprint[:12]}...), but {sam.name!r} has fingerprint "
            f"{sam.fingerprint[:12]}.... Load it with the same SAM weights, or train again."
        )
    prompter = build_prompter(info.prompter, len(info.class_names), sam)
    path = run / "model.safetensors"
    try:
        weights = load_file(path)
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such file. {_RETRAIN}") from error
    except SafetensorError as error:
        raise CheckpointError(f"{path}: damaged weights ({error}). {_RETRAIN}") from error
    expected = {name: tuple(value.shape) for name, value in prompter.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in weights.items()}
    if expected != found:
        name = sorted(set(expected.items()) ^ set(found.items()))[0][0]
        raise CheckpointError(
            f"{path}: weight {name!r} has shape {found.get(name, 'nothing')}, but config.json "
            f"asks for {expected.get(name, 'nothing')}. {_RETRAIN}"
        )
    prompter.load_state_dict(weights)
    return prompter.eval()


def _json(content: object) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()


def _read_json(path: Path, kind: type[Any]) -> Any:
    """Read a JSON file whose top level must be of the given type."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CheckpointError(
            f"{path}: no such file, so {path.parent} is not a trained model. Give the folder that "
            "`wps-sam train --out` made."
        ) from error
    except ValueError as error:
        raise CheckpointError(f"{path}: not readable as JSON ({error}). {_RETRAIN}") from error
    if not isinstance(content, kind):
        raise CheckpointError(
            f"{path}: holds a JSON {type(content).__name__}, expected a {kind.__name__}. {_RETRAIN}"
        )
    return content


def _check_names(path: Path, names: list[Any], category_ids: list[Any]) -> None:
    """Refuse classes.json of another model, or edited by hand."""
    if len(names) != len(category_ids) or not all(isinstance(name, str) for name in names):
        raise CheckpointError(
            f"{path}: holds {str(names)[:80]}, expected {len(category_ids)} names, one for each of "
            f"category_ids in config.json. {_RETRAIN}"
        )


def _read_prompter_config(path: Path, found: dict[str, Any]) -> PrompterConfig:
    """Strictly turn a mapping into the settings class that its `kind` names."""
    settings = dict(found)
    kind = settings.pop("kind", None)
    if kind not in PROMPTER_KINDS:
        raise CheckpointError(
            f"{path}: prompter kind {kind!r} is unknown; this program knows "
            f"{', '.join(PROMPTER_KINDS)}. A newer version may have written it."
        )
    made_of = PROMPTER_KINDS[kind]
    defaults = {field.name: field.default for field in fields(made_of)}
    settings = complete_settings(settings, defaults)
    if defaults.keys() != settings.keys():
        name = sorted(defaults.keys() ^ settings.keys())[0]
        state = "missing" if name in defaults else "unknown"
        raise CheckpointError(f"{path}: the prompter setting {name!r} is {state}. {_RETRAIN}")
    for name, value in settings.items():
        if type(value) is not type(defaults[name]):
            raise CheckpointError(
                f"{path}: the prompter setting {name!r} is {value!r}, expected a number such as "
                f"{defaults[name]!r}. {_RETRAIN}"
            )
    return made_of(**settings)
