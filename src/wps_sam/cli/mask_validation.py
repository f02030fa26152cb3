"""Mask mIoU during training, for the log: where validation labels have masks, and only there."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
from rich.markup import escape
from torch import Tensor

from wps_sam.cli.console import console
from wps_sam.cli.label_place import LabelPlace
from wps_sam.embeddings.store import EmbeddingCache
from wps_sam.errors import DataError
from wps_sam.evaluation.collector import ScoreCollector, TruthFacts
from wps_sam.evaluation.parts import ImageParts
from wps_sam.evaluation.runs import mask_to_runs
from wps_sam.evaluation.truth import Truth
from wps_sam.inference.oracle import oracle_prediction
from wps_sam.inference.prediction import PartPrediction
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.prompter.interface import Prompter
from wps_sam.prompter.teacher import Supervision
from wps_sam.sam.frozen import FrozenSam
from wps_sam.training.fit import MaskMeasure
from wps_sam.training.job import LabelledFeatures

Predict = Callable[[Tensor, tuple[int, int]], PartPrediction]
"""Features (256, h, w) and the image's (height, width) -> its parts."""


def mask_measure(
    place: LabelPlace,
    sam: FrozenSam,
    store: EmbeddingCache,
    validation: LabelledFeatures,
    score_threshold: float,
    prompt: Supervision,
) -> MaskMeasure | None:
    """Make the function that scores a prompter's masks; None, and a printed note, without truth.

    It measures what `wps-sam predict`, `wps-sam oracle --prompt` with the supervision's prompts,
    and `wps-sam evaluate --oracle` would, from cached features.
    """
    try:
        truth = place.truth()
        for index in range(len(truth.images)):
            truth.parts(index)  # a damaged mask shows now, not in the middle of the run
    except DataError as error:
        console.print(escape(f"No mask mIoU during training: {error}"), soft_wrap=True)
        return None

    @cache
    def oracle() -> list[ImageParts]:
        labels, names = validation.labels, validation.labels.class_names
        return [
            image_parts(oracle_prediction(sam, image, store.read(key), names, prompt=prompt))
            for image, key in zip(labels.images, validation.keys, strict=True)
        ]

    def measure(prompter: Prompter) -> Mapping[str, float]:
        segmenter = PartSegmenter(
            sam,
            prompter,
            class_names=validation.labels.class_names,
            category_ids=validation.labels.category_ids,
            score_threshold=score_threshold,
        )
        return score_masks(segmenter.predict_features, truth, store, validation, oracle())

    return measure


def score_masks(
    predict: Predict,
    truth: Truth,
    store: EmbeddingCache,
    validation: LabelledFeatures,
    oracle: Sequence[ImageParts],
) -> Mapping[str, float]:
    """The main scores of `wps-sam evaluate`, by the same code.

    Args:
        predict: Gives an image's parts from its features and size.
        truth: The masks.
        store: Holds the features.
        validation: The same images.
        oracle: What SAM makes of the labels' own prompts, image by image.

    Returns:
        The scores that exist, by name.
    """
    collector = ScoreCollector(TruthFacts.of(truth))
    images = zip(validation.labels.images, validation.keys, oracle, strict=True)
    for index, (image, key, bound) in enumerate(images):
        found = predict(store.read(key), (image.height, image.width))
        collector.add(image.file_name, truth.parts(index), image_parts(found), bound)
    evaluation = collector.scores(oracle="the labels' own prompts")
    share = evaluation.oracle
    scores = {
        "miou": evaluation.miou,
        "macc": evaluation.macc,
        "miou_image_class_pairs": evaluation.pairs.miou_image_class_pairs,
        "boundary_miou": evaluation.boundary.boundary_miou,
        "pq": evaluation.panoptic.pq,
        "ap": evaluation.average_precision.ap,
        "oracle_miou": None if share is None else share.miou,
        "share_of_oracle": None if share is None else share.miou_share,
    }
    return {name: value for name, value in scores.items() if value is not None}


def image_parts(found: PartPrediction) -> ImageParts:
    """A prediction in the form in which scores are counted."""
    return ImageParts(
        hw=found.original_hw,
        class_index=found.class_index,
        runs=tuple(mask_to_runs(mask) for mask in found.masks),
        scores=found.scores.astype(np.float64),
    )
