"""What counts as agreement, on arrays made by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from wps_sam.errors import ExportError
from wps_sam.export.graph_file import FoundParts
from wps_sam.export.parity import compare, lowered_threshold
from wps_sam.inference.prediction import PartPrediction

NAMES = ("wheel", "door")


@pytest.fixture
def expected() -> PartPrediction:
    """A door of 40 x 30 pixels and a wheel of 10 x 10 in a picture of 100 x 200."""
    masks = np.zeros((2, 100, 200), bool)
    masks[0, 10:40, 20:60] = True
    masks[1, 70:80, 150:160] = True
    return PartPrediction(
        masks=masks,
        class_index=np.array([1, 0]),
        class_names=NAMES,
        scores=np.array([0.9, 0.6], np.float32),
        boxes_xyxy=np.array([[20, 10, 60, 40], [150, 70, 160, 80]], np.float32),
    )


def found_as(expected: PartPrediction, **changed: Any) -> FoundParts:
    """What a file finds: the same, but for what is named."""
    parts = FoundParts(
        expected.masks.copy(),
        expected.class_index.copy(),
        expected.scores.copy(),
        expected.boxes_xyxy.copy(),
    )
    return parts._replace(**changed)


def test_compare__the_same(expected: PartPrediction) -> None:
    found = compare("a.jpg", expected, found_as(expected), 0.5)
    assert (found.name, found.original_hw, found.parts) == ("a.jpg", (100, 200), 2)
    assert (found.score_gap, found.pixel_gap, found.box_gap, found.borderline) == (0, 0, 0, 0)


def test_compare__says_how_far(expected: PartPrediction) -> None:
    masks = expected.masks.copy()
    masks[0, 40, 30:34] = True  # 4 of 20,000 pixels, one row below
    boxes = np.array([[20, 10, 60, 41], [150, 70, 160, 80]], np.float32)
    scores = np.array([0.9, 0.602], np.float32)
    found = compare("a", expected, found_as(expected, masks=masks, boxes=boxes, scores=scores), 0.5)
    assert found.pixel_gap == pytest.approx(4 / 20_000)
    assert found.box_gap == 1
    assert found.score_gap == pytest.approx(0.002, abs=1e-6)


def test_compare__order_of_equals_does_not_matter(expected: PartPrediction) -> None:
    found = found_as(expected)
    swapped = FoundParts(
        found.masks[::-1], found.class_index[::-1], found.scores[::-1], found.boxes[::-1]
    )
    with pytest.raises(ExportError):  # the scores did not swap with the parts
        compare("a", expected, swapped._replace(scores=expected.scores), 0.5)
    assert compare("a", expected, swapped, 0.5).score_gap == 0


def test_compare__part_at_the_threshold_may_be_missing(expected: PartPrediction) -> None:
    both = found_as(expected)
    first = FoundParts(both.masks[:1], both.class_index[:1], both.scores[:1], both.boxes[:1])
    assert compare("a", expected, first, 0.598).borderline == 1
    fewer = replace(
        expected,
        masks=expected.masks[:1],
        class_index=expected.class_index[:1],
        scores=expected.scores[:1],
        boxes_xyxy=expected.boxes_xyxy[:1],
    )
    assert compare("a", fewer, found_as(expected), 0.598).borderline == 1


def edge_pixels(expected: PartPrediction) -> dict[str, Any]:
    """24 pixels of 20,000 less, inside the box: just over the limit of 0.001."""
    masks = expected.masks.copy()
    masks[0, 20, 25:49] = False
    return {"masks": masks}


WRONG = {
    "fewer parts": (
        lambda e: {k: v[:1] for k, v in found_as(e)._asdict().items()},
        "the model finds 2 parts and the file 1, and of one that only one of them finds the score "
        "is 0.1000 off the threshold; expected such parts only within 0.005 of it",
    ),
    "class": (lambda e: {"class_index": np.array([1, 1])}, "the file 2, and of one that only one"),
    "score": (
        lambda e: {"scores": np.array([0.9, 0.606], np.float32)},
        "scores differ by 0.006; expected at most 0.005",
    ),
    "score that is no number": (
        lambda e: {"scores": np.array([np.nan, 0.6], np.float32)},
        "scores differ by nan; expected at most 0.005",
    ),
    "pixels": (edge_pixels, "share of the picture's pixels) differ by 0.0012; expected at most"),
    "box": (
        lambda e: {"boxes": e.boxes_xyxy + np.float32(1)},
        "the file gives the box [21.0, 11.0, 61.0, 41.0]; expected the tight box of its own mask, "
        "[20.0, 10.0, 60.0, 40.0]",
    ),
    "shape": (
        lambda e: {"masks": e.masks[:, :50]},
        "the file's outputs have shapes ((2, 50, 200), (2,), (2,), (2, 4)); expected "
        "((2, 100, 200), (2,), (2,), (2, 4))",
    ),
}


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG)
def test_compare__disagreement(expected: PartPrediction, change: Any, message: str) -> None:
    with pytest.raises(ExportError) as raised:
        compare("a.jpg", expected, found_as(expected, **change(expected)), 0.5)
    text = str(raised.value)
    assert text.startswith(
        "The exported file does not agree with the model on picture 'a.jpg' of 100 x 200 pixels: "
    )
    assert message in text
    assert "constraints.txt" in text


def test_compare__box_of_a_single_pixel_far_away(expected: PartPrediction) -> None:
    masks = expected.masks.copy()
    masks[0, 20, 63] = True
    boxes = expected.boxes_xyxy.copy()
    boxes[0, 2] = 64  # 4 pixels; 1 % of the longer side is 2
    with pytest.raises(ExportError, match=r"boxes \(pixels\) differ by 4; expected at most 2"):
        compare("a", expected, found_as(expected, masks=masks, boxes=boxes), 0.5)


def test_compare__nothing_found() -> None:
    nothing = PartPrediction(
        masks=np.zeros((0, 5, 6), bool),
        class_index=np.zeros(0, np.int64),
        class_names=NAMES,
        scores=np.zeros(0, np.float32),
        boxes_xyxy=np.zeros((0, 4), np.float32),
    )
    assert compare("a", nothing, found_as(nothing), 0.5).parts == 0


@pytest.mark.parametrize(
    ("scores", "threshold"),
    [
        ([0.6, 0.4], None),  # the file's own leaves one
        ([], None),
        ([0.4, 0.3, 0.1, 0.05], 0.2),  # widest gap: 0.3 to 0.1
        ([0.4], 0.2),  # below the last there is nothing until 0
        ([0.4, 0.39, 0.38, 0.37, 0.36, 0.35, 0.32, 0.0], 0.335),  # never more than six
    ],
    ids=["own", "nothing", "gap", "one", "many"],
)
def test_lowered_threshold(scores: list[float], threshold: float | None) -> None:
    found = lowered_threshold(torch.tensor(scores), 0.5)
    assert found == (None if threshold is None else pytest.approx(threshold))
