"""`wps-sam embed`: fill the embedding cache."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from wps_sam.cli.console import console
from wps_sam.cli.encoder import EncoderRuntime, open_cache, open_encoder
from wps_sam.embeddings.build import EmbedReport, embed_images
from wps_sam.embeddings.encoder import ImageEncoder
from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.embeddings.view_readers import ImageToEmbed
from wps_sam.errors import ConfigError
from wps_sam.images.reading import list_images
from wps_sam.inference.device import pick_device
from wps_sam.sam.build import load_sam


def embed(
    source: list[str],
    *,
    cache: Path | None = None,
    sam: str = "mobile_sam",
    device: str = "auto",
    batch_size: int | None = None,
    encoder: EncoderRuntime = "pytorch",
    ray: str | None = None,
) -> int:
    """Compute image features ahead of training; images already in the cache are left out.

    Args:
        source: image files, folders or globs; with --ray also URLs, lists of URLs (.txt, .parquet)
            and WebDataset's .tar files
        cache: folder of the cache (default: $WPS_SAM_CACHE or ~/.cache/wps-sam/embeddings)
        sam: name or checkpoint of the SAM
        device: auto, cpu, cuda or mps
        batch_size: images an encoder call (default: 8 on a GPU, else 1)
        encoder: pytorch; or, faster on GPUs and CPUs that compute in bf16 and with a cache of its
            own, pytorch-bf16; or, faster still on such CPUs, openvino-bf16, which takes one image
            a call and needs wps-sam[export]
        ray: embed on a Ray cluster: local starts one here, else its address, such as auto
    """
    if batch_size is not None and batch_size < 1:
        raise ConfigError(f"--batch-size is {batch_size}; give 1 or more.")
    if ray is not None:
        return _embed_on_ray(ray, source, cache, sam, device, batch_size, encoder)
    images = [ImageToEmbed(file.path, file.name) for file in list_images(source)]
    model = load_sam(sam, device=pick_device(device))
    store = open_cache(cache, encoder, model)
    runtime = open_encoder(encoder, model)
    return _list_failures(embed_with_progress(store, runtime, images, batch_size=batch_size))


def _embed_on_ray(
    address: str,
    source: Sequence[str],
    cache: Path | None,
    sam: str,
    device: str,
    batch_size: int | None,
    encoder: EncoderRuntime,
) -> int:
    """Embed with the workers of a cluster."""
    from wps_sam.cluster.embedding import embed_on_ray
    from wps_sam.cluster.listing import list_anywhere
    from wps_sam.cluster.session import ray_cluster

    device = _workers_device(encoder, device)
    images = list_anywhere(source)
    model = load_sam(sam, device=pick_device("cpu"))
    store = open_cache(cache, encoder, model)
    open_encoder(encoder, model)  # says here, not on the workers, if it does not know this SAM
    with ray_cluster(address), _progress_bar() as bar:
        task = bar.add_task("embedding", total=len(images))
        report = embed_on_ray(
            store,
            model,
            images,
            make_encoder=partial(open_encoder, encoder),
            device=device,
            batch_size=batch_size,
            on_progress=lambda done: bar.advance(task, done),
        )
    _print_counts(report, store)
    return _list_failures(report)


def _workers_device(encoder: EncoderRuntime, device: str) -> str:
    """Where the workers of a cluster compute; one with GPUs has CPUs for OpenVINO too.

    Raises:
        ConfigError: OpenVINO is to compute on something else.
    """
    if encoder != "openvino-bf16":
        return device
    if device not in ("auto", "cpu"):
        raise ConfigError(
            f"--encoder openvino-bf16 computes on the CPU, found --device {device}. Take "
            "--device cpu or --encoder pytorch-bf16."
        )
    return "cpu"


def _list_failures(report: EmbedReport) -> int:
    """Say which images failed; returns the exit status."""
    for name, reason in report.failures:
        console.print(f"[red]failed[/] {escape(name)}: {escape(reason)}")
    return 1 if report.failures else 0


def embed_with_progress(
    store: EmbeddingCache,
    encoder: ImageEncoder,
    images: Sequence[ImageToEmbed],
    *,
    batch_size: int | None = None,
) -> EmbedReport:
    """Embed under a progress bar and print a line of counts."""
    with _progress_bar() as bar:
        task = bar.add_task("embedding", total=len(images))
        report = embed_images(
            store,
            encoder,
            images,
            batch_size=batch_size,
            on_progress=lambda done: bar.advance(task, done),
        )
    _print_counts(report, store)
    return report


def _progress_bar() -> Progress:
    """A bar with counts and the time left."""
    columns = (
        TextColumn("embedding"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("images"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=console, transient=True)


def _print_counts(report: EmbedReport, store: EmbeddingCache) -> None:
    """One line on what was done."""
    parts = [f"{report.embedded} images embedded", f"{report.reused} already in the cache"]
    if report.repaired:
        names = ", ".join(report.repaired[:5])
        parts.append(f"{len(report.repaired)} damaged cache files replaced ({names})")
    if report.failures:
        parts.append(f"{len(report.failures)} unreadable")
    console.print(escape(f"{'; '.join(parts)}. Cache: {store.folder}"), soft_wrap=True)
