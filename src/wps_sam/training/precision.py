"""Which number type to train in."""

import torch


def choose_precision(wanted: str, device: str) -> str:
    """`auto` takes bf16 on CUDA devices that compute in it, else 32 bit.

    CPUs stay at 32 bit: whether bf16 is faster there cannot be told from what they say of
    themselves, and a run should not depend on the processor (docs/performance.md).

    Args:
        wanted: `auto`, or Lightning's name, which is returned.
        device: `cpu`, `cuda` or `mps`.

    Returns:
        Lightning's name. Weights stay in 32 bit either way.
    """
    if wanted != "auto":
        return wanted
    has_bf16 = device == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return "bf16-mixed" if has_bf16 else "32-true"
