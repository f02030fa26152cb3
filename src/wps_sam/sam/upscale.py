"""From the decoder's low-resolution masks to the pixels of the image file."""

import torch
from torch import Tensor
from torch.nn import functional

from wps_sam.geometry.frames import SamFrame

# One mask takes 4 MB at side 1024; 32 at a time keep the intermediate square below 150 MB.
_MASKS_PER_CHUNK = 32


def masks_to_original(low_res_logits: Tensor, frame: SamFrame) -> Tensor:
    """Upscale mask logits to the original frame, as the official SAM does.

    Bilinear to the full SAM square, cut the padding off, bilinear to the original size.

    Args:
        low_res_logits: (N, h, w) float, logits over SAM's whole square; N = 0 is legal.
        frame: How the image sits in the SAM square.

    Returns:
        (N, H, W) float32 logits in the original frame; a pixel is in the mask where > 0.
    """
    height, width = frame.original_hw
    resized_height, resized_width = frame.resized_hw
    upscaled = []
    for chunk in torch.split(low_res_logits.float(), _MASKS_PER_CHUNK):
        if not len(chunk):
            continue
        square = functional.interpolate(
            chunk[:, None], size=(frame.side, frame.side), mode="bilinear", align_corners=False
        )
        picture = square[..., :resized_height, :resized_width]
        upscaled.append(
            functional.interpolate(
                picture, size=(height, width), mode="bilinear", align_corners=False
            )[:, 0]
        )
    if not upscaled:
        return low_res_logits.new_zeros((0, height, width), dtype=torch.float32)
    return upscaled[0] if len(upscaled) == 1 else torch.cat(upscaled)  # no copy of one chunk
