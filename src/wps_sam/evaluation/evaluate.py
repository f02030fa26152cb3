"""Score a prediction file against a truth file; no model is involved."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wps_sam.evaluation.collector import ScoreCollector, TruthFacts
from wps_sam.evaluation.matching import Matching, match_predictions
from wps_sam.evaluation.parts import ImageParts
from wps_sam.evaluation.predictions import PredictionFile, read_predictions
from wps_sam.evaluation.result import Evaluation
from wps_sam.evaluation.truth import Truth, open_truth


def evaluate_predictions(
    predictions: PredictionFile | str | Path,
    truth: Truth | str | Path,
    *,
    merge: Mapping[str, str] | None = None,
    oracle: PredictionFile | str | Path | None = None,
) -> Evaluation:
    """Score predictions at original resolution; one image is in memory at a time.

    Args:
        predictions: A prediction file, opened or as a path.
        truth: A truth with masks, opened or as a path.
        merge: Class name -> merged name for the second, coarser table; None merges the classes
            that differ only in the words left and right (`left_right_rule`).
        oracle: The predictions of `wps-sam oracle` for the same images: adds the share of the
            oracle, and says how much of the bad masks is SAM's own limit.

    Returns:
        The scores.

    Raises:
        PredictionError: The predictions do not fit the truth, or a mask is damaged.
        DataError: The truth cannot be read or has no masks.
        ConfigError: `merge` names an unknown class.
    """
    truth = truth if isinstance(truth, Truth) else open_truth(truth)
    given = MatchedPredictions.of(predictions, truth)
    bound = None if oracle is None else MatchedPredictions.of(oracle, truth)
    with ScoreCollector(TruthFacts.of(truth, given.matching.notes), merge) as collector:
        for index, image in enumerate(truth.images):
            collector.add(
                image.file_name,
                truth.parts(index),
                given.parts(index),
                None if bound is None else bound.parts(index),
            )
        return collector.scores(None if bound is None else bound.file.source.name)


class MatchedPredictions:
    """A prediction file read in the order and the classes of a truth."""

    def __init__(self, file: PredictionFile, matching: Matching) -> None:
        """Tie a file to a truth.

        Args:
            file: What was predicted.
            matching: How it belongs to the truth.
        """
        self.file = file
        self.matching = matching

    @classmethod
    def of(cls, predictions: PredictionFile | str | Path, truth: Truth) -> "MatchedPredictions":
        """Match a prediction file with a truth.

        Args:
            predictions: A prediction file, opened or as a path.
            truth: What is true.

        Returns:
            The predictions in the truth's terms.

        Raises:
            PredictionError: The predictions do not fit the truth.
        """
        if not isinstance(predictions, PredictionFile):
            predictions = read_predictions(predictions)
        return cls(predictions, match_predictions(predictions, truth))

    def parts(self, index: int) -> ImageParts:
        """The predicted parts of one image.

        Args:
            index: Position in the truth's images.

        Returns:
            The parts in the truth's classes.

        Raises:
            PredictionError: A mask is damaged.
        """
        parts = self.file.parts(self.matching.image_index[index])
        return in_truth_classes(parts, self.matching.class_index)


def in_truth_classes(parts: ImageParts, class_index: NDArray[np.int64]) -> ImageParts:
    """Renumber predicted classes.

    Args:
        parts: Parts in the prediction file's classes.
        class_index: (C_predicted,) int64, the truth's class of each, from `match_predictions`.

    Returns:
        The same parts in the truth's classes.
    """
    return replace(parts, class_index=class_index[parts.class_index])
