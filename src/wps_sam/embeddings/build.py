"""Fill the embedding cache: photographs in, features on disk, each photograph once."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from wps_sam.embeddings.store import EmbeddingCache, embedding_key
from wps_sam.errors import DataError
from wps_sam.images.reading import read_image
from wps_sam.views.pixels import view_pixels
from wps_sam.views.view import PLAIN, View


class ImageEncoder(Protocol):
    """What makes features: a SAM, or its encoder elsewhere."""

    @property
    def device(self) -> torch.device:
        """Where it computes."""

    def preprocess(self, images: Sequence[npt.NDArray[np.uint8]]) -> Tensor:
        """See FrozenSam.preprocess."""

    def encode(self, pixels: Tensor) -> Tensor:
        """See FrozenSam.encode."""


@dataclass(frozen=True)
class ImageToEmbed:
    """One photograph, or one view of it.

    Attributes:
        path: the file.
        name: what to call it in messages.
        expected_hw: (height, width) of its label record, where there is one.
        view: how to look at it.
    """

    path: Path
    name: str
    expected_hw: tuple[int, int] | None = None
    view: View = PLAIN

    def key(self) -> str:
        """Its key in the cache.

        Raises:
            DataError: the file cannot be read.
        """
        return embedding_key(self.path, self.expected_hw, self.view)


class ViewReader:
    """Reads views; of a photograph's views that follow each other only the first opens the file."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self._last: tuple[Path, tuple[int, int] | None] | None = None
        self._photograph = np.empty((0, 0, 3), np.uint8)

    def pixels(self, image: ImageToEmbed) -> npt.NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB, the view's frame.

        Raises:
            DataError: the file cannot be read.
        """
        wanted = (image.path, image.expected_hw)
        if wanted != self._last:
            self._last = None  # nothing, if this one cannot be read
            self._photograph = read_image(*wanted)
            self._last = wanted
        return view_pixels(self._photograph, image.view)


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
    batch_size: int = 1,
    on_progress: Callable[[int], None] = lambda done: None,
) -> EmbedReport:
    """Make sure that every image has an embedding.

    A broken image is listed in the report and the rest go on. Safe to kill and start again.

    Args:
        cache: where features go.
        encoder: makes them.
        images: photographs; copies of one photograph are embedded once.
        batch_size: images an encoder call; more than 1 helps on a GPU only.
        on_progress: told the number of images just finished with.
    """
    report = EmbedReport()
    waiting: list[tuple[str, npt.NDArray[np.uint8]]] = []
    with ThreadPoolExecutor(max_workers=1) as reader:  # reads one image ahead of the encoder
        for result in _read_ahead(reader, cache, images, report, on_progress):
            waiting.append(result)
            if len(waiting) == batch_size:
                _encode(cache, encoder, waiting, report, on_progress)
                waiting = []
    if waiting:
        _encode(cache, encoder, waiting, report, on_progress)
    _report_copies_of_broken_images(cache, report)
    return report


def _read_ahead(
    reader: ThreadPoolExecutor,
    cache: EmbeddingCache,
    images: Sequence[ImageToEmbed],
    report: EmbedReport,
    on_progress: Callable[[int], None],
) -> Iterable[tuple[str, npt.NDArray[np.uint8]]]:
    """Yield (key, pixels) of the images that need the encoder, keeping one read under way."""
    started: set[str] = set()
    views = ViewReader()
    pending = None
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
        following = (image, key, reader.submit(views.pixels, image))
        if pending is not None:
            yield from _finish(pending, report, on_progress)
        pending = following
    if pending is not None:
        yield from _finish(pending, report, on_progress)


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
    pending: tuple[ImageToEmbed, str, Future[npt.NDArray[np.uint8]]],
    report: EmbedReport,
    on_progress: Callable[[int], None],
) -> Iterable[tuple[str, npt.NDArray[np.uint8]]]:
    """Wait for one read; a failure goes into the report."""
    image, key, future = pending
    try:
        yield key, future.result()
    except DataError as error:
        del report.keys[image]
        report.failures.append((image.name, str(error)))
        on_progress(1)


@torch.no_grad()
def _encode(
    cache: EmbeddingCache,
    encoder: ImageEncoder,
    batch: Sequence[tuple[str, npt.NDArray[np.uint8]]],
    report: EmbedReport,
    on_progress: Callable[[int], None],
) -> None:
    """Encode a batch and store it."""
    features = encoder.encode(encoder.preprocess([pixels for _, pixels in batch]))
    for (key, _), one in zip(batch, features, strict=True):
        cache.write(key, one)
    report.embedded += len(batch)
    on_progress(len(batch))
