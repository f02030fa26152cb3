"""Headline cards: intervals and the share of the oracle."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from wps_sam.evaluation.intervals import Interval
from wps_sam.evaluation.metrics import ClassScore
from wps_sam.evaluation.oracle_share import OracleShare
from wps_sam.evaluation.predictions import read_predictions
from wps_sam.evaluation.report.figures import class_bars
from wps_sam.evaluation.report.summary import (
    counted,
    findings,
    headline_figures,
    interval_text,
    other_figures,
    points,
    points_interval,
)
from wps_sam.evaluation.report.write import write_report
from wps_sam.evaluation.truth import open_truth

if TYPE_CHECKING:
    from evaluation.conftest import Scene
    from wps_sam.evaluation.result import Evaluation


ORACLE = OracleShare("oracle.json", miou=0.9114, macc=0.95, miou_share=1.02, macc_share=0.8)


def text_of(scene: Scene, evaluation: Evaluation) -> str:
    """The report of a scene with other scores."""
    truth, predictions = open_truth(scene.truth_path), read_predictions(scene.predictions_path)
    path = write_report(scene.folder / "report.html", evaluation, truth, predictions, title="t")
    return path.read_text(encoding="utf-8")


def test_interval_stands_beside_the_score(picture_scene: Scene) -> None:
    result = picture_scene.evaluate()
    intervals = replace(result.intervals, miou=Interval(0.2345, 0.678), macc=None)
    text = text_of(picture_scene, replace(result, intervals=intervals))
    assert text.count('<small class="interval">(23.4 to 67.8)</small>') == 1
    assert "In brackets: the 95 % interval over images." in text
    assert interval_text(None) == ""


def test_interval_of_a_difference_has_signs() -> None:
    assert points_interval(Interval(-0.0123, 0.4)) == "-1.2 to +40.0"
    assert points_interval(None) == ""
    assert (points(0.05), points(-0.051), points(None)) == ("+5.0", "-5.1", "n/a")


def test_counted() -> None:
    assert [counted(n, "image") for n in (0, 1, 1200)] == ["0 images", "1 image", "1,200 images"]
    assert counted(2, "class", "classes") == "2 classes"


def test_interval_is_drawn_along_the_bar() -> None:
    wheel = ClassScore("wheel", 0.5, None, 0.5, 0, 10, 5)
    without = class_bars([wheel], {"wheel": "#112233"}, {})
    # The line is drawn although the interval leaves the IoU out, as a bootstrap's may.
    drawn = class_bars([wheel], {"wheel": "#112233"}, {"wheel": Interval(0.6, 0.7)})
    assert drawn.count("LineCollection") == without.count("LineCollection")
    assert len(drawn) > len(without)


def test_share_of_the_oracle_is_the_second_card(picture_scene: Scene) -> None:
    result = picture_scene.evaluate()
    oracle = replace(ORACLE, miou_share_interval=Interval(0.9, 1.1))
    card = headline_figures(replace(result, oracle=oracle))[1]
    assert (card.name, card.value) == ("Share of the oracle, mIoU", 1.02)
    assert card.interval == Interval(0.9, 1.1)
    assert "(91.1 %)" in card.meaning
    assert oracle.statement in card.meaning
    assert "same SAM" not in card.meaning
    # A share above 1 fills the meter, but does not leave it.
    assert 'style="width: 100%"' in text_of(picture_scene, replace(result, oracle=oracle))
    assert "Share of the oracle" not in text_of(picture_scene, replace(result, oracle=None))


def test_every_mean_has_a_full_name_and_a_definition(picture_scene: Scene) -> None:
    result = picture_scene.evaluate()
    result = replace(result, oracle=ORACLE, supercategories=result.merged)
    means, pairs, precision = result.means, result.pairs, result.average_precision
    merged, official = result.merged, result.official_code
    assert merged is not None
    expected = {
        "mIoU": means.miou,
        "Share of the oracle, mIoU": 1.02,
        "mACC": means.macc,
        "mIoU with background": means.miou_with_background,
        "mIoU, classes merged": merged.means.miou,
        "mIoU over (image, class) pairs": pairs.miou_image_class_pairs,
        "Pixel accuracy": means.pixel_accuracy,
        "Share of the oracle, mACC": 0.8,
        "mACC with background": means.macc_with_background,
        "mIoU over classes true or predicted": means.miou_true_or_predicted_classes,
        "mIoU over (image, true class) pairs": pairs.miou_image_true_class_pairs,
        "mACC, classes merged": merged.means.macc,
        "mIoU, super-categories": merged.means.miou,
        "mACC, super-categories": merged.means.macc,
        "Boundary mIoU": result.boundary.boundary_miou,
        "Panoptic quality (PQ)": result.panoptic.pq,
        "Segmentation quality (SQ)": result.panoptic.sq,
        "Recognition quality (RQ)": result.panoptic.rq,
        "Average precision (AP)": precision.ap,
        "AP50": precision.ap50,
        "AP75": precision.ap75,
        "AP small": precision.ap_small,
        "AP medium": precision.ap_medium,
        "AP large": precision.ap_large,
        "Average recall (AR)": precision.ar,
        "official_code mean IoU (not comparable)": official.mean_iou,
        "official_code mean accuracy (not comparable)": official.mean_accuracy,
        "official_code mean F1 (not comparable)": official.mean_f1,
    }
    headline, other = headline_figures(result), other_figures(result)
    assert {figure.name: figure.value for figure in (*headline, *other)} == expected
    assert len(headline) + len(other) == len(expected)
    assert all(figure.meaning.endswith(".") for figure in (*headline, *other))
    text = text_of(picture_scene, result)
    assert all(f'<th scope="row">{figure.name}</th>' in text for figure in other)


def test_pixels_left_as_background_are_not_called_missed(picture_scene: Scene) -> None:
    # Wheel: photo i leaves i of 20 columns, so (0 + 1 + ... + 6) / (7 * 20) = 15 %.
    found = " ".join(findings(picture_scene.evaluate()))
    assert "Most often left as background: 15.0 % of the wheel <b> pixels." in found
    assert "Most often missed" not in found


def test_one_image_is_no_plural(scene: Scene) -> None:
    square = np.ones((10, 10), dtype=bool)
    scene.true("a.jpg", "wheel", square)
    scene.predict("a.jpg", "wheel", square)
    text = " ".join(text_of(scene, scene.evaluate()).split())
    assert "1 image ·" in text
    assert "over 1 part class:" in text
    assert not re.search(r"\b1 (images|pairs|part classes|classes)\b", text)


def test_supercategories_have_a_table(picture_scene: Scene) -> None:
    result = picture_scene.evaluate()
    text = text_of(picture_scene, replace(result, supercategories=result.merged))
    assert "Super-categories: mIoU" in text
    assert text.count("left_mirror, right_mirror") == 2
    assert "Super-categories" not in text_of(picture_scene, replace(result, supercategories=None))
