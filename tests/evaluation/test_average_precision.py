"""Average precision: by hand, and against both COCO libraries run on all masks at once."""

import contextlib
import io
import json
import tracemalloc
from typing import Any

import numpy as np
import pytest
from faster_coco_eval import COCO as FastCOCO
from faster_coco_eval import COCOeval_faster
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from wps_sam.errors import PredictionError
from wps_sam.evaluation import scratch
from wps_sam.evaluation.average_precision import AveragePrecision, AveragePrecisionCounts
from wps_sam.evaluation.parts import ImageParts
from wps_sam.evaluation.runs import Runs, rle_to_runs, runs_area
from wps_sam.geometry.masks import mask_to_rle

HW = (20, 20)
NAMES = ("wheel", "door", "lamp")

Box = tuple[int, int, int, int]


def box_runs(box: Box, hw: tuple[int, int] = HW) -> Runs:
    """Run lengths of a filled box: top, left, height, width."""
    mask = np.zeros(hw, np.uint8)
    mask[box[0] : box[0] + box[2], box[1] : box[1] + box[3]] = 1
    return rle_to_runs(mask_to_rle(mask), hw)


def true(*parts: tuple[int, Box], ignored: tuple[Box, ...] = ()) -> ImageParts:
    """True parts: class and box each."""
    return ImageParts(
        HW,
        np.array([part[0] for part in parts], np.int64),
        tuple(box_runs(part[1]) for part in parts),
        np.zeros(len(parts)),
        tuple(box_runs(box) for box in ignored),
    )


def found(*parts: tuple[int, Box, float]) -> ImageParts:
    """Predicted parts: class, box and score each."""
    boxes = true(*(part[:2] for part in parts))
    return ImageParts(HW, boxes.class_index, boxes.runs, np.array([part[2] for part in parts]))


def scores(*images: tuple[ImageParts, ImageParts]) -> AveragePrecision:
    counts = AveragePrecisionCounts(len(NAMES))
    for truth, predicted in images:
        counts.add(truth, predicted)
    return counts.scores(NAMES)


A, B, C = (0, 0, 5, 5), (0, 10, 5, 5), (10, 0, 5, 5)


def test_perfect() -> None:
    result = scores((true((0, A), (1, B)), found((0, A, 0.5), (1, B, 0.4))))
    assert (result.ap, result.ap50, result.ap75, result.ar) == (1, 1, 1, 1)
    # All parts are below 32 x 32 pixels.
    assert (result.ap_small, result.ap_medium, result.ap_large) == (1, None, None)
    assert result.classes == {"wheel": 1, "door": 1, "lamp": None}
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False))["classes"]["lamp"] is None


def test_empty_prediction() -> None:
    result = scores((true((0, A)), found()))
    assert (result.ap, result.ap50, result.ar) == (0, 0, 0)


def test_no_true_part_at_all() -> None:
    result = scores((true(), found((0, A, 0.9))), (true(), found()))
    assert (result.ap, result.ar, result.classes["wheel"]) == (None, None, None)


def test_class_absent_from_truth_is_in_no_mean() -> None:
    result = scores((true((0, A)), found((0, A, 0.5), (1, B, 0.9))))
    assert result.ap == 1
    assert result.classes["door"] is None


def test_false_positive_costs_only_what_comes_after_it() -> None:
    assert scores((true((0, A)), found((0, A, 0.9), (0, B, 0.1)))).ap == pytest.approx(1)
    # The invention comes first: precision is 1 / 2 at every recall.
    assert scores((true((0, A)), found((0, A, 0.1), (0, B, 0.9)))).ap == pytest.approx(0.5)
    # In an image without parts it costs the same.
    apart = scores((true((0, A)), found((0, A, 0.1))), (true(), found((0, B, 0.9))))
    assert apart.ap == pytest.approx(0.5)


def test_missed_part() -> None:
    # Recall ends at 1 / 2: precision is 1 at the levels 0, 0.01, ..., 0.50, 51 of 101.
    result = scores((true((0, A)), found((0, A, 0.9))), (true((0, B)), found()))
    assert result.ap == pytest.approx(51 / 101, abs=1e-12)
    assert result.ar == 0.5


def test_wrong_class() -> None:
    result = scores((true((0, A)), found((1, A, 0.9))))
    assert result.classes == {"wheel": 0, "door": None, "lamp": None}
    assert result.ap == 0


def test_duplicate_is_a_false_positive() -> None:
    # By falling score: right, duplicate, right. Precision 1 up to recall 1 / 2, then 2 / 3.
    predicted = found((0, A, 0.9), (0, A, 0.8), (0, B, 0.7))
    expected = (51 * 1 + 50 * 2 / 3) / 101
    assert scores((true((0, A), (0, B)), predicted)).ap == pytest.approx(expected, abs=1e-12)


def test_thresholds() -> None:
    # 18 of 25 pixels, IoU 0.72: a match at 0.5, 0.55, ..., 0.7, which is 5 of 10 thresholds.
    truth = ImageParts(HW, np.zeros(1, np.int64), (np.array([0, 25, 375]),), np.zeros(1))
    part = ImageParts(HW, np.zeros(1, np.int64), (np.array([0, 18, 382]),), np.ones(1))
    result = scores((truth, part))
    assert (result.ap50, result.ap75) == (1, 0)
    assert result.ap == pytest.approx(0.5)
    assert result.ar == pytest.approx(0.5)


def test_masks_are_compared_whole() -> None:
    # Painted, the small part would cut the large one to 75 of 100 pixels.
    truth = true((0, (0, 0, 10, 10)))
    predicted = found((0, (0, 0, 10, 10), 0.9), (1, A, 0.8))
    assert scores((truth, predicted)).ap == 1


@pytest.mark.parametrize("class_index", [0, 1])
def test_ignored_region_excuses_predictions_of_every_class(class_index: int) -> None:
    # An invention of the better score, inside a region that is not scored.
    truth = true((class_index, A), ignored=((10, 10, 8, 8),))
    predicted = found((class_index, A, 0.1), (class_index, (11, 11, 5, 5), 0.9))
    assert scores((truth, predicted)).ap == 1
    # Several predictions may lie in one region.
    predicted = found(*((class_index, (11, 11 + i, 5, 2), 0.9) for i in range(4)))
    result = scores((truth, predicted), (true((class_index, A)), found((class_index, A, 0.1))))
    assert result.ap == pytest.approx(51 / 101)


def test_ignored_region_is_not_to_be_found() -> None:
    assert scores((true(ignored=(A,)), found((0, A, 0.9)))).ap is None
    assert scores((true((0, B), ignored=(A,)), found((0, B, 0.9)))).ar == 1


def test_prediction_partly_in_an_ignored_region() -> None:
    # 3 of 5 columns lie in it: excused at 0.5, 0.55 and 0.6 alone, and at the other 7 thresholds an
    # invention of the better score halves the precision.
    truth = true((0, A), ignored=((10, 0, 10, 13),))
    predicted = found((0, A, 0.1), (0, (12, 10, 5, 5), 0.9))
    assert scores((truth, predicted)).ap == pytest.approx((3 * 1 + 7 * 0.5) / 10, abs=1e-12)


def test_only_the_best_100_predictions_of_an_image_count() -> None:
    inventions = [(0, (19, 19, 1, 1), 0.9)] * 99
    assert scores((true((0, A)), found(*inventions, (0, A, 0.1)))).ar == 1
    assert scores((true((0, A)), found(*inventions, (0, B, 0.9), (0, A, 0.1)))).ar == 0
    # Of each class: another class's parts push none out.
    assert scores((true((0, A)), found(*inventions, (1, B, 0.9), (0, A, 0.1)))).ar == 1


def test_equal_scores_keep_the_order_of_the_file() -> None:
    first = scores((true((0, A)), found((0, A, 0.5), (0, B, 0.5))))
    second = scores((true((0, A)), found((0, B, 0.5), (0, A, 0.5))))
    assert first.ap == pytest.approx(1)
    assert second.ap == pytest.approx(0.5)


def test_scores_may_be_asked_for_more_than_once() -> None:
    counts = AveragePrecisionCounts(1)
    counts.add(true(), found((0, B, 0.1)))
    counts.add(true((0, A)), found((0, A, 0.9)))
    assert counts.scores(["wheel"]).ap == counts.scores(["wheel"]).ap == pytest.approx(1)
    # An invention between the two: right, wrong, wrong of 2 true parts.
    counts.add(true((0, A)), found((0, B, 0.5)))
    assert counts.scores(["wheel"]).ap == pytest.approx(51 / 101)
    assert counts.scores(["wheel"]).ar == 0.5


def test_equal_ious_leave_the_first_true_part() -> None:
    # Both true parts fit the first prediction with IoU 50 / 75. COCO's rule gives it the last one;
    # the second prediction is the first true part but for one row of 5: IoU 45 / 50.
    truth = true((0, (0, 0, 10, 5)), (0, (5, 0, 10, 5)))
    predicted = found((0, (0, 0, 15, 5), 0.9), (0, (1, 0, 9, 5), 0.8))
    assert scores((truth, predicted)).ap50 == 1
    # The other way round the second finds its true part taken, and IoU 25 / 70 with the other one.
    swapped = true((0, (5, 0, 10, 5)), (0, (0, 0, 10, 5)))
    assert scores((swapped, predicted)).ap50 == pytest.approx(51 / 101)


def test_border_of_the_size_ranges_is_in_both() -> None:
    hw = (40, 40)
    area = 32 * 32
    part = ImageParts(
        hw, np.zeros(1, np.int64), (np.array([0, area, 1600 - area]),), np.full(1, 0.5)
    )
    result = scores((part, part))
    assert (result.ap_small, result.ap_medium, result.ap_large) == (1, 1, None)


def test_parts_wait_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "_BATCH_BYTES", 1000)
    boxes = [(0, (2 * i, 0, 2, 5), 0.1 * i) for i in range(10)]
    truth, predicted = true(*(box[:2] for box in boxes)), found(*boxes)
    counts = AveragePrecisionCounts(1)
    counts.add(truth, predicted)
    images = 400
    tracemalloc.start()
    try:
        for _ in range(images):
            counts.add(truth, predicted)
        kept = tracemalloc.get_traced_memory()[0]
        assert counts.scores(["wheel"]).ap == pytest.approx(1)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # 4,000 parts of 18 bytes are 72,000; a single image's masks take some 20 kilobytes. At the end
    # one class is sorted: its parts twice, their order and the curves.
    assert kept < 30_000
    assert peak < 40_000 + 70 * 10 * images


def test_sizes_must_agree() -> None:
    other = ImageParts((20, 30), np.zeros(0, np.int64), (), np.zeros(0))
    with pytest.raises(PredictionError, match=r"found \(20, 20\) and \(20, 30\).*original image"):
        AveragePrecisionCounts(1).add(true(), other)


LARGE = (130, 120)


def random_image(rng: np.random.Generator, classes: int) -> tuple[ImageParts, ImageParts]:
    """Boxes of all COCO sizes; predictions are shifted truth and inventions; scores have ties."""

    def some(count: int) -> list[tuple[int, Box]]:
        corner = rng.integers(0, 60, (count, 2)).tolist()
        sides = rng.integers(1, (130, 25)[rng.integers(0, 2)], (count, 2)).tolist()
        labels = rng.integers(0, classes, count).tolist()
        return [(k, (*c, *s)) for k, c, s in zip(labels, corner, sides, strict=True)]

    def parts(items: list[tuple[int, Box]], crowds: list[tuple[int, Box]]) -> ImageParts:
        return ImageParts(
            LARGE,
            np.array([k for k, _ in items], np.int64),
            tuple(box_runs(box, LARGE) for _, box in items),
            rng.integers(0, 8, len(items)) / 7,
            tuple(box_runs(box, LARGE) for _, box in crowds),
        )

    truth = some(int(rng.integers(0, 6)))
    moved = [
        (k, (top + int(rng.integers(0, 3)), left, height, width))
        for k, (top, left, height, width) in truth
        if rng.random() < 0.8
    ]
    crowds = some(2) if rng.random() < 0.3 else []
    return parts(truth, crowds), parts(moved + some(int(rng.integers(0, 5))), [])


def coco_records(
    images: list[tuple[ImageParts, ImageParts]], classes: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """All images as COCO's own contents, whole masks; crowd regions in every class."""
    gts: list[dict[str, Any]] = []
    dts: list[dict[str, Any]] = []

    def record(into: list[dict[str, Any]], image: int, k: int, runs: Runs, **more: Any) -> None:
        values: NDArray[np.uint8] = np.repeat(np.arange(len(runs)) % 2, runs).astype(np.uint8)
        rle = mask_to_rle(values.reshape(LARGE[1], LARGE[0]).T)
        content: dict[str, Any] = {"id": len(into) + 1, "image_id": image, "category_id": k + 1}
        content |= {"segmentation": rle, "area": runs_area(runs), "bbox": [0, 0, 1, 1]}
        into.append(content | {"iscrowd": 0} | more)

    for image, (truth, predicted) in enumerate(images, 1):
        for k, runs in zip(truth.class_index.tolist(), truth.runs, strict=True):
            record(gts, image, k, runs)
        for runs in truth.ignored:
            for k in range(classes):
                record(gts, image, k, runs, iscrowd=1)
        rows = zip(predicted.class_index.tolist(), predicted.runs, predicted.scores, strict=True)
        for k, runs, score in rows:
            record(dts, image, k, runs, score=float(score))
    common = {
        "info": {},
        "images": [
            {"id": i, "height": LARGE[0], "width": LARGE[1]} for i in range(1, len(images) + 1)
        ],
        "categories": [{"id": k + 1, "name": str(k)} for k in range(classes)],
    }
    return common | {"annotations": gts}, common | {"annotations": dts}


def reference(
    kind: str, truth: dict[str, Any], predicted: dict[str, Any], classes: int
) -> list[float | None]:
    """A library's AP, AP50, AP75, small, medium, large, AR and the AP of each class."""
    with contextlib.redirect_stdout(io.StringIO()):
        if kind == "pycocotools":
            sides = []
            for content in (truth, predicted):
                coco = COCO()
                coco.dataset = content
                coco.createIndex()
                sides.append(coco)
            evaluator = COCOeval(*sides, "segm")
        else:
            evaluator = COCOeval_faster(FastCOCO(truth), FastCOCO(predicted), "segm")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    figures = [float(evaluator.stats[i]) for i in (0, 1, 2, 3, 4, 5, 8)]
    for k in range(classes):
        figures.append(float(evaluator.eval["precision"][:, :, k, 0, -1].mean()))
    return [None if figure == -1 else figure for figure in figures]


@pytest.mark.parametrize("library", ["pycocotools", "faster-coco-eval"])
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4))
def test_agrees_with_the_libraries_run_on_everything_at_once(
    library: str, seed: int, classes: int
) -> None:
    rng = np.random.default_rng(seed)
    images = [random_image(rng, classes) for _ in range(rng.integers(1, 12))]
    names = [str(k) for k in range(classes)]
    counts = AveragePrecisionCounts(classes)
    for truth, predicted in images:
        counts.add(truth, predicted)
    result = counts.scores(names)
    found_figures = [*list(vars(result).values())[:-1], *(result.classes[name] for name in names)]
    expected = reference(library, *coco_records(images, classes), classes)
    assert [f is None for f in found_figures] == [f is None for f in expected]
    assert [f or 0 for f in found_figures] == pytest.approx([f or 0 for f in expected], abs=1e-9)
