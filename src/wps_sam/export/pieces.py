"""The OpenVINO file in three pieces, of which the encoder may compute in other numbers.

The encoder takes most of the time, and bears coarser numbers. Prompter and prompts stay in
float32: they are positions to a fraction of a pixel.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from wps_sam.export.graph import GraphOutput, PartGraph
from wps_sam.export.onnx_file import IMAGE, TRACED_HW, write_module
from wps_sam.export.openvino_file import save_openvino
from wps_sam.extra_packages import EXPORT, extra_package
from wps_sam.sam.frozen import FrozenSam

_PIXELS, _FEATURES = "pixels", "features"

EncoderWriter = Callable[[FrozenSam, Path], Any]
"""Makes an `openvino.Model` of a SAM's encoder; may leave files in the folder."""


def write_pieces(
    graph: PartGraph, path: Path, metadata: Mapping[str, str], write_encoder: EncoderWriter
) -> None:
    """Write a graph in OpenVINO's format with an encoder that is written apart.

    Args:
        graph: What to write; in eval mode, on the CPU.
        path: Ends in `.xml`; overwritten, like the weights in `.bin` beside it.
        metadata: Stored in the file's `rt_info`, section `wps_sam`.
        write_encoder: Given `graph`'s SAM and a folder that is removed afterwards; makes what takes
            (1, 3, side, side) float32 and gives (1, D, h, w) float32, as `convert_encoder` does.

    Raises:
        ConfigError: A package is missing.
    """
    sam = graph.encoder.sam
    image = torch.zeros((*TRACED_HW, 3), dtype=torch.uint8)
    features = torch.zeros((1, sam.embed_dim, *sam.embed_hw))
    with tempfile.TemporaryDirectory(dir=path.parent) as between:
        folder = Path(between)
        first = _converted(graph.to_sam_frame, {IMAGE: image}, [_PIXELS], folder)
        inputs = {IMAGE: image, _FEATURES: features}
        last = _converted(graph.part_finder, inputs, list(GraphOutput._fields), folder)
        encoder = write_encoder(sam, folder)
        save_openvino(_joined(first, _joined(encoder, last)), path, metadata)


def convert_encoder(encoder: nn.Module, sam: FrozenSam, folder: Path) -> Any:
    """Let OpenVINO read an encoder.

    Args:
        encoder: (1, 3, side, side) float32, called `pixels` -> (1, D, h, w) float32.
        sam: Whose encoder it is.
        folder: Where to put a file meanwhile.

    Returns:
        An `openvino.Model`.
    """
    pixels = torch.zeros((1, 3, sam.image_side, sam.image_side))
    return _converted(encoder, {_PIXELS: pixels}, [_FEATURES], folder)


def _converted(
    module: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str], folder: Path
) -> Any:
    """Trace one piece and let OpenVINO read it."""
    path = folder / f"{'-'.join(outputs)}.onnx"
    write_module(module, path, inputs, outputs, {})
    return extra_package("openvino", EXPORT).Core().read_model(path)


def _joined(first: Any, second: Any) -> Any:
    """One model of two: what the first gives under a name, the second takes under that name.

    Both take the picture; of the other inputs of the second each is an output of the first.
    """
    openvino = extra_package("openvino", EXPORT)
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
