"""MobileSAM's image encoder on this CPU: runtimes and number types, side by side.

    python -m benchmarks.encoders PHOTOGRAPHS [--turns 5] [--calibrated 20]

PHOTOGRAPHS is a folder. In each turn every way encodes the same photograph, each in a process of
its own; who begins changes. All but the first keep freed memory. The 8 bits are calibrated on the
first photographs, and all is measured on others. The error is that of the features, relative to
their length, against PyTorch in float32, on the worst photograph. The last line is what the cores
make of large products of matrices. Writes encoders.json beside this file.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from wps_sam.allocator import keep_freed_memory
from wps_sam.bench.machine import describe_machine
from wps_sam.bench.own_process import OwnProcess
from wps_sam.export.bfloat16 import bfloat16_encoder
from wps_sam.export.graph import Encoder
from wps_sam.export.onnx_file import write_module
from wps_sam.export.openvino_file import save_openvino
from wps_sam.export.pieces import convert_encoder
from wps_sam.export.quantised import quantised_encoder
from wps_sam.extra_packages import EXPORT, extra_package
from wps_sam.images.reading import ImageFile, list_images, read_image
from wps_sam.sam.build import load_sam
from wps_sam.sam.frozen import FrozenSam

RESULT = Path(__file__).with_suffix(".json")
FIRST = "PyTorch, fp32"
Pixels = NDArray[np.float32]
Encode = Callable[[Pixels], NDArray[np.float32]]
"""(1, 3, side, side) float32 -> (1, D, h, w) float32."""

_encode: Encode | None = None
"""Of a process that does one way of encoding."""


def open_torch(dtype: torch.dtype | None) -> None:
    """PyTorch, with autocast if a type is given."""
    global _encode
    sam = load_sam("mobile_sam")

    @torch.inference_mode()
    def encode(pixels: Pixels) -> NDArray[np.float32]:
        with torch.autocast("cpu", dtype, enabled=dtype is not None):
            features: NDArray[np.float32] = sam.encode(torch.from_numpy(pixels)).numpy()
        return features

    _encode = encode


def open_onnx(path: Path) -> None:
    """ONNX Runtime."""
    global _encode
    onnxruntime = extra_package("onnxruntime", EXPORT)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    _encode = lambda pixels: session.run(None, {"pixels": pixels})[0]  # noqa: E731


def open_openvino(path: Path, hint: str) -> None:
    """OpenVINO, with a precision for what the file leaves open."""
    global _encode
    settings = {
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "INFERENCE_PRECISION_HINT": hint,
    }
    compiled = extra_package("openvino", EXPORT).Core().compile_model(path, "CPU", settings)
    _encode = lambda pixels: compiled([pixels])["features"].copy()  # noqa: E731


def timed(pixels: Pixels) -> tuple[float, NDArray[np.float32]]:
    """Seconds and features."""
    assert _encode is not None
    start = time.perf_counter()
    features = _encode(pixels)
    return time.perf_counter() - start, features


def write_files(sam: FrozenSam, calibrate_on: list[ImageFile], folder: Path) -> None:
    """The encoder in every format: encoder.onnx, and fp32.xml, bf16.xml, int8.xml."""
    pixels = torch.zeros((1, 3, sam.image_side, sam.image_side))
    write_module(Encoder(sam), folder / "encoder.onnx", {"pixels": pixels}, ["features"], {})
    models = {
        "fp32": convert_encoder(Encoder(sam), sam, folder),
        "bf16": bfloat16_encoder(sam, folder),
        "int8": quantised_encoder(calibrate_on)(sam, folder),
    }
    for name, model in models.items():
        save_openvino(model, folder / f"{name}.xml", {})


def gigaflops(dtype: torch.dtype, side: int = 2048, repeats: int = 8) -> float:
    """Best rate of square products of matrices."""
    a, b = torch.randn(side, side).to(dtype), torch.randn(side, side).to(dtype)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        a @ b
        seconds.append(time.perf_counter() - start)
    return 2 * side**3 / min(seconds) / 1e9


def open_ways(folder: Path, processes: ExitStack) -> dict[str, OwnProcess]:
    """A process for every way, by name; the first is the one that errors are against."""
    openers: dict[str, tuple[Callable[..., None], tuple[Any, ...]]] = {
        FIRST: (open_torch, (None,)),
        "PyTorch, fp32, freed memory kept": (open_torch, (None,)),
        "PyTorch, autocast to bf16": (open_torch, (torch.bfloat16,)),
        "ONNX Runtime, fp32": (open_onnx, (folder / "encoder.onnx",)),
        "OpenVINO, fp32": (open_openvino, (folder / "fp32.xml", "f32")),
        "OpenVINO, fp32 with a bf16 hint": (open_openvino, (folder / "fp32.xml", "bf16")),
        "OpenVINO, bf16 (--precision bf16)": (open_openvino, (folder / "bf16.xml", "f32")),
        "OpenVINO, 8 bits (--precision int8)": (open_openvino, (folder / "int8.xml", "f32")),
        "OpenVINO, 8 bits with a bf16 hint": (open_openvino, (folder / "int8.xml", "bf16")),
    }
    ways = {}
    for name, (opener, arguments) in openers.items():
        ways[name] = processes.enter_context(OwnProcess())
        if name != FIRST:
            ways[name].do(keep_freed_memory)
        ways[name].do(opener, *arguments)
    return ways


def measure(photographs: str, turns: int, calibrated: int) -> dict[str, Any]:
    """Seconds and errors of every way."""
    files = list_images([photographs])
    sam = load_sam("mobile_sam")
    with ExitStack() as processes, tempfile.TemporaryDirectory() as folder:
        write_files(sam, files[:calibrated], Path(folder))
        ways = open_ways(Path(folder), processes)
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        errors: dict[str, list[float]] = {name: [] for name in ways}
        names = list(ways)
        for turn in range(-1, turns):  # the first one warms up
            pixels = sam.preprocess([read_image(files[calibrated + max(turn, 0)].path)]).numpy()
            features = {}
            for place in range(len(names)):  # who begins changes
                name = names[(turn + place) % len(names)]
                taken, features[name] = ways[name].do(timed, pixels)
                if turn >= 0:
                    seconds[name].append(taken)
            for name, found in features.items():
                error = np.linalg.norm(found - features[FIRST]) / np.linalg.norm(features[FIRST])
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
        "photographs": turns,
        "calibrated_on": f"{calibrated} others",
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
