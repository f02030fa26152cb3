"""MobileSAM's image encoder on this CPU: runtimes and number types, side by side.

    python -m benchmarks.encoders PHOTOGRAPHS [--turns 5] [--calibrated 20]

PHOTOGRAPHS is a folder. In each turn every way encodes the same photograph, one right after the
other; those of PyTorch run in processes of their own, as one of them keeps freed memory and that
cannot be undone. The error is that of the features, relative to their length, against PyTorch in
float32. The last line is what two cores make of large products of matrices. Writes encoders.json
beside this file.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from wps_sam.allocator import keep_freed_memory
from wps_sam.bench.machine import describe_machine
from wps_sam.bench.own_process import OwnProcess
from wps_sam.export.bfloat16 import bfloat16_encoder
from wps_sam.export.graph import Encoder
from wps_sam.export.onnx_file import write_module
from wps_sam.export.pieces import convert_encoder
from wps_sam.export.quantised import quantised_encoder
from wps_sam.extra_packages import EXPORT, extra_package
from wps_sam.images.reading import ImageFile, list_images, read_image
from wps_sam.sam.build import load_sam
from wps_sam.sam.frozen import FrozenSam

RESULT = Path(__file__).with_suffix(".json")
Pixels = NDArray[np.float32]
Way = Callable[[Pixels], tuple[float, NDArray[np.float32]]]
"""(1, 3, side, side) float32 -> seconds, and features (1, D, h, w) float32."""

_sam: FrozenSam | None = None
"""Of a process that `torch_way` started."""


def _load(keeps_memory: bool) -> None:
    global _sam
    if keeps_memory:
        keep_freed_memory()
    _sam = load_sam("mobile_sam")


@torch.inference_mode()
def _encode(autocast: bool, pixels: Pixels) -> tuple[float, NDArray[np.float32]]:
    assert _sam is not None
    tensor = torch.from_numpy(pixels)
    start = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        features: Tensor = _sam.encode(tensor)
    return time.perf_counter() - start, features.numpy()


def torch_way(process: OwnProcess, *, keeps_memory: bool, autocast: bool) -> Way:
    """PyTorch, in a process of its own."""
    process.do(_load, keeps_memory)
    return partial(process.do, _encode, autocast)


def onnx_way(sam: FrozenSam, folder: Path) -> Way:
    """ONNX Runtime in float32."""
    path = folder / "encoder.onnx"
    pixels = torch.zeros((1, 3, sam.image_side, sam.image_side))
    write_module(Encoder(sam), path, {"pixels": pixels}, ["features"], {})
    onnxruntime = extra_package("onnxruntime", EXPORT)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def encode(pixels: Pixels) -> tuple[float, NDArray[np.float32]]:
        start = time.perf_counter()
        features = session.run(None, {"pixels": pixels})[0]
        return time.perf_counter() - start, features

    return encode


def openvino_way(model: Any, hint: str) -> Way:
    """OpenVINO, with a precision for what the model leaves open."""
    settings = {
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": hint,
    }
    compiled = extra_package("openvino", EXPORT).Core().compile_model(model, "CPU", settings)

    def encode(pixels: Pixels) -> tuple[float, NDArray[np.float32]]:
        start = time.perf_counter()
        features = compiled([pixels])["features"]
        return time.perf_counter() - start, features.copy()

    return encode


def gigaflops(dtype: torch.dtype, side: int = 2048, repeats: int = 8) -> float:
    """Best rate of square products of matrices."""
    a, b = torch.randn(side, side).to(dtype), torch.randn(side, side).to(dtype)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - start)
    return 2 * side**3 / min(seconds) / 1e9


def all_ways(
    sam: FrozenSam, files: list[ImageFile], folder: Path, processes: ExitStack
) -> dict[str, Way]:
    """Every way, by name; the first is the one that errors are against."""

    def in_torch(*, keeps_memory: bool, autocast: bool) -> Way:
        process = processes.enter_context(OwnProcess())
        return torch_way(process, keeps_memory=keeps_memory, autocast=autocast)

    plain = convert_encoder(Encoder(sam), sam, folder)
    quantised = quantised_encoder(files)(sam, folder)
    return {
        "PyTorch, fp32": in_torch(keeps_memory=False, autocast=False),
        "PyTorch, fp32, freed memory kept": in_torch(keeps_memory=True, autocast=False),
        "PyTorch, autocast to bf16, freed memory kept": in_torch(keeps_memory=True, autocast=True),
        "ONNX Runtime, fp32": onnx_way(sam, folder),
        "OpenVINO, fp32": openvino_way(plain, "f32"),
        "OpenVINO, fp32 with a bf16 hint": openvino_way(plain, "bf16"),
        "OpenVINO, bf16 (--precision bf16)": openvino_way(bfloat16_encoder(sam, folder), "f32"),
        "OpenVINO, 8 bits (--precision int8)": openvino_way(quantised, "f32"),
        "OpenVINO, 8 bits with a bf16 hint": openvino_way(quantised, "bf16"),
    }


def measure(photographs: str, turns: int, calibrated: int) -> dict[str, Any]:
    """Seconds and errors of every way."""
    files = list_images([photographs])
    sam = load_sam("mobile_sam")
    with ExitStack() as processes, tempfile.TemporaryDirectory() as folder:
        ways = all_ways(sam, files[:calibrated], Path(folder), processes)
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        errors: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(-1, turns):  # the first one warms up
            pixels = sam.preprocess([read_image(files[turn].path)]).numpy()
            features = {}
            for name, way in ways.items():
                taken, features[name] = way(pixels)
                if turn >= 0:
                    seconds[name].append(taken)
            expected = next(iter(features.values()))
            for name, found in features.items():
                error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
                errors[name].append(float(error))
    rows = {
        name: {
            "seconds": median(taken),
            "fastest": min(taken),
            "slowest": max(taken),
            "error": max(errors[name]),
        }
        for name, taken in seconds.items()
    }
    rates = {name: gigaflops(getattr(torch, name)) for name in ("float32", "bfloat16")}
    return {
        "turns": turns,
        "calibrated_on": calibrated,
        "ways": rows,
        "gigaflops_of_a_product": rates,
        "machine": describe_machine(),
    }


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("photographs")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--calibrated", type=int, default=20)
    given = parser.parse_args()
    result = measure(given.photographs, given.turns, given.calibrated)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
