"""One image's parts, as truth and prediction both hold them."""

from array import array
from bisect import bisect_left
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from wps_sam.evaluation.runs import Runs, runs_area

LabelMap = NDArray[np.uint8 | np.uint16]
"""(H, W), original frame: 0 is background and k is class k - 1."""

PartMap = NDArray[np.unsignedinteger[Any]]
"""(H, W), original frame: 0 is background and k is part k - 1."""


@dataclass(frozen=True, slots=True)
class ScoredImage:
    """An image as a truth or prediction file names it.

    Attributes:
        image_id: The file's own id.
        file_name: The file's own name for it, with forward slashes.
        height: Height of the original image in pixels.
        width: Width of the original image in pixels.
    """

    image_id: int | str
    file_name: str
    height: int
    width: int

    @property
    def hw(self) -> tuple[int, int]:
        """(height, width) of the original image in pixels."""
        return self.height, self.width


class ScoredImages(Sequence[ScoredImage]):
    """Images in flat columns: some 50 bytes each, a quarter of what they take as objects."""

    def __init__(self, images: Iterable[ScoredImage]) -> None:
        """Take over images one by one.

        Args:
            images: N images; they need not exist all at once.
        """
        self._names, self._name_ends = bytearray(), array("q", [0])
        self._ids, self._unusual_ids = array("q"), dict[int, int | str]()
        sizes, self._size_index = dict[tuple[int, int], int](), array("q")
        for index, image in enumerate(images):
            # A name that JSON allows and Unicode does not comes back as it was.
            self._names += image.file_name.encode("utf-8", "surrogatepass")
            self._name_ends.append(len(self._names))
            is_usual = isinstance(image.image_id, int) and abs(image.image_id) < 2**62
            self._ids.append(int(image.image_id) if is_usual else 0)
            if not is_usual:
                self._unusual_ids[index] = image.image_id
            self._size_index.append(sizes.setdefault(image.hw, len(sizes)))
        self._sizes = tuple(sizes)

    def __len__(self) -> int:
        """N."""
        return len(self._ids)

    def __eq__(self, other: object) -> bool:
        """Whether these are the images of another sequence."""
        return isinstance(other, Sequence) and list(self) == list(other)

    @overload
    def __getitem__(self, index: int) -> ScoredImage: ...

    @overload
    def __getitem__(self, index: slice) -> list[ScoredImage]: ...

    def __getitem__(self, index: int | slice) -> ScoredImage | list[ScoredImage]:
        """One image, or those of a slice."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        name = self._names[self._name_ends[index] : self._name_ends[index + 1]]
        return ScoredImage(
            self._unusual_ids.get(index, self._ids[index]),
            name.decode("utf-8", "surrogatepass"),
            *self._sizes[self._size_index[index]],
        )


class ImagePositions:
    """Where each image is, by its id; 16 bytes an image."""

    def __init__(self, images: Sequence[ScoredImage]) -> None:
        """Sort the images' ids.

        Args:
            images: N images.
        """
        self._images = images
        hashes = np.fromiter((hash(image.image_id) for image in images), np.int64, len(images))
        order = np.argsort(hashes)
        self._hashes, self._order = array("q"), array("q")
        self._hashes.frombytes(hashes[order].tobytes())
        self._order.frombytes(order.astype(np.int64).tobytes())

    def find(self, image_id: Hashable) -> int | None:
        """Find an image.

        Args:
            image_id: Its id.

        Returns:
            Its position; None if no image has the id.
        """
        key = hash(image_id)
        place = bisect_left(self._hashes, key)
        while place < len(self._hashes) and self._hashes[place] == key:
            if self._images[self._order[place]].image_id == image_id:
                return self._order[place]
            place += 1
        return None


@dataclass(frozen=True)
class ImageParts:
    """The P parts of one image, original frame.

    Attributes:
        hw: (height, width) of the image.
        class_index: (P,) int64, index into the truth's classes.
        runs: P masks as run lengths.
        scores: (P,) float64; all zero for truth.
        ignored: Masks of regions left out of scoring (COCO's `iscrowd`); empty for predictions.
    """

    hw: tuple[int, int]
    class_index: NDArray[np.int64]
    runs: tuple[Runs, ...]
    scores: NDArray[np.float64]
    ignored: tuple[Runs, ...] = ()

    def label_map(self, num_classes: int) -> LabelMap:
        """Paint the parts by the overlap rule of `wps_sam.geometry.masks.paint_semantic`.

        Args:
            num_classes: C of the data set; fixes the dtype.

        Returns:
            (H, W), column-major: 0 is background and k is class k - 1; uint8 for up to 255
            classes, else uint16.
        """
        dtype: type[np.uint8] | type[np.uint16] = np.uint8 if num_classes <= 255 else np.uint16
        values = np.concatenate([[0], self.class_index + 1]).astype(dtype)
        label_map: LabelMap = np.take(values, self.part_map().T).T
        return label_map

    def part_map(self) -> PartMap:
        """Paint each part with its own number by the overlap rule.

        Larger masks are painted first, so the smaller part ends on top; of equal areas the higher
        score is on top, then the later record.

        Returns:
            (H, W), column-major: 0 is background and k is part k - 1; uint8 for up to 255 parts,
            wider beyond that.
        """
        return self._painted

    @cached_property
    def _painted(self) -> PartMap:
        """The part map, painted once: several scores need it."""
        canvas: PartMap = np.zeros(self.hw[0] * self.hw[1], np.min_scalar_type(len(self.runs)))
        areas = np.array([runs_area(runs) for runs in self.runs], np.int64)
        # lexsort sorts by its last key first.
        for part in np.lexsort((np.arange(len(areas)), self.scores, -areas)):
            _paint(canvas, self.runs[part], int(part) + 1)
        return canvas.reshape(self.hw[1], self.hw[0]).T

    def ignore_mask(self) -> NDArray[np.bool_] | None:
        """(H, W) bool union of the ignored regions, column-major; None where there is none."""
        if not self.ignored:
            return None
        canvas = np.zeros(self.hw[0] * self.hw[1], np.uint8)
        for runs in self.ignored:
            _paint(canvas, runs, 1)
        return canvas.reshape(self.hw[1], self.hw[0]).T.astype(bool)

    def class_runs(self, class_index: int) -> list[Runs]:
        """Run lengths of all masks of a class."""
        return [self.runs[part] for part in np.flatnonzero(self.class_index == class_index)]


def _paint(canvas: NDArray[Any], runs: Runs, value: int) -> None:
    """Set a mask's pixels in a flat, column-major canvas."""
    ends = np.cumsum(runs).tolist()
    for start, end in zip(ends[0::2], ends[1::2], strict=False):  # a last run of 0s has no partner
        canvas[start:end] = value
