"""`wps-sam embed` on this CPU with each `--encoder`, photographs in, cache files out.

    python -m benchmarks.embedding PHOTOGRAPHS [--count 24] [--turns 3]

In each turn all fill an empty cache with the first photographs of a folder, each in a process of
its own that keeps freed memory, as the command does; who begins changes. Apart from that, the
seconds until a first photograph is in the cache, which for OpenVINO hold its preparation. Writes
embedding.json beside this file.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.end_to_end import spread
from wps_sam.allocator import keep_freed_memory
from wps_sam.bench.machine import describe_machine
from wps_sam.bench.own_process import OwnProcess, peak_memory
from wps_sam.cli.encoder import EncoderRuntime, open_cache, open_encoder
from wps_sam.embeddings.build import embed_images
from wps_sam.embeddings.view_readers import ImageToEmbed
from wps_sam.images.reading import list_images
from wps_sam.sam.build import load_sam

RESULT = Path(__file__).with_suffix(".json")
WAYS: tuple[EncoderRuntime, ...] = ("pytorch", "pytorch-bf16", "openvino-bf16")


def embed(runtime: EncoderRuntime, photographs: str, count: int) -> dict[str, float]:
    """Fill a cache; the first photograph is timed by itself."""
    keep_freed_memory()
    sam = load_sam("mobile_sam")
    files = list_images([photographs])[: count + 1]
    images = [ImageToEmbed(file.path, file.name) for file in files]
    with tempfile.TemporaryDirectory() as folder:
        cache = open_cache(Path(folder), runtime, sam)
        started = time.perf_counter()
        encoder = open_encoder(runtime, sam)
        embed_images(cache, encoder, images[:1])
        ready = time.perf_counter()
        report = embed_images(cache, encoder, images[1:])
        ended = time.perf_counter()
    return {
        "first": ready - started,
        "an_image": (ended - ready) / report.embedded,
        "peak_bytes": float(peak_memory() or 0),
    }


def measure(photographs: str, count: int, turns: int) -> dict[str, Any]:
    """All numbers."""
    found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    for turn in range(turns):
        for way in WAYS if turn % 2 == 0 else WAYS[::-1]:
            with OwnProcess() as process:
                found[way].append(process.do(embed, way, photographs, count))
    usual = [run["an_image"] for run in found["pytorch"]]
    return {
        "photographs": count,
        "turns": turns,
        "ways": {
            way: {
                "seconds_an_image": spread([run["an_image"] for run in runs]),
                "seconds_of_the_first": median(run["first"] for run in runs),
                "peak_bytes": max(run["peak_bytes"] for run in runs),
                "times_faster_than_pytorch": spread(
                    [a / run["an_image"] for a, run in zip(usual, runs, strict=True)]
                ),
            }
            for way, runs in found.items()
        },
        "machine": describe_machine(),
    }


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("photographs")
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    result = measure(given.photographs, given.count, given.turns)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
