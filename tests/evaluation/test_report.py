"""The report: one file, nothing loaded from elsewhere, every picture in its place."""

from __future__ import annotations

import base64
import io
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from wps_sam.evaluation.evaluate import evaluate_predictions
from wps_sam.evaluation.image_scores import ImageScore
from wps_sam.evaluation.predictions import read_predictions
from wps_sam.evaluation.report.figures import confusion_heat_map, training_curve
from wps_sam.evaluation.report.gallery import choose_images
from wps_sam.evaluation.report.summary import (
    findings,
    headline_figures,
    main_confusions,
    main_misses,
)
from wps_sam.evaluation.report.write import write_report
from wps_sam.evaluation.truth import open_truth
from wps_sam.images.palette import class_colors

if TYPE_CHECKING:
    from evaluation.conftest import Scene

LOADS = re.compile(
    r"""(?:src|href|data|action|poster|srcset)\s*=\s*["']?\s*(?!["']?(?:data:|\#))[^\s>"']+"""
    r"""|url\(\s*(?!["']?(?:data:|\#))|@import|fetch\(|XMLHttpRequest|<link(?![^>]*data:)""",
    re.IGNORECASE,
)


def write(scene: Scene, **options: Any) -> str:
    """Write the report of a scene and return its text."""
    truth, predictions = open_truth(scene.truth_path), read_predictions(scene.predictions_path)
    evaluation = evaluate_predictions(predictions, truth)
    target = scene.folder / "new" / "report.html"
    path = write_report(target, evaluation, truth, predictions, title="A <test>", **options)
    assert path == target
    return path.read_text(encoding="utf-8")


def test_nothing_is_loaded_from_elsewhere(picture_scene: Scene) -> None:
    text = write(picture_scene, curve=[{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0}])
    markup = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    found = [match.group() for match in LOADS.finditer(markup)]
    assert found == []
    addresses = set(re.findall(r"https?://[^\"' <>]+", text))
    # Names of XML namespaces, which no browser opens.
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "fetch(" not in text
    assert len(text) < 6e6


def test_words_of_the_user_are_escaped(picture_scene: Scene) -> None:
    text = write(picture_scene, notes=["note & more"])
    assert "A &lt;test&gt;" in text
    assert "note &amp; more" in text
    assert "wheel &lt;b&gt;" in text
    assert "wheel <b>" not in text
    assert "never $x$ seen" in text


def test_gallery_holds_photo_and_label_maps(picture_scene: Scene) -> None:
    text = write(picture_scene)
    assert text.count('<figure class="picture">') == 7
    assert "No photograph" not in text
    kinds = re.findall(r'data-kind="(\w+)" src="data:image/png;base64,([^"]+)"', text)
    assert [kind for kind, _ in kinds] == ["truth", "prediction"] * 7
    labels = np.asarray(Image.open(io.BytesIO(base64.b64decode(kinds[0][1]))))
    assert labels.shape == (40, 60)
    # wheel is part 1 and left_mirror part 2 of the picture.
    assert (labels[5:25, 5:25] == 1).all()
    assert (labels[5:20, 30:40] == 2).all()
    assert np.count_nonzero(labels) == 400 + 150


def test_missing_photographs_do_not_cost_the_report(picture_scene: Scene) -> None:
    (picture_scene.folder / "photo_3.png").unlink()
    text = write(picture_scene)
    assert text.count("No photograph:") == 1
    assert "photo_3.png" in text


def test_large_photographs_are_scaled_down(scene: Scene) -> None:
    scene.image("big.png", (600, 1200), with_file=True)
    wheel, door = np.zeros((2, 600, 1200), dtype=bool)
    wheel[:60, :60] = True
    door[151:302, 301:902] = True
    scene.true("big.png", "wheel", wheel)
    scene.true("big.png", "door", door)
    text = write(scene)
    assert 'width="560" height="280"' in text
    labels = re.findall(r'data-kind="truth" src="data:image/png;base64,([^"]+)"', text)
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(labels[0]))))
    # Smoothing would put the value between background and door, which is wheel, around the door.
    assert (pixels[:28, :28] == 1).all()
    assert np.count_nonzero(pixels == 1) == 28 * 28
    assert np.count_nonzero(pixels == 2) == pytest.approx(70 * 280, rel=0.03)


def test_report_without_any_part_in_the_means(scene: Scene) -> None:
    scene.true("a.jpg", "wheel", [[0, 0, 5, 0, 5, 5]], iscrowd=1)
    text = write(scene)
    assert "n/a" in text
    assert 'id="gallery"' not in text
    assert "crowd regions" in text


def test_summary_tells_what_stands_out(picture_scene: Scene) -> None:
    result = evaluate_predictions(picture_scene.predictions_path, picture_scene.truth_path)
    confusion = main_confusions(result)[0]
    assert (confusion.true_name, confusion.predicted_name) == ("left_mirror", "right_mirror")
    assert confusion.share == pytest.approx(3 / 7)
    sentences = " ".join(findings(result))
    assert main_misses(result)[0].true_name == "wheel <b>"
    assert "42.9 % of the left_mirror pixels were called right_mirror" in sentences
    assert "nowhere in the truth: right_mirror" in sentences
    names = [figure.name for figure in headline_figures(result)]
    assert names[0] == "mIoU"
    assert "mIoU, classes merged" in names


def image_score(name: str, correct: int) -> ImageScore:
    one = np.array([10])
    index = np.array([0], np.int32)
    return ImageScore(name, index, one, one, np.array([correct]))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 12, 40])
def test_each_image_is_shown_once(count: int) -> None:
    scores = [image_score(f"{i}", i % 11) for i in range(count)]
    chosen = choose_images(scores, 4)
    shown = chosen["best"] + chosen["median"] + chosen["worst"]
    assert len(shown) == len(set(shown)) == min(count, 12)
    if count == 40:
        assert {scores[i].miou for i in chosen["worst"]} == {0}
        assert min(float(scores[i].miou or 0) for i in chosen["best"]) > 0.8
        middle = [float(scores[i].miou or 0) for i in chosen["median"]]
        assert 0.2 < min(middle) <= max(middle) < 0.5


def test_images_without_parts_are_not_ranked() -> None:
    empty = np.zeros(0, np.int64)
    nothing = ImageScore("nothing", empty.astype(np.int32), empty, empty, empty)
    assert choose_images([nothing], 4) == {"worst": [], "median": [], "best": []}


def test_colors_differ() -> None:
    colors = class_colors(60)
    assert len(set(colors)) == 60
    assert all(re.fullmatch("#[0-9a-f]{6}", color) for color in colors)
    assert class_colors(3) == colors[:3]


def test_curve_takes_what_it_can_draw() -> None:
    rows: list[dict[str, Any]] = [
        {"step": 1, "loss": 1.0, "epoch": 0, "name": "x"},
        {"step": 2, "loss": float("nan"), "val_miou": 0.5},
    ]
    drawing = training_curve(rows)
    assert drawing is not None
    assert "val_miou" in drawing
    assert training_curve([{"step": 1}]) is None
    assert training_curve([]) is None


def test_plots_follow_the_text_colour_of_the_page() -> None:
    drawing = confusion_heat_map(np.array([[5, 5], [0, 0]]), ["background", r"a & b $\bad{$"])
    assert "currentColor" in drawing
    assert "#010203" not in drawing
    assert "a &amp; b" in drawing


def test_many_classes_stay_small() -> None:
    counts = np.ones((80, 80), np.int64) * 50
    drawing = confusion_heat_map(counts, [f"class {i}" for i in range(80)])
    assert len(drawing) < 300_000
