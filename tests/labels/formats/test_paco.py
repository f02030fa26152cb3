"""PACO files: COCO with objects beside their parts. Structure as PACO_DATASET.md describes it."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from labels.formats.mutations import mutated_json
from wps_sam.errors import DataError
from wps_sam.evaluation.truth import read_truth
from wps_sam.labels.formats.paco import PACO_LAYOUTS, WHOLE, open_paco, paco_splits
from wps_sam.labels.layout import LabelSource
from wps_sam.labels.weak_reading import read_weak

# 3 x 4 (height x width), runs down the columns: one background pixel, then two of the part, then
# nine of background. The part is column 0, rows 1 and 2.
RLE = {"size": [3, 4], "counts": [1, 2, 9]}


@pytest.fixture
def paco() -> dict[str, Any]:
    """A car of two parts; the parts' ids are sparse, as in PACO (2000 to 2455)."""
    return {
        "info": {},
        "categories": [
            {"id": 207, "name": "car_(automobile)", "supercategory": "OBJECT"},
            {"id": 2391, "name": "car_(automobile):wheel", "supercategory": "PART"},
            {"id": 2003, "name": "car_(automobile):antenna", "supercategory": "PART"},
        ],
        "images": [{"id": 11, "file_name": "train2017/a.jpg", "height": 3, "width": 4}],
        "annotations": [
            _annotation(1, 207, 1, [0, 0, 4, 3]),
            _annotation(2, 2003, 1, [0, 1, 1, 2]),
            _annotation(3, 2391, 1, [1, 1, 2, 2]),
        ],
        "part_categories": [{"id": 3, "name": "antenna"}],
    }


def _annotation(number: int, category: int, owner: int, bbox: list[float]) -> dict[str, Any]:
    return {
        "id": number,
        "bbox": bbox,
        "area": bbox[2] * bbox[3],
        "category_id": category,
        "image_id": 11,
        "segmentation": RLE,
        "attribute_ids": [],
        "obj_ann_id": owner,
    }


@pytest.fixture
def path(tmp_path: Path, paco: dict[str, Any]) -> Path:
    (tmp_path / "train2017").mkdir()
    Image.new("RGB", (4, 3)).save(tmp_path / "train2017" / "a.jpg")
    file = tmp_path / "paco_lvis_v1_train.json"
    file.write_text(json.dumps(paco))
    return file


def test_parts_with_their_sparse_ids(path: Path) -> None:
    labels = open_paco(path)
    assert labels.label_format == "paco"
    weak = read_weak(labels)
    assert weak.class_names == ("car_(automobile):wheel", "car_(automobile):antenna")
    assert weak.category_ids == (2391, 2003)
    assert weak.images[0].class_index.tolist() == [1, 0]
    assert weak.images[0].boxes_xyxy.tolist() == [[0, 1, 1, 3], [1, 1, 3, 3]]
    assert weak.skip_counts() == {f"its category is {WHOLE}": 1}


def test_truth_leaves_objects_out(path: Path) -> None:
    truth = read_truth(open_paco(path))
    assert truth.category_ids == (2391, 2003)
    parts = truth.parts(0)
    assert parts.class_index.tolist() == [1, 0]
    assert sum(truth.skip_counts().values()) == 1


def test_no_parts(path: Path, paco: dict[str, Any]) -> None:
    for category in paco["categories"]:
        category["supercategory"] = "vehicle"
    path.write_text(json.dumps(paco))
    with pytest.raises(DataError, match=r"none of its 3 categories has the supercategory PART"):
        open_paco(path)


def find(data: Path, split: str | None = None) -> LabelSource | None:
    sources = (layout.find(data, split) for layout in PACO_LAYOUTS)
    return next((source for source in sources if source is not None), None)


def test_layouts(path: Path, paco: dict[str, Any], tmp_path: Path) -> None:
    assert find(path) == find(tmp_path) == find(tmp_path, "train") == LabelSource("paco", path)
    assert find(tmp_path, "val") is None
    with pytest.raises(DataError, match=r"is one file, so split 'train' cannot be chosen in it"):
        find(path, "train")
    (tmp_path / "annotations").mkdir()
    other = tmp_path / "annotations" / "paco_lvis_v1_val.json"
    other.write_text(json.dumps(paco))
    assert paco_splits(tmp_path) == ("train", "val")
    assert find(tmp_path, "val") == LabelSource("paco", other)
    with pytest.raises(DataError, match=r"several PACO files: paco_lvis_v1_train\.json, anno"):
        find(tmp_path)


def test_layouts__other_json_is_not_claimed(tmp_path: Path) -> None:
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps({"categories": [{"supercategory": "part"}], "annotations": []}))
    assert find(path) is None
    assert find(tmp_path) is None


def test_layouts__sign_deep_in_a_large_file(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"images": ["x" * 300_000], "annotations": [{"obj_ann_id": 3}] * 9}))
    assert find(path) == LabelSource("paco", path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data())
def test_any_file_is_read_or_refused(path: Path, paco: dict[str, Any], data: st.DataObject) -> None:
    path.write_text(json.dumps(data.draw(mutated_json(paco))))
    try:
        message = str(read_weak(open_paco(path)).source)
    except DataError as error:
        message = str(error)
    assert path.name in message
