"""The one result type: the named parts of one image."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from wps_sam.errors import DataError
from wps_sam.geometry.boxes import box_xyxy_to_xywh
from wps_sam.geometry.masks import mask_to_rle, paint_semantic

if TYPE_CHECKING:
    import supervision


@dataclass(frozen=True, eq=False)
class PartPrediction:
    """The P parts found in one image, best score first.

    Attributes:
        masks: (P, H, W) bool, original frame. They may overlap; none is empty.
        class_index: (P,) int64, position in `class_names`.
        class_names: C names.
        scores: (P,) float32, higher is surer.
        boxes_xyxy: (P, 4) float32, pixels of the original frame, tight around each mask; right and
            bottom edges are exclusive.
        dropped_empty: How many further parts were found whose mask had no pixel.
    """

    masks: NDArray[np.bool_]
    class_index: NDArray[np.int64]
    class_names: tuple[str, ...]
    scores: NDArray[np.float32]
    boxes_xyxy: NDArray[np.float32]
    dropped_empty: int = 0

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together.

        Raises:
            DataError: A shape, a dtype or a class index does not fit.
        """
        if self.masks.ndim != 3 or self.masks.dtype != np.bool_ or 0 in self.masks.shape[1:]:
            raise DataError(
                f"masks: found shape {self.masks.shape} and dtype {self.masks.dtype}, expected "
                "(P, H, W) bool with H, W >= 1; no part in an image of H x W is (0, H, W)."
            )
        parts = len(self.masks)
        for name, shape in (("class_index", (parts,)), ("scores", (parts,))):
            self._require_shape(name, shape)
        self._require_shape("boxes_xyxy", (parts, 4))
        if self.class_index.dtype.kind not in "iu":
            raise DataError(f"class_index: found dtype {self.class_index.dtype}, expected int64.")
        if parts and not 0 <= self.class_index.min() <= self.class_index.max() < self._classes:
            raise DataError(
                f"class_index: found {self.class_index.min()} to {self.class_index.max()}, "
                f"expected 0 to {self._classes - 1} for {self._classes} class names."
            )

    @property
    def _classes(self) -> int:
        """Number of classes, C."""
        return len(self.class_names)

    def _require_shape(self, name: str, shape: tuple[int, ...]) -> None:
        """Raise DataError unless an array has this shape."""
        found = getattr(self, name).shape
        if found != shape:
            raise DataError(
                f"{name}: found shape {found}, expected {shape} for {len(self.masks)} masks."
            )

    def __len__(self) -> int:
        """Number of parts, P."""
        return len(self.masks)

    @property
    def original_hw(self) -> tuple[int, int]:
        """(height, width) of the image in pixels."""
        return self.masks.shape[1], self.masks.shape[2]

    @property
    def labels(self) -> list[str]:
        """P class names."""
        return [self.class_names[index] for index in self.class_index]

    @cached_property
    def semantic(self) -> NDArray[np.uint8] | NDArray[np.uint16]:
        """(H, W), original frame: 0 is background and k is class k - 1.

        Where parts overlap the smaller one is on top; uint8 for up to 255 classes, else uint16.
        """
        return paint_semantic(
            self.masks, self.class_index, self.original_hw, self.scores, self._classes
        )

    def to_detections(self) -> "supervision.Detections":
        """This result for `supervision`: its annotators, filters and metrics.

        Returns:
            P detections with boxes, masks, scores, class ids and `data["class_name"]`.
        """
        from wps_sam.inference.drawing import import_supervision

        return import_supervision().Detections(
            xyxy=self.boxes_xyxy.astype(np.float32),
            mask=self.masks,
            confidence=self.scores,
            class_id=self.class_index.astype(int),
            data={"class_name": np.array(self.labels, dtype=str)},
        )

    def to_coco_annotations(
        self,
        image_id: int | str,
        *,
        category_ids: Sequence[int] | None = None,
        first_id: int = 1,
    ) -> list[dict[str, Any]]:
        """This result as COCO annotations with run-length masks and scores.

        Args:
            image_id: Id of the image record they belong to.
            category_ids: C ids, in the order of `class_names`; None numbers the classes from 1.
            first_id: Id of the first annotation; the others count on.

        Returns:
            P records ready for JSON; `bbox` is x, y, width, height and `area` counts pixels.

        Raises:
            DataError: There is not one category id for each class.
        """
        ids = range(1, self._classes + 1) if category_ids is None else category_ids
        if len(ids) != self._classes:
            raise DataError(
                f"category_ids: found {len(ids)}, expected one for each of {self._classes} classes."
            )
        boxes_xywh = box_xyxy_to_xywh(self.boxes_xyxy).tolist()
        return [
            {
                "id": first_id + part,
                "image_id": image_id,
                "category_id": int(ids[self.class_index[part]]),
                "segmentation": mask_to_rle(self.masks[part]),
                "bbox": boxes_xywh[part],
                "area": int(np.count_nonzero(self.masks[part])),
                "iscrowd": 0,
                "score": round(float(self.scores[part]), 6),
            }
            for part in range(len(self))
        ]

    def save(
        self, folder: str | Path, stem: str, image: NDArray[np.uint8] | None = None
    ) -> list[Path]:
        """Write the label map, and the overlay if the image is given.

        Args:
            folder: Made if it is not there.
            stem: Name of the files without their endings.
            image: (H, W, 3) uint8 RGB, original frame: what the parts are drawn on.

        Returns:
            `folder/stem.png` (0 = background, k = class k - 1) and `folder/stem.overlay.jpg`.

        Raises:
            DataError: The image has another size than the masks.
        """
        from wps_sam.inference.pictures import save_overlay, save_semantic

        paths = [save_semantic(self, Path(folder) / f"{stem}.png")]
        if image is not None:
            paths.append(save_overlay(self, image, Path(folder) / f"{stem}.overlay.jpg"))
        return paths
