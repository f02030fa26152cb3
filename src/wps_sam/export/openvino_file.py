"""The OpenVINO file: made of the ONNX file, in OpenVINO's own format."""

from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from wps_sam.export.graph import GraphOutput
from wps_sam.export.graph_file import FoundParts, GraphFile, sole_comparison
from wps_sam.extra_packages import EXPORT, extra_package

_ABOUT = "wps_sam"  # section of the file's runtime information


def write_openvino(onnx_path: Path, path: Path, metadata: Mapping[str, str]) -> None:
    """Turn an ONNX file into OpenVINO's format: `path`, and the weights in `.bin` beside it.

    Args:
        onnx_path: Of `write_onnx`.
        path: Ends in `.xml`; overwritten.
        metadata: Stored in the file's `rt_info`, section `wps_sam`.

    Raises:
        ConfigError: OpenVINO is missing.
    """
    save_openvino(extra_package("openvino", EXPORT).Core().read_model(onnx_path), path, metadata)


def save_openvino(model: Any, path: Path, metadata: Mapping[str, str]) -> None:
    """Save what OpenVINO has in memory: `path`, and the weights in `.bin` beside it.

    Args:
        model: An `openvino.Model`.
        path: Ends in `.xml`; overwritten.
        metadata: Stored in the file's `rt_info`, section `wps_sam`.
    """
    for name, text in metadata.items():
        model.set_rt_info(text, [_ABOUT, name])
    extra_package("openvino", EXPORT).save_model(model, path, compress_to_fp16=False)


class OpenvinoFile(GraphFile):
    """An OpenVINO file, compiled for the CPU."""

    def __init__(self, path: Path) -> None:
        """Load a file.

        Args:
            path: Of `write_openvino`.

        Raises:
            ConfigError: OpenVINO is missing.
        """
        self._path = path
        self._model = extra_package("openvino", EXPORT).Core().read_model(path)
        about = self._model.get_rt_info([_ABOUT]).astype(dict)
        self.metadata = {name: text.astype(str) for name, text in about.items()}
        self._compiled = compile_for_cpu(self._model)

    def run(self, image: NDArray[np.uint8]) -> FoundParts:
        """See GraphFile."""
        found = self._compiled([image])
        return FoundParts(*(np.array(found[name]) for name in GraphOutput._fields))

    def with_threshold(self, score_threshold: float) -> "OpenvinoFile":
        """See GraphFile."""
        other = copy(self)
        other._model = self._model.clone()
        comparisons = [op for op in other._model.get_ops() if op.get_type_name() == "GreaterEqual"]
        number = extra_package("openvino", EXPORT).opset13.constant(
            np.array(score_threshold, np.float32)
        )
        compared = sole_comparison(self._path, comparisons).input(1)
        compared.replace_source_output(number.output(0))
        other._compiled = compile_for_cpu(other._model)
        return other


def compile_for_cpu(model: Any) -> Any:
    """Compile for the CPU, in float32 wherever the model does not ask for other numbers.

    Args:
        model: An `openvino.Model`; stays as it is.

    Returns:
        An `openvino.CompiledModel` with as many threads as PyTorch.
    """
    settings = {
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": "f32",
    }
    return extra_package("openvino", EXPORT).Core().compile_model(model, "CPU", settings)
