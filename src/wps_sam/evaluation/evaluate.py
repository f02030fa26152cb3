"""Score a prediction file against a truth file; no model is involved."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wps_sam.evaluation.collector import ScoreCollector, TruthFacts
from wps_sam.evaluation.matching import Matching, match_predictions
from wps_sam.evaluation.oracle_share import check_oracle, describe_oracle, sam_notes
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
            that differ only in their side (`left_right_rule`).
        oracle: The predictions of `wps-sam oracle` for the same images: adds the share of the
            oracle, and says how much of the bad masks is SAM's own limit.

    Returns:
        The scores.

    Raises:
        PredictionError: The predictions do not fit the truth, a mask is damaged, or `wps-sam
            oracle` did not make the oracle.
        DataError: The truth cannot be read or has no masks.
        ConfigError: `merge` names an unknown class.
    """
    truth = truth if isinstance(truth, Truth) else open_truth(truth)
    given = MatchedPredictions.of(predictions, truth)
    bound = None if oracle is None else _match_oracle(oracle, truth)
    notes = _notes(given, bound, truth)
    collector = ScoreCollector(TruthFacts.of(truth, notes), merge)
    for index, image in enumerate(truth.images):
        collector.add(
            image.file_name,
            truth.parts(index),
            given.parts(index),
            None if bound is None else bound.parts(index),
        )
    # Parts without a pixel are counted while masks are decoded, so the skips are known only now.
    skipped = truth.skip_counts()
    result = collector.scores(None if bound is None else str(bound.file.source), skipped)
    if bound is None or result.oracle is None:
        return result
    return replace(result, oracle=describe_oracle(result.oracle, bound.file.info))


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


def _match_oracle(oracle: PredictionFile | str | Path, truth: Truth) -> MatchedPredictions:
    """Match the oracle's predictions with the truth; PredictionError if they are no oracle's."""
    file = oracle if isinstance(oracle, PredictionFile) else read_predictions(oracle)
    check_oracle(file)
    return MatchedPredictions.of(file, truth)


def _notes(
    given: MatchedPredictions, bound: MatchedPredictions | None, truth: Truth
) -> tuple[str, ...]:
    """What a reader of the scores should know about the predictions and the oracle."""
    notes = [*given.matching.notes, *_unit_notes(given.file, truth)]
    if bound is not None:
        notes += [f"Oracle: {note}" for note in bound.matching.notes]
        notes += _unit_notes(bound.file, truth)
        notes += sam_notes(given.file, bound.file)
    return tuple(dict.fromkeys(notes))  # the oracle may be scored against itself


def _unit_notes(file: PredictionFile, truth: Truth) -> list[str]:
    """Say so if a file was made for other parts than those that are counted."""
    groups, is_grouped = file.info.get("keep_groups"), truth.part_unit == "annotation"
    if not isinstance(groups, bool) or groups == is_grouped:
        return []
    made, scored = ("with", "without") if groups else ("without", "with")
    return [
        f"{file.source} was made {made} --keep-groups, but is scored {scored} it: AP, PQ and the "
        f"error anatomy count other parts. Score {made} --keep-groups."
    ]


def in_truth_classes(parts: ImageParts, class_index: NDArray[np.int64]) -> ImageParts:
    """Renumber predicted classes.

    Args:
        parts: Parts in the prediction file's classes.
        class_index: (C_predicted,) int64, the truth's class of each, from `match_predictions`.

    Returns:
        The same parts in the truth's classes.
    """
    return replace(parts, class_index=class_index[parts.class_index])
