"""Headline cards: intervals and the share of the oracle."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from wps_sam.evaluation.intervals import Interval
from wps_sam.evaluation.metrics import ClassScore
from wps_sam.evaluation.oracle_share import OracleShare
from wps_sam.evaluation.predictions import read_predictions
from wps_sam.evaluation.report.figures import class_bars
from wps_sam.evaluation.report.summary import headline_figures, interval_text, other_figures
from wps_sam.evaluation.report.write import write_report
from wps_sam.evaluation.truth import open_truth

if TYPE_CHECKING:
    from tests.evaluation.conftest import Scene

    from wps_sam.evaluation.result import Evaluation


def text_of(scene: Scene, evaluation: Evaluation) -> str:
    """The report of a scene with other scores."""
    truth, predictions = open_truth(scene.truth_path), read_predictions(scene.predictions_path)
    path = write_report(scene.folder / "report.html", evaluation, truth, predictions, title="t")
    return path.read_text(encoding="utf-8")


def test_interval_stands_beside_the_score(picture_scene: Scene) -> None:
    result = picture_scene.evaluate()
    intervals = replace(result.intervals, miou=Interval(0.2345, 0.678), macc=None)
    text = text_of(picture_scene, replace(result, intervals=intervals))
    assert text.count('<small class="interval">(23.4 \N{EN DASH} 67.8)</small>') == 1
    assert "In brackets: the 95 % interval over images." in text
    assert interval_text(None) == ""


def test_interval_is_drawn_along_the_bar() -> None:
    wheel = ClassScore("wheel", 0.5, None, 0.5, 0, 10, 5)
    without = class_bars([wheel], {"wheel": "#112233"}, {})
    # The line is drawn although the interval leaves the IoU out, as a bootstrap's may.
    drawn = class_bars([wheel], {"wheel": "#112233"}, {"wheel": Interval(0.6, 0.7)})
    assert drawn.count("LineCollection") == without.count("LineCollection")
    assert len(drawn) > len(without)


def test_share_of_the_oracle_is_the_second_card(picture_scene: Scene) -> None:
    result = picture_scene.evaluate()
    oracle = OracleShare("oracle.json", miou=0.9114, macc=0.95, miou_share=1.02, macc_share=0.8)
    card = headline_figures(replace(result, oracle=oracle))[1]
    assert (card.name, card.value) == ("Share of the oracle", 1.02)
    assert "(91.1 %)" in card.meaning
    assert "80.0 %" in card.meaning
    # A share above 1 fills the meter, but does not leave it.
    assert 'style="width: 100%"' in text_of(picture_scene, replace(result, oracle=oracle))
    assert "Share of the oracle" not in text_of(picture_scene, replace(result, oracle=None))


def test_other_figures_are_defined(picture_scene: Scene) -> None:
    result = picture_scene.evaluate()
    figures = other_figures(result)
    assert [figure.name for figure in figures] == [
        "Boundary mIoU",
        "PQ",
        "SQ",
        "RQ",
        "AP",
        "AP50",
        "AP75",
        "AR",
    ]
    assert figures[0].value == pytest.approx(result.boundary.boundary_miou)
    text = text_of(picture_scene, result)
    assert all(f'<th scope="row">{figure.name}</th>' in text for figure in figures)


def test_supercategories_have_a_table(picture_scene: Scene) -> None:
    result = picture_scene.evaluate()
    text = text_of(picture_scene, replace(result, supercategories=result.merged))
    assert "Super-categories: mIoU" in text
    assert text.count("left_mirror, right_mirror") == 2
    assert "Super-categories" not in text_of(picture_scene, replace(result, supercategories=None))
