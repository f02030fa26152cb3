"""Views of photographs in the size an encoder takes, read on other threads ahead of it."""

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from wps_sam.embeddings.store import embedding_key
from wps_sam.images.reading import read_image
from wps_sam.sam.preprocess import resize_longest_side
from wps_sam.views.pixels import view_pixels
from wps_sam.views.view import PLAIN, View


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


class ViewReaders:
    """Threads that read views and resize them for an encoder.

    All views of a photograph that follow each other go to one thread, which opens the file once.
    The threads use Pillow only: PyTorch would give each of them threads of its own, which take the
    cores from the encoder.
    """

    def __init__(self, image_side: int, threads: int) -> None:
        """Start threads; leaving the context ends them.

        Args:
            image_side: Of the SAM frame, in pixels.
            threads: How many photographs are read at once.
        """
        self._image_side = image_side
        self._threads = [(ThreadPoolExecutor(max_workers=1), ViewReader()) for _ in range(threads)]
        self._photographs = 0
        self._last: Path | None = None

    def __enter__(self) -> Self:
        """Nothing is under way yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish what is being read; what has not begun is not."""
        for thread, _ in self._threads:
            thread.shutdown(cancel_futures=True)

    def submit(self, image: ImageToEmbed) -> Future[npt.NDArray[np.uint8]]:
        """Begin to read a view.

        Returns:
            Its pixels when they are there, (h, w, 3) uint8 RGB, as large as in the SAM frame; or
            DataError, if the file cannot be read.
        """
        if image.path != self._last:
            self._last = image.path
            self._photographs += 1
        thread, reader = self._threads[self._photographs % len(self._threads)]
        return thread.submit(
            lambda: resize_longest_side(reader.pixels(image), self._image_side, record=image.name)
        )
