"""Everything that never learns: the frozen Segment Anything models and their weights."""

from wps_sam.sam.build import load_sam
from wps_sam.sam.frozen import DecodedMasks, FrozenSam, frozen_parameters_hash
from wps_sam.sam.upscale import masks_to_original

__all__ = [
    "DecodedMasks",
    "FrozenSam",
    "frozen_parameters_hash",
    "load_sam",
    "masks_to_original",
]
