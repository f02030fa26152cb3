"""Whether both paths find the same parts: pixels of the label maps, and masks part by part."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from wps_sam.inference.prediction import PartPrediction

_SAME_PART = 0.5  # IoU from which two masks of one class are taken to be one part


@dataclass(frozen=True)
class PathAgreement:
    """How far the results of two paths agree.

    Attributes:
        pixels: Of the label maps.
        equal_pixels: Of these, with the same class in both.
        equal_parts: Parts whose masks are equal to the pixel.
        differing_parts: Parts that both found, with masks that differ in a pixel or more.
        only_ours: Parts that only this library's path found.
        only_plain: Parts that only the plain path found.
    """

    pixels: int = 0
    equal_pixels: int = 0
    equal_parts: int = 0
    differing_parts: int = 0
    only_ours: int = 0
    only_plain: int = 0

    @classmethod
    def total(cls, agreements: Iterable[Self]) -> Self:
        """Add up those of several images."""
        rows = [astuple(agreement) for agreement in agreements]
        return cls(*(sum(column) for column in zip(*rows, strict=True)))

    @property
    def equal_share(self) -> float:
        """`equal_pixels` of `pixels`; 1 of none."""
        return self.equal_pixels / self.pixels if self.pixels else 1.0

    @property
    def parts(self) -> int:
        """Parts found by one path or by both."""
        return self.equal_parts + self.differing_parts + self.only_ours + self.only_plain


def compare_paths(ours: PartPrediction, plain: PartPrediction) -> PathAgreement:
    """Compare what both paths found in one image.

    Parts are the same if their class is and their masks overlap by half (IoU 0.5 or more); each
    part of ours, best score first, takes the plain path's that overlaps it most.

    Args:
        ours: P parts.
        plain: Q parts in an image of the same size.

    Returns:
        How far they agree.
    """
    equal = differing = 0
    free = set(range(len(plain)))
    for mask, index in zip(ours.masks, ours.class_index, strict=True):
        overlaps = {
            other: _iou(mask, plain.masks[other])
            for other in free
            if plain.class_index[other] == index
        }
        best = max(overlaps, key=lambda other: overlaps[other], default=None)
        if best is None or overlaps[best] < _SAME_PART:
            continue
        free.remove(best)
        same = overlaps[best] == 1
        equal += same
        differing += not same
    return PathAgreement(
        pixels=ours.semantic.size,
        equal_pixels=int(np.count_nonzero(ours.semantic == plain.semantic)),
        equal_parts=equal,
        differing_parts=differing,
        only_ours=len(ours) - equal - differing,
        only_plain=len(free),
    )


def _iou(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Intersection over union of two masks that are not both empty."""
    return int(np.count_nonzero(a & b)) / int(np.count_nonzero(a | b))
