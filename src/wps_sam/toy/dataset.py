"""The toy data set: as many drawn pictures as asked for, with exact part masks.

Left and right in class names are the object's own, as in PartImageNet: a robot looks at the viewer,
so its `left_arm` is on the right of the picture. A nested part (a window in a door) lies on top of
its parent, whose mask includes it; all other overlaps show what is in front. A part of which fewer
than 40 pixels can be seen gets no label; `ToySummary` counts these. Crumbs that occlusion leaves of
a part (under 20 pixels or a twentieth of it) are not in its mask.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from wps_sam.errors import ConfigError
from wps_sam.toy.coco_writer import CocoSplitWriter, toy_categories
from wps_sam.toy.scene import Scene, draw_scene

SPLITS = ("train", "val")
DRAWING_VERSION = 1
"""Raised whenever the same seed would give other pictures."""
MARKER_NAME = "toy.json"
MIN_SIDE, MAX_SIDE = 96, 4096
MAX_IMAGES = 100_000


@dataclass(frozen=True)
class ToyConfig:
    """What to draw.

    Attributes:
        train: Pictures in the training split.
        val: Pictures in the validation split; a split of none is not written.
        seed: Picture i of a split depends on the seed, the split and i alone, so that a bigger set
            begins with the pictures of a smaller one.
        height: Height of every picture, pixels.
        width: Width of every picture, pixels.
    """

    train: int = 160
    val: int = 40
    seed: int = 0
    height: int = 384
    width: int = 512

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigError: A count, the seed or a side is out of range.
        """
        for name in SPLITS:
            _check_range(name, self.count(name), 0, MAX_IMAGES)
        if self.train + self.val == 0:
            raise ConfigError(
                "ToyConfig: train and val are both 0, so there is nothing to draw; "
                "set at least one of them to 1 or more."
            )
        _check_range("seed", self.seed, 0, 2**32 - 1)
        _check_range("height", self.height, MIN_SIDE, MAX_SIDE)
        _check_range("width", self.width, MIN_SIDE, MAX_SIDE)

    def count(self, split: str) -> int:
        """Return the number of pictures in a split."""
        return self.train if split == "train" else self.val


@dataclass(frozen=True)
class ToySummary:
    """What was drawn.

    Attributes:
        out: Folder of the data set.
        class_names: Class names in the label files' order.
        images: Pictures by split.
        parts: Labelled parts by split.
        class_counts: Labelled parts by split and class name; classes without parts count 0.
        objects: Objects by kind, all splits together.
        hidden_parts: Parts without a label because other things hide all of them.
        tiny_parts: Parts without a label because fewer than 40 pixels can be seen.
    """

    out: Path
    class_names: tuple[str, ...]
    images: dict[str, int]
    parts: dict[str, int]
    class_counts: dict[str, dict[str, int]]
    objects: dict[str, int]
    hidden_parts: int
    tiny_parts: int


def draw_toy_dataset(out: Path, config: ToyConfig | None = None) -> ToySummary:
    """Draw the toy set into an empty or new folder.

    Writes `images/{train,val}/NNNNN.jpg` and `annotations/{train,val}/{train,val}.json` (COCO).

    Args:
        out: Folder to fill; made when missing.
        config: What to draw; the default is the demo's set.

    Returns:
        Counts of what was drawn.

    Raises:
        ConfigError: `out` is a file, or a folder that already holds something.
    """
    config = config if config is not None else ToyConfig()
    _check_empty(out, config)
    tally = _Tally()
    for split in SPLITS:
        if config.count(split) == 0:
            continue
        writer = CocoSplitWriter(out, split)
        for index in range(config.count(split)):
            scene = draw_toy_scene(config, split, index)
            writer.add(index, scene)
            tally.add(split, scene)
        writer.finish()
    # Written last: a set that was cut off has no marker and is never taken for a whole one.
    (out / MARKER_NAME).write_text(json.dumps(_marker(config), indent=2) + "\n")
    return tally.summary(out)


def draw_toy_scene(config: ToyConfig, split: str, index: int) -> Scene:
    """Draw one picture of the set in memory, the same one `draw_toy_dataset` saves."""
    rng = np.random.default_rng([config.seed, SPLITS.index(split), index])
    return draw_scene(rng, (config.height, config.width))


def holds_toy_dataset(out: Path, config: ToyConfig) -> bool:
    """Return whether `out` holds exactly the set that `config` would draw, complete."""
    try:
        found = json.loads((out / MARKER_NAME).read_text())
    except (OSError, ValueError):
        return False
    return bool(found == _marker(config))


class _Tally:
    def __init__(self) -> None:
        self.images: Counter[str] = Counter()
        self.classes: dict[str, Counter[str]] = {split: Counter() for split in SPLITS}
        self.objects: Counter[str] = Counter()
        self.hidden = 0
        self.tiny = 0

    def add(self, split: str, scene: Scene) -> None:
        self.images[split] += 1
        self.classes[split].update(part.name for part in scene.parts)
        self.objects.update(scene.objects)
        self.hidden += scene.hidden
        self.tiny += scene.tiny

    def summary(self, out: Path) -> ToySummary:
        names = tuple(str(category["name"]) for category in toy_categories())
        return ToySummary(
            out=out,
            class_names=names,
            images={split: self.images[split] for split in SPLITS},
            parts={split: self.classes[split].total() for split in SPLITS},
            class_counts={
                split: {name: self.classes[split][name] for name in names} for split in SPLITS
            },
            objects=dict(sorted(self.objects.items())),
            hidden_parts=self.hidden,
            tiny_parts=self.tiny,
        )


def _marker(config: ToyConfig) -> dict[str, object]:
    return {
        "drawn_by": "wps-sam toy",
        "drawing_version": DRAWING_VERSION,
        **asdict(config),
    }


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ConfigError(
            f"ToyConfig: {name} is {value}, expected {low} to {high}; set {name} within these."
        )


def _check_empty(out: Path, config: ToyConfig) -> None:
    if out.exists() and not out.is_dir():
        raise ConfigError(f"{out} is a file, expected a folder to draw the toy set into; "
                          "choose another name.")  # fmt: skip
    if not out.is_dir() or not any(out.iterdir()):
        return
    if holds_toy_dataset(out, config):
        raise ConfigError(
            f"{out} already holds this very toy set (same counts, seed and size). Use it as it is, "
            "or delete the folder to draw it again."
        )
    raise ConfigError(
        f"{out} is not empty, and nothing is overwritten. Delete the folder, or choose another one "
        "for the toy set."
    )
