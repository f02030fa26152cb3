"""Which number type to train in."""

import time

import torch

from wps_sam.training.processes import Processes

_SIDE = 512
_TURNS = 5
_WORTH_IT = 1.5
"""How much faster products must be in bf16: casts and all that stays in 32 bit cost some of it.

On processors that compute in bf16 the ratio is about 2 and more; on those that only can read it,
about a half.
"""


def choose_precision(wanted: str, device: str, here: Processes) -> str:
    """`auto` takes bf16 where this machine is faster in it, else 32 bit.

    A CUDA device is asked whether it computes in bf16. What a CPU says of itself does not tell, so
    one is measured; but several processes on CPUs, which must all decide alike, stay at 32 bit.

    Args:
        wanted: `auto`, or Lightning's name, which is returned.
        device: `cpu`, `cuda` or `mps`.
        here: The processes that train together.

    Returns:
        Lightning's name. Weights stay in 32 bit either way.
    """
    if wanted != "auto":
        return wanted
    if device == "cuda":
        is_faster = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        is_faster = device == "cpu" and here.count == 1 and bf16_gain() >= _WORTH_IT
    return "bf16-mixed" if is_faster else "32-true"


def bf16_gain() -> float:
    """How many times faster this CPU multiplies matrices in bf16 than in 32 bit.

    Both are measured in turns and the quickest of each counts, as other programs only make a
    product slower. Takes about 20 ms.
    """
    kinds = (torch.float32, torch.bfloat16)
    factors = [torch.ones((_SIDE, _SIDE), dtype=kind) for kind in kinds]
    seconds: list[list[float]] = [[], []]
    for turn in range(_TURNS + 1):
        for factor, taken in zip(factors, seconds, strict=True):
            started = time.perf_counter()
            factor @ factor
            if turn > 0:  # the first one also prepares
                taken.append(time.perf_counter() - started)
    exact, coarse = map(min, seconds)
    return exact / coarse
