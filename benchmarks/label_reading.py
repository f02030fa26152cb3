"""How long a large COCO file takes to open as weak labels, and in how much memory.

    python -m benchmarks.label_reading [--annotations 1000000] [--images 20000] [--repeats 3]
                                       [--out FILE]

Two drawn files: boxes only, and polygons of 20 points with a box. Image files are empty: whoever
read a header would fail, so the run itself shows that none is read. Each measurement is a process
of its own, whose peak memory is reported. Writes label_reading.json beside this file.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from wps_sam.bench.machine import describe_machine

RESULT = Path(__file__).with_suffix(".json")
CLASSES = 40
HEIGHT, WIDTH = 480, 640
POLYGON_POINTS = 20

CHILD = """
import json, sys, time
from pathlib import Path
from wps_sam.labels.open import open_weak_labels

def peak_mb():
    # getrusage would count what the starting process used.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024

bare = peak_mb()
start = time.perf_counter()
labels = open_weak_labels(sys.argv[1])
seconds = time.perf_counter() - start
print(json.dumps({
    "seconds": seconds,
    "imports_mb": bare,
    "peak_mb": peak_mb(),
    "parts": sum(len(image.class_index) for image in labels.images),
}))
"""


def write_labels(path: Path, annotations: int, images: int, with_polygons: bool) -> None:
    """Write a COCO file record by record, and an empty file for each image."""
    draw = random.Random(0)
    (path.parent / "images").mkdir()
    with path.open("w") as file:
        file.write('{"images": [')
        for i in range(images):
            name = f"{i:06d}.jpg"
            (path.parent / "images" / name).touch()
            record = {"id": i, "file_name": name, "height": HEIGHT, "width": WIDTH}
            file.write((", " if i else "") + json.dumps(record))
        classes = [{"id": i, "name": f"part {i}"} for i in range(CLASSES)]
        file.write(f'], "categories": {json.dumps(classes)}, "annotations": [')
        for i in range(annotations):
            left, top = draw.uniform(0, WIDTH - 80), draw.uniform(0, HEIGHT - 80)
            record = {
                "id": i,
                "image_id": i % images,
                "category_id": draw.randrange(CLASSES),
                "bbox": [round(left, 2), round(top, 2), 70.5, 60.25],
            }
            if with_polygons:
                record["segmentation"] = [
                    [
                        round(start + draw.uniform(0, 70), 2)
                        for _ in range(POLYGON_POINTS)
                        for start in (left, top)
                    ]
                ]
            file.write((", " if i else "") + json.dumps(record))
        file.write("]}")


def measure(path: Path, repeats: int) -> dict[str, Any]:
    """Open the file some times, each in a fresh process."""
    runs = []
    for _ in range(repeats):
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(path)], check=True, capture_output=True, text=True
        )
        runs.append(json.loads(done.stdout))
        print(runs[-1])
    return {
        "file_mb": path.stat().st_size / 1e6,
        "median_seconds": statistics.median(run["seconds"] for run in runs),
        "peak_mb": max(run["peak_mb"] for run in runs),
        "runs": runs,
    }


def main() -> None:
    """Parse the options, draw, measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--annotations", type=int, default=1_000_000)
    parser.add_argument("--images", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULT)
    options = parser.parse_args()
    rows = {}
    for name, with_polygons in (("boxes", False), ("polygons", True)):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "labels.json"
            write_labels(path, options.annotations, options.images, with_polygons)
            rows[name] = measure(path, options.repeats)
    result = {
        "annotations": options.annotations,
        "images": options.images,
        "machine": describe_machine(),
        "rows": rows,
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
