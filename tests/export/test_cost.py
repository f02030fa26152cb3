"""What a file of lower precision costs, with files that are made up."""

from collections.abc import Callable

import numpy as np
import pytest

from wps_sam.errors import ExportError
from wps_sam.export.check_pictures import CheckPicture, drawn_pictures
from wps_sam.export.cost import check_shapes, measure_cost
from wps_sam.export.graph_file import FoundParts, GraphFile
from wps_sam.geometry.masks import mask_to_box
from wps_sam.inference.prediction import PartPrediction
from wps_sam.inference.segmenter import PartSegmenter

Change = Callable[[PartPrediction], PartPrediction]


class ChangedModel(GraphFile):
    """A file that finds what the model finds, but for a change."""

    def __init__(self, segmenter: PartSegmenter, keep: slice) -> None:
        self.metadata = {}
        self.segmenter = segmenter
        self.keep = keep

    def run(self, image: np.ndarray) -> FoundParts:
        found = self.segmenter.predict(image)
        return FoundParts(
            found.masks[self.keep],
            found.class_index[self.keep],
            found.scores[self.keep],
            found.boxes_xyxy[self.keep],
        )

    def with_threshold(self, score_threshold: float) -> GraphFile:
        raise AssertionError("nobody asks for another threshold")


@pytest.fixture
def pictures(exact_sizes: None) -> list[CheckPicture]:
    return list(drawn_pictures())


def test_same_masks__nothing_lost(
    dense_segmenter: PartSegmenter, pictures: list[CheckPicture]
) -> None:
    file = ChangedModel(dense_segmenter, slice(None))
    cost = measure_cost(dense_segmenter, file, pictures, 0.5)
    assert (cost.photographs, cost.miou, cost.pixel_agreement) == (3, 1.0, 1.0)
    assert cost.parts == cost.file_parts > 3


def test_a_lost_part__counted_by_hand(
    dense_segmenter: PartSegmenter, pictures: list[CheckPicture], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two parts of different classes side by side; the file has the first only."""
    masks = np.zeros((2, 10, 10), bool)
    masks[0, :5], masks[1, 5:9] = True, True
    parts = PartPrediction(
        masks=masks,
        class_index=np.array([0, 2]),
        class_names=dense_segmenter.class_names,
        scores=np.array([0.9, 0.8], np.float32),
        boxes_xyxy=np.stack([mask_to_box(mask) for mask in masks]),
    )
    monkeypatch.setattr(dense_segmenter, "predict", lambda *image, **settings: parts)
    monkeypatch.setattr("wps_sam.export.cost.AGREEMENT_LIMIT", 0.5)
    file = ChangedModel(dense_segmenter, slice(1))
    cost = measure_cost(dense_segmenter, file, pictures[:1], 0.5)
    assert cost.miou == 0.5  # (1 + 0) / 2; the class that nobody finds does not count
    assert cost.pixel_agreement == 0.6  # 50 of the part, 10 of background
    assert (cost.parts, cost.file_parts) == (2, 1)


def test_too_far_from_the_model__refused(
    dense_segmenter: PartSegmenter, pictures: list[CheckPicture]
) -> None:
    with pytest.raises(
        ExportError, match=r"an mIoU of 0.000 only, on 3 photographs; expected .*--precision 32"
    ):
        measure_cost(dense_segmenter, ChangedModel(dense_segmenter, slice(0)), pictures, 0.5)


def test_no_part_to_compare__refused(
    dense_segmenter: PartSegmenter, pictures: list[CheckPicture]
) -> None:
    with pytest.raises(ExportError, match="finds no part in any of 3 photographs"):
        measure_cost(dense_segmenter, ChangedModel(dense_segmenter, slice(0)), pictures, 1.0)


def test_shapes__of_another_size_or_with_loose_boxes_refused(
    dense_segmenter: PartSegmenter, pictures: list[CheckPicture], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = ChangedModel(dense_segmenter, slice(None))
    check_shapes(dense_segmenter, file, pictures)
    run = file.run
    monkeypatch.setattr(file, "run", lambda image: run(image[:-1]))
    with pytest.raises(ExportError, match=r"masks of \(95, 128\) pixels .* for picture 'drawn lan"):
        check_shapes(dense_segmenter, file, pictures)
    monkeypatch.setattr(file, "run", lambda image: run(image)._replace(boxes=run(image).boxes + 1))
    with pytest.raises(ExportError, match=r"expected the picture's size, and the boxes"):
        check_shapes(dense_segmenter, file, pictures)
