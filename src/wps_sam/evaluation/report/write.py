"""Write the report."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from wps_sam.evaluation.comparison import Comparison
from wps_sam.evaluation.evaluate import MatchedPredictions
from wps_sam.evaluation.official_code import NOTE
from wps_sam.evaluation.predictions import PredictionFile
from wps_sam.evaluation.report.anatomy import class_stacks, part_counts, whole_shares
from wps_sam.evaluation.report.comparison import choose_changed, difference_bars, verdict
from wps_sam.evaluation.report.figures import class_bars, confusion_heat_map, training_curve
from wps_sam.evaluation.report.gallery import GalleryGroup, Layer, PictureMaker, choose_images
from wps_sam.evaluation.report.summary import (
    findings,
    headline_figures,
    interval_text,
    main_confusions,
    main_misses,
    other_figures,
    percent,
)
from wps_sam.evaluation.result import Evaluation
from wps_sam.evaluation.truth import Truth
from wps_sam.images.palette import class_colors

_PICTURES_PER_GROUP = 4
_HEADINGS = {
    "gained": "Most gained by B",
    "lost": "Most lost by B",
    "best": "Best",
    "median": "In the middle",
    "worst": "Worst",
}


def write_report(
    path: str | Path,
    evaluation: Evaluation,
    truth: Truth,
    predictions: PredictionFile,
    *,
    title: str,
    curve: Sequence[Mapping[str, Any]] | None = None,
    notes: Sequence[str] = (),
    oracle: PredictionFile | None = None,
    second: tuple[PredictionFile, Evaluation] | None = None,
    comparison: Comparison | None = None,
    names: tuple[str, str] = ("A", "B"),
) -> Path:
    """Write one HTML file that holds everything it shows.

    Args:
        path: Where to write it; folders are made.
        evaluation: The scores of these predictions.
        truth: What they were scored against; also says where the photographs are.
        predictions: What was predicted.
        title: Heading of the page.
        curve: Lines of the run's `metrics.jsonl` (`step`, losses, validation scores), if any.
        notes: More sentences for the reader.
        oracle: What SAM makes of the true boxes: one more layer on every picture.
        second: Other predictions of the same images (B) with their scores: one more layer on every
            picture, and the images that changed most.
        comparison: The first predictions (A) against the second.
        names: What A and B are.

    Returns:
        The path.

    Raises:
        PredictionError: Some of the predictions do not fit the truth.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    colors = class_colors(len(truth.class_names))
    layers = _layers(truth, predictions, second and second[0], oracle)
    scored = [evaluation, second[1]] if second else [evaluation]
    text = _template().render(
        title=title,
        evaluation=evaluation,
        truth_name=truth.source.name,
        predictions_name=predictions.source.name,
        figures=headline_figures(evaluation),
        findings=findings(evaluation),
        confusions=main_confusions(evaluation),
        misses=main_misses(evaluation),
        shares=whole_shares(evaluation.anatomy),
        stacks=class_stacks(evaluation.anatomy),
        layers=layers,
        groups=_gallery(PictureMaker(truth, layers, colors), scored),
        comparison=comparison,
        names=names,
        verdict=comparison and verdict(comparison),
        difference_bars=comparison and difference_bars(comparison),
        bars=class_bars(
            evaluation.classes[1:],
            dict(zip(truth.class_names, colors, strict=True)),
            evaluation.intervals.class_iou,
        ),
        heat_map=confusion_heat_map(
            evaluation.counts, [score.name for score in evaluation.classes]
        ),
        other_figures=other_figures(evaluation),
        curve=training_curve(curve) if curve else None,
        official_note=NOTE,
        notes=[*evaluation.notes, *notes],
    )
    target.write_text(text, encoding="utf-8")
    return target


def _template() -> Template:
    """The page, with what it needs to escape and format values."""
    environment = Environment(
        loader=PackageLoader("wps_sam.evaluation.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "interval": interval_text,
        "part_counts": part_counts,
    }
    return environment.get_template("report.html.j2")


def _layers(
    truth: Truth,
    predictions: PredictionFile,
    second: PredictionFile | None,
    oracle: PredictionFile | None,
) -> list[Layer]:
    """The prediction files that pictures show, those that are given."""
    label = "Prediction" if second is None else "A"
    offered = [
        ("prediction", label, predictions),
        ("second", "B", second),
        ("oracle", "Oracle", oracle),
    ]
    return [
        Layer(key, label, MatchedPredictions.of(file, truth))
        for key, label, file in offered
        if file is not None
    ]


def _gallery(maker: PictureMaker, scored: Sequence[Evaluation]) -> list[GalleryGroup]:
    """Draw the pictures of each group that has any."""
    images = [evaluation.images for evaluation in scored]
    chosen = choose_images(images[0], _PICTURES_PER_GROUP)
    if len(images) > 1:
        chosen |= choose_changed(images[0], images[1], _PICTURES_PER_GROUP)
    return [
        GalleryGroup(
            key,
            heading,
            tuple(maker.picture(index, [one[index] for one in images]) for index in chosen[key]),
        )
        for key, heading in _HEADINGS.items()
        if chosen.get(key)
    ]
