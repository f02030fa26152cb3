"""A data set drawn by a program, for the demo and for tests: pictures with exact part masks."""

from wps_sam.toy.dataset import (
    ToyConfig,
    ToySummary,
    draw_toy_dataset,
    draw_toy_scene,
    holds_toy_dataset,
)

__all__ = [
    "ToyConfig",
    "ToySummary",
    "draw_toy_dataset",
    "draw_toy_scene",
    "holds_toy_dataset",
]
