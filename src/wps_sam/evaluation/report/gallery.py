"""Pictures of a report: the best, the middle and the worst images with truth and prediction."""

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wps_sam.errors import DataError
from wps_sam.evaluation.evaluate import MatchedPredictions
from wps_sam.evaluation.image_scores import ImageScore
from wps_sam.evaluation.parts import LabelMap
from wps_sam.evaluation.truth import Truth
from wps_sam.images.reading import read_image

LONGEST_SIDE = 560
_WEBP_QUALITY = 78
# Label maps of a picture count the classes that occur in it; this value marks ignored pixels.
_IGNORED = 255
_MOST_CLASSES_IN_A_PICTURE = 254
_GREY = 128


@dataclass(frozen=True)
class Layer:
    """One prediction file that every picture can show.

    Attributes:
        key: Name of its mode on the page: `prediction`, `second` or `oracle`.
        label: What its button says.
        predictions: Where its parts come from.
    """

    key: str
    label: str
    predictions: MatchedPredictions


@dataclass(frozen=True)
class GalleryPart:
    """One class in a picture.

    Attributes:
        name: Class name.
        color: `#rrggbb`.
        verdicts: What became of it in each scored prediction: `missed`, `invented`, the IoU within
            the image in percent, or a dash where it is neither true nor predicted.
    """

    name: str
    color: str
    verdicts: tuple[str, ...]


@dataclass(frozen=True)
class GalleryPicture:
    """One image of the gallery, ready for the page.

    Attributes:
        file_name: The truth's name.
        mious: Mean IoU over the classes in the image of each scored prediction, 0..1; None where
            it has no part.
        width: Pixels of the pictures below.
        height: Pixels of the pictures below.
        photo: `data:` address of the photograph.
        labels: Layer key (`truth` first) -> `data:` address of its label map, grey value = 1 +
            position in `parts`.
        parts: Classes that occur here.
        photo_problem: Why there is no photograph; empty if there is one.
    """

    file_name: str
    mious: tuple[float | None, ...]
    width: int
    height: int
    photo: str
    labels: Mapping[str, str]
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
    """Draws gallery pictures of one truth and one or more prediction files."""

    def __init__(self, truth: Truth, layers: Sequence[Layer], colors: Sequence[str]) -> None:
        """Remember where the parts come from.

        Args:
            truth: What is true.
            layers: What was predicted.
            colors: C colours, `#rrggbb`.
        """
        self._truth = truth
        self._layers = layers
        self._colors = colors

    def picture(self, index: int, scores: Sequence[ImageScore]) -> GalleryPicture:
        """Make the picture of one image.

        Args:
            index: Position in the truth's images.
            scores: Its score in each scored prediction.

        Returns:
            The picture, scaled to `LONGEST_SIDE` if it is larger.
        """
        maps = self._label_maps(index)
        occurring = _occurring_classes(maps.values(), scores)
        local = np.zeros(len(self._truth.class_names) + 1, np.uint8)
        local[occurring + 1] = np.arange(1, len(occurring) + 1)
        size = _fitting_size(*self._truth.images[index].hw)
        ignore = self._truth.parts(index).ignore_mask()
        photo, problem = self._photo(index, size)
        return GalleryPicture(
            file_name=self._truth.images[index].file_name,
            mious=tuple(score.miou for score in scores),
            width=size[0],
            height=size[1],
            photo=_data_address(photo, "webp", quality=_WEBP_QUALITY),
            labels={
                key: _data_address(
                    _label_picture(local[labels], ignore, size), "png", optimize=True
                )
                for key, labels in maps.items()
            },
            parts=tuple(self._part(class_index, scores) for class_index in occurring.tolist()),
            photo_problem=problem,
        )

    def _label_maps(self, index: int) -> dict[str, LabelMap]:
        """Label map of the truth and of each layer, in the truth's classes."""
        num_classes = len(self._truth.class_names)
        maps = {"truth": self._truth.parts(index).label_map(num_classes)}
        for layer in self._layers:
            maps[layer.key] = layer.predictions.parts(index).label_map(num_classes)
        return maps

    def _part(self, class_index: int, scores: Sequence[ImageScore]) -> GalleryPart:
        """What the caption says about a class."""
        return GalleryPart(
            self._truth.class_names[class_index],
            self._colors[class_index],
            tuple(_verdict(score, class_index) for score in scores),
        )

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


def _occurring_classes(maps: Iterable[LabelMap], scores: Sequence[ImageScore]) -> NDArray[np.int64]:
    """Classes to name in a caption: the scored ones, then those that only the oracle drew."""
    scored = np.unique(np.concatenate([score.class_index for score in scores]))
    drawn = np.unique(np.concatenate([np.unique(labels) for labels in maps])).astype(np.int64) - 1
    others = np.setdiff1d(drawn[drawn >= 0], scored)
    return np.concatenate([scored, others]).astype(np.int64)[:_MOST_CLASSES_IN_A_PICTURE]


def _verdict(score: ImageScore, class_index: int) -> str:
    """What became of a class in one prediction of the image."""
    found = np.flatnonzero(score.class_index == class_index)
    if not len(found):
        return "\N{EN DASH}"
    row = found[0]
    if not score.predicted_pixels[row]:
        return "missed"
    if not score.true_pixels[row]:
        return "invented"
    return f"{100 * score.class_iou[row]:.0f}"


def _label_picture(
    labels: NDArray[np.uint8], ignore: NDArray[np.bool_] | None, size: tuple[int, int]
) -> Image.Image:
    """A label map at (width, height), values untouched and ignored pixels marked."""
    if ignore is not None:
        labels = np.where(ignore, np.uint8(_IGNORED), labels)
    return Image.fromarray(np.ascontiguousarray(labels)).resize(size, Image.Resampling.NEAREST)


def _data_address(image: Image.Image, kind: str, **options: Any) -> str:
    """The image as a `data:` address."""
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
