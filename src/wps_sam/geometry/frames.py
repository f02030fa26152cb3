"""The two coordinate frames: pixels of the image file, and SAM's padded square.

SAM resizes an image so that its longest side is `side` pixels and pads right and bottom. The
padding lies outside the resized picture, so coordinates only scale; they do not shift.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from wps_sam.errors import DataError


@dataclass(frozen=True)
class SamFrame:
    """How one image sits in SAM's square.

    Attributes:
        original_hw: (height, width) of the image file in pixels.
        side: Side of SAM's square in pixels.
    """

    original_hw: tuple[int, int]
    side: int = 1024

    def __post_init__(self) -> None:
        """Refuse sizes that have no picture.

        Raises:
            DataError: Height, width or side is below 1.
        """
        if min(self.original_hw) < 1 or self.side < 1:
            raise DataError(
                f"An image needs at least one pixel: found height {self.original_hw[0]}, "
                f"width {self.original_hw[1]}, SAM side {self.side}; all three must be 1 or more. "
                "Check the size stated in the label file."
            )

    @property
    def resized_hw(self) -> tuple[int, int]:
        """(height, width) in SAM's square before padding.

        SAM rounds half up, `int(x * scale + 0.5)`, which differs from Python's `round` at .5. SAM's
        own rule gives 0 for a side over 2048 times shorter than the other; here it stays 1 pixel.
        """
        height, width = self.original_hw
        scale = self.side * 1.0 / max(height, width)
        return max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))

    @property
    def _scale_xy(self) -> NDArray[np.float64]:
        """(2,) float64: SAM pixels per original pixel, x then y."""
        (height, width), (resized_height, resized_width) = self.original_hw, self.resized_hw
        return np.array([resized_width / width, resized_height / height])

    def points_to_sam(self, points_xy: ArrayLike) -> NDArray[Any]:
        """Move points into SAM's frame.

        Args:
            points_xy: (..., 2), (x, y) in pixels of the original frame.

        Returns:
            (..., 2), pixels of SAM's frame; floats keep their dtype, integers become float32.
        """
        return _scaled(points_xy, self._scale_xy)

    def points_to_original(self, points_xy: ArrayLike) -> NDArray[Any]:
        """Move points into the original frame; the inverse of `points_to_sam`.

        Args:
            points_xy: (..., 2), (x, y) in pixels of SAM's frame.

        Returns:
            (..., 2), pixels of the original frame, not clipped; dtype as in `points_to_sam`.
        """
        return _scaled(points_xy, 1.0 / self._scale_xy)

    def boxes_to_sam(self, boxes_xyxy: ArrayLike) -> NDArray[Any]:
        """Move boxes into SAM's frame.

        Args:
            boxes_xyxy: (..., 4), xyxy in pixels of the original frame.

        Returns:
            (..., 4), xyxy in pixels of SAM's frame; dtype as in `points_to_sam`.
        """
        return _scaled(boxes_xyxy, np.tile(self._scale_xy, 2))

    def boxes_to_original(self, boxes_xyxy: ArrayLike) -> NDArray[Any]:
        """Move boxes into the original frame; the inverse of `boxes_to_sam`.

        Args:
            boxes_xyxy: (..., 4), xyxy in pixels of SAM's frame.

        Returns:
            (..., 4), xyxy in pixels of the original frame, not clipped; dtype as in
            `points_to_sam`.
        """
        return _scaled(boxes_xyxy, np.tile(1.0 / self._scale_xy, 2))


def _scaled(coordinates: ArrayLike, scale: NDArray[np.float64]) -> NDArray[Any]:
    """Multiply (..., K) coordinates by (K,) factors in float64, then restore the floating dtype."""
    array = np.asarray(coordinates)
    dtype = array.dtype if np.issubdtype(array.dtype, np.floating) else np.dtype(np.float32)
    if array.size == 0:
        return np.zeros((*array.shape[:-1], len(scale)), dtype)
    return (array.astype(np.float64) * scale).astype(dtype)
