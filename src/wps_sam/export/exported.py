"""An exported file in the place of a run: the same methods, another engine."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from wps_sam.errors import CheckpointError, ConfigError, DataError
from wps_sam.export.graph_file import FoundParts, GraphFile
from wps_sam.export.onnx_file import OnnxFile
from wps_sam.export.openvino_file import OpenvinoFile
from wps_sam.inference.interface import ImageInput
from wps_sam.inference.pixels import as_pixels
from wps_sam.inference.prediction import PartPrediction
from wps_sam.inference.segmenter import checked_threshold

_FILES: dict[str, type[OnnxFile] | type[OpenvinoFile]] = {".onnx": OnnxFile, ".xml": OpenvinoFile}


MOST_PIXELS = 25_000_000
"""Of a photograph: the graph holds all its masks at once, 4 bytes a pixel while they are made."""


class ExportedSegmenter:
    """Cuts images with an exported file, on the CPU, an image at a time.

    Attributes:
        class_names: C names, in class order.
        category_ids: C ids that the classes had in the label file.
        score_threshold: The file's own.
        sam_name: Name of the SAM in it.
        sam_fingerprint: SHA-256 hex of that SAM's weights in float32.
        fingerprint: SHA-256 hex over the file, what lies beside it, and the engine.
        images_a_call: 1.
    """

    images_a_call = 1

    def __init__(self, file: GraphFile, path: Path) -> None:
        """Take a loaded file.

        Args:
            file: What computes.
            path: Where it came from.

        Raises:
            CheckpointError: It does not say what an exported file says about itself.
        """
        about = file.metadata
        try:
            self.class_names: tuple[str, ...] = tuple(json.loads(about["class_names"]))
            self.category_ids: tuple[int, ...] = tuple(json.loads(about["category_ids"]))
            self.score_threshold = checked_threshold(float(about["score_threshold"]))
            self.sam_name, self.sam_fingerprint = about["sam"], about["sam_fingerprint"]
        except (KeyError, TypeError, ValueError, ConfigError) as error:
            raise CheckpointError(
                f"{path}: its metadata cannot be understood ({type(error).__name__}: {error}); "
                "expected class_names, category_ids, score_threshold, sam and sam_fingerprint as "
                "`wps-sam export` writes them. Export the run again."
            ) from error
        if len(self.class_names) != len(self.category_ids):
            raise CheckpointError(
                f"{path}: found {len(self.category_ids)} category_ids for "
                f"{len(self.class_names)} class_names, expected one each. Export the run again."
            )
        self.fingerprint = _content_hash(path, type(file).__name__)
        self._own = file
        self._changed: dict[float, GraphFile] = {}  # of one other threshold

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load an exported file.

        Args:
            path: Ends in `.onnx`, or in `.xml` for OpenVINO.

        Raises:
            CheckpointError: There is no such file, it cannot be read, or something else wrote it.
            ConfigError: The package that runs it is missing.
        """
        if path.suffix not in _FILES or not path.is_file():
            raise CheckpointError(
                f"{path}: found no exported file; expected one that ends in "
                f"{' or '.join(_FILES)}. Check its name."
            )
        try:
            file = _FILES[path.suffix](path)
        except ConfigError:  # a package is missing
            raise
        except Exception as error:  # the runtimes' own errors have no common base
            raise CheckpointError(
                f"{path}: cannot be read ({_last_line(error)}); expected a file of `wps-sam "
                "export`, with the files beside it that were written with it."
            ) from error
        return cls(file, path)

    def threshold_of(self, wanted: float | None) -> float:
        """See `inference.interface.Segmenter`."""
        return self.score_threshold if wanted is None else checked_threshold(wanted)

    def predict(self, image: ImageInput, *, score_threshold: float | None = None) -> PartPrediction:
        """Find the parts of one image; see `PartSegmenter.predict`."""
        return self.predict_batch([image], score_threshold=score_threshold)[0]

    def predict_batch(
        self, images: Sequence[ImageInput], *, score_threshold: float | None = None
    ) -> list[PartPrediction]:
        """See `inference.interface.Segmenter`."""
        file = self._with_threshold(self.threshold_of(score_threshold))
        return [
            _run(file, as_pixels(image, index)).as_prediction(self.class_names)
            for index, image in enumerate(images)
        ]

    def _with_threshold(self, threshold: float) -> GraphFile:
        """The file for a threshold; compiling it anew takes seconds."""
        if threshold == self.score_threshold:
            return self._own
        if threshold not in self._changed:
            self._changed = {threshold: self._own.with_threshold(threshold)}
        return self._changed[threshold]


def _run(file: GraphFile, pixels: NDArray[np.uint8]) -> FoundParts:
    """Cut one image; what goes wrong with it must not end a job."""
    height, width = pixels.shape[:2]
    if height * width > MOST_PIXELS:
        raise DataError(
            f"An image of {height} x {width} pixels (height x width) is more than an exported file "
            f"may take, {MOST_PIXELS / 1e6:g} megapixels, as all its masks are in memory at once. "
            "Make it smaller (SAM sees 1024 pixels of its longer side), or predict with the run's "
            "folder."
        )
    try:
        return file.run(pixels)
    except Exception as error:  # the runtimes' own errors have no common base
        raise DataError(
            f"An image of {height} x {width} pixels (height x width) cannot be cut by the exported "
            f"file ({_last_line(error)}). Predict it with the run's folder."
        ) from error


def _content_hash(path: Path, engine: str) -> str:
    """SHA-256 hex of a file and of its weights in a file beside it."""
    digest = hashlib.sha256(engine.encode())
    for part in (path, path.with_suffix(".bin"), path.with_name(f"{path.name}.data")):
        if part.is_file():
            with part.open("rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def _last_line(error: Exception) -> str:
    """What an error says, in short."""
    return (str(error).strip() or type(error).__name__).splitlines()[-1]
