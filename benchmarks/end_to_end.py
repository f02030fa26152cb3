"""JPEG in, line of predictions.json and label map out: the plain path, ours, exported files.

    python -m benchmarks.end_to_end time RUN --file NAME=FILE ... PHOTOGRAPHS [--repeats 3]
    python -m benchmarks.end_to_end score RUN --file NAME=FILE ... DATA [--holdout 5]

`time` lets all ways cut each photograph one right after the other, so that other work on the
machine meets all alike; a ratio is that of one photograph within one turn. The plain path and ours
are those of `wps-sam bench`, each in a process of its own, stage after stage; nothing is read or
written ahead in any way. What keeping freed memory alone gives the plain path is a way of its own.
`score` gives the mIoU of `predict` with each model on the held-out images of a data set with masks;
models that are not named keep the score that they have.
Both write their part of end_to_end.json beside this file.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from wps_sam.allocator import keep_freed_memory
from wps_sam.bench.machine import describe_machine
from wps_sam.bench.path_process import PathProcess, RunToMeasure
from wps_sam.bench.stages import PathName, open_output
from wps_sam.cli.main import main as wps_sam
from wps_sam.export.exported import ExportedSegmenter
from wps_sam.images.reading import read_image
from wps_sam.inference.prediction import PartPrediction
from wps_sam.inference.segmenter import PartSegmenter
from wps_sam.inference.sources import ImageToPredict, Selection, find_images
from wps_sam.inference.writers import Outcome, write_semantic

RESULT = Path(__file__).with_suffix(".json")
PATHS: dict[str, tuple[PathName, bool]] = {
    "plain": ("plain", False),
    "plain, freed memory kept": ("plain", True),
    "predict": ("ours", True),
}
"""Name -> path, and whether freed memory is kept."""

Cut = Callable[[ImageToPredict], tuple[float, PartPrediction]]


def exported_way(file: Path, classes: PartSegmenter) -> Cut:
    """Cut with an exported file, and write what the other ways write."""
    exported = ExportedSegmenter.load(file)

    def cut(image: ImageToPredict) -> tuple[float, PartPrediction]:
        assert image.path is not None
        with (
            tempfile.TemporaryDirectory() as folder,
            open_output(classes, Path(folder)) as output,
        ):
            start = time.perf_counter()
            pixels = read_image(image.path)
            prediction = exported.predict(pixels)
            write_semantic(Outcome(image.stem, pixels, prediction), output.folder)
            output.journal.add(image, prediction)
            return time.perf_counter() - start, prediction

    return cut


def path_way(path: PathProcess) -> Cut:
    """Cut by a path of `wps-sam bench`."""

    def cut(image: ImageToPredict) -> tuple[float, PartPrediction]:
        seconds, prediction = path.cut(image)
        return sum(seconds.values()), prediction

    return cut


def time_ways(run: Path, files: dict[str, Path], photographs: list[str], repeats: int) -> Any:
    """Seconds, ratios and agreement with the plain path."""
    images = find_images(photographs, Selection()).images
    keep_freed_memory()  # as the command does
    with ExitStack() as processes:
        ways = {
            shown: path_way(
                processes.enter_context(
                    PathProcess(RunToMeasure(run, device="cpu"), name, keeps_memory=kept)
                )
            )
            for shown, (name, kept) in PATHS.items()
        }
        classes = PartSegmenter.load(run, device="cpu")
        ways |= {name: exported_way(file, classes) for name, file in files.items()}
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        same = dict.fromkeys(ways, 0)
        pixels = 0
        for turn in range(-1, repeats):  # the first turn warms up
            for number, image in enumerate(images):
                maps = {}
                # Who begins changes, as threads of one runtime burden whoever comes next.
                first = (turn + number) % len(ways)
                for name in (*list(ways)[first:], *list(ways)[:first]):
                    taken, prediction = ways[name](image)
                    maps[name] = prediction.semantic
                    if turn >= 0:
                        seconds[name].append(taken)
                if turn == 0:
                    pixels += maps["plain"].size
                    for name, label_map in maps.items():
                        same[name] += int(np.count_nonzero(label_map == maps["plain"]))
    return {
        "photographs": len(images),
        "repeats": repeats,
        "ways": {
            name: {
                "seconds": median(taken),
                "times_faster_than_plain": spread(
                    [a / b for a, b in zip(seconds["plain"], taken, strict=True)]
                ),
                "pixel_agreement_with_plain": same[name] / pixels,
            }
            for name, taken in seconds.items()
        },
        "machine": describe_machine(),
    }


def spread(values: list[float]) -> dict[str, float]:
    """Median, least and most."""
    return {"median": median(values), "min": min(values), "max": max(values)}


def score_ways(run: Path, files: dict[str, Path], data: str, holdout: int) -> Any:
    """Score held-out images, by the command that users type."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, model in {"predict": run, **files}.items():
            out = Path(folder) / name
            words = [data, "--holdout", str(holdout)]
            made = ["predict", str(model), *words, "--format", "coco", "--out", str(out)]
            if wps_sam(made) != 0:
                raise SystemExit(f"{name}: not all images could be predicted")
            scored = ["evaluate", str(out / "predictions.json"), *words, "--out", str(out)]
            if wps_sam(scored) != 0:
                raise SystemExit(f"{name}: cannot be scored")
            metrics = json.loads((out / "metrics.json").read_text())
            found[name] = metrics["miou"]
    return {"holdout": holdout, "miou": found}


def main() -> None:
    """Time or score."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("time", "score"):
        words = verbs.add_parser(verb)
        words.add_argument("run", type=Path)
        words.add_argument("--file", action="append", default=[], metavar="NAME=FILE")
    verbs.choices["time"].add_argument("photographs", nargs="+")
    verbs.choices["time"].add_argument("--repeats", type=int, default=3)
    verbs.choices["score"].add_argument("data")
    verbs.choices["score"].add_argument("--holdout", type=int, default=5)
    given = parser.parse_args()
    files = {name: Path(file) for name, _, file in (text.partition("=") for text in given.file)}
    result = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    if given.verb == "time":
        result["time"] = time_ways(given.run, files, given.photographs, given.repeats)
    else:
        found = score_ways(given.run, files, given.data, given.holdout)
        found["miou"] = {**result.get("score", {}).get("miou", {}), **found["miou"]}
        result["score"] = found
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
