"""The folded mask decoder against the one in transformers: seconds, ratio, and difference.

    python -m benchmarks.mask_decoding [--repeats 9]

Both decode the same prompts of one image with MobileSAM's decoder, in turns; transformers' decoder
in groups of four prompts, which was fastest for it, ours as `FrozenSam.decode` does: over the whole
picture, and where the masks of the boxes can reach. Writes mask_decoding.json beside this file.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchmarks.end_to_end import spread
from wps_sam.bench.machine import describe_machine
from wps_sam.sam.build import load_sam
from wps_sam.sam.mask_reach import cells_in_reach
from wps_sam.sam.mobile_sam import MobileSam

RESULT = Path(__file__).with_suffix(".json")
PARTS = (1, 8, 25)
GROUP = 4


class Prompts(NamedTuple):
    """Tokens (N, T, D), and the boxes (N, 4) that they stand for."""

    tokens: Tensor
    boxes_xyxy: Tensor


def random_prompts(sam: MobileSam, parts: int, *, with_points: bool) -> Prompts:
    """Random boxes, perhaps with three points on their middle line."""
    generator = torch.Generator().manual_seed(parts)
    corner = torch.rand(parts, 2, generator=generator) * 600
    size = 50 + torch.rand(parts, 2, generator=generator) * 300
    boxes_xyxy = torch.cat([corner, corner + size], dim=1)
    boxes = sam.prompt_boxes(boxes_xyxy)
    if not with_points:
        return Prompts(boxes, boxes_xyxy)
    places = corner[:, None] + torch.tensor([[0.5, 0.3], [0.5, 0.5], [0.5, 0.7]]) * size[:, None]
    return Prompts(torch.cat([sam.prompt_points(places)[:, :-1], boxes], dim=1), boxes_xyxy)


def by_transformers(sam: MobileSam, features: Tensor, prompts: Prompts) -> Tensor:
    """(N, 1, 256, 256) logits from the decoder in transformers."""
    masks = [
        sam.mask_decoder(
            image_embeddings=features.expand(len(some), -1, -1, -1),
            image_positional_embeddings=sam.dense_pe().expand(len(some), -1, -1, -1),
            sparse_prompt_embeddings=some[:, None],
            dense_prompt_embeddings=sam.dense_prompt(),
            multimask_output=False,
        )[0][:, 0]
        for some in torch.split(prompts.tokens, GROUP)
    ]
    return torch.cat(masks)


def by_folding(sam: MobileSam, features: Tensor, prompts: Prompts) -> Tensor:
    """(N, 1, 256, 256) logits from ours."""
    first = torch.zeros(len(prompts.tokens), dtype=torch.long)
    return sam.decode(features, prompts.tokens, first).low_res_logits


def in_reach(sam: MobileSam, features: Tensor, prompts: Prompts) -> Tensor:
    """(N, 1, 256, 256) logits from ours, as `predict` decodes the boxes of `strong`."""
    first = torch.zeros(len(prompts.tokens), dtype=torch.long)
    return sam.decode(features, prompts.tokens, first, boxes_xyxy=prompts.boxes_xyxy).low_res_logits


Decode = Callable[[MobileSam, Tensor, Prompts], Tensor]


def compare(sam: MobileSam, features: Tensor, prompts: Prompts, repeats: int) -> dict[str, Any]:
    """Medians over runs that take turns, after one to warm up."""
    ways: dict[str, Decode] = {
        "transformers": by_transformers,
        "folded": by_folding,
        "in_reach": in_reach,
    }
    found = {name: decode(sam, features, prompts) for name, decode in ways.items()}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, decode in ways.items():
            start = time.perf_counter()
            decode(sam, features, prompts)
            seconds[name].append(time.perf_counter() - start)
    difference = (found["transformers"] - found["folded"]).abs().max()
    reach = cells_in_reach(prompts.boxes_xyxy, sam.embed_hw, sam.image_side)
    return {
        **{f"{name}_seconds": median(values) for name, values in seconds.items()},
        "times_faster": {
            name: spread(
                [a / b for a, b in zip(seconds["transformers"], seconds[name], strict=True)]
            )
            for name in ("folded", "in_reach")
        },
        "cells_in_reach_of_a_part": float(reach.float().mean()),
        "largest_logit": float(found["transformers"].abs().max()),
        "largest_difference": float(difference),
        "pixels_that_differ": int(((found["transformers"] > 0) != (found["folded"] > 0)).sum()),
    }


@torch.inference_mode()
def main() -> None:
    """Compare with one thread and with all."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--repeats", type=int, default=9)
    repeats = parser.parse_args().repeats
    sam = load_sam("mobile_sam")
    if not isinstance(sam, MobileSam):
        raise TypeError("the bundled SAM is a MobileSAM")
    features = torch.randn(1, 256, 64, 64, generator=torch.Generator().manual_seed(0)) * 0.3
    machine, rows = describe_machine(), []
    for threads in sorted({1, torch.get_num_threads()}):
        torch.set_num_threads(threads)
        for with_points in (False, True):
            for parts in PARTS:
                given = random_prompts(sam, parts, with_points=with_points)
                facts = {"threads": threads, "parts": parts, "tokens": given.tokens.shape[1]}
                rows.append(facts | compare(sam, features, given, repeats))
                print(json.dumps(rows[-1]))
    RESULT.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
