"""Why the embedding cache is one safetensors file an image: ways to store 200 embeddings.

    python -m benchmarks.embedding_store [--images 200]

Writes every embedding with a flush to disk, as the cache must to survive a crash, then reads all in
random order. zarr needs `pip install zarr`; it is left out, and said so, where it is not there.
Writes embedding_store.json beside this file.
"""

import argparse
import importlib.util
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from safetensors import safe_open
from safetensors.torch import save

from wps_sam.bench.machine import describe_machine
from wps_sam.files import write_atomically

RESULT = Path(__file__).with_suffix(".json")
SHAPE = (256, 64, 64)
Half = npt.NDArray[np.float16]


class Store(Protocol):
    """One way to keep embeddings."""

    def write(self, index: int, features: Half) -> None:
        """Store, and be sure that it is on disk."""

    def read(self, index: int) -> Half:
        """Read one back."""


class SafetensorsFiles:
    """One safetensors file an image: what the cache does."""

    def __init__(self, folder: Path, images: int) -> None:
        """Use `folder`."""
        self.folder = folder

    def write(self, index: int, features: Half) -> None:
        """Write aside, flush, rename."""
        content = save({"features": torch.from_numpy(features)})
        write_atomically(self.folder / f"{index}.safetensors", content)

    def read(self, index: int) -> Half:
        """Memory-map."""
        with safe_open(self.folder / f"{index}.safetensors", framework="pt") as file:
            found: Half = file.get_tensor("features").numpy()
        return found


class OneMemmap:
    """One array file for the whole set, its size known beforehand."""

    def __init__(self, folder: Path, images: int) -> None:
        """Make the file."""
        self.array = np.lib.format.open_memmap(
            folder / "all.npy", mode="w+", dtype=np.float16, shape=(images, *SHAPE)
        )

    def write(self, index: int, features: Half) -> None:
        """Copy and flush."""
        self.array[index] = features
        self.array.flush()

    def read(self, index: int) -> Half:
        """View."""
        found: Half = self.array[index]
        return found


class ZarrChunks:
    """A zarr array with one uncompressed chunk an image."""

    def __init__(self, folder: Path, images: int) -> None:
        """Make the array."""
        import zarr  # only here: not a dependency

        self.folder = folder
        self.array: Any = zarr.create_array(
            str(folder / "all.zarr"), shape=(images, *SHAPE), chunks=(1, *SHAPE), dtype="float16",
            compressors=None,
        )  # fmt: skip

    def write(self, index: int, features: Half) -> None:
        """Write a chunk; zarr does not flush, so the file system is asked to."""
        self.array[index] = features
        os.sync()

    def read(self, index: int) -> Half:
        """Read a chunk."""
        found: Half = self.array[index]
        return found


def measure(kind: type[Any], images: int) -> dict[str, float]:
    """Milliseconds an image to write and to read, and megabytes on disk."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal(SHAPE, dtype=np.float32).astype(np.float16)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store: Store = kind(folder, images)
        start = time.perf_counter()
        for index in range(images):
            store.write(index, features)
        written = time.perf_counter()
        for index in rng.permutation(images).tolist():
            store.read(index).astype(np.float32).sum()
        read = time.perf_counter()
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return {
        "write_ms": (written - start) / images * 1000,
        "read_ms": (read - written) / images * 1000,
        "mb_an_image": size / images / 2**20,
    }


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=200)
    images = parser.parse_args().images
    kinds: list[type[Any]] = [SafetensorsFiles, OneMemmap]
    result: dict[str, Any] = {"images": images}
    if importlib.util.find_spec("zarr"):
        kinds.append(ZarrChunks)
    else:
        result["left_out"] = "zarr is not installed"
    result["stores"] = {kind.__name__: measure(kind, images) for kind in kinds}
    result["machine"] = describe_machine()
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
