"""An exported file that has been loaded, whatever its format."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wps_sam.errors import ExportError
from wps_sam.inference.prediction import PartPrediction


class FoundParts(NamedTuple):
    """What a file finds in one picture; see `graph.GraphOutput`."""

    masks: NDArray[np.bool_]
    class_index: NDArray[np.int64]
    scores: NDArray[np.float32]
    boxes: NDArray[np.float32]

    def as_prediction(self, class_names: Sequence[str]) -> PartPrediction:
        """The same parts as `PartSegmenter.predict` gives them."""
        return PartPrediction(
            masks=self.masks,
            class_index=self.class_index,
            class_names=tuple(class_names),
            scores=self.scores,
            boxes_xyxy=self.boxes,
        )


class GraphFile(ABC):
    """A file, ready to run on the CPU.

    Attributes:
        metadata: What it says about itself; see `metadata.describe`.
    """

    metadata: Mapping[str, str]

    @abstractmethod
    def run(self, image: NDArray[np.uint8]) -> FoundParts:
        """Find the parts of one picture.

        Args:
            image: (H, W, 3) uint8 RGB.
        """

    @abstractmethod
    def with_threshold(self, score_threshold: float) -> "GraphFile":
        """The same file with another number to compare scores with, in memory.

        Args:
            score_threshold: Least score of a part, 0 to 1.

        Raises:
            ExportError: The file's own threshold cannot be told from its other numbers.
        """


def sole_comparison(path: Path, comparisons: list[Any]) -> Any:
    """The one place where a graph asks whether something is as large as a limit: the scores.

    Names do not tell, as runtimes merge numbers that are equal.

    Args:
        path: Of the file, for the message.
        comparisons: All greater-or-equal operations of its graph.

    Returns:
        The only one.

    Raises:
        ExportError: There is none, or there are several.
    """
    if len(comparisons) != 1:
        raise ExportError(
            f"{path}: found {len(comparisons)} comparisons by 'greater or equal' in the graph, "
            "expected one, that of the scores with their threshold, which so cannot be exchanged. "
            "Leave --score-threshold out of `predict`, and export with the versions of torch, "
            "onnxscript and openvino that constraints.txt names."
        )
    return comparisons[0]
