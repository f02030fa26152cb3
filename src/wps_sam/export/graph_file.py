"""An exported file that has been loaded, whatever its format."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wps_sam.errors import ExportError


class FoundParts(NamedTuple):
    """What a file finds in one picture; see `graph.GraphOutput`."""

    masks: NDArray[np.bool_]
    class_index: NDArray[np.int64]
    scores: NDArray[np.float32]
    boxes: NDArray[np.float32]


class GraphFile(ABC):
    """A file, ready to run on the CPU.

    Attributes:
        metadata: What it says about itself; see `metadata.describe`.
    """

    metadata: Mapping[str, str]

    @abstractmethod
    def run(self, image: NDArray[np.uint8], score_threshold: float | None = None) -> FoundParts:
        """Find the parts of one picture.

        Args:
            image: (H, W, 3) uint8 RGB.
            score_threshold: Put in the place of the file's own, for this once; None leaves it.

        Returns:
            The parts.

        Raises:
            ExportError: Another threshold was asked for, and the file's own cannot be told.
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
            "expected one, that of the scores with their threshold; so the file cannot be checked. "
            "Use the versions of torch, onnxscript and openvino that constraints.txt names."
        )
    return comparisons[0]
