"""COCO's average precision (AP) and average recall (AR) of masks.

The scores are those of COCO's own evaluation (Lin et al., "Microsoft COCO", ECCV 2014, and the
evaluation code published with it), computed by the library faster-coco-eval. Two things differ
from this package's other scores. Masks are compared whole, as they were predicted: a part that
another one covers is not cut, because COCO lets masks overlap. And a part's score matters, because
precision is followed along falling scores.

The library wants the masks of the whole data set at once. Two facts keep memory small instead:

- It uses masks only for the IoU of true and predicted masks of one class in one image, and for
  their areas. These are computed while images stream by and kept in a temporary database on disk.
- A class's scores depend on that class alone. So the library is run class by class and size range
  by size range, and gets the IoU from the database. COCO's figure for all classes is the mean of
  the figures of the classes that have a true part, which is the mean taken here. So memory follows
  the largest class: some 2 kilobytes for each true and predicted part of it, whatever their size.

COCO has crowd regions by class: a prediction that lies in one is neither right nor wrong. The
ignored regions of this package have no class; they say that nothing there is scored. So each
counts as a crowd region of every class that has a predicted part in the image. As in COCO, a
prediction is excused at an IoU threshold t only if t or more of its own area lies in one ignored
region.
"""

import sqlite3
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from wps_sam.errors import PredictionError
from wps_sam.evaluation.metrics import mean_of
from wps_sam.evaluation.parts import ImageParts
from wps_sam.evaluation.runs import Runs, runs_area

MAX_DETECTIONS = 100
"""Predictions of one class that count in one image; the best scores stay."""

_SIZE_RANGES = {
    "all": [0, 1e5**2],
    "small": [0, 32**2],
    "medium": [32**2, 96**2],
    "large": [96**2, 1e5**2],
}
_IOU_50, _IOU_75 = 0, 5  # positions in COCO's thresholds 0.5, 0.55, ..., 0.95

_ROWS_PER_WRITE = 1000
_PARTS_PER_BATCH = 16

# Two kinds of masks per row: P predicted ones, best score first, and T true ones.
_CREATE = """
CREATE TABLE pairs (
    class INTEGER,           -- index into the truth's classes
    image INTEGER,           -- running number
    scores BLOB,             -- (P,) float64
    predicted_areas BLOB,    -- (P,) int64, pixels
    true_areas BLOB,         -- (T,) int64, pixels
    iou BLOB,                -- (P, T + ignored regions) float64
    PRIMARY KEY (class, image)
) WITHOUT ROWID
"""
_INSERT = "INSERT INTO pairs VALUES (?, ?, ?, ?, ?, ?)"
_SELECT = """
SELECT scores, predicted_areas, true_areas, iou FROM pairs WHERE class = ? ORDER BY image
"""

_Row = tuple[int, int, bytes, bytes, bytes, bytes]

_Figures = tuple[float | None, ...]
"""One class's figures, in the order of the fields of `AveragePrecision`."""

_UNDEFINED: _Figures = (None,) * 7


@dataclass(frozen=True)
class AveragePrecision:
    """COCO's scores of masks, in 0..1; None where no class has a true part to find.

    Attributes:
        ap: Mean AP over classes and the IoU thresholds 0.5, 0.55, ..., 0.95.
        ap50: The same at IoU 0.5 alone.
        ap75: The same at IoU 0.75 alone.
        ap_small: The same as `ap` over true parts of up to 32 x 32 pixels of the original frame.
        ap_medium: From 32 x 32 to 96 x 96 pixels.
        ap_large: From 96 x 96 pixels.
        ar: Mean share of the true parts found, over classes and the same thresholds as `ap`, with
            at most 100 predictions per image and class.
        classes: Class name -> its `ap`; None where the class has no true part, which is then in
            no mean.
    """

    ap: float | None
    ap50: float | None
    ap75: float | None
    ap_small: float | None
    ap_medium: float | None
    ap_large: float | None
    ar: float | None
    classes: Mapping[str, float | None]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


class AveragePrecisionCounts:
    """What COCO's scores need of a data set, added image by image.

    It lies in a private temporary database: SQLite keeps a few megabytes in memory, writes the
    rest to the system's folder for temporary files, and removes that by itself.
    """

    def __init__(self, num_classes: int) -> None:
        """Start with no image.

        Args:
            num_classes: C, without background.
        """
        self._images = 0
        self._true_parts = np.zeros(num_classes, np.int64)
        self._unwritten: list[_Row] = []
        self._database = sqlite3.connect("")  # no name: temporary and private
        self._close = weakref.finalize(self, self._database.close)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute(_CREATE)

    def add(self, truth: ImageParts, predicted: ImageParts) -> None:
        """Add one image.

        Args:
            truth: True parts and ignored regions, original frame.
            predicted: Predicted parts in the truth's classes.

        Raises:
            PredictionError: The two have different sizes.
        """
        if truth.hw != predicted.hw:
            raise PredictionError(
                "Truth and prediction must have one size (height, width) in the original frame; "
                f"found {truth.hw} and {predicted.hw}. Predict the original image files."
            )
        self._unwritten += _image_rows(self._images, truth, predicted)
        self._images += 1
        np.add.at(self._true_parts, truth.class_index, 1)
        if len(self._unwritten) >= _ROWS_PER_WRITE:
            self._write()

    def scores(self, class_names: Sequence[str]) -> AveragePrecision:
        """Derive the scores of the images added so far.

        Args:
            class_names: C names.

        Returns:
            The scores.
        """
        self._write()
        rows = [self._class_figures(index) for index in range(len(class_names))]
        ap, ap50, ap75, ap_small, ap_medium, ap_large, ar = (
            mean_of(row[i] for row in rows) for i in range(len(_UNDEFINED))
        )
        by_class = {name: row[0] for name, row in zip(class_names, rows, strict=True)}
        return AveragePrecision(ap, ap50, ap75, ap_small, ap_medium, ap_large, ar, by_class)

    def close(self) -> None:
        """Remove the temporary database; nothing can be added or scored afterwards."""
        self._close()

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the temporary database."""
        self.close()

    def _write(self) -> None:
        """Move the rows that wait in memory to the database."""
        self._database.executemany(_INSERT, self._unwritten)
        self._unwritten.clear()

    def _class_figures(self, class_index: int) -> _Figures:
        """Score one class; all None where it has no true part."""
        if not self._true_parts[class_index]:
            return _UNDEFINED
        parts = _ClassParts()
        for row in self._database.execute(_SELECT, (class_index,)):
            parts.add(*_read_row(row))
        return parts.figures()


def _image_rows(image: int, truth: ImageParts, predicted: ImageParts) -> Iterator[_Row]:
    """Compare the masks of one image, class by class."""
    true_areas, predicted_areas = _areas(truth), _areas(predicted)
    true_rles = _rles(truth.hw, truth.runs)
    predicted_rles = _rles(truth.hw, predicted.runs)
    crowd_rles = _rles(truth.hw, truth.ignored) if predicted_rles else []
    for class_index in np.union1d(truth.class_index, predicted.class_index).tolist():
        true = np.flatnonzero(truth.class_index == class_index)
        found = np.flatnonzero(predicted.class_index == class_index)
        # A stable sort leaves equal scores in the file's order, as COCO does.
        found = found[np.argsort(-predicted.scores[found], kind="stable")][:MAX_DETECTIONS]
        iou = _iou([predicted_rles[i] for i in found], [true_rles[i] for i in true], crowd_rles)
        yield (
            class_index,
            image,
            predicted.scores[found].tobytes(),
            predicted_areas[found].tobytes(),
            true_areas[true].tobytes(),
            iou.tobytes(),
        )


def _areas(parts: ImageParts) -> NDArray[np.int64]:
    """(P,) pixels of each whole mask."""
    return np.array([runs_area(runs) for runs in parts.runs], np.int64)


def _rles(hw: tuple[int, int], masks: Sequence[Runs]) -> list[dict[str, Any]]:
    """Compress masks as the mask library wants them."""
    if not masks:
        return []
    rles: list[dict[str, Any]] = coco_mask.frPyObjects(
        [{"size": hw, "counts": runs} for runs in masks], *hw
    )
    return rles


def _iou(
    predicted: Sequence[dict[str, Any]],
    true: Sequence[dict[str, Any]],
    crowd: Sequence[dict[str, Any]],
) -> NDArray[np.float64]:
    """(P, T + ignored regions) IoU; with an ignored region, the share of the predicted mask."""
    columns = [*true, *crowd]
    if not predicted or not columns:
        return np.zeros((len(predicted), len(columns)))
    is_crowd = [0] * len(true) + [1] * len(crowd)
    return np.asarray(coco_mask.iou(list(predicted), columns, is_crowd), np.float64)


def _read_row(
    row: tuple[bytes, bytes, bytes, bytes],
) -> tuple[list[float], list[int], list[int], NDArray[np.float64]]:
    """Decode scores, predicted areas, true areas and IoU of one class in one image."""
    scores = np.frombuffer(row[0], np.float64).tolist()
    predicted_areas, true_areas = (np.frombuffer(blob, np.int64).tolist() for blob in row[1:3])
    shape = (len(scores), -1) if scores else (0, len(true_areas))
    return scores, predicted_areas, true_areas, np.frombuffer(row[3], np.float64).reshape(shape)


class _ClassParts:
    """All parts of one class, in the form in which the library takes them.

    The library keeps some four kilobytes for each image that it is shown. So it is shown batches:
    the parts of several images as one image's. Parts of different images have IoU 0, so that the
    matches stay the same; a batch holds whole images in their order, so that equal scores keep
    theirs; and it holds no more predictions than the library lets count in one image.
    """

    def __init__(self) -> None:
        self._true: list[dict[str, Any]] = []
        self._predicted: list[dict[str, Any]] = []
        self._batches: list[NDArray[np.float64]] = []
        self._open: list[NDArray[np.float64]] = []
        self._rows = self._columns = 0  # of the open batch

    def add(
        self,
        scores: Sequence[float],
        predicted_areas: Sequence[int],
        true_areas: Sequence[int],
        iou: NDArray[np.float64],
    ) -> None:
        """Add one image.

        Args:
            scores: P scores, best first.
            predicted_areas: P areas in pixels.
            true_areas: T areas in pixels.
            iou: (P, T + ignored regions).
        """
        rows, columns = iou.shape
        if self._open and max(self._rows + rows, self._columns + columns) > _PARTS_PER_BATCH:
            self._close_batch()
        self._open.append(iou)
        self._rows += rows
        self._columns += columns
        predicted = self._records(self._predicted, predicted_areas)
        for record, score in zip(predicted, scores, strict=True):
            record["score"] = score
        self._predicted += predicted
        self._true += self._records(self._true, true_areas)
        ignored = self._records(self._true, [0] * (columns - len(true_areas)))
        for record in ignored:
            record["iscrowd"] = 1
        self._true += ignored

    def figures(self) -> _Figures:
        """Run the library.

        Returns:
            AP, AP at IoU 0.5 and 0.75, AP of small, medium and large parts, AR.
        """
        self._close_batch()
        evaluator = _StoredIou(self._coco(self._true), self._coco(self._predicted), self._batches)
        precision, recall = {}, {}
        for name in _SIZE_RANGES:
            precision[name], recall[name] = evaluator.curves(name)
        return (
            _mean_defined(precision["all"]),
            _mean_defined(precision["all"][_IOU_50]),
            _mean_defined(precision["all"][_IOU_75]),
            *(_mean_defined(precision[name]) for name in ("small", "medium", "large")),
            _mean_defined(recall["all"]),
        )

    def _records(
        self, before: Sequence[dict[str, Any]], areas: Sequence[int]
    ) -> list[dict[str, Any]]:
        """Describe parts of the open batch, numbered on from those before them.

        Only what the library cannot do without, as there are as many records as parts: it takes a
        missing `iscrowd` for 0, and adds an entry to those of the truth; a dictionary of more than
        five entries takes half as much memory again.
        """
        return [
            {"id": number, "image_id": len(self._batches), "category_id": 1, "area": area}
            for number, area in enumerate(areas, len(before) + 1)
        ]

    def _close_batch(self) -> None:
        """Join the IoU of the open batch's images; between images it is 0."""
        joined = np.zeros((self._rows, self._columns))
        row = column = 0
        for iou in self._open:
            below, right = row + iou.shape[0], column + iou.shape[1]
            joined[row:below, column:right] = iou
            row, column = below, right
        # The library expects the rows by falling score, equal scores in their order.
        batch = self._predicted[len(self._predicted) - self._rows :]
        order = np.argsort([-record["score"] for record in batch], kind="stable")
        self._batches.append(joined[order])
        self._open.clear()
        self._rows = self._columns = 0

    def _coco(self, records: list[dict[str, Any]]) -> Any:
        """Wrap records as the library's data set of one class."""
        images = [{"id": number} for number in range(len(self._batches))]
        content = {"images": images, "annotations": records, "categories": [{"id": 1}]}
        return COCO(content, print_function=_say_nothing)


class _StoredIou(COCOeval_faster):  # type: ignore[misc]  # the library is not typed
    """The library's evaluation, with IoU that are known already instead of masks."""

    def __init__(self, truth: Any, predicted: Any, batches: Sequence[NDArray[np.float64]]) -> None:
        # "bbox" is the kind for which it does not look for masks; our method replaces its IoU.
        super().__init__(truth, predicted, "bbox", print_function=_say_nothing)
        self._batches = batches

    def computeIoU(self, imgId: int, catId: int) -> NDArray[np.float64]:
        """IoU of one image, by the library's own name and signature.

        Args:
            imgId: Number of the batch that stands for an image.
            catId: The only class.

        Returns:
            (P, T + ignored regions), in the order in which the parts were added.
        """
        return self._batches[imgId]

    def curves(self, size_range: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Follow precision and recall along falling scores, over parts of some sizes.

        Args:
            size_range: A name in `_SIZE_RANGES`. One at a time takes a third less memory.

        Returns:
            (10, 101) precision by IoU threshold and recall level, and (10,) recall reached; -1
            where there is no true part of such a size.
        """
        self.params.areaRng = [_SIZE_RANGES[size_range]]
        self.params.areaRngLbl = [size_range]
        self.params.maxDets = [MAX_DETECTIONS]
        self.evaluate()
        self.accumulate()
        return self.eval["precision"][:, :, 0, 0, 0], self.eval["recall"][:, 0, 0, 0]


def _mean_defined(values: NDArray[np.float64]) -> float | None:
    """Mean without the library's -1 for undefined; None where nothing is defined."""
    return mean_of(values[values > -1].tolist())


def _say_nothing(*_: object) -> None:
    """Swallow the library's progress messages."""
