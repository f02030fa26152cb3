"""The ONNX file: written by PyTorch's exporter, run by ONNX Runtime."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from wps_sam.export.extra_packages import extra_package
from wps_sam.export.graph import GraphOutput, PartGraph
from wps_sam.export.graph_file import FoundParts, GraphFile, sole_comparison

OPSET = 20
"""The first with GELU as one operator; taken apart, it costs a fifth of the encoder's time."""

_TRACED_HW = (48, 64)  # any size does: both sides are symbolic
# A protobuf message ends at 2 GiB; larger weights lie in a file beside it.
_MOST_BYTES_INSIDE = 1_800_000_000
_OTHER_THRESHOLD = "threshold_of_the_check"


def write_onnx(graph: PartGraph, path: Path, metadata: Mapping[str, str]) -> None:
    """Write a graph as ONNX; weights over 1.8 GB go to a second file, `<name>.data`.

    Args:
        graph: What to write; in eval mode, on the CPU.
        path: Overwritten.
        metadata: Stored in the file's `metadata_props`.

    Raises:
        ConfigError: A package is missing.
    """
    for name in ("onnx", "onnxscript"):
        extra_package(name)
    image = torch.zeros((*_TRACED_HW, 3), dtype=torch.uint8)
    sides = {name: torch.export.Dim(name) for name in ("height", "width")}
    with _quiet(), torch.no_grad():
        traced = torch.export.export(
            graph, (image,), dynamic_shapes={"image": dict(enumerate(sides.values()))}
        )
        program: Any = torch.onnx.export(
            traced,
            input_names=["image"],
            output_names=list(GraphOutput._fields),
            dynamic_shapes={"image": dict(enumerate(sides))},  # only for their names in the file
            opset_version=OPSET,
            dynamo=True,
        )
    program.model.metadata_props.update(metadata)
    weights = sum(value.numel() * value.element_size() for value in graph.parameters())
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

    def run(self, image: NDArray[np.uint8], score_threshold: float | None = None) -> FoundParts:
        """See GraphFile."""
        session = self._session
        if score_threshold is not None:
            session = self._with_threshold(score_threshold)
        return FoundParts(*session.run(None, {"image": image}))

    def _with_threshold(self, score_threshold: float) -> Any:
        """The same file with another number to compare scores with."""
        onnx = extra_package("onnx")
        model = onnx.load(self._path, load_external_data=False)
        comparisons = [node for node in model.graph.node if node.op_type == "GreaterOrEqual"]
        sole_comparison(self._path, comparisons).input[1] = _OTHER_THRESHOLD
        number = np.array(score_threshold, np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(number, _OTHER_THRESHOLD))
        # In the same folder, where weights that lie in a file of their own are found again.
        changed = self._path.with_name(f"{self._path.stem}.check.onnx")
        try:
            onnx.save(model, changed)
            return _session(changed, torch.get_num_threads())
        finally:
            changed.unlink(missing_ok=True)


def _session(path: Path, threads: int) -> Any:
    """Load a file into ONNX Runtime."""
    runtime = extra_package("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


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
