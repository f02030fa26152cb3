"""The ONNX file: written by PyTorch's exporter, run by ONNX Runtime."""

import contextlib
import io
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from wps_sam.errors import ConfigError
from wps_sam.export.graph import GraphOutput, PartGraph
from wps_sam.export.graph_file import FoundParts, GraphFile, sole_comparison
from wps_sam.extra_packages import EXPORT, extra_package

OPSET = 20
"""The first with GELU as one operator; taken apart, it costs a fifth of the encoder's time."""

IMAGE = "image"
"""The name of the picture among a graph's inputs."""

TRACED_HW = (48, 64)
"""Of the picture while tracing; any size does, as both sides are symbolic."""

# A protobuf message ends at 2 GiB; larger weights lie in a file beside it.
_MOST_BYTES_INSIDE = 1_800_000_000
_OTHER_THRESHOLD = "another_score_threshold"


def write_onnx(graph: PartGraph, path: Path, metadata: Mapping[str, str]) -> None:
    """Write a graph as ONNX; weights over 1.8 GB go to a second file, `<name>.data`.

    Args:
        graph: What to write; in eval mode, on the CPU.
        path: Overwritten.
        metadata: Stored in the file's `metadata_props`.

    Raises:
        ConfigError: A package is missing.
    """
    inputs = {IMAGE: torch.zeros((*TRACED_HW, 3), dtype=torch.uint8)}
    write_module(graph, path, inputs, GraphOutput._fields, metadata)


def write_module(
    module: nn.Module,
    path: Path,
    inputs: Mapping[str, Tensor],
    outputs: Sequence[str],
    metadata: Mapping[str, str],
) -> None:
    """Write any module as ONNX.

    Args:
        module: What to write; in eval mode, on the CPU.
        path: Overwritten.
        inputs: Name -> an example, in the order of `forward`; the first two dims of the input
            `image` may be others in the file, those of other inputs may not.
        outputs: Names of what `forward` returns.
        metadata: Stored in the file's `metadata_props`.

    Raises:
        ConfigError: A package is missing.
    """
    for name in ("onnx", "onnxscript"):
        extra_package(name, EXPORT)
    sides = {name: torch.export.Dim(name) for name in ("height", "width")}
    shapes = {name: dict(enumerate(sides.values())) if name == IMAGE else None for name in inputs}
    # Only for their names in the file.
    named = {name: dict(enumerate(sides)) if name == IMAGE else None for name in inputs}
    with _quiet(), torch.no_grad():
        traced = torch.export.export(module, tuple(inputs.values()), dynamic_shapes=shapes)
        program: Any = torch.onnx.export(
            traced,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=named,
            opset_version=OPSET,
            dynamo=True,
        )
    program.model.metadata_props.update(metadata)
    weights = sum(value.numel() * value.element_size() for value in module.parameters())
    program.save(path, external_data=weights > _MOST_BYTES_INSIDE)


class OnnxFile(GraphFile):
    """An ONNX file in ONNX Runtime, on the CPU."""

    def __init__(self, path: Path) -> None:
        """Load a file.

        Args:
            path: Of `write_onnx`.

        Raises:
            ConfigError: ONNX Runtime is missing.
        """
        self._path = path
        self._session = _session(path, torch.get_num_threads())
        self.metadata = self._session.get_modelmeta().custom_metadata_map

    def run(self, image: NDArray[np.uint8]) -> FoundParts:
        """See GraphFile."""
        return FoundParts(*self._session.run(None, {IMAGE: image}))

    def with_threshold(self, score_threshold: float) -> "OnnxFile":
        """See GraphFile."""
        onnx = extra_package("onnx", EXPORT)
        model = onnx.load(self._path, load_external_data=False)
        comparisons = [node for node in model.graph.node if node.op_type == "GreaterOrEqual"]
        sole_comparison(self._path, comparisons).input[1] = _OTHER_THRESHOLD
        number = np.array(score_threshold, np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(number, _OTHER_THRESHOLD))
        other = copy(self)
        if not self._path.with_name(f"{self._path.name}.data").exists():
            other._session = _session(model.SerializeToString(), torch.get_num_threads())
            return other
        # In the same folder, where weights that lie in a file of their own are found again.
        with _file_beside(self._path) as changed:
            onnx.save(model, changed)
            other._session = _session(changed, torch.get_num_threads())
        return other


@contextlib.contextmanager
def _file_beside(path: Path) -> Iterator[Path]:
    """A new file in the folder of another, gone at the end."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=path.suffix)
    except OSError as error:
        raise ConfigError(
            f"{path.parent} cannot be written to ({error.strerror}), which another score threshold "
            "needs where the weights lie in a file of their own. Leave --score-threshold out, or "
            "copy the files to another folder."
        ) from error
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _session(file: Path | bytes, threads: int) -> Any:
    """Load a file, or what would stand in it, into ONNX Runtime."""
    runtime = extra_package("onnxruntime", EXPORT)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    source = str(file) if isinstance(file, Path) else file
    return runtime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's progress, and its remarks on packages that are not needed, to itself."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
