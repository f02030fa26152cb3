"""Reading files of SAM weights, and putting them into a model with nothing left over."""

import pickle
import re
import zipfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from wps_sam.errors import CheckpointError, ConfigError
from wps_sam.sam.frozen_module import FrozenModule

Model = TypeVar("Model", bound=FrozenModule)

WEIGHT_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")
# Some training programs put the weights one level down.
_WRAPPERS = ("model", "state_dict")
_NAMES_SHOWN = 4


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read all tensors of a weights file into memory.

    Args:
        path: A .safetensors file, or a .pth, .pt or .bin file written by `torch.save`. Pickled code
            is never run.

    Returns:
        Parameter name -> tensor on the CPU; floating tensors as float32.

    Raises:
        ConfigError: There is no such file, or its ending is another one.
        CheckpointError: It is truncated, holds pickled objects, or holds no named tensors.
    """
    if not path.is_file():
        raise ConfigError(
            f"{path}: no such file of SAM weights. Check the path, or use load_sam('mobile_sam'), "
            "which comes with the package."
        )
    if path.suffix not in WEIGHT_SUFFIXES:
        raise ConfigError(
            f"{path}: found the ending '{path.suffix}', expected one of "
            f"{', '.join(WEIGHT_SUFFIXES)}. Rename the file if it holds SAM weights."
        )
    content = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping):
        raise CheckpointError(
            f"{path}: found {_kind(content)}, expected a table of parameter names and tensors "
            "(a state_dict). Save model.state_dict() alone."
        )
    for name, value in content.items():
        if not isinstance(value, Tensor):
            raise CheckpointError(
                f"{path}: found a dict holding {_kind(value)} under {name!r}, expected only "
                "tensors (a state_dict). Save model.state_dict() alone."
            )
    return {
        name: tensor.float() if tensor.is_floating_point() else tensor
        for name, tensor in content.items()
    }


def _read_safetensors(path: Path) -> Any:
    """Read one .safetensors file."""
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise CheckpointError(_damaged(path, "a .safetensors file", error)) from error


def _read_torch(path: Path) -> Any:
    """Read one file of `torch.save`, refusing anything but plain data."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if "weights_only" in str(error).lower() or "Unsupported" in str(error):
            raise CheckpointError(
                f"{path}: found pickled objects besides tensors ({_first_line(error)}); they could "
                "run code when opened, so the file was not loaded. Expected a plain state_dict: "
                "save model.state_dict() again, or convert the file to .safetensors."
            ) from error
        raise CheckpointError(_damaged(path, "a file of torch.save", error)) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise CheckpointError(_damaged(path, "a file of torch.save", error)) from error


def _kind(value: object) -> str:
    """The type of a value with its article."""
    name = type(value).__name__
    return f"an {name}" if name[0].lower() in "aeiou" else f"a {name}"


def _damaged(path: Path, kind: str, error: Exception) -> str:
    """The message for a file that is cut off or something else altogether."""
    return (
        f"{path}: found {path.stat().st_size} bytes that cannot be read as {kind} "
        f"({_first_line(error)}); the file is damaged or its download was cut off. "
        "Download it again and compare its size and checksum."
    )


def _first_line(error: Exception) -> str:
    """The short half of a library's long message."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:160]


def load_exactly(
    model: nn.Module,
    weights: Mapping[str, Tensor],
    source: str,
    *,
    ignored: Collection[str] = (),
    assign: bool = False,
) -> None:
    """Load weights into a model; every name and shape must fit.

    Args:
        model: The model to fill.
        weights: Parameter name (as the model spells it) -> tensor.
        source: File or hub id, for the message.
        ignored: Patterns (`re.fullmatch`) of names the file may hold though the model does not.
        assign: Take the tensors themselves instead of copying them (for a model on "meta").

    Raises:
        CheckpointError: A name is missing or left over, or a shape differs.
    """
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    kept = {
        name: tensor
        for name, tensor in weights.items()
        if name in wanted or not any(re.fullmatch(pattern, name) for pattern in ignored)
    }
    problems = []
    if missing := sorted(wanted.keys() - kept.keys()):
        problems.append(f"missing {_some(missing)}")
    if unexpected := sorted(kept.keys() - wanted.keys()):
        problems.append(f"unexpected {_some(unexpected)}")
    misshapen = [
        f"{name} of shape {tuple(kept[name].shape)} instead of {shape}"
        for name, shape in sorted(wanted.items())
        if name in kept and tuple(kept[name].shape) != shape
    ]
    if misshapen:
        problems.append(f"found {_some(misshapen)}")
    if problems:
        raise CheckpointError(
            f"{source}: the weights do not fit {type(model).__name__} (parameters named as in "
            f"transformers): {'; '.join(problems)}. Use an unchanged checkpoint of it."
        )
    model.load_state_dict(kept, assign=assign)


def build_with_weights(
    build: Callable[[], Model],
    weights: Mapping[str, Tensor],
    source: str,
    *,
    ignored: Collection[str] = (),
) -> Model:
    """Build a model without drawing random weights first (ViT-H has 640 million).

    Args:
        build: Makes the model, with whatever weights.
        weights: As for `load_exactly`; these tensors become the model's.
        source: File or hub id, for the message.
        ignored: As for `load_exactly`.

    Returns:
        The frozen model.

    Raises:
        CheckpointError: A name is missing or left over, or a shape differs.
    """
    with torch.device("meta"):
        model = build()
    load_exactly(model, weights, source, ignored=ignored, assign=True)
    return model.freeze()


def _some(names: list[str]) -> str:
    """The first few names and how many more there are."""
    shown = ", ".join(names[:_NAMES_SHOWN])
    rest = len(names) - _NAMES_SHOWN
    return f"{shown} and {rest} more" if rest > 0 else shown
