"""Weights that any program with numpy can draw again, so that goldens need not hold them."""

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

GOLDENS = Path(__file__).parent / "goldens"


@dataclass(frozen=True)
class Golden:
    """One file of goldens: its arrays, and the shapes of the parameters it was made with."""

    arrays: dict[str, Tensor]
    shapes: dict[str, tuple[int, ...]]

    def __getitem__(self, name: str) -> Tensor:
        """One array."""
        return self.arrays[name]


def read_golden(name: str) -> Golden:
    """Read one of tests/sam/goldens."""
    with np.load(GOLDENS / f"{name}.npz") as file:
        shapes = {
            str(parameter): tuple(int(size) for size in str(shape).split(",") if size)
            for parameter, shape in zip(file["names"], file["shapes"], strict=True)
        }
        texts = ("names", "shapes")
        arrays = {key: torch.from_numpy(file[key]) for key in file.files if key not in texts}
    return Golden(arrays, shapes)


def seeded_weight(name: str, shape: tuple[int, ...]) -> Tensor:
    """Draw one parameter; its name seeds numpy's legacy generator, whose numbers never change."""
    values = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)
    if name.endswith("running_var"):
        values = 0.5 + np.abs(values)
    elif name.endswith("bn.weight"):  # small enough that sums over many blocks stay small
        values = 0.4 + 0.1 * values
    elif len(shape) == 1:
        values = 0.2 * values + name.endswith("weight")
    elif shape[0] == 1 or "position" not in name:
        # Tokens and label codes are tables of one to four rows.
        is_table = len(shape) == 2 and shape[0] <= 4
        values *= 0.5 if is_table else 1 / math.sqrt(math.prod(shape[1:]))
    return torch.from_numpy(values.astype(np.float32))


def seeded_weights(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Draw all parameters: name -> shape to name -> float32 tensor."""
    return {name: seeded_weight(name, shape) for name, shape in shapes.items()}


def seeded_input(name: str, shape: tuple[int, ...]) -> Tensor:
    """Draw pixels: standard normal, float32."""
    values = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(shape)
    return torch.from_numpy(values.astype(np.float32))
