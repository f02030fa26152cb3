"""Weak labels: in which box or at which points a part is. None of these types can hold a mask.

Whatever trains a prompter takes a `WeakDataset`, so no truth mask can reach it.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from wps_sam.errors import DataError
from wps_sam.labels.remarks import Note, Skip, count_notes, count_skips


@dataclass(frozen=True, eq=False)
class WeakImage:
    """One image and its labelled parts.

    Attributes:
        image_id: The label file's own id.
        path: The image file.
        file_name: Its name in the label file; predictions and truth are matched by it.
        height: Pixels, as the label file states.
        width: Pixels, as the label file states.
        class_index: (P,) int64, from 0; P may be 0.
        boxes_xyxy: (P, 4) float32, xyxy, pixels of the original frame, inside the image; NaN in
            the rows of parts without a box.
        points_xy: P arrays (K_p, 2) float32, (x, y), pixels of the original frame, inside the
            image, all on the part; K_p = 0 where a part has no points. Given as (), no part has.
    """

    image_id: int | str
    path: Path
    file_name: str
    height: int
    width: int
    class_index: NDArray[np.int64]
    boxes_xyxy: NDArray[np.float32]
    points_xy: tuple[NDArray[np.float32], ...] = ()

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together.

        Raises:
            DataError: `class_index` is not (P,), `boxes_xyxy` is not (P, 4) or has a row that is
                partly NaN, `points_xy` is not P arrays (K, 2), or a part has neither box nor point.
        """
        if self.boxes_xyxy.shape != (*self.class_index.shape, 4) or self.class_index.ndim != 1:
            raise DataError(
                f"Image {self.file_name}: expected classes (P,) and boxes (P, 4) for the same P; "
                f"found {self.class_index.shape} and {self.boxes_xyxy.shape}."
            )
        if not self.points_xy:
            no_points = np.zeros((0, 2), np.float32)
            object.__setattr__(self, "points_xy", (no_points,) * len(self.class_index))
        shapes = [points.shape for points in self.points_xy]
        if len(shapes) != len(self.class_index) or any(shape[1:] != (2,) for shape in shapes):
            raise DataError(
                f"Image {self.file_name}: expected an array of points (K, 2) for each of "
                f"{len(self.class_index)} parts; found {shapes[:10]}."
            )
        self._refuse_bad_rows()

    def _refuse_bad_rows(self) -> None:
        """Raise DataError if a part has half a box, or neither box nor point."""
        missing = np.isnan(self.boxes_xyxy)
        halves = missing.any(1) & ~missing.all(1)
        empty = ~(self.has_box | self.has_points)
        for bad, what in ((halves, "a box that is partly NaN"), (empty, "neither box nor point")):
            if bad.any():
                raise DataError(
                    f"Image {self.file_name}: part {int(bad.argmax())} has {what}; expected four "
                    "numbers, or four NaN and at least one point."
                )

    @property
    def has_box(self) -> NDArray[np.bool_]:
        """(P,) bool: which parts have a box."""
        return np.asarray(~np.isnan(self.boxes_xyxy).any(1), np.bool_)

    @property
    def has_points(self) -> NDArray[np.bool_]:
        """(P,) bool: which parts have at least one point."""
        return np.array([len(points) > 0 for points in self.points_xy], np.bool_)

    def label_bytes(self) -> bytes:
        """What is labelled, as bytes that two images share only if their labels are the same.

        Returns:
            Classes and boxes, then the points if a part has any: without points the bytes are
            those of labels that knew none, so that runs from before them can go on.
        """
        values = self.class_index.tobytes() + self.boxes_xyxy.tobytes()
        if self.has_points.any():
            values += str([len(points) for points in self.points_xy]).encode()
            values += b"".join(points.tobytes() for points in self.points_xy)
        return values


@dataclass(frozen=True, eq=False)
class WeakDataset:
    """The weak labels of one file.

    Attributes:
        source: The label file.
        class_names: C names, in the file's order; a class index counts in this list.
        category_ids: C ids of the file, in the same order.
        images: All images, in the file's order, those without parts too.
        skipped: Every record that was left out.
        notes: Every record that was changed on the way in.
    """

    source: Path
    class_names: tuple[str, ...]
    category_ids: tuple[int, ...]
    images: tuple[WeakImage, ...]
    skipped: tuple[Skip, ...]
    notes: tuple[Note, ...] = ()

    def skip_counts(self) -> dict[str, int]:
        """How many records were left out, by reason, most frequent first."""
        return count_skips(self.skipped)

    def note_counts(self) -> dict[str, int]:
        """How many records were changed, by what was done, most frequent first."""
        return count_notes(self.notes)

    def digest(self) -> str:
        """Identify the labels by what is in them, in whatever files and format they are.

        Returns:
            SHA-256 of class names, category ids, and each image's name, size, classes, boxes and
            points, as 64 hexadecimal digits.
        """
        digest = hashlib.sha256(json.dumps([self.class_names, self.category_ids]).encode())
        for image in self.images:
            labelled = image.label_bytes()
            head = [image.file_name, image.height, image.width, len(image.class_index)]
            digest.update(json.dumps([*head, len(labelled)]).encode() + labelled)
        return digest.hexdigest()

    def subset(self, indices: Iterable[int]) -> Self:
        """The same data set with only some images.

        Args:
            indices: Positions in `images`, in the wanted order.

        Returns:
            A data set with these images; `skipped` and `notes` stay those of the whole file.

        Raises:
            DataError: A position does not exist.
        """
        chosen = list(indices)
        outside = [index for index in chosen if not 0 <= index < len(self.images)]
        if outside:
            raise DataError(
                f"{self.source} has images 0 to {len(self.images) - 1}; there is no image "
                f"{outside[0]}."
            )
        return replace(self, images=tuple(self.images[index] for index in chosen))

    def split_every(self, n: int) -> tuple[Self, Self]:
        """Hold out every n-th image, in the file's order.

        Args:
            n: 2 or more. Image i is held out if i % n == n - 1, so fewer than n images leave
                nothing held out.

        Returns:
            (rest, held_out).

        Raises:
            DataError: n is below 2, so that nothing would be left to train on.
        """
        if n < 2:
            raise DataError(
                f"Holding out every {n}th image leaves nothing to train on: expected 2 or more."
            )
        positions = range(len(self.images))
        rest = self.subset(i for i in positions if i % n != n - 1)
        return rest, self.subset(i for i in positions if i % n == n - 1)
