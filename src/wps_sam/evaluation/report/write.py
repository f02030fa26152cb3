"""Write the report."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from wps_sam.evaluation.evaluate import Evaluation
from wps_sam.evaluation.matching import match_predictions
from wps_sam.evaluation.official_code import NOTE
from wps_sam.evaluation.predictions import PredictionFile
from wps_sam.evaluation.report.figures import class_bars, confusion_heat_map, training_curve
from wps_sam.evaluation.report.gallery import GalleryGroup, PictureMaker, choose_images
from wps_sam.evaluation.report.summary import (
    findings,
    headline_figures,
    main_confusions,
    main_misses,
    percent,
)
from wps_sam.evaluation.truth import Truth
from wps_sam.images.palette import class_colors

_PICTURES_PER_GROUP = 4
_HEADINGS = {"best": "Best", "median": "In the middle", "worst": "Worst"}


def write_report(
    path: str | Path,
    evaluation: Evaluation,
    truth: Truth,
    predictions: PredictionFile,
    *,
    title: str,
    curve: Sequence[Mapping[str, Any]] | None = None,
    notes: Sequence[str] = (),
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

    Returns:
        The path.

    Raises:
        PredictionError: The predictions do not fit the truth.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    colors = class_colors(len(truth.class_names))
    text = _template().render(
        title=title,
        evaluation=evaluation,
        truth_name=truth.source.name,
        predictions_name=predictions.source.name,
        figures=headline_figures(evaluation),
        findings=findings(evaluation),
        confusions=main_confusions(evaluation),
        misses=main_misses(evaluation),
        groups=_gallery(evaluation, truth, predictions, colors),
        bars=class_bars(evaluation.classes[1:], dict(zip(truth.class_names, colors, strict=True))),
        heat_map=confusion_heat_map(
            evaluation.counts, [score.name for score in evaluation.classes]
        ),
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
    environment.filters["percent"] = percent
    return environment.get_template("report.html.j2")


def _gallery(
    evaluation: Evaluation, truth: Truth, predictions: PredictionFile, colors: Sequence[str]
) -> list[GalleryGroup]:
    """Draw the pictures of each group that has any."""
    maker = PictureMaker(truth, predictions, match_predictions(predictions, truth), colors)
    chosen = choose_images(evaluation.images, _PICTURES_PER_GROUP)
    return [
        GalleryGroup(
            key,
            heading,
            tuple(maker.picture(index, evaluation.images[index]) for index in chosen[key]),
        )
        for key, heading in _HEADINGS.items()
        if chosen[key]
    ]
