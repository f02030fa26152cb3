"""The OpenVINO file whose encoder computes in whole numbers of 8 bits.

The encoder takes most of the time, and bears 8 bits: its ranges are measured on photographs such as
the model is meant for. Prompter and mask decoder stay in float32: prompts are positions to a
fraction of a pixel, for which 8 bits are too few, and together they take a third of the time.
"""

import contextlib
import io
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from wps_sam.export.extra_packages import extra_package
from wps_sam.export.graph import GraphOutput, PartGraph
from wps_sam.export.onnx_file import IMAGE, TRACED_HW, write_module
from wps_sam.export.openvino_file import save_openvino
from wps_sam.images.reading import ImageFile, read_image
from wps_sam.sam.frozen import FrozenSam

_PIXELS, _FEATURES = "pixels", "features"


def write_quantised(
    graph: PartGraph,
    path: Path,
    metadata: Mapping[str, str],
    photographs: Sequence[ImageFile],
) -> None:
    """Write a graph in OpenVINO's format with an encoder of 8 bits.

    Args:
        graph: What to write; in eval mode, on the CPU.
        path: Ends in `.xml`; overwritten, like the weights in `.bin` beside it.
        metadata: Stored in the file's `rt_info`, section `wps_sam`.
        photographs: The encoder's ranges are measured on them; read one by one.

    Raises:
        ConfigError: A package is missing.
        DataError: A photograph cannot be read.
    """
    sam = graph.encoder.sam
    image = torch.zeros((*TRACED_HW, 3), dtype=torch.uint8)
    pixels = torch.zeros((1, 3, sam.image_side, sam.image_side))
    features = torch.zeros((1, sam.embed_dim, *sam.embed_hw))
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:

        def piece(module: nn.Module, inputs: dict[str, Tensor], outputs: Sequence[str]) -> Any:
            return _converted(module, inputs, outputs, Path(folder))

        first = piece(graph.to_sam_frame, {IMAGE: image}, [_PIXELS])
        encoder = piece(graph.encoder, {_PIXELS: pixels}, [_FEATURES])
        last = piece(
            graph.part_finder, {IMAGE: image, _FEATURES: features}, list(GraphOutput._fields)
        )
        quantised = _quantised(encoder, sam, photographs)
        model = _joined(first, _joined(quantised, last))
        save_openvino(model, path, metadata)


def _converted(
    module: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str], folder: Path
) -> Any:
    """Trace one piece and let OpenVINO read it."""
    path = folder / f"{'-'.join(outputs)}.onnx"
    write_module(module, path, inputs, outputs, {})
    return extra_package("openvino").Core().read_model(path)


def _quantised(encoder: Any, sam: FrozenSam, photographs: Sequence[ImageFile]) -> Any:
    """Measure the encoder's ranges and exchange its float operations for whole numbers."""
    nncf = extra_package("nncf")
    dataset = nncf.Dataset(
        photographs, lambda file: sam.preprocess([read_image(file.path)]).numpy()
    )
    with _quiet():
        return nncf.quantize(
            encoder,
            dataset,
            subset_size=len(photographs),
            preset=nncf.QuantizationPreset.MIXED,
            model_type=nncf.ModelType.TRANSFORMER,
        )


def _joined(first: Any, second: Any) -> Any:
    """One model of two: what the first gives under a name, the second takes under that name.

    Both take the picture; of the other inputs of the second each is an output of the first.
    """
    openvino = extra_package("openvino")
    taken = [parameter.get_friendly_name() for parameter in second.get_parameters()]
    given = {**_outputs(first), **_inputs(first)}
    kept = list(first.get_parameters())
    for name, parameter in zip(taken, second.get_parameters(), strict=True):
        if name in given:
            parameter.output(0).replace(given[name])
        else:
            kept.append(parameter)
    return openvino.Model(second.get_results(), kept, "parts")


def _inputs(model: Any) -> dict[str, Any]:
    """Name -> where a model's input comes in."""
    return {one.get_friendly_name(): one.output(0) for one in model.get_parameters()}


def _outputs(model: Any) -> dict[str, Any]:
    """Name -> where a model's output is computed."""
    return {output.get_any_name(): output.get_node().input_value(0) for output in model.outputs}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantiser's progress to itself."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(level)
