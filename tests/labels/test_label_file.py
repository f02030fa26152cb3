"""Labels are cut down to some images without losing or mixing up an annotation."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wps_sam.errors import DataError
from wps_sam.labels.formats.coco import open_coco
from wps_sam.labels.label_file import LabelFile

Coco = dict[str, Any]
Write = Callable[[Any], Path]


@pytest.fixture
def labels(coco: Coco, write: Write) -> LabelFile:
    """Image 3 (a.jpg) with annotations 17 and 18, image 8 (b.jpg) with annotation 16."""
    return open_coco(write(coco))


def test_choose__keeps_annotations_with_their_image(labels: LabelFile) -> None:
    swapped = labels.choose([1, 0])
    assert [(image.file_name, image.index) for image in swapped.images] == [
        ("b.jpg", 0),
        ("a.jpg", 1),
    ]
    assert [(a.annotation_id, a.image.index) for a in swapped.annotations()] == [
        (16, 0),
        (17, 1),
        (18, 1),
    ]
    only = swapped.choose([1])
    assert [(a.annotation_id, a.image.index) for a in only.annotations()] == [(17, 0), (18, 0)]
    assert only.find_image(only.images[0]).name == "a.jpg"


def test_choose__no_such_image(labels: LabelFile) -> None:
    with pytest.raises(DataError, match=r"has images 0 to 1; there is no image 2"):
        labels.choose([2])


def test_choose_names__the_truth_is_cut_down_too(labels: LabelFile) -> None:
    paired = replace(labels, truth=lambda: labels.choose([1, 0]))
    truth = paired.choose_names(["b.jpg"]).truth
    assert truth is not None
    assert [image.file_name for image in truth().images] == ["b.jpg"]
    assert [a.annotation_id for a in truth().annotations()] == [16]


def test_choose_names__missing(labels: LabelFile) -> None:
    with pytest.raises(DataError, match=r"has no image c\.jpg \(1 of 2 images are missing\)"):
        labels.choose_names(["a.jpg", "c.jpg"])


def test_image_hw__from_the_labels_or_the_header(coco: Coco, write: Write) -> None:
    coco["images"][0].update(height=1, width=2)
    del coco["images"][1]["height"]
    labels = open_coco(write(coco))
    assert labels.image_hw(labels.images[0]) == (1, 2)
    assert labels.image_hw(labels.images[1]) == (40, 60)
