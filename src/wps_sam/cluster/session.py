"""A Ray cluster, and a stream of images through workers on it."""

import copy
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import nn

from wps_sam.cluster.stored_images import RECORD_FIELDS, to_record
from wps_sam.cluster.worker import STOPPED, Attempts, BlockWorker
from wps_sam.errors import ClusterError, ConfigError
from wps_sam.extra_packages import RAY, extra_package
from wps_sam.inference.sources import ImageToPredict

LOCAL = "local"

_OBJECT_STORE_BYTES = 200_000_000
_BYTES_BESIDE_WEIGHTS = 1.4e9
"""Of a worker: the program, and what an image takes on its way through the model."""

_MOST_IMAGES_A_BLOCK = 256
_BLOCKS_A_WORKER = 8
"""At least so many, so that the last ones to finish keep the others waiting shortly."""


@contextmanager
def ray_cluster(address: str) -> Iterator[None]:
    """Join a cluster for as long as the context lasts; one that is joined already is kept.

    Args:
        address: `local` starts one on this machine; else that of a cluster: `auto`, HOST:PORT or
            ray://HOST:PORT.

    Raises:
        ConfigError: Ray is missing, or no cluster answers.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = extra_package("ray", RAY)
    if ray.is_initialized():
        yield
        return
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == LOCAL:
        quiet |= {"include_dashboard": False, "object_store_memory": _OBJECT_STORE_BYTES}
    try:
        ray.init(address=address, **quiet)
    except Exception as error:  # also plain ones, as where a machine is too busy to start it
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise _not_joined(address, reason) from error
    try:
        yield
    finally:
        ray.shutdown()


def _not_joined(address: str, reason: str) -> ConfigError:
    """The error where there is no cluster."""
    if address == LOCAL:
        return ConfigError(
            f"--ray {LOCAL}: Ray could not be started on this machine ({reason}). Check that it "
            "has memory and disk space left, or leave --ray out."
        )
    return ConfigError(
        f"--ray {address}: no Ray cluster could be joined ({reason}). Check that it is up (ray "
        f"status), or start one on this machine with --ray {LOCAL}."
    )


def choose_kind(device: str) -> str:
    """Choose what the workers compute on.

    Args:
        device: `auto` takes GPUs where the cluster has any.

    Returns:
        `cpu` or `cuda`.

    Raises:
        ConfigError: The cluster has none of that kind.
    """
    resources = extra_package("ray", RAY).cluster_resources()
    kind = device if device != "auto" else "cuda" if resources.get("GPU", 0) >= 1 else "cpu"
    if kind not in ("cpu", "cuda"):
        raise ConfigError(f"--device {device!r} with --ray: choose auto, cpu or cuda.")
    if resources.get(_RESOURCE[kind], 0) < 1:
        raise ConfigError(f"--device {device}: the Ray cluster has no {_RESOURCE[kind]}.")
    return kind


_RESOURCE = {"cpu": "CPU", "cuda": "GPU"}


def copies_on_cpu(*models: nn.Module) -> tuple[nn.Module, ...]:
    """Models as they can be sent to any machine; the caller's stay on their device."""
    devices = {weight.device.type for model in models for weight in model.parameters()}
    if devices <= {"cpu"}:
        return models
    return tuple(model.to("cpu") for model in copy.deepcopy(models))  # what they share, stays so


def worker_bytes(*models: nn.Module) -> float:
    """Memory of a worker that has these models: their weights twice, as sent and as loaded."""
    tensors = [t for model in models for t in (*model.parameters(), *model.buffers())]
    return _BYTES_BESIDE_WEIGHTS + 2.0 * sum(t.numel() * t.element_size() for t in tensors)


def work_on(
    images: Sequence[tuple[int, ImageToPredict]],
    worker: type[BlockWorker],
    arguments: Mapping[str, Any],
    kind: str,
    memory: float,
) -> Iterator[dict[str, Any]]:
    """Send images through workers, one a CPU core or GPU; those of a killed worker are sent again.

    Args:
        images: Each with its position in the list.
        worker: Its constructor gets `arguments`, and `attempts`.
        arguments: Large ones as object references.
        kind: Of `choose_kind`.
        memory: Of `worker_bytes`; Ray starts no more workers on a machine's CPU than fit.

    Yields:
        One row of `worker.OUTCOME_FIELDS` an image, in any order.

    Raises:
        ClusterError: Something stopped a worker that is no matter of one image, as a full disk.
    """
    ray, data, arrow = (extra_package(name, RAY) for name in ("ray", "ray.data", "pyarrow"))
    resources = ray.cluster_resources()
    workers = _workers(resources, kind, memory)
    block = min(_MOST_IMAGES_A_BLOCK, -(-len(images) // (_BLOCKS_A_WORKER * workers)))
    schema = arrow.schema([(name, arrow.type_for_alias(of)) for name, of in RECORD_FIELDS.items()])
    tables = [
        arrow.Table.from_pylist([to_record(*one) for one in images[at : at + block]], schema)
        for at in range(0, len(images), block)
    ]
    _be_quiet(data)
    # Begun anew where its machine is lost, and asked again; it has forgotten the deaths till then.
    lasting = {"num_cpus": 0, "max_restarts": -1, "max_task_retries": -1}
    attempts = ray.remote(**lasting)(Attempts).remote()
    fitting = min(memory, resources.get("memory", 0))
    needs = {"num_gpus": 1} if kind == "cuda" else {"num_cpus": 1, "memory": fitting}
    done = data.from_arrow(tables).map_batches(
        worker,
        fn_constructor_kwargs={**arguments, "attempts": attempts},
        batch_size=None,  # a block
        batch_format="pyarrow",
        compute=data.ActorPoolStrategy(size=min(workers, len(tables))),
        **needs,
    )
    try:
        for row in done.iter_rows():
            if row["state"] == STOPPED:
                raise _stopped(row["reason"])
            yield row
    except ray.exceptions.RayError as error:
        raise _stopped(str(error).strip().splitlines()[-1]) from error


def _stopped(reason: str) -> ClusterError:
    """The error of a job that cannot go on."""
    return ClusterError(
        f"The job was stopped by a worker: {reason.rstrip('.')}. What is done is kept: mend this "
        "and run the same command again."
    )


def _workers(resources: Mapping[str, float], kind: str, memory: float) -> int:
    """How many workers fit into a cluster."""
    if kind == "cuda":
        return int(resources["GPU"])
    return max(1, int(min(resources["CPU"], resources.get("memory", 0) // memory)))


def _be_quiet(data: Any) -> None:
    """Leave progress to the bar of this program."""
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
