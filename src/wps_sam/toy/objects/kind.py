"""What an object kind is, and the brush it is drawn with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from wps_sam.toy.canvas import Canvas, Paint, PartLayer
from wps_sam.toy.shapes import Pose, Shape


@dataclass(frozen=True)
class Brush:
    """Draws one object: takes shapes in the object's own units and poses them on the canvas."""

    canvas: Canvas
    pose: Pose
    object_index: int

    def part(
        self, name: str, shape: Shape, paint: Paint, inside: PartLayer | None = None
    ) -> PartLayer:
        """Start a part; one nested `inside` another leaves that one's mask whole."""
        layer = self.canvas.add_layer(name, self.object_index, inside)
        self.extend(layer, shape, paint)
        return layer

    def extend(self, layer: PartLayer, shape: Shape, paint: Paint) -> None:
        """Add a solid shape to a part."""
        self.canvas.paint(shape.posed(self.pose), paint, layer)

    def decorate(self, layer: PartLayer, shape: Shape, paint: Paint) -> None:
        """Paint on a part without changing masks."""
        self.canvas.decorate(shape.posed(self.pose), paint, layer)

    def unlabelled(self, shape: Shape, paint: Paint) -> None:
        """Paint something solid that belongs to no part (a neck, a leg)."""
        self.canvas.paint(shape.posed(self.pose), paint)

    def shadow(self, shape: Shape, blur: float, opacity: float) -> None:
        """Cast a soft shadow; `blur` in the object's own units."""
        self.canvas.shadow(shape.posed(self.pose), blur * self.pose.scale, opacity)


@dataclass(frozen=True)
class ObjectKind:
    """One kind of object.

    Attributes:
        name: Supercategory in the label file.
        part_names: Class names, in the label file's order.
        size_wh: Width and height in local units; the origin lies in the middle.
        mirrors: Whether the scene may flip it left to right. Kinds with left and right parts are
            never flipped, so that left always is the object's own left.
        on_ground: Whether it stands on the ground (a shadow lies under it) or floats.
        draw: Draws it with a brush.
    """

    name: str
    part_names: tuple[str, ...]
    size_wh: tuple[float, float]
    mirrors: bool
    on_ground: bool
    draw: Callable[[Brush, np.random.Generator], None]
