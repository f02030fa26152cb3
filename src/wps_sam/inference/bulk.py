"""Predict many images and write the results, past broken files and across restarts."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wps_sam.errors import DataError
from wps_sam.images.reading import read_image
from wps_sam.inference.interface import Segmenter
from wps_sam.inference.journal import PredictionJournal
from wps_sam.inference.sources import ImageToPredict
from wps_sam.inference.writers import FORMATS, Outcome
from wps_sam.write_behind import WriteBehind

Pixels = NDArray[np.uint8]

# Results that wait for the disk: a few, and of large pictures with many parts none.
_MOST_WAITING = 4
_MOST_WAITING_BYTES = 100_000_000


@dataclass
class PredictReport:
    """What happened to each image.

    Attributes:
        predicted: How many were predicted just now.
        reused: How many an interrupted run had done already.
        parts: Parts found just now.
        dropped_empty: Further parts found just now whose mask had no pixel.
        failures: (name, reason) of images that could not be read or predicted.
    """

    predicted: int = 0
    reused: int = 0
    parts: int = 0
    dropped_empty: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True)
class BulkJob:
    """How to predict and what to write.

    Attributes:
        segmenter: Finds the parts.
        journal: Takes the annotations; images that it has are left out.
        out: Folder of the other files.
        formats: Keys of `FORMATS`.
        score_threshold: As for `PartSegmenter.predict`.
        batch_size: Images an encoder call; more than 1 helps on a GPU only.
    """

    segmenter: Segmenter
    journal: PredictionJournal
    out: Path
    formats: Sequence[str]
    score_threshold: float | None = None
    batch_size: int = 1


def predict_images(
    job: BulkJob,
    images: Sequence[ImageToPredict],
    on_progress: Callable[[int], None] = lambda done: None,
) -> PredictReport:
    """Predict images and write each one's files; a broken image is listed and the rest go on.

    Args:
        job: Model, places and settings.
        images: What to predict.
        on_progress: Told the number of images just finished with; also from the thread that writes.

    Returns:
        Counts and failures.
    """
    report = PredictReport()
    waiting = [image for image in images if not job.journal.has(image)]
    report.reused = len(images) - len(waiting)
    on_progress(report.reused)
    # One thread writes, so that the journal keeps the order of the images.
    with WriteBehind(_MOST_WAITING, _MOST_WAITING_BYTES) as writer:
        batch: list[tuple[ImageToPredict, Pixels]] = []
        for image, pixels in _read_ahead(waiting, job.batch_size):
            if isinstance(pixels, DataError):
                report.failures.append((image.name, str(pixels)))
                on_progress(1)
                continue
            batch.append((image, pixels))
            if len(batch) == job.batch_size:
                _predict_batch(job, batch, report, writer, on_progress)
                batch = []
        if batch:
            _predict_batch(job, batch, report, writer, on_progress)
    return report


def _predict_batch(
    job: BulkJob,
    batch: Sequence[tuple[ImageToPredict, Pixels]],
    report: PredictReport,
    writer: WriteBehind,
    on_progress: Callable[[int], None],
) -> None:
    """Predict some images and hand them to the writer; failures go into the report."""
    try:
        predictions = job.segmenter.predict_batch(
            [pixels for _, pixels in batch], score_threshold=job.score_threshold
        )
    except DataError as error:
        if len(batch) == 1:
            report.failures.append((batch[0][0].name, str(error)))
            on_progress(1)
            return
        for one in batch:  # to find out which image it is
            _predict_batch(job, [one], report, writer, on_progress)
        return
    for (image, pixels), prediction in zip(batch, predictions, strict=True):
        outcome = Outcome(image.stem, pixels, prediction)
        in_memory = prediction.masks.nbytes + pixels.nbytes
        writer.submit(partial(_write, job, image, outcome, report, on_progress), in_memory)


def _write(
    job: BulkJob,
    image: ImageToPredict,
    outcome: Outcome,
    report: PredictReport,
    on_progress: Callable[[int], None],
) -> None:
    """Write one image's files."""
    for name in job.formats:
        FORMATS[name](outcome, job.out)
    # Last, so that an image in the journal has all its files.
    job.journal.add(image, outcome.prediction)
    report.parts += len(outcome.prediction)
    report.dropped_empty += outcome.prediction.dropped_empty
    report.predicted += 1
    on_progress(1)


def _read_ahead(
    images: Sequence[ImageToPredict], ahead: int
) -> Iterator[tuple[ImageToPredict, Pixels | DataError]]:
    """Read images on other threads, a few before they are needed; an error takes their place."""
    queue: deque[tuple[ImageToPredict, Future[Pixels]]] = deque()
    with ThreadPoolExecutor(max_workers=min(ahead, 4)) as readers:
        for image in images:
            queue.append((image, readers.submit(_read, image)))
            if len(queue) > ahead:
                yield _result(*queue.popleft())
        while queue:
            yield _result(*queue.popleft())


def _read(image: ImageToPredict) -> Pixels:
    """Read one image."""
    if image.path is None:
        raise DataError(image.problem)
    return read_image(image.path, image.expected_hw)


def _result(
    image: ImageToPredict, future: Future[Pixels]
) -> tuple[ImageToPredict, Pixels | DataError]:
    """Wait for one image."""
    try:
        return image, future.result()
    except DataError as error:
        return image, error
