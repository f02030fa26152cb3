"""Which device to compute on."""

import torch

from wps_sam.errors import ConfigError


def pick_device(wanted: str) -> torch.device:
    """Turn a user's word into a device.

    Args:
        wanted: `auto` takes CUDA, then MPS, then the CPU; else a name such as `cpu` or `cuda:1`.

    Returns:
        A device that this machine has.

    Raises:
        ConfigError: The name means nothing, or this machine lacks the device.
    """
    found = ["cpu"]
    if torch.backends.mps.is_available():
        found.insert(0, "mps")
    if torch.cuda.is_available():
        found.insert(0, "cuda")
    if wanted == "auto":
        return torch.device(found[0])
    kind, _, number = wanted.partition(":")
    is_here = kind in found and (not number or (kind == "cuda" and _is_gpu_number(number)))
    if not is_here:
        raise ConfigError(
            f"Device {wanted!r} is not here; this machine has {', '.join(found)}. Choose one of "
            "these, or auto."
        )
    return torch.device(wanted)


def _is_gpu_number(text: str) -> bool:
    """Whether a text is the number of one of this machine's CUDA devices."""
    return text.isdecimal() and int(text) < torch.cuda.device_count()
