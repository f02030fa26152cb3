"""What each image adds to the scores of the classes, kept on disk.

A score such as IoU is a ratio of two sums over images, so what an interval needs of an image is its
summands: a few numbers for each class that occurs in it. The sums stay in memory, the summands go
to a temporary file and come back in blocks of images.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wps_sam.evaluation.confusion import Counts
from wps_sam.evaluation.scratch import ScratchRows

IMAGES_PER_BLOCK = 256


class ClassRows:
    """M numbers for each class that occurs in each of N images; one block of images in memory.

    The first number says how much of the class is true in the image, such as true pixels.

    Attributes:
        num_classes: C.
        totals: (M, C) float64, sums over the images added so far; exact for whole numbers below
            2^53.
        images_with_class: (C,) int64, images in which the class is true.
    """

    def __init__(self, columns: int, num_classes: int) -> None:
        """Start with no image.

        Args:
            columns: M.
            num_classes: C.
        """
        self.num_classes = num_classes
        self.totals = np.zeros((columns, num_classes))
        self.images_with_class = np.zeros(num_classes, np.int64)
        self._count = 0
        self._stored = ScratchRows()
        self._pending: list[NDArray[np.float64]] = []
        self._latest: tuple[int, NDArray[np.float64]] | None = None

    def __len__(self) -> int:
        """N."""
        return self._count

    def add(self, values: NDArray[Any]) -> None:
        """Add one image.

        Args:
            values: (M, C) numbers, 0 or more; a class whose M numbers are all 0 takes no room.
        """
        self.totals += values
        self.images_with_class += values[0] > 0
        occurs = np.flatnonzero(values.any(axis=0))
        place = np.full(len(occurs), self._count % IMAGES_PER_BLOCK)
        self._pending.append(np.vstack([place, occurs, values[:, occurs]], dtype=np.float64).T)
        self._count += 1
        if self._count % IMAGES_PER_BLOCK == 0:
            content = np.concatenate(self._pending).tobytes()
            self._stored.append(self._count // IMAGES_PER_BLOCK - 1, (content,))
            self._pending.clear()

    def image(self, index: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Read one image.

        Args:
            index: Its number, from 0.

        Returns:
            (K,) classes that occur in it, in rising order, and their (M, K) numbers.
        """
        number, place = divmod(index, IMAGES_PER_BLOCK)
        rows = self._block(number)
        rows = rows[rows[:, 0] == place]
        return rows[:, 1].astype(np.intp), rows[:, 2:].T

    def blocks(self) -> Iterator[NDArray[np.float64]]:
        """Read all images in the order of adding.

        Yields:
            (M, B, C) numbers of the next B images; the same B for every table of N images.
        """
        for start in range(0, self._count, IMAGES_PER_BLOCK):
            rows = self._block(start // IMAGES_PER_BLOCK)
            images = min(IMAGES_PER_BLOCK, self._count - start)
            table = np.zeros((len(self.totals), images, self.num_classes))
            table[:, rows[:, 0].astype(np.intp), rows[:, 1].astype(np.intp)] = rows[:, 2:].T
            yield table

    def _block(self, number: int) -> NDArray[np.float64]:
        """(R, 2 + M) rows of a block: image within the block, class, numbers."""
        if number == self._count // IMAGES_PER_BLOCK:
            empty = np.zeros((0, 2 + len(self.totals)))
            return np.concatenate([empty, *self._pending])
        if self._latest is None or self._latest[0] != number:
            ((content,),) = self._stored.rows(int(number))
            self._latest = number, np.frombuffer(content).reshape(-1, 2 + len(self.totals))
        return self._latest[1]


def pixel_columns(counts: Counts) -> NDArray[np.int64]:
    """What the IoU of the classes needs of an image's counts.

    Args:
        counts: (C + 1, C + 1) int64, background first.

    Returns:
        (3, C) true, predicted and correct pixels.
    """
    return np.stack([counts.sum(axis=1), counts.sum(axis=0), np.diagonal(counts)])[:, 1:]
