"""Which number type to train in."""

from collections.abc import Mapping
from typing import Any

import torch


def choose_precision(wanted: str, device: str) -> str:
    """Take bf16 for `auto` where the device multiplies matrices in it, else 32 bit.

    Args:
        wanted: `auto`, or Lightning's name, which is returned.
        device: `cpu`, `cuda` or `mps`.

    Returns:
        Lightning's name. Weights stay in 32 bit either way.
    """
    if wanted != "auto":
        return wanted
    return "bf16-mixed" if _multiplies_in_bf16(device) else "32-true"


def _multiplies_in_bf16(device: str) -> bool:
    """Whether the hardware does; bf16 made of 32-bit products is slower than these."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device != "cpu":
        return False
    # Older PyTorch does not tell; 32 bit is right on every CPU.
    capabilities: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))
