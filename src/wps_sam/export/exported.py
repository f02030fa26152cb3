"""An exported file in the place of a run: the same methods, another engine."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from wps_sam.errors import CheckpointError, ConfigError
from wps_sam.export.graph_file import GraphFile
from wps_sam.export.onnx_file import OnnxFile
from wps_sam.export.openvino_file import OpenvinoFile
from wps_sam.inference.interface import ImageInput
from wps_sam.inference.pixels import as_pixels
from wps_sam.inference.prediction import PartPrediction
from wps_sam.inference.segmenter import checked_threshold

_FILES: dict[str, type[OnnxFile] | type[OpenvinoFile]] = {".onnx": OnnxFile, ".xml": OpenvinoFile}


class ExportedSegmenter:
    """Cuts images with an exported file, on the CPU, an image at a time.

    Attributes:
        class_names: C names, in class order.
        category_ids: C ids that the classes had in the label file.
        score_threshold: The file's own.
        sam_name: Name of the SAM in it.
        sam_fingerprint: SHA-256 hex of that SAM's weights in float32.
        images_a_call: 1.
    """

    images_a_call = 1

    def __init__(self, file: GraphFile, path: Path) -> None:
        """Take a loaded file.

        Args:
            file: What computes.
            path: Where it came from, for messages.

        Raises:
            CheckpointError: It does not say what an exported file says about itself.
        """
        about = file.metadata
        try:
            self.class_names: tuple[str, ...] = tuple(json.loads(about["class_names"]))
            self.category_ids: tuple[int, ...] = tuple(json.loads(about["category_ids"]))
            self.score_threshold = float(about["score_threshold"])
            self.sam_name, self.sam_fingerprint = about["sam"], about["sam_fingerprint"]
            self._model, self._precision = about["model_fingerprint"], about["precision"]
        except KeyError as error:
            raise CheckpointError(
                f"{path}: found a file without {error.args[0]!r} among its metadata, expected one "
                "that this version of `wps-sam export` wrote. Export the run again."
            ) from error
        self._file = file
        self._asked = self.score_threshold

    @classmethod
    def load(cls, path: Path) -> Self:
        """Load an exported file.

        Args:
            path: Ends in `.onnx`, or in `.xml` for OpenVINO.

        Raises:
            CheckpointError: There is no such file, it cannot be read, or something else wrote it.
            ConfigError: The package that runs it is missing.
        """
        if not path.is_file():
            raise CheckpointError(f"{path}: there is no such file. Check its name.")
        kind = _FILES[path.suffix]
        try:
            file = kind(path)
        except ConfigError:  # a package is missing
            raise
        except Exception as error:  # the runtimes' own errors have no common base
            raise CheckpointError(
                f"{path}: cannot be read ({str(error).strip().splitlines()[-1]}); expected a file "
                "of `wps-sam export`, with the files beside it that were written with it."
            ) from error
        return cls(file, path)

    @property
    def fingerprint(self) -> str:
        """SHA-256 hex over the model's fingerprint, the engine and the precision."""
        parts = (self._model, type(self._file).__name__, self._precision)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

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
        threshold = self.threshold_of(score_threshold)
        if threshold != self._asked:  # exchanged once, not for each image
            self._file, self._asked = self._file.with_threshold(threshold), threshold
        return [
            self._file.run(as_pixels(image, index)).as_prediction(self.class_names)
            for index, image in enumerate(images)
        ]
