"""A Ray cluster, and a stream of images through workers on it."""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from wps_sam.cluster.extra_packages import cluster_package
from wps_sam.cluster.stored_images import RECORD_FIELDS, to_record
from wps_sam.cluster.worker import STOPPED, Attempts, BlockWorker
from wps_sam.errors import ClusterError, ConfigError
from wps_sam.inference.sources import ImageToPredict

LOCAL = "local"

_OBJECT_STORE_BYTES = 200_000_000
_WORKER_BYTES = 1.5e9
"""A worker with MobileSAM; Ray starts no more on a machine than fit."""

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
    ray = cluster_package("ray")
    if ray.is_initialized():
        yield
        return
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address == LOCAL:
        quiet |= {"include_dashboard": False, "object_store_memory": _OBJECT_STORE_BYTES}
    try:
        ray.init(address=address, **quiet)
    except Exception as error:  # also plain ones, as where a machine is too busy to start it
        raise ConfigError(
            f"--ray {address}: no Ray cluster could be joined ({str(error).splitlines()[0]}). "
            "Check that it is up (ray status), or start one on this machine with --ray local."
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def choose_kind(device: str) -> str:
    """Choose what the workers compute on.

    Args:
        device: `auto` takes GPUs where the cluster has any.

    Returns:
        `cpu` or `cuda`.

    Raises:
        ConfigError: The cluster has none of that kind.
    """
    resources = cluster_package("ray").cluster_resources()
    kind = device if device != "auto" else "cuda" if resources.get("GPU", 0) >= 1 else "cpu"
    if kind not in ("cpu", "cuda"):
        raise ConfigError(f"--device {device!r} with --ray: choose auto, cpu or cuda.")
    if resources.get(_RESOURCE[kind], 0) < 1:
        raise ConfigError(f"--device {device}: the Ray cluster has no {_RESOURCE[kind]}.")
    return kind


_RESOURCE = {"cpu": "CPU", "cuda": "GPU"}


def work_on(
    images: Sequence[tuple[int, ImageToPredict]],
    worker: type[BlockWorker],
    arguments: Mapping[str, Any],
    kind: str,
) -> Iterator[dict[str, Any]]:
    """Send images through workers, one a CPU core or GPU; those of a killed worker are sent again.

    Args:
        images: Each with its position in the list.
        worker: Its constructor gets `arguments`, and `attempts`.
        arguments: Large ones as object references.
        kind: Of `choose_kind`.

    Yields:
        One row of `worker.OUTCOME_FIELDS` an image, in any order.

    Raises:
        ClusterError: Something stopped a worker that is no matter of one image, as a full disk.
    """
    ray, data, arrow = (cluster_package(name) for name in ("ray", "ray.data", "pyarrow"))
    resources = ray.cluster_resources()
    workers = _workers(resources, kind)
    block = min(_MOST_IMAGES_A_BLOCK, -(-len(images) // (_BLOCKS_A_WORKER * workers)))
    schema = arrow.schema([(name, arrow.type_for_alias(of)) for name, of in RECORD_FIELDS.items()])
    tables = [
        arrow.Table.from_pylist([to_record(*one) for one in images[at : at + block]], schema)
        for at in range(0, len(images), block)
    ]
    _be_quiet(data)
    attempts = ray.remote(num_cpus=0)(Attempts).remote()
    memory = min(_WORKER_BYTES, resources.get("memory", 0))
    needs = {"num_gpus": 1} if kind == "cuda" else {"num_cpus": 1, "memory": memory}
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


def _workers(resources: Mapping[str, float], kind: str) -> int:
    """How many workers fit into a cluster."""
    if kind == "cuda":
        return int(resources["GPU"])
    return max(1, int(min(resources["CPU"], resources.get("memory", 0) // _WORKER_BYTES)))


def _be_quiet(data: Any) -> None:
    """Leave progress to the bar of this program."""
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
