"""Sums over a batch that several training processes share.

Distributed training averages the gradients of its W processes. Of a loss N / D, a sum over the
batch by another, each process r knows its own images' N_r and D_r only, and the average of
N_r / D_r is not N / D: an image whose process has few parts would count for more. With
N_r / (D / W) the average is N / D, whatever the images' parts and however a batch is shared out.
"""

import torch
from torch import Tensor
from torch import distributed as dist


def mean_over_processes(total: Tensor, least: float = 0.0) -> Tensor:
    """What to divide a process's share of a sum by, so that the average is over the whole batch.

    All processes have to call this equally often; with one process there is nothing to wait for.

    Args:
        total: () float, D_r of the docstring above; no gradient flows through it.
        least: D of the whole batch counts as at least this.

    Returns:
        () float, D / W, the same in all processes.
    """
    if _processes() == 1:
        return total.detach().clamp(min=least)
    summed = total.detach().clone()
    dist.all_reduce(summed)
    return summed.clamp(min=least) / _processes()


def images_of_step(images: int, device: torch.device) -> int:
    """How many images all processes learn from in this step.

    Args:
        images: How many this process has.
        device: Where the processes talk to each other.
    """
    if _processes() == 1:
        return images
    summed = torch.tensor(images, device=device)
    dist.all_reduce(summed)
    return int(summed)


def _processes() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
