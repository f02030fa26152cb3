"""Whatever a COCO file holds, it is read, or refused by an error that names the file."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from labels.formats.mutations import mutated_json, mutated_text, read_or_refuse
from wps_sam.labels.formats.coco import open_coco

Coco = dict[str, Any]
Write = Callable[[Any], Path]


@pytest.fixture
def rich(coco: Coco) -> Coco:
    """Boxes, polygons, run lengths of both kinds, keypoints, points and a crowd region."""
    coco["categories"].append({"id": 5, "name": "bird", "keypoints": ["beak", "tail"]})
    first, second, third = coco["annotations"]
    first["segmentation"] = [[1, 2, 9, 2, 9, 8], [20, 20, 30, 20, 30, 30]]
    second["segmentation"] = {"size": [40, 60], "counts": [0, 40, 2360]}
    third.update(segmentation={"size": [40, 60], "counts": "PPYo1"}, iscrowd=1)
    coco["annotations"] += [
        {"id": 19, "image_id": 3, "category_id": 5, "keypoints": [5, 6, 2, 7, 8, 0]},
        {"id": 20, "image_id": 8, "category_id": 7, "points": [[5, 6], [9.5, 8]]},
    ]
    return coco


FUZZ = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@FUZZ
@given(data=st.data())
def test_any_values_are_read_or_refused(rich: Coco, write: Write, data: st.DataObject) -> None:
    path = write(data.draw(mutated_json(copy.deepcopy(rich))))
    read_or_refuse(lambda: open_coco(path), path.name)


@FUZZ
@given(data=st.data())
def test_any_text_is_read_or_refused(rich: Coco, write: Write, data: st.DataObject) -> None:
    path = write(rich)
    path.write_text(data.draw(mutated_text(json.dumps(rich))), encoding="utf-8", errors="replace")
    read_or_refuse(lambda: open_coco(path), path.name)


@FUZZ
@given(content=st.binary(max_size=200))
def test_any_bytes_are_refused(write: Write, content: bytes) -> None:
    path = write({})
    path.write_bytes(content)
    read_or_refuse(lambda: open_coco(path), path.name)
