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
from wps_sam.embeddings.build import EmbedReport, ImageToEmbed, embed_images
from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.embeddings.store import EmbeddingCache, default_cache_root
from wps_sam.images.reading import list_images
from wps_sam.inference.device import pick_device
from wps_sam.sam.build import load_sam
from wps_sam.sam.frozen import FrozenSam


def embed(
    source: list[str],
    *,
    cache: Path | None = None,
    sam: str = "mobile_sam",
    device: str = "auto",
    batch_size: int = 1,
) -> int:
    """Compute image features ahead of training; images already in the cache are left out.

    Args:
        source: image files, folders or globs
        cache: folder of the cache (default: $WPS_SAM_CACHE or ~/.cache/wps-sam/embeddings)
        sam: name or checkpoint of the SAM
        device: auto, cpu, cuda or mps
        batch_size: images an encoder call
    """
    images = [ImageToEmbed(file.path, file.name) for file in list_images(source)]
    model = load_sam(sam, device=pick_device(device))
    store = EmbeddingCache(cache or default_cache_root(), Fingerprint.of(model))
    report = embed_with_progress(store, model, images, batch_size=batch_size)
    for name, reason in report.failures:
        console.print(f"[red]failed[/] {escape(name)}: {escape(reason)}")
    return 1 if report.failures else 0


def embed_with_progress(
    store: EmbeddingCache,
    model: FrozenSam,
    images: Sequence[ImageToEmbed],
    *,
    batch_size: int = 1,
) -> EmbedReport:
    """Embed under a progress bar and print a line of counts."""
    columns = (
        TextColumn("embedding"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("images"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("embedding", total=len(images))
        report = embed_images(
            store,
            model,
            images,
            batch_size=batch_size,
            on_progress=lambda done: bar.advance(task, done),
        )
    parts = [f"{report.embedded} images embedded", f"{report.reused} already in the cache"]
    if report.repaired:
        names = ", ".join(report.repaired[:5])
        parts.append(f"{len(report.repaired)} damaged cache files replaced ({names})")
    if report.failures:
        parts.append(f"{len(report.failures)} unreadable")
    console.print(escape(f"{'; '.join(parts)}. Cache: {store.folder}"), soft_wrap=True)
    return report
