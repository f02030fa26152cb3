"""Draw parts over their image with `supervision`, for people to look at."""

import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wps_sam.errors import DataError
from wps_sam.geometry.masks import mask_to_box
from wps_sam.images.palette import class_colors
from wps_sam.inference.prediction import PartPrediction

_SMALLEST_LONG_SIDE = 640  # labels on a smaller picture would hide it
_LARGEST_LONG_SIDE = 2048  # enough for any screen; a 24-megapixel overlay helps nobody
_OPACITY = 0.45
_BRIGHT = 150.0  # from this luma on, black text reads better than white


def import_supervision() -> ModuleType:
    """Import `supervision` without its notice that OpenCV is missing, which we do not need."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*OpenCV.*is not installed")
        import supervision
    module: ModuleType = supervision
    return module


def draw_overlay(image: NDArray[np.uint8], prediction: PartPrediction) -> NDArray[np.uint8]:
    """Paint each part in its class's colour, outline it and write its class and score on it.

    Small images are enlarged and large ones reduced, so that the text is legible and the picture
    handy; the long side comes to between 640 and 2048 pixels.

    Args:
        image: (H, W, 3) uint8 RGB, original frame.
        prediction: Parts of this image.

    Returns:
        (h, w, 3) uint8 RGB.

    Raises:
        DataError: The image has another size than the masks.
    """
    if image.shape != (*prediction.original_hw, 3):
        raise DataError(
            f"The overlay needs the image that was predicted: found shape {image.shape}, expected "
            f"{(*prediction.original_hw, 3)}. Give it in RGB as it was read."
        )
    height, width = _picture_hw(prediction.original_hw)
    canvas = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
    scaled = _scaled(prediction, (height, width))
    if not len(scaled):
        return np.array(canvas)
    sv = import_supervision()
    colors = sv.ColorPalette.from_hex(class_colors(len(prediction.class_names)))
    thickness = max(1, round(max(height, width) / 500))
    detections = scaled.to_detections()
    # supervision draws arrays in OpenCV's channel order.
    scene = np.ascontiguousarray(np.array(canvas)[..., ::-1])
    scene = sv.MaskAnnotator(color=colors, opacity=_OPACITY).annotate(scene, detections)
    scene = sv.PolygonAnnotator(color=colors, thickness=thickness).annotate(scene, detections)
    picture = Image.fromarray(np.ascontiguousarray(scene[..., ::-1]))
    return np.array(_write_labels(sv, picture, scaled, colors))


def _write_labels(
    sv: ModuleType, picture: Image.Image, parts: PartPrediction, colors: Any
) -> Image.Image:
    """Write class and score at the centre of each part, moved apart where they would overlap."""
    centers = np.array([_center_of_mass(mask) for mask in parts.masks])
    # Without masks: supervision's own centre of mass takes seconds and 700 MB for 25 large masks.
    anchors = sv.Detections(np.hstack([centers, centers]), class_id=parts.class_index.astype(int))
    size = max(12, round(max(picture.size) / 55))
    annotator = sv.RichLabelAnnotator(
        color=colors,
        text_color=sv.ColorPalette([_text_color(sv, color) for color in colors.colors]),
        font_path=_font_path(),
        font_size=size,
        text_padding=max(2, size // 4),
        border_radius=max(2, size // 4),
        text_position=sv.Position.CENTER,
        smart_position=True,
    )
    texts = [
        f"{name} {100 * score:.0f}%" for name, score in zip(parts.labels, parts.scores, strict=True)
    ]
    labelled: Image.Image = annotator.annotate(picture, anchors, labels=texts)
    return labelled


def _center_of_mass(mask: NDArray[np.bool_]) -> tuple[float, float]:
    """(x, y) of a mask that is not empty."""
    columns, rows = mask.sum(axis=0), mask.sum(axis=1)
    area = rows.sum()
    x, y = columns @ np.arange(len(columns)) / area, rows @ np.arange(len(rows)) / area
    return float(x), float(y)


def _text_color(sv: ModuleType, background: Any) -> Any:
    """Black on bright colours, white on dark ones."""
    red, green, blue = background.as_rgb()
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return sv.Color.BLACK if luma > _BRIGHT else sv.Color.WHITE


def _font_path() -> str:
    """A font with accents, Greek and Cyrillic; Pillow's own has little beyond ASCII."""
    import matplotlib  # comes with supervision; slow to import, and only its font is needed

    return str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf")


def _picture_hw(original_hw: tuple[int, int]) -> tuple[int, int]:
    """(height, width) of the overlay of an image."""
    longest = max(original_hw)
    factor = min(max(longest, _SMALLEST_LONG_SIDE), _LARGEST_LONG_SIDE) / longest
    return max(1, round(original_hw[0] * factor)), max(1, round(original_hw[1] * factor))


def _scaled(prediction: PartPrediction, hw: tuple[int, int]) -> PartPrediction:
    """The prediction in another size; parts that vanish are left out."""
    rows = np.arange(hw[0]) * prediction.original_hw[0] // hw[0]
    columns = np.arange(hw[1]) * prediction.original_hw[1] // hw[1]
    masks = prediction.masks[:, rows[:, None], columns[None, :]]
    kept = np.flatnonzero(masks.any(axis=(1, 2)))
    boxes = np.array([mask_to_box(masks[part]) for part in kept], np.float32).reshape(-1, 4)
    return PartPrediction(
        masks[kept],
        prediction.class_index[kept],
        prediction.class_names,
        prediction.scores[kept],
        boxes,
    )
