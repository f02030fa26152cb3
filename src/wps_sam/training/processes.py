"""Which of the processes of a training run this one is: as torchrun or SLURM's srun say."""

import atexit
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from torch import Tensor
from torch import distributed as dist

from wps_sam.errors import ConfigError, TrainingError

_LONGEST_WAIT = timedelta(days=7)
"""For the first process, which may have a large data set to embed."""


@dataclass(frozen=True)
class Processes:
    """The processes of a run, all with the same program and the same data.

    Attributes:
        rank: This process, from 0; the process 0 writes files and talks.
        count: How many there are.
        local_rank: This process among those of its machine: which GPU it takes.
        a_machine: How many each machine has.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    a_machine: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes files and talks."""
        return self.rank == 0

    def share_of_batch(self, batch_size: int) -> int:
        """Images a step of each process.

        Raises:
            ConfigError: The processes cannot take equal shares.
        """
        if batch_size % self.count:
            raise ConfigError(
                f"The recipe learns from {batch_size} images a step in all, which {self.count} "
                f"processes cannot share equally. Start as many as divide {batch_size}, or give a "
                f"--batch-size that is a multiple of {self.count}."
            )
        return batch_size // self.count


ALONE = Processes()
"""One process that shares with nobody."""


def processes_here(environment: Mapping[str, str] = os.environ) -> Processes:
    """Read what started this process.

    Args:
        environment: torchrun sets WORLD_SIZE and its relatives, srun SLURM_STEP_NUM_TASKS and its.
            (SLURM_NTASKS is set in a batch script too, whose one process no srun has multiplied.)

    Returns:
        One process alone if neither has started several.

    Raises:
        ConfigError: Machines have different numbers of processes.
    """
    if "TORCHELASTIC_RUN_ID" in environment:
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
        found = Processes(*(int(environment[name]) for name in names))
    elif int(environment.get("SLURM_STEP_NUM_TASKS", "1")) > 1:
        count, machines = (int(environment[f"SLURM_STEP_NUM_{of}"]) for of in ("TASKS", "NODES"))
        rank, local_rank = int(environment["SLURM_PROCID"]), int(environment["SLURM_LOCALID"])
        found = Processes(rank, count, local_rank, count // machines)
    else:
        return ALONE
    if found.count % found.a_machine or found.local_rank >= found.a_machine:
        raise ConfigError(
            f"{found.count} processes were started, {found.a_machine} on a machine; expected as "
            "many on every machine. Give srun --ntasks-per-node, or torchrun --nproc-per-node."
        )
    return found


def join_processes(here: Processes, device: torch.device) -> None:
    """Meet the other processes of the run; alone, do nothing.

    Args:
        here: This process.
        device: What it computes on; of several GPUs of a kind it takes the one of its number.

    Raises:
        ConfigError: This process does not see a GPU for each process of its machine.
    """
    if here.count == 1 or dist.is_initialized():
        return
    if device.type == "cuda":
        _take_gpu(here)
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        os.environ |= as_torchrun_says(here, os.environ)
    # Waiting is done with gloo, also where gradients go through NCCL.
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, rank=here.rank, world_size=here.count)
    atexit.register(_leave)


def _take_gpu(here: Processes) -> None:
    """Compute on the GPU of this process's number, where Lightning looks for it too."""
    seen = torch.cuda.device_count()
    if seen < here.a_machine:
        raise ConfigError(
            f"{here.a_machine} processes were started on this machine and this one sees {seen} of "
            "its GPUs; expected one for each. Let each process see all GPUs of the machine: leave "
            f"out --gpus-per-task and --gpu-bind; or start {seen} on each machine."
        )
    torch.cuda.set_device(here.local_rank)


def as_torchrun_says(here: Processes, environment: Mapping[str, str]) -> dict[str, str]:
    """Name this process and the first one's address in the variables that torchrun sets.

    Lightning's own reading of SLURM's variables refuses some ways to call srun and ignores others.

    Args:
        here: This process, started by srun.
        environment: SLURM's variables; a MASTER_ADDR or MASTER_PORT in it is kept.

    Returns:
        The same address in all processes of a run; other runs of a cluster have another port, but
        for chance.
    """
    machines = environment.get("SLURM_STEP_NODELIST") or environment.get("SLURM_NODELIST", "")
    address = SLURMEnvironment.resolve_root_node_address(machines) or "127.0.0.1"
    run = int(environment.get("SLURM_JOB_ID", "0")) + int(environment.get("SLURM_STEP_ID", "0"))
    return {
        "RANK": str(here.rank),
        "WORLD_SIZE": str(here.count),
        "LOCAL_RANK": str(here.local_rank),
        "LOCAL_WORLD_SIZE": str(here.a_machine),
        "GROUP_RANK": environment.get("SLURM_NODEID", str(here.rank // here.a_machine)),
        "MASTER_ADDR": environment.get("MASTER_ADDR", address),
        "MASTER_PORT": environment.get("MASTER_PORT", str(15_000 + run % 10_000)),
    }


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


def of_all_processes(mine: Mapping[int, Tensor]) -> dict[int, Tensor]:
    """Put together what each process found out about its share.

    Args:
        mine: Of this process; no key is another's too.

    Returns:
        Of all, the same in all.
    """
    if not dist.is_initialized() or dist.get_world_size() == 1:
        return dict(mine)
    found: list[dict[int, Tensor]] = [{} for _ in range(dist.get_world_size())]
    dist.all_gather_object(found, dict(mine))
    return {key: value for share in found for key, value in share.items()}


@contextmanager
def first_process_first() -> Iterator[None]:
    """Let the first process do something before all others do it too, and find it done.

    Raises:
        TrainingError: In the other processes, after an error in the first one.
    """
    if not dist.is_initialized() or dist.get_world_size() == 1:
        yield
        return
    waiting = dist.new_group(backend="gloo", timeout=_LONGEST_WAIT)
    first = dist.get_rank() == 0
    if not first:
        try:
            dist.barrier(waiting)
        except RuntimeError as error:  # the connection is lost
            raise TrainingError("The first process stopped; its message says why.") from error
    yield
    if first:
        dist.barrier(waiting)
