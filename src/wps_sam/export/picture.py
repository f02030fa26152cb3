"""The picture's way into SAM's frame, inside the graph.

Runtimes differ in how their resize operators shrink pictures, and none does it exactly as Pillow,
which prediction uses. So resizing is written here as products with weights that follow from whole
numbers alone: the same in each runtime, and Pillow's up to the rounding of a pixel now and then.
"""

import torch
from torch import Tensor

from wps_sam.sam.preprocess import PIXEL_MEAN_RGB, PIXEL_STD_RGB

# An output pixel needs few of the input's: cut into pieces, the products are that much smaller.
_PIECES = 16


def to_sam_frame(image: Tensor, side: int) -> Tensor:
    """Resize, normalise and pad as `sam.preprocess.preprocess_images` does.

    Args:
        image: (H, W, 3) uint8, RGB, original frame; H and W may be symbolic.
        side: Side of the SAM frame in pixels, a multiple of 16.

    Returns:
        (1, 3, side, side) float32.
    """
    height, width = image.shape[0], image.shape[1]
    resized_height, resized_width = resized_hw(height, width, side)
    planes = image.permute(2, 0, 1).float()
    planes = _resize_rows(planes.transpose(1, 2), width, resized_width, side).transpose(1, 2)
    planes = _resize_rows(planes, height, resized_height, side)
    mean, std = (torch.tensor(of_rgb)[:, None, None] for of_rgb in (PIXEL_MEAN_RGB, PIXEL_STD_RGB))
    place = torch.arange(side)
    is_picture = (place < resized_height)[:, None] & (place < resized_width)
    return ((planes - mean) / std * is_picture)[None]


def resized_hw(height: int, width: int, side: int) -> tuple[int, int]:
    """`SamFrame.resized_hw` in whole numbers, which no runtime can round differently.

    Args:
        height: Of the picture in pixels, perhaps symbolic.
        width: Likewise.
        side: Side of the SAM frame in pixels.

    Returns:
        (height, width) in SAM's square before padding.
    """
    longest = _larger(height, width)
    resized_height, resized_width = (
        _larger(1, (2 * side * length + longest) // (2 * longest)) for length in (height, width)
    )
    return resized_height, resized_width


def _larger(a: int, b: int) -> int:
    """The larger of two whole numbers, which may be symbolic."""
    larger: int = torch.sym_max(a, b)  # type: ignore[no-untyped-call]  # torch has no annotation
    return larger


def _resize_rows(planes: Tensor, found: int, wanted: int, side: int) -> Tensor:
    """Shrink or enlarge along the rows: (3, found, X) -> (3, side, X), zero from `wanted` on.

    Pillow's bilinear filter is a triangle over the pixels' centres, as wide as a wanted pixel but
    at least as a found one. Distances are counted in units of 1 / (2 wanted) found pixels, in which
    they are whole numbers.
    """
    outputs = torch.arange(side).reshape(_PIECES, -1)
    reach = _larger(found, wanted)
    centers = (2 * outputs + 1) * found
    first = torch.div(centers[:, 0] - 2 * reach, 2 * wanted, rounding_mode="floor").clamp(min=0)
    count = (side // _PIECES * found + 2 * reach) // wanted + 3
    sources = first[:, None] + torch.arange(count)
    distance = (centers[:, :, None] - ((2 * sources + 1) * wanted)[:, None]).abs()
    weights = (1 - distance.float() / (2 * reach)).clamp(min=0) * (sources < found)[:, None]
    total = weights.sum(dim=2, keepdim=True)
    weights = torch.where((outputs < wanted)[:, :, None], weights / total.clamp(min=1e-6), 0.0)
    pieces = planes[:, sources.clamp(max=found - 1)]
    resized = torch.matmul(weights, pieces).flatten(1, 2)
    return (resized + 0.5).floor()  # as Pillow, which rounds after each direction
