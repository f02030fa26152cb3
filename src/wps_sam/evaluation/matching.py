"""Which prediction belongs to which truth: images by file name, classes by name."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from wps_sam.errors import PredictionError
from wps_sam.evaluation.predictions import PredictionFile
from wps_sam.evaluation.truth import Truth

_NAMES_SHOWN = 5


@dataclass(frozen=True)
class Matching:
    """How a prediction file maps to a truth.

    Attributes:
        image_index: For each truth image, its position in the predictions' `images`.
        class_index: (C_predicted,) int64: for each class of the predictions, the truth's class.
        notes: What a reader of the scores should know.
    """

    image_index: Sequence[int]
    class_index: NDArray[np.int64]
    notes: tuple[str, ...]


def match_predictions(predictions: PredictionFile, truth: Truth) -> Matching:
    """Match classes by name and images by file name.

    File names match exactly; of the rest, those match whose last part is unique on both sides. All
    images of the truth file take part, so that `holdout` does not change what belongs together;
    predictions of images that are not scored are then left out.

    Args:
        predictions: What was predicted.
        truth: What is true.

    Returns:
        The mapping.

    Raises:
        PredictionError: A class, an image or an image size differs.
    """
    class_index, notes = _match_classes(predictions, truth)
    image_index: Sequence[int] = range(len(truth.images))
    if not _are_alike(predictions, truth):
        image_index = _match_images(predictions, truth)
    _check_sizes(predictions, truth, image_index)
    extra = len(predictions.images) - len(image_index)
    if extra:
        notes.append(f"{extra} predicted images are outside the held-out share and not scored.")
    return Matching(image_index, class_index, tuple(notes))


def _are_alike(predictions: PredictionFile, truth: Truth) -> bool:
    """Whether both have the same images in the same order, as `wps-sam predict` leaves them.

    It takes no memory, where matching by name takes some hundred bytes an image.
    """
    return len(truth.images) == len(predictions.images) and all(
        image.file_name == other.file_name
        for image, other in zip(truth.images, predictions.images, strict=True)
    )


def _match_images(predictions: PredictionFile, truth: Truth) -> tuple[int, ...]:
    """Position in the predictions of each image of the truth; PredictionError if one differs."""
    found = _match_names(
        [*(image.file_name for image in truth.images), *truth.left_out],
        [image.file_name for image in predictions.images],
    )
    missing = [image.file_name for image in truth.images if image.file_name not in found]
    if missing:
        raise PredictionError(
            f"{predictions.source} has no predictions for {len(missing)} of {len(truth.images)} "
            f"images of {truth.source}: {_shown(missing)}. Every image must be predicted, also "
            "those without parts: run `wps-sam predict` on all of them, or choose the images that "
            "were predicted with --split or --holdout."
        )
    _refuse_unknown_images(predictions, truth, set(found.values()))
    return tuple(found[image.file_name] for image in truth.images)


def _match_classes(
    predictions: PredictionFile, truth: Truth
) -> tuple[NDArray[np.int64], list[str]]:
    """Return the truth's class for each predicted class, and notes."""
    position = {name: index for index, name in enumerate(truth.class_names)}
    unknown = [name for name in predictions.class_names if name not in position]
    if unknown:
        raise PredictionError(
            f"{predictions.source} has classes that {truth.source} does not have: "
            f"{_shown(unknown)}. The truth's classes are: {', '.join(truth.class_names)}. Classes "
            "are matched by name: score with the data the model was made for, or rename the "
            "categories."
        )
    absent = [name for name in truth.class_names if name not in predictions.class_names]
    notes = []
    if absent:
        notes.append(f"The model does not know these classes, which score 0: {', '.join(absent)}.")
    return np.array([position[name] for name in predictions.class_names], np.int64), notes


def _match_names(wanted: Sequence[str], offered: Sequence[str]) -> dict[str, int]:
    """Return the position in `offered` of each wanted name that has exactly one partner."""
    position = {name: index for index, name in enumerate(offered)}
    found = {name: position[name] for name in wanted if name in position}
    # A name that is taken stands for no other image, and does not make another one ambiguous.
    left = {name: PurePosixPath(name).name for name in wanted if name not in found}
    free = {name: PurePosixPath(name).name for name in offered if name not in found}
    bare_left, bare_free = Counter(left.values()), Counter(free.values())
    by_bare_name = {bare: position[name] for name, bare in free.items()}
    for name, bare in left.items():
        if bare_left[bare] == 1 and bare_free[bare] == 1:
            found[name] = by_bare_name[bare]
    return found


def _refuse_unknown_images(predictions: PredictionFile, truth: Truth, known: set[int]) -> None:
    """Raise PredictionError for images that the truth file does not have."""
    unknown = [image.file_name for i, image in enumerate(predictions.images) if i not in known]
    if unknown:
        raise PredictionError(
            f"{predictions.source} has {len(unknown)} images that {truth.source} does not have: "
            f"{_shown(unknown)}. Scores over other images would mislead: predict the images of "
            "the truth file, or give the truth file of the predicted images."
        )


def _check_sizes(predictions: PredictionFile, truth: Truth, image_index: Sequence[int]) -> None:
    """Raise PredictionError when an image has another size than in the truth."""
    pairs = (
        (image, predictions.images[index])
        for image, index in zip(truth.images, image_index, strict=True)
    )
    wrong = [
        f"{image.file_name} (predicted {other.height} x {other.width}, truth {image.height} x "
        f"{image.width})"
        for image, other in pairs
        if image.hw != other.hw
    ]
    if wrong:
        raise PredictionError(
            f"{predictions.source}: {len(wrong)} images have another size (height x width) than "
            f"in {truth.source}: {_shown(wrong)}. Predict the original image files."
        )


def _shown(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    rest = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
