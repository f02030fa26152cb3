"""The numbers of `data info`: what they count, and what they leave closed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from wps_sam.labels.label_file import LabelFile
from wps_sam.labels.open import open_labels
from wps_sam.labels.summary import summarise


def test_truth_that_is_kept_apart_is_named_but_not_opened(
    coco: dict[str, Any], write: Callable[[Any], Path], tmp_path: Path
) -> None:
    write(coco)
    (tmp_path / "masks.json").write_text("broken")
    (tmp_path / "dataset.yaml").write_text("labels: annotations.json\ntruth: masks.json\n")
    labels = open_labels(tmp_path / "dataset.yaml")
    assert summarise(labels).truth_source == str(tmp_path / "masks.json")
    assert summarise(labels.choose([0])).truth_source == str(tmp_path / "masks.json")

    def unopened() -> LabelFile:
        pytest.fail("the truth was opened")

    assert summarise(replace(labels, truth=unopened, truth_place=None)).truth_source is None


def test_first_records(coco: dict[str, Any], write: Callable[[Any], Path]) -> None:
    for number in (0, 1):
        coco["annotations"][number]["bbox"] = [1, 2, 0, 4]
    found = summarise(open_labels(write(coco)))
    assert found.skipped == {"box without area": 2}
    assert found.first == {"box without area": "annotation 16 of image 8 (b.jpg)"}
