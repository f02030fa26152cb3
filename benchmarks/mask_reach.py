"""How much of SAM's masks lies outside of the cells that a prompter's masks are looked for in.

    python -m benchmarks.mask_reach DATA... [--cache DIR]

DATA are label files or folders as `wps-sam train` takes them. Each labelled box (of the training
images only, where `--holdout 5` would hold the others out) is given to MobileSAM alone and with the
points that `strong` may add, and its whole mask is compared with `cells_in_reach`. Labelled masks
are not read. Writes mask_reach.json beside this file.
"""

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wps_sam.bench.machine import describe_machine
from wps_sam.cli.embed_labels import embed_labels
from wps_sam.cli.label_place import LabelPlace
from wps_sam.embeddings.fingerprint import Fingerprint
from wps_sam.embeddings.store import EmbeddingCache, default_cache_root
from wps_sam.geometry.frames import SamFrame
from wps_sam.inference.decoding import decode_tokens
from wps_sam.prompter.clicks import prompt_with_clicks
from wps_sam.sam.build import load_sam
from wps_sam.sam.frozen import FrozenSam
from wps_sam.sam.mask_reach import cells_in_reach

HOLDOUT = 5
RESULT = Path(__file__).with_suffix(".json")


def spill(sam: FrozenSam, features: Tensor, tokens: Tensor, boxes_xyxy: Tensor) -> Tensor:
    """Pixels of each mask, and those out of reach: (N, 2), low resolution."""
    (found,) = decode_tokens(sam, features, [list(tokens)])
    masks = found.low_res_logits > 0
    reach = cells_in_reach(boxes_xyxy, sam.embed_hw, sam.image_side)
    pixels = reach.repeat_interleave(4, 1).repeat_interleave(4, 2)
    return torch.stack([part.flatten(1).sum(1) for part in (masks, masks & ~pixels)], dim=1)


def measure(data: Path, sam: FrozenSam, cache: EmbeddingCache) -> dict[str, Any]:
    """All numbers of one data set."""
    labels, _ = LabelPlace(data, holdout=HOLDOUT).weak_labels().split_every(HOLDOUT)
    embedded = embed_labels(cache, sam, labels)
    prompts: dict[str, Callable[[Tensor], Tensor]] = {
        "box": sam.prompt_boxes,
        "box and points": partial(prompt_with_clicks, sam),
    }
    counted: dict[str, list[Tensor]] = {name: [] for name in prompts}
    cells = []
    for image, key in zip(labels.images, embedded.keys, strict=True):
        frame = SamFrame((image.height, image.width), sam.image_side)
        boxes = torch.as_tensor(frame.boxes_to_sam(image.boxes_xyxy)).float()
        cells.append(cells_in_reach(boxes, sam.embed_hw, sam.image_side).float().mean((1, 2)))
        features = cache.read(key)[None].float()
        for name, prompt in prompts.items():
            counted[name].append(spill(sam, features, prompt(boxes), boxes))
    found: dict[str, Any] = {
        "images": len(labels.images),
        "parts": sum(map(len, cells)),
        "cells_in_reach_of_a_part": float(torch.cat(cells).mean()),
    }
    for name, of_images in counted.items():
        whole, out = torch.cat(of_images).double().T
        found[name] = {
            "share_of_pixels_out_of_reach": float(out.sum() / whole.sum()),
            "share_of_parts_with_2_percent_out": float((out > 0.02 * whole).double().mean()),
        }
    return found


def _name(data: Path) -> str:
    """The folder's name."""
    return (data if data.is_dir() else data.parent).resolve().name


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--cache", type=Path, default=default_cache_root())
    given = parser.parse_args()
    sam = load_sam("mobile_sam")
    cache = EmbeddingCache(given.cache, Fingerprint.of(sam))
    result = {_name(data): measure(data, sam, cache) for data in given.data}
    RESULT.write_text(json.dumps({**result, "machine": describe_machine()}, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
