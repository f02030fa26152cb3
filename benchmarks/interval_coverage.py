"""How often 95 % intervals of mIoU and of class IoU hold the true score, method by method.

    python -m benchmarks.interval_coverage [--repetitions 600] [--out FILE]

Images are drawn from a known population: class sizes are log-normal; how much of a part is found
varies with the image and the part, one part in seven is missed altogether, and some are invented.
Classes differ in how hard they are, the rare ones being the hard ones. The true IoU of a class is
the ratio of its expected pixels, from a million images; the true mIoU is the mean over all ten.

Each scenario is repeated with other images. `linearised_t` is what `wps_sam.evaluation.intervals`
does; the others are what it could do instead. A class that is in none of the images drawn cannot be
in their mean, whatever the method: `drawn` counts only the repetitions in which each class is true
in an image or more. Writes interval_coverage.json beside this file, in percent.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from wps_sam.evaluation.class_rows import ClassRows
from wps_sam.evaluation.intervals import score_intervals

RESULT = Path(__file__).with_suffix(".json")
CLASSES, RESAMPLES = 10, 400
NAMES = [str(number) for number in range(CLASSES)]
Array = NDArray[np.float64]


class Scenario(NamedTuple):
    """A kind of data set: image count, share of images with each class, and how parts vary."""

    images: int
    rates: tuple[float, ...] = (1.0,) * CLASSES
    size_spread: float = 0.5
    miss_rate: float = 0.15
    ease: float = 0.0

    def draw(self, rng: np.random.Generator, images: int) -> Array:
        """(3, images, C) true, predicted and correct pixels."""
        shape = (images, CLASSES)
        is_true = rng.random(shape) < self.rates
        true = np.round(1000 * rng.lognormal(0, self.size_spread, shape)) * is_true
        level = np.linspace(2.4, 0, CLASSES) + self.ease
        logit = level + rng.normal(0, 0.5, (images, 1)) + rng.normal(0, 0.8, shape)
        share = (rng.random(shape) >= self.miss_rate) / (1 + np.exp(-logit))
        correct = np.round(true * share)
        spilled = np.round(true * (1 - share) * (share > 0) * rng.exponential(0.5, shape))
        is_invented = rng.random(shape) < 0.03 * np.array(self.rates)
        invented = np.round(400 * rng.lognormal(0, self.size_spread, shape)) * is_invented
        return np.stack([true, correct + spilled + invented, correct])

    def true_iou(self) -> Array:
        """(C,) IoU over a million images."""
        rng = np.random.default_rng(2**20)
        totals = sum(self.draw(rng, 50_000).sum(axis=1) for _ in range(20))
        true, predicted, correct = np.asarray(totals)
        return np.asarray(correct / (true + predicted - correct))


def half_rare(rate: float) -> tuple[float, ...]:
    """Five classes in all images, five in a share of them."""
    return (1.0,) * 5 + (rate,) * 5


SCENARIOS = {
    **{f"all classes in {n} images": Scenario(n) for n in (5, 10, 20, 50, 80)},
    "5 of 10 classes in 10 % of 80 images": Scenario(80, half_rare(0.1)),
    "5 of 10 classes in 4 % of 80 images": Scenario(80, half_rare(0.04)),
    "1 of 10 classes in 2 % of 80 images": Scenario(80, (1.0,) * 9 + (0.02,)),
    "30 images, sizes very uneven": Scenario(30, size_spread=1.5),
    "20 images, 1 part in 100 missed, else good": Scenario(20, miss_rate=0.01, ease=3.0),
}


def resampled(pixels: Array, weights: Array) -> tuple[Array, Array]:
    """(R, C) IoU and (R,) mIoU under (R, N) weights; NaN for classes without weight."""
    true, predicted, correct = np.einsum("rn,knc->krc", weights, pixels, optimize=True)
    union = true + predicted - correct
    iou = np.where(true > 0, correct / np.maximum(union, 1e-9), np.nan)
    return iou, np.nanmean(iou, axis=1)


def plain_deviations(pixels: Array, weights: Array) -> Array:
    """(R, N) linearised deviations of mIoU under weights, without any correction."""
    true, predicted, correct = pixels
    union = true + predicted - correct
    iou, _ = resampled(pixels, weights)
    totals = np.maximum(weights @ union, 1e-9)
    in_mean = ~np.isnan(iou)
    scale = in_mean / totals / in_mean.sum(axis=1, keepdims=True)
    return np.asarray(weights * (scale @ correct.T - (scale * np.nan_to_num(iou)) @ union.T))


def methods(pixels: Array, rng: np.random.Generator) -> Iterator[tuple[str, float, float]]:
    """Intervals of mIoU by the methods that were not chosen."""
    count = pixels.shape[1]
    once = np.ones((1, count))
    miou = float(resampled(pixels, once)[1][0])
    moved = plain_deviations(pixels, once)[0]
    error = float(np.sqrt((moved**2).sum()))
    yield "linearised_normal", miou - 1.96 * error, miou + 1.96 * error
    ends = [0.025, 0.975]
    dirichlet = rng.dirichlet(np.ones(count), RESAMPLES) * count
    bayesian = resampled(pixels, dirichlet)[1]
    yield "bayesian_bootstrap", *np.quantile(bayesian, ends)
    stretched = miou + (bayesian - miou) * np.sqrt((count + 1) / (count - 1))
    yield "bayesian_bootstrap_stretched", *np.quantile(stretched, ends)
    yield "bayesian_bootstrap_bca", *np.quantile(bayesian, bca_levels(bayesian, miou, moved))
    drawn = rng.multinomial(count, np.full(count, 1 / count), RESAMPLES).astype(np.float64)
    again = resampled(pixels, drawn)[1]
    yield "bootstrap", *np.quantile(again, ends)
    # An image that is drawn k times is k images with a k-th of its deviation each.
    errors = np.sqrt((plain_deviations(pixels, drawn) ** 2 / np.maximum(drawn, 1)).sum(axis=1))
    low, high = np.quantile((again - miou) / np.maximum(errors, 1e-9), ends)
    yield "bootstrap_t", miou - high * error, miou - low * error


def bca_levels(drawn: Array, score: float, moved: Array) -> Array:
    """Which percentiles BCa takes (Efron 1987)."""
    bias = stats.norm.ppf(np.clip((drawn < score).mean(), 0.001, 0.999))
    skew = (moved**3).sum() / (6 * (moved**2).sum() ** 1.5)
    normal = bias + np.array([-1.96, 1.96])
    return np.asarray(stats.norm.cdf(bias + normal / (1 - skew * normal)))


def measure(scenario: Scenario, repetitions: int) -> dict[str, dict[str, float]]:
    """Coverage and mean width of each method, in percent."""
    truth = scenario.true_iou()
    rng = np.random.default_rng(0)
    rows: dict[str, list[tuple[float, float, bool]]] = {}
    for _ in range(repetitions):
        pixels = scenario.draw(rng, scenario.images)
        stored = ClassRows(3, CLASSES)
        for image in pixels.swapaxes(0, 1):
            stored.add(image)
        found = score_intervals(stored, NAMES)
        is_drawn = bool(stored.images_with_class.all())
        if found.miou is not None:
            ends = [("linearised_t", found.miou.low, found.miou.high), *methods(pixels, rng)]
            for name, low, high in ends:
                hit = low <= truth.mean() <= high
                rows.setdefault(name, []).append((hit, high - low, is_drawn))
        for iou, one in zip(truth, found.class_iou.values(), strict=True):
            if one is not None:
                hit, width = one.low <= iou <= one.high, one.high - one.low
                rows.setdefault("linearised_t, single classes", []).append((hit, width, True))
    return {name: summary(np.array(values)) for name, values in rows.items()}


def summary(values: Array) -> dict[str, float]:
    """Coverage over all repetitions and over those that drew all classes, and mean width."""
    drawn = values[values[:, 2] > 0]
    return {
        "coverage": round(100 * float(values[:, 0].mean()), 1),
        "coverage_drawn": round(100 * float(drawn[:, 0].mean()), 1),
        "mean_width": round(100 * float(values[:, 1].mean()), 1),
        "repetitions_drawn": len(drawn),
    }


def main() -> None:
    """Measure and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=600)
    parser.add_argument("--out", type=Path, default=RESULT)
    args = parser.parse_args()
    result = {}
    for name, scenario in SCENARIOS.items():
        result[name] = measure(scenario, args.repetitions)
        print(name, *result[name].items(), sep="\n  ")
    content = {"repetitions": args.repetitions, "resamples": RESAMPLES, **result}
    args.out.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
