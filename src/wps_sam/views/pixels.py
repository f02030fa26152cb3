"""The pixels of a view."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from wps_sam.views.view import View


def view_pixels(pixels: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
    """Look at a photograph through a view.

    Args:
        pixels: (H, W, 3) uint8 RGB, original frame.
        view: What to do.

    Returns:
        (h, w, 3) uint8 RGB, the view's own frame; the array itself where nothing is to be done.
    """
    x1, y1, x2, y2 = view.crop_xyxy((pixels.shape[0], pixels.shape[1]))
    seen = pixels[y1:y2, x1:x2]
    if view.mirrored:
        seen = seen[:, ::-1]
    colours = (
        (ImageEnhance.Brightness, view.brightness),
        (ImageEnhance.Contrast, view.contrast),
        (ImageEnhance.Color, view.saturation),
    )
    for enhance, factor in colours:
        if factor != 1:
            picture = Image.fromarray(np.ascontiguousarray(seen))
            seen = np.asarray(enhance(picture).enhance(factor))
    return seen
