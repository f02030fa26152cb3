"""Pictures of a report: the best, the middle and the worst images with truth and prediction."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wps_sam.errors import DataError
from wps_sam.evaluation.evaluate import in_truth_classes
from wps_sam.evaluation.image_scores import ImageScore
from wps_sam.evaluation.matching import Matching
from wps_sam.evaluation.predictions import PredictionFile
from wps_sam.evaluation.truth import Truth
from wps_sam.images.reading import read_image

LONGEST_SIDE = 560
_WEBP_QUALITY = 78
# Label maps of a picture count the classes that occur in it; this value marks ignored pixels.
_IGNORED = 255
_MOST_CLASSES_IN_A_PICTURE = 254
_GREY = 128


@dataclass(frozen=True)
class GalleryPart:
    """One class in a picture.

    Attributes:
        name: Class name.
        color: `#rrggbb`.
        iou: IoU within the image, 0..1.
        is_true: It occurs in the truth.
        is_predicted: It occurs in the prediction.
    """

    name: str
    color: str
    iou: float
    is_true: bool
    is_predicted: bool


@dataclass(frozen=True)
class GalleryPicture:
    """One image of the gallery, ready for the page.

    Attributes:
        file_name: The truth's name.
        miou: Mean IoU over the classes in the image, 0..1.
        width: Pixels of the pictures below.
        height: Pixels of the pictures below.
        photo: `data:` address of the photograph.
        truth: `data:` address of the true label map, grey value = 1 + position in `parts`.
        prediction: `data:` address of the predicted label map.
        parts: Classes that occur here.
        photo_problem: Why there is no photograph; empty if there is one.
    """

    file_name: str
    miou: float
    width: int
    height: int
    photo: str
    truth: str
    prediction: str
    parts: tuple[GalleryPart, ...]
    photo_problem: str


@dataclass(frozen=True)
class GalleryGroup:
    """Pictures under one heading."""

    key: str
    heading: str
    pictures: tuple[GalleryPicture, ...]


def choose_images(scores: Sequence[ImageScore], per_group: int) -> dict[str, list[int]]:
    """Pick the images to show; no image appears twice.

    Args:
        scores: One score per image.
        per_group: How many images in each group, if there are enough.

    Returns:
        `worst`, `median` and `best` -> positions in `scores`, in rising order of mIoU except
        `best`, which starts with the best. Images without any part are left out.
    """
    ranked = [(score.miou, index) for index, score in enumerate(scores) if score.miou is not None]
    order = [index for _, index in sorted(ranked)]
    size = min(per_group, -(-len(order) // 3))
    worst, best = order[:size], order[size:][::-1][:size]
    between = order[len(worst) : len(order) - len(best)]
    start = max(0, (len(between) - size) // 2)
    return {"worst": worst, "median": between[start : start + size], "best": best}


class PictureMaker:
    """Draws gallery pictures of one evaluation."""

    def __init__(
        self,
        truth: Truth,
        predictions: PredictionFile,
        matching: Matching,
        colors: Sequence[str],
    ) -> None:
        """Remember where the parts come from.

        Args:
            truth: What is true.
            predictions: What was predicted.
            matching: How the two belong together.
            colors: C colours, `#rrggbb`.
        """
        self._truth = truth
        self._predictions = predictions
        self._matching = matching
        self._colors = colors

    def picture(self, index: int, score: ImageScore) -> GalleryPicture:
        """Make the picture of one image.

        Args:
            index: Position in the truth's images.
            score: Its score.

        Returns:
            The picture, scaled to `LONGEST_SIDE` if it is larger.
        """
        true_map, predicted_map = self._label_maps(index, score)
        size = _fitting_size(*true_map.shape)
        photo, problem = self._photo(index, size)
        names = self._truth.class_names
        parts = tuple(
            GalleryPart(names[c], self._colors[c], float(iou), bool(true), bool(predicted))
            for c, iou, true, predicted in zip(
                score.class_index,
                score.class_iou,
                score.true_pixels,
                score.predicted_pixels,
                strict=True,
            )
        )
        return GalleryPicture(
            file_name=score.file_name,
            miou=score.miou or 0.0,
            width=size[0],
            height=size[1],
            photo=_data_address(photo, "webp", quality=_WEBP_QUALITY),
            truth=_data_address(_scaled_labels(true_map, size), "png", optimize=True),
            prediction=_data_address(_scaled_labels(predicted_map, size), "png", optimize=True),
            parts=parts[:_MOST_CLASSES_IN_A_PICTURE],
            photo_problem=problem,
        )

    def _label_maps(
        self, index: int, score: ImageScore
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """True and predicted label map whose values count the classes of this image only."""
        num_classes = len(self._truth.class_names)
        true_parts = self._truth.parts(index)
        predicted_parts = in_truth_classes(
            self._predictions.parts(self._matching.image_index[index]), self._matching.class_index
        )
        local = np.zeros(num_classes + 1, np.uint8)
        shown = score.class_index[:_MOST_CLASSES_IN_A_PICTURE]
        local[shown + 1] = np.arange(1, len(shown) + 1)
        true_map = local[true_parts.label_map(num_classes)]
        predicted_map = local[predicted_parts.label_map(num_classes)]
        ignore = true_parts.ignore_mask()
        if ignore is not None:
            true_map[ignore] = predicted_map[ignore] = _IGNORED
        return true_map, predicted_map

    def _photo(self, index: int, size: tuple[int, int]) -> tuple[Image.Image, str]:
        """The photograph at (width, height); a grey one and the reason if it cannot be read.

        A score needs no photograph, so a missing one must not cost the user the report.
        """
        try:
            path = self._truth.image_path(index)
            pixels = read_image(path, expected_hw=self._truth.images[index].hw)
        except DataError as error:
            return Image.new("RGB", size, (_GREY, _GREY, _GREY)), str(error)
        return Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS), ""


def _fitting_size(height: int, width: int) -> tuple[int, int]:
    """(width, height) scaled down to `LONGEST_SIDE`."""
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _scaled_labels(labels: NDArray[np.uint8], size: tuple[int, int]) -> Image.Image:
    """A label map at (width, height), values untouched."""
    return Image.fromarray(np.ascontiguousarray(labels)).resize(size, Image.Resampling.NEAREST)


def _data_address(image: Image.Image, kind: str, **options: Any) -> str:
    """The image as a `data:` address."""
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
