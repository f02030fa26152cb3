"""Which prediction belongs to which truth: images by file name, classes by name."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from wps_sam.errors import PredictionError
from wps_sam.evaluation.parts import ScoredImage
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

    image_index: tuple[int, ...]
    class_index: NDArray[np.int64]
    notes: tuple[str, ...]


def match_predictions(predictions: PredictionFile, truth: Truth) -> Matching:
    """Match classes by name and images by file name.

    File names match exactly, or else by their last part where that is unique on both sides.
    Predictions of images that the truth file has but does not score (`holdout`) are left out.

    Args:
        predictions: What was predicted.
        truth: What is true.

    Returns:
        The mapping.

    Raises:
        PredictionError: A class, an image or an image size differs.
    """
    class_index, notes = _match_classes(predictions, truth)
    found = _match_names(
        [image.file_name for image in truth.images],
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
    notes += _check_extra_images(predictions, truth, set(found.values()))
    image_index = tuple(found[image.file_name] for image in truth.images)
    _check_sizes(predictions, truth, image_index)
    return Matching(image_index, class_index, tuple(notes))


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
    exact = {name: index for index, name in enumerate(offered)}
    bare_wanted = Counter(PurePosixPath(name).name for name in wanted)
    bare_offered = Counter(PurePosixPath(name).name for name in offered)
    by_bare_name = {PurePosixPath(name).name: index for index, name in enumerate(offered)}
    found: dict[str, int] = {}
    for name in wanted:
        bare = PurePosixPath(name).name
        if name in exact:
            found[name] = exact[name]
        elif bare_wanted[bare] == 1 and bare_offered[bare] == 1:
            found[name] = by_bare_name[bare]
    return found


def _check_extra_images(predictions: PredictionFile, truth: Truth, used: set[int]) -> list[str]:
    """Raise PredictionError for images the truth file does not know; note those not scored."""
    extra = [image.file_name for index, image in enumerate(predictions.images) if index not in used]
    left_out = _match_names(extra, truth.left_out)
    unknown = [name for name in extra if name not in left_out]
    if unknown:
        raise PredictionError(
            f"{predictions.source} has {len(unknown)} images that {truth.source} does not have: "
            f"{_shown(unknown)}. Scores over other images would mislead: predict the images of "
            "the truth file, or give the truth file of the predicted images."
        )
    if extra:
        return [f"{len(extra)} predicted images are outside the held-out share and not scored."]
    return []


def _check_sizes(predictions: PredictionFile, truth: Truth, image_index: Sequence[int]) -> None:
    """Raise PredictionError when an image has another size than in the truth."""
    pairs: list[tuple[ScoredImage, ScoredImage]] = [
        (image, predictions.images[index])
        for image, index in zip(truth.images, image_index, strict=True)
    ]
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
