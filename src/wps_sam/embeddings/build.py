"""Fill the embedding cache: photographs in, features on disk, each photograph once."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wps_sam.embeddings.encoder import ImageEncoder
from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.embeddings.view_readers import ImageToEmbed, ViewReaders
from wps_sam.errors import ConfigError, DataError
from wps_sam.write_behind import WriteBehind

_GPU_BATCH = 8
_MOST_READERS = 16
_CORES_A_READER = 4
_VIEWS_AHEAD = 4
_BATCHES_BEING_WRITTEN = 2

OnProgress = Callable[[int], None]
Pixels = NDArray[np.uint8]


@dataclass
class EmbedReport:
    """What happened to each photograph.

    Attributes:
        keys: image -> cache key, for every image that now has an embedding.
        embedded: how many went through the encoder just now; counted by the thread that writes.
        found: names of those that were in the cache already.
        repaired: names whose damaged cache file was replaced.
        failures: (name, reason) of images that could not be read.
    """

    keys: dict[ImageToEmbed, str] = field(default_factory=dict)
    embedded: int = 0
    found: list[str] = field(default_factory=list)
    repaired: list[str] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)

    @property
    def reused(self) -> int:
        """How many were in the cache already."""
        return len(self.found)


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

    Raises:
        ConfigError: The encoder's device has not enough memory for a call.
        OSError: Nothing can be written.
    """
    if batch_size is None:
        batch_size = 1 if encoder.device.type == "cpu" else _GPU_BATCH
    report = EmbedReport()
    waiting: list[tuple[str, Pixels]] = []
    with WriteBehind(_BATCHES_BEING_WRITTEN) as writer:

        def encode(views: Sequence[tuple[str, Pixels]]) -> None:
            features = _encode(encoder, [pixels for _, pixels in views])
            keys = [key for key, _ in views]
            writer.submit(partial(_write, cache, keys, features, report, on_progress))

        for view in _read_ahead(cache, encoder, images, batch_size, report, on_progress):
            waiting.append(view)
            if len(waiting) == batch_size:
                encode(waiting)
                waiting = []
        if waiting:
            encode(waiting)
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
    threads = _reading_threads(encoder)
    # A photograph has one thread, whatever the number of its views; a view takes 3 MB at most.
    ahead = max(batch_size, _VIEWS_AHEAD * threads)
    queue: deque[tuple[ImageToEmbed, str, Future[Pixels]]] = deque()
    with ViewReaders(encoder.image_side, threads) as readers:
        hashed = _hash_ahead(images, threads)
        for image, key in _missing(cache, hashed, report, on_progress):
            queue.append((image, key, readers.submit(image)))
            if len(queue) > ahead:
                yield from _finish(*queue.popleft(), report, on_progress)
        while queue:
            yield from _finish(*queue.popleft(), report, on_progress)


def _reading_threads(encoder: ImageEncoder) -> int:
    """A CPU that encodes has few cores to spare; of one or two, one thread takes enough."""
    if encoder.device.type == "cpu":
        return max(1, min(_MOST_READERS, torch.get_num_threads() // _CORES_A_READER))
    return min(_MOST_READERS, os.cpu_count() or 1)


def _hash_ahead(
    images: Sequence[ImageToEmbed], threads: int
) -> Iterator[tuple[ImageToEmbed, Callable[[], str]]]:
    """Yield images and what gives their keys, in order; files are hashed ahead on other threads.

    Of views that follow each other only the first reads the file: its hash is remembered.
    """
    under_way: deque[tuple[list[ImageToEmbed], Future[str]]] = deque()

    def oldest() -> Iterator[tuple[ImageToEmbed, Callable[[], str]]]:
        (first, *others), key = under_way.popleft()
        yield first, key.result
        yield from ((other, other.key) for other in others)

    with ThreadPoolExecutor(threads) as hashers:
        for _, same_path in groupby(images, lambda image: image.path):
            views = list(same_path)
            under_way.append((views, hashers.submit(views[0].key)))
            if len(under_way) > 2 * threads:
                yield from oldest()
        while under_way:
            yield from oldest()


def _missing(
    cache: EmbeddingCache,
    hashed: Iterator[tuple[ImageToEmbed, Callable[[], str]]],
    report: EmbedReport,
    on_progress: OnProgress,
) -> Iterator[tuple[ImageToEmbed, str]]:
    """Yield the images that the cache does not have, and their keys; the report gets the others."""
    started: set[str] = set()
    for image, key_of in hashed:
        try:
            key = key_of()
        except DataError as error:
            report.failures.append((image.name, str(error)))
            on_progress(1)
            continue
        report.keys[image] = key
        state = cache.state(key)
        if state == "ready" or key in started:
            report.found.append(image.name)
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
            report.found.remove(image.name)
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
        if image.name in report.repaired:  # it was to be
            report.repaired.remove(image.name)
        report.failures.append((image.name, str(error)))
        on_progress(1)


@torch.no_grad()
def _encode(encoder: ImageEncoder, views: Sequence[Pixels]) -> Tensor:
    """Encode views in one call: features (B, C, h, w) float16."""
    try:
        features = encoder.encode(encoder.preprocess(views))
    except torch.OutOfMemoryError as error:
        raise ConfigError(
            f"{encoder.device}: its memory does not hold the encoder and {len(views)} images at a "
            f"time ({str(error).splitlines()[0]}). Run `wps-sam embed` with a smaller "
            "--batch-size first, whose features `train` then finds, or take --device cpu."
        ) from error
    # Rounded here and not by the thread that writes, for the reason that ViewReaders gives.
    features = features.half()
    # Only CUDA lets another thread fetch the result while the next images are encoded.
    return features if features.is_cuda else features.cpu()


def _write(
    cache: EmbeddingCache,
    keys: Sequence[str],
    features: Tensor,
    report: EmbedReport,
    on_progress: OnProgress,
) -> None:
    """Write the features of one call."""
    # Fetched in one go: each copy of its own would wait for the images that came after it.
    for key, one in zip(keys, features.cpu(), strict=True):
        cache.write(key, one)
    report.embedded += len(keys)
    on_progress(len(keys))
