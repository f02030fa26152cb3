"""Which number type to train in."""

import torch


def choose_precision(wanted: str, device: str) -> str:
    """`auto` takes bf16 on CUDA devices that compute in it, else 32 bit.

    CPUs stay at 32 bit: there bf16 made a training step slower (benchmarks/cost.py).
    """
    if wanted != "auto":
        return wanted
    has_bf16 = device == "cuda" and torch.cuda.is_bf16_supported()
    return "bf16-mixed" if has_bf16 else "32-true"
