"""Learning rate over the run: linear warm-up, then half a cosine down to zero."""

import math


def warmup_cosine(step: int, warmup_steps: int, total_steps: int) -> float:
    """Factor on the learning rate at `step`, counted from 0.

    The cosine ends at the real last step and stays at its end if training goes on; a warm-up
    longer than a tenth of the run is cut to a tenth.

    Returns:
        0..1.
    """
    warmup = min(warmup_steps, total_steps // 10)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    progress = (step - warmup) / max(1, total_steps - warmup)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
