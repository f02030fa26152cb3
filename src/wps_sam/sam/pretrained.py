"""Weights and settings from a folder or hub id in the format of `transformers`."""

from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import PreTrainedModel

from wps_sam.errors import CheckpointError, ConfigError


def read_pretrained(
    kind: type[PreTrainedModel], folder_or_id: str
) -> tuple[Any, dict[str, Tensor]]:
    """Read a model's settings and weights.

    Args:
        kind: The model's class in `transformers`.
        folder_or_id: A local folder with config.json and weights, or a hub id.

    Returns:
        The settings, and parameter name -> float32 tensor as the files have them: what they lack is
        not there, and what the model does not know is there with an empty tensor, so that
        `load_exactly` can name both.

    Raises:
        ConfigError: There is no such folder or id, or the hub cannot be reached.
        CheckpointError: The weights do not fit the settings.
    """
    try:
        # With loading info it returns a pair, which its annotation does not say.
        loaded: Any = kind.from_pretrained(
            folder_or_id, output_loading_info=True, dtype=torch.float32
        )
    except OSError as error:
        raise ConfigError(unreachable(folder_or_id, error)) from error
    except (RuntimeError, SafetensorError) as error:
        raise CheckpointError(
            f"{folder_or_id}: the weights beside config.json cannot be loaded "
            f"({first_line(error)}); the file is damaged, or its shapes are not those of "
            "config.json. Download the folder again."
        ) from error
    model, report = loaded
    weights: dict[str, Tensor] = model.state_dict()
    for name in report["missing_keys"]:
        weights.pop(name, None)
    weights.update(dict.fromkeys(report["unexpected_keys"], torch.empty(0)))
    return model.config, weights


def unreachable(folder_or_id: str, error: Exception) -> str:
    """The message for a folder or hub id that cannot be read.

    Args:
        folder_or_id: As the user gave it.
        error: What transformers said.

    Returns:
        What was found and what to do.
    """
    return (
        f"{folder_or_id}: cannot be loaded as a folder or hub id of transformers "
        f"({first_line(error)}). Check the name and the network, or give the path of "
        "a downloaded checkpoint such as sam_vit_b_01ec64.pth."
    )


def first_line(error: Exception) -> str:
    """The short half of a library's long message; the error's type if it has none.

    Args:
        error: Any.

    Returns:
        One line.
    """
    return (str(error).strip() or type(error).__name__).splitlines()[0]
