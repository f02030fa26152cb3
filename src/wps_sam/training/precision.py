"""Which number type to train in."""

import time
from typing import Literal

import torch

from wps_sam.training.processes import Processes, of_all_processes

Precision = Literal["auto", "32-true", "bf16-mixed"]

_SIDE = 512
_TURNS = 5
_WORTH_IT = 1.5
"""How much faster products must be in bf16, as casts and all that stays in 32 bit cost some of it.

2.1 on an AMD EPYC, where a training step then takes 1.3 to 1.4 times less; 0.5 on an Intel Xeon.
"""


def choose_precision(wanted: Precision, device: str, here: Processes) -> str:
    """`auto` takes bf16 where this machine is faster in it, else 32 bit.

    A CUDA device is asked whether it computes in bf16. What a CPU says of itself does not tell, so
    it is measured; of several processes the slowest in bf16 decides for all.

    Args:
        wanted: `auto`, or Lightning's name, which is returned.
        device: `cpu`, `cuda` or `mps`.
        here: The processes that train together; all call this.

    Returns:
        Lightning's name. Weights stay in 32 bit either way.
    """
    if wanted != "auto":
        return wanted
    is_faster = False
    if device == "cuda":
        is_faster = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device == "cpu":
        gains = of_all_processes({here.rank: torch.tensor(bf16_gain())})
        is_faster = min(gains.values()).item() >= _WORTH_IT
    return "bf16-mixed" if is_faster else "32-true"


def bf16_gain() -> float:
    """Compare how fast this CPU multiplies matrices in bf16 and in 32 bit.

    Both are measured in turns and the quickest of each counts, as other programs only make a
    product slower. Takes about 20 ms where both are fast.

    Returns:
        How many times faster bf16 is.
    """
    exact, coarse = (
        torch.ones((_SIDE, _SIDE), dtype=kind) for kind in (torch.float32, torch.bfloat16)
    )
    turns = [(_seconds(exact), _seconds(coarse)) for _ in range(_TURNS)]
    return min(taken for taken, _ in turns) / min(taken for _, taken in turns)


def _seconds(factor: torch.Tensor) -> float:
    """Seconds of one product."""
    started = time.perf_counter()
    factor @ factor
    return time.perf_counter() - started
