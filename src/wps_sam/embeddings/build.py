"""Fill the embedding cache: photographs in, features on disk, each photograph once."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wps_sam.embeddings.encoder import ImageEncoder
from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.embeddings.view_readers import ImageToEmbed, ViewReaders
from wps_sam.errors import DataError

_GPU_BATCH = 8
_MOST_READERS = 16
_BATCHES_BEING_WRITTEN = 2

OnProgress = Callable[[int], None]
Pixels = NDArray[np.uint8]


@dataclass
class EmbedReport:
    """What happened to each photograph.

    Attributes:
        keys: image -> cache key, for every image that now has an embedding.
        embedded: how many went through the encoder just now.
        reused: how many were in the cache already.
        repaired: names whose damaged cache file was replaced.
        failures: (name, reason) of images that could not be read.
    """

    keys: dict[ImageToEmbed, str] = field(default_factory=dict)
    embedded: int = 0
    reused: int = 0
    repaired: list[str] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)


def embed_images(
    cache: EmbeddingCache,
    encoder: ImageEncoder,
    images: Sequence[ImageToEmbed],
    *,
    batch_size: int | None = None,
    on_progress: OnProgress = lambda done: None,
) -> EmbedReport:
    """Make sure that every image has an embedding.

    Images are read ahead of the encoder and features are written behind it, on other threads. A
    broken image is listed in the report and the rest go on. Safe to kill and start again.

    Args:
        cache: where features go.
        encoder: makes them.
        images: photographs; copies of one photograph are embedded once.
        batch_size: images an encoder call; more than 1 helps on a GPU only. None is 8
            there, else 1.
        on_progress: told the number of images just finished with; also from the thread that
            writes.

    Returns:
        Counts, keys and failures.
    """
    if batch_size is None:
        batch_size = 1 if encoder.device.type == "cpu" else _GPU_BATCH
    report = EmbedReport()
    waiting: list[tuple[str, Pixels]] = []
    with _Writer(cache, report, on_progress) as writer:
        for view in _read_ahead(cache, encoder, images, batch_size, report, on_progress):
            waiting.append(view)
            if len(waiting) == batch_size:
                writer.write(*_encode(encoder, waiting))
                waiting = []
        if waiting:
            writer.write(*_encode(encoder, waiting))
    _report_copies_of_broken_images(cache, report)
    return report


def _read_ahead(
    cache: EmbeddingCache,
    encoder: ImageEncoder,
    images: Sequence[ImageToEmbed],
    batch_size: int,
    report: EmbedReport,
    on_progress: OnProgress,
) -> Iterator[tuple[str, Pixels]]:
    """Yield (key, pixels) of the images that need the encoder; the next batch is being read."""
    # A CPU that encodes has no core to spare for more than one.
    threads = 1 if encoder.device.type == "cpu" else min(_MOST_READERS, os.cpu_count() or 1)
    ahead = max(batch_size, threads)
    queue: deque[tuple[ImageToEmbed, str, Future[Pixels]]] = deque()
    with ViewReaders(encoder.image_side, threads) as readers:
        for image, key in _missing(cache, images, report, on_progress):
            queue.append((image, key, readers.submit(image)))
            if len(queue) > ahead:
                yield from _finish(*queue.popleft(), report, on_progress)
        while queue:
            yield from _finish(*queue.popleft(), report, on_progress)


def _missing(
    cache: EmbeddingCache,
    images: Sequence[ImageToEmbed],
    report: EmbedReport,
    on_progress: OnProgress,
) -> Iterator[tuple[ImageToEmbed, str]]:
    """Yield the images that the cache does not have, and their keys; the report gets the others."""
    started: set[str] = set()
    for image in images:
        try:
            key = image.key()
        except DataError as error:
            report.failures.append((image.name, str(error)))
            on_progress(1)
            continue
        report.keys[image] = key
        state = cache.state(key)
        if state == "ready" or key in started:
            report.reused += 1
            on_progress(1)
            continue
        if state == "damaged":
            report.repaired.append(image.name)
        started.add(key)
        yield image, key


def _report_copies_of_broken_images(cache: EmbeddingCache, report: EmbedReport) -> None:
    """A copy of an image that could not be read has no embedding either."""
    if not report.failures:
        return
    for image, key in list(report.keys.items()):
        if cache.state(key) != "ready":
            del report.keys[image]
            report.reused -= 1
            report.failures.append((image.name, "the same bytes as an image that failed, above"))


def _finish(
    image: ImageToEmbed,
    key: str,
    future: Future[Pixels],
    report: EmbedReport,
    on_progress: OnProgress,
) -> Iterator[tuple[str, Pixels]]:
    """Wait for one read; a failure goes into the report."""
    try:
        yield key, future.result()
    except DataError as error:
        del report.keys[image]
        report.failures.append((image.name, str(error)))
        on_progress(1)


@torch.no_grad()
def _encode(encoder: ImageEncoder, views: Sequence[tuple[str, Pixels]]) -> tuple[list[str], Tensor]:
    """Encode views in one call: their keys, and features (B, C, h, w) float16."""
    features = encoder.encode(encoder.preprocess([pixels for _, pixels in views]))
    # Rounded here and not by the thread that writes, for the reason that ViewReaders gives.
    return [key for key, _ in views], features.half()


class _Writer:
    """Writes features while the next images are encoded."""

    def __init__(self, cache: EmbeddingCache, report: EmbedReport, on_progress: OnProgress) -> None:
        self._cache = cache
        self._report = report
        self._on_progress = on_progress
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._under_way: deque[Future[None]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish what was begun, after an error too: it was paid for. The first error counts."""
        with self._thread:
            while self._under_way:
                if kind is None:
                    self._under_way.popleft().result()
                else:
                    self._under_way.popleft().exception()

    def write(self, keys: Sequence[str], features: Tensor) -> None:
        """Begin to write; waits where several batches are under way, and raises earlier errors."""
        self._under_way.append(self._thread.submit(self._write, keys, features))
        if len(self._under_way) > _BATCHES_BEING_WRITTEN:
            self._under_way.popleft().result()

    def _write(self, keys: Sequence[str], features: Tensor) -> None:
        for key, one in zip(keys, features, strict=True):
            self._cache.write(key, one)
        self._report.embedded += len(keys)
        self._on_progress(len(keys))
