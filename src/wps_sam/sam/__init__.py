"""Everything that never learns: the frozen Segment Anything models and their weights."""

from wps_sam.sam.build import load_sam
from wps_sam.sam.frozen import DecodedMasks, FrozenSam
from wps_sam.sam.upscale import masks_to_original
from wps_sam.sam.weights_hash import frozen_parameters_hash

__all__ = [
    "DecodedMasks",
    "FrozenSam",
    "frozen_parameters_hash",
    "load_sam",
    "masks_to_original",
]
