"""`wps-sam embed`: fill the embedding cache."""

from collections.abc import Sequence
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
from wps_sam.embeddings.build import EmbedReport, ImageEncoder, ImageToEmbed, embed_images
from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.embeddings.store import EmbeddingCache, default_cache_root
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
    batch_size: int = 1,
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
        batch_size: images an encoder call
        encoder: pytorch, or openvino-bf16, faster on CPUs that compute in bf16, with a cache of its
            own and one image a call; needs wps-sam[export]
        ray: embed on a Ray cluster: local starts one here, else its address, such as auto
    """
    if ray is not None:
        if encoder != "pytorch":
            raise ConfigError(
                f"--encoder {encoder}: the workers of a cluster encode with PyTorch. Leave "
                "--encoder or --ray out."
            )
        return _embed_on_ray(ray, source, cache or default_cache_root(), sam, device, batch_size)
    images = [ImageToEmbed(file.path, file.name) for file in list_images(source)]
    model = load_sam(sam, device=pick_device(device))
    store = open_cache(cache, encoder, model)
    runtime = open_encoder(encoder, model)
    return _list_failures(embed_with_progress(store, runtime, images, batch_size=batch_size))


def _embed_on_ray(
    address: str, source: Sequence[str], cache: Path, sam: str, device: str, batch_size: int
) -> int:
    """Embed with the workers of a cluster."""
    from wps_sam.cluster.embedding import embed_on_ray
    from wps_sam.cluster.listing import list_anywhere
    from wps_sam.cluster.session import ray_cluster

    images = list_anywhere(source)
    model = load_sam(sam, device=pick_device("cpu"))
    store = EmbeddingCache(cache, Fingerprint.of(model))
    with ray_cluster(address), _progress_bar() as bar:
        task = bar.add_task("embedding", total=len(images))
        report = embed_on_ray(
            store,
            model,
            images,
            device=device,
            batch_size=batch_size,
            on_progress=lambda done: bar.advance(task, done),
        )
    _print_counts(report, store)
    return _list_failures(report)


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
    batch_size: int = 1,
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
