"""TinyViT as runtimes get it; its numbers are tested as MobileSAM's."""

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from wps_sam.export.onnx_file import write_module
from wps_sam.extra_packages import EXPORT, extra_package
from wps_sam.sam.neck import Neck
from wps_sam.sam.tiny_vit import Stage, WindowBlock

WIDTH, SIDE = 128, 6


def written(module: nn.Module, inputs: dict[str, Tensor], folder: Path) -> Any:
    """The ONNX graph of a module, with the shapes of all that it computes."""
    write_module(module, folder / "module.onnx", inputs, ["found"], {})
    onnx = extra_package("onnx", EXPORT)
    return onnx.shape_inference.infer_shapes(onnx.load(folder / "module.onnx")).graph


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A block with windows of 4 cells on a map of 6, so that windows need padding."""
    block = WindowBlock(Stage(WIDTH, depth=1, heads=2, window=4)).eval()
    block.local_conv.derive()
    block.attn.derive()
    cells = torch.zeros(1, WIDTH, SIDE, SIDE)
    return written(block, {"cells": cells}, tmp_path_factory.mktemp("onnx"))


def test_linear_layers__weights_are_constants_that_a_quantiser_finds(graph: Any) -> None:
    constants = {value.name: tuple(value.dims) for value in graph.initializer}
    products = [node for node in graph.node if node.op_type in ("MatMul", "Gemm")]
    found = Counter(constants.get(node.input[1]) for node in products)
    # Queries with keys and weights with values have no constant; then qkv, proj, fc1 and fc2.
    square, wide = (WIDTH, WIDTH), (WIDTH, 4 * WIDTH)
    assert found == {None: 2, (WIDTH, 3 * WIDTH): 1, square: 1, wide: 1, wide[::-1]: 1}


def axes_of_norms(graph: Any) -> list[int]:
    """How many axes the input of each layer norm has."""
    shapes = {value.name: len(value.type.tensor_type.shape.dim) for value in graph.value_info}
    norms = [node for node in graph.node if node.op_type == "LayerNormalization"]
    return [shapes[node.input[0]] for node in norms]


def test_norms_have_three_axes__of_four_openvino_copies_the_map(graph: Any, tmp_path: Path) -> None:
    assert axes_of_norms(graph) == [3, 3]
    cells = torch.zeros(1, 8, SIDE, SIDE).contiguous(memory_format=torch.channels_last)
    assert axes_of_norms(written(Neck(8).eval(), {"input": cells}, tmp_path)) == [3, 3]


def test_padding__is_computed_and_not_stored(graph: Any) -> None:
    stored = sum(math.prod(value.dims) for value in graph.initializer)
    weights = (3 + 1 + 4 + 4) * WIDTH**2  # qkv, proj, fc1, fc2
    vectors = (3 + 1 + 4 + 1) * WIDTH + 4 * WIDTH + 10 * WIDTH  # biases, norms, local convolution
    attention = 2 * 16**2  # a bias for each pair of a window's cells
    shapes = 100  # of reshaping and padding
    # The projected padding would be 3 x 128 numbers a cell, for 28 cells.
    assert stored < weights + vectors + attention + shapes
