"""What scoring costs: time for pictures of one megapixel, and memory against the number of images.

    python -m benchmarks.scoring [--large 1000] [--images 1000 10000 100000] [--few-classes 2]
                                 [--out FILE]

Truth and predictions are drawn: 8 to 12 parts an image with wavy outlines, of 40 classes, the
predictions moved a little, one part in ten missed. The small pictures are scored once more with
few classes, because what is kept for each class weighs most where a class has many parts. Each
row is scored in a process of its own, whose peak memory is reported. Memory is flat if it grows
far slower than the files: `mb_per_1000_images` is its growth since the row before. Writes
scoring.json beside this file.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TextIO

import cv2
import numpy as np
from numpy.typing import NDArray

from wps_sam.bench.machine import describe_machine
from wps_sam.geometry.masks import mask_to_rle

RESULT = Path(__file__).with_suffix(".json")
CLASSES = 40
LARGE_SIDE, SMALL_SIDE = 1000, 64
OUTLINE_POINTS = 48

CHILD = """
import json, resource, sys, time
from wps_sam.evaluation.evaluate import evaluate_predictions
from wps_sam.evaluation.predictions import read_predictions
from wps_sam.evaluation.truth import open_truth

def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

bare = peak_mb()
start = time.perf_counter()
predictions, truth = read_predictions(sys.argv[1]), open_truth(sys.argv[2])
read = time.perf_counter() - start
after_reading = peak_mb()
evaluation = evaluate_predictions(predictions, truth)
total = time.perf_counter() - start
print(json.dumps({
    "images": len(truth.images), "read_seconds": read, "total_seconds": total,
    "ms_per_image": 1000 * total / len(truth.images), "imports_mb": bare,
    "peak_after_reading_mb": after_reading, "peak_mb": peak_mb(), "miou": evaluation.miou,
}))
"""


class Blob(NamedTuple):
    """A part with a wavy outline: centre and radius in pixels, and the waves' heights."""

    class_index: int
    center: NDArray[np.float64]
    radius: float
    waves: NDArray[np.float64]

    def rle(self, side: int) -> dict[str, Any]:
        """Draw it into a square picture of `side` pixels; COCO RLE."""
        angles = np.linspace(0, 2 * np.pi, OUTLINE_POINTS, endpoint=False)
        orders = np.arange(1, len(self.waves) + 1)
        radii = self.radius * (1 + np.sin(np.outer(angles, orders) + orders) @ self.waves)
        points = self.center + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1)
        canvas = np.zeros((side, side), np.uint8)
        cv2.fillPoly(canvas, [points.round().astype(np.int32)], 1)
        return mask_to_rle(canvas)


def draw_parts(rng: np.random.Generator, side: int, classes: int) -> Iterator[Blob]:
    """The true parts of one image."""
    for _ in range(rng.integers(8, 13)):
        yield Blob(
            class_index=int(rng.integers(classes)),
            center=rng.uniform(0.1, 0.9, 2) * side,
            radius=rng.uniform(0.04, 0.16) * side,
            waves=rng.normal(0, 0.06, 6),
        )


def moved(rng: np.random.Generator, part: Blob) -> Blob:
    """What a fair model makes of a part: shifted, resized, a little another outline."""
    return part._replace(
        center=part.center + rng.normal(0, 0.08 * part.radius, 2),
        radius=part.radius * rng.uniform(0.9, 1.1),
        waves=part.waves + rng.normal(0, 0.02, len(part.waves)),
    )


def write_files(folder: Path, images: int, side: int, classes: int) -> tuple[Path, Path]:
    """Draw predictions and truth of `images` images, one image in memory at a time."""
    paths = folder / "predictions.json", folder / "truth.json"
    with paths[0].open("w") as predictions, paths[1].open("w") as truth:
        for file in (predictions, truth):
            _write_head(file, images, side, classes)
        for index in range(images):
            _write_image(predictions, truth, index, side, classes)
        for file in (predictions, truth):
            file.write("]}")
    return paths


def _write_head(file: TextIO, images: int, side: int, classes: int) -> None:
    """Write categories and images, and begin the annotations."""
    categories = [{"id": i + 1, "name": f"part {i}"} for i in range(classes)]
    file.write('{"categories": ' + json.dumps(categories) + ', "images": [')
    for i in range(images):
        record = {"id": i + 1, "file_name": f"{i:07}.jpg", "height": side, "width": side}
        file.write((", " if i else "") + json.dumps(record))
    file.write('], "annotations": [')


def _write_image(predictions: TextIO, truth: TextIO, index: int, side: int, classes: int) -> None:
    """Draw one image's parts, the true and the predicted ones."""
    rng = np.random.default_rng(index)
    for number, part in enumerate(draw_parts(rng, side, classes)):
        record = {
            "id": index * 100 + number,
            "image_id": index + 1,
            "category_id": part.class_index + 1,
            "bbox": [0, 0, 1, 1],
        }
        comma = ", " if index or number else ""
        truth.write(comma + json.dumps(record | {"segmentation": part.rle(side)}))
        if number == 0 or rng.uniform() > 0.1:
            predicted = moved(rng, part).rle(side)
            more = {"segmentation": predicted, "score": rng.uniform(0.3, 1)}
            predictions.write(comma + json.dumps(record | more))


def measure(images: int, side: int, classes: int) -> dict[str, float]:
    """Seconds and peak memory of scoring so many drawn images, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        paths = write_files(Path(folder), images, side, classes)
        done = subprocess.run(
            [sys.executable, "-c", CHILD, *map(str, paths)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        found: dict[str, float] = json.loads(done.stdout)
        found["files_mb"] = sum(path.stat().st_size for path in paths) / 1e6
        print(found)
        return found


def measure_growth(images: Sequence[int], side: int, classes: int) -> list[dict[str, float]]:
    """One row for each number of images, and how memory grows from row to row."""
    rows = [measure(count, side, classes) for count in sorted(images)]
    for before, row in pairwise(rows):
        growth = row["peak_mb"] - before["peak_mb"]
        row["mb_per_1000_images"] = 1000 * growth / (row["images"] - before["images"])
        print(f"{row['images']} images: {row['mb_per_1000_images']:.2f} MB per 1,000 images")
    return rows


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", type=int, default=1000, help="images of one megapixel")
    parser.add_argument("--images", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--few-classes", type=int, default=2, help="classes of the last rows")
    parser.add_argument("--out", type=Path, default=RESULT)
    args = parser.parse_args()
    runs = [([args.large], LARGE_SIDE, CLASSES)]
    runs += [(args.images, SMALL_SIDE, classes) for classes in (CLASSES, args.few_classes)]
    result = {
        f"{side} x {side} pixels, {classes} classes": measure_growth(images, side, classes)
        for images, side, classes in runs
    }
    # Only now, because it imports torch: a child's peak begins at its parent's memory.

    content = {**result, "machine": describe_machine()}
    args.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
