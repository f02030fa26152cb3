"""Where a verb's labels are: the options that every verb with DATA has."""

from pathlib import Path
from typing import NamedTuple

from wps_sam.evaluation.truth import Truth, read_truth
from wps_sam.labels.label_file import LabelFile
from wps_sam.labels.open import open_labels
from wps_sam.labels.weak_labels import WeakDataset
from wps_sam.labels.weak_reading import read_weak


class LabelPlace(NamedTuple):
    """A data set and which part of it.

    Attributes:
        data: Label file, folder or dataset.yaml.
        images: Folder of the images, if not in one of the usual places.
        split: Which split.
        holdout: Only every N-th image, in the file's order; None takes all.
        keep_groups: Make one part of all polygons of an annotation.
        classes: Class map file.
    """

    data: Path
    images: Path | None = None
    split: str | None = None
    holdout: int | None = None
    keep_groups: bool = False
    classes: Path | None = None

    def open(self) -> LabelFile:
        """Open the labels of all images, those that `holdout` leaves out too."""
        return open_labels(
            self.data,
            images_dir=self.images,
            split=self.split,
            classes=self.classes,
            keep_groups=self.keep_groups,
        )

    def weak_labels(self) -> WeakDataset:
        """Read boxes, points and classes of all images, those that `holdout` leaves out too."""
        labels = self.open()
        return read_weak(labels, keep_groups=labels.keep_groups)

    def truth(self) -> Truth:
        """Open the true masks of the images that `holdout` chooses."""
        labels = self.open()
        return read_truth(labels, holdout=self.holdout, keep_groups=labels.keep_groups)
