"""What a measurement was made on."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

_PACKAGES = (
    "wps-sam",
    "torch",
    "transformers",
    "lightning",
    "numpy",
    "pillow",
    "onnxruntime",
    "openvino",
    "nncf",
)


def describe_machine() -> dict[str, str | int]:
    """Processor, cores, threads and the versions that matter, by name."""
    facts: dict[str, str | int] = {
        "processor": _processor(Path("/proc/cpuinfo")),
        "cores": os.cpu_count() or 1,
        "torch_threads": torch.get_num_threads(),
        "python": platform.python_version(),
    }
    return facts | {name: found for name in _PACKAGES if (found := _version(name))}


def busy_cores() -> dict[str, float]:
    """Mean number of busy cores in the last minute, as `load_before`; empty if unknown.

    To be asked before anything is measured, which would count itself otherwise.
    """
    if not hasattr(os, "getloadavg"):  # on Windows
        return {}
    return {"load_before": round(os.getloadavg()[0], 2)}


def _version(package: str) -> str:
    """Empty if it is not installed, as what only export needs may not be."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _processor(cpuinfo: Path) -> str:
    """The processor's name; Python's own answer is empty on many a Linux."""
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
