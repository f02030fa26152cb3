"""Masks that lie in files of their own: which pixels, and what is said when one is not there."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from labels.formats.mutations import mutated_json
from labels.formats.pascal_files import mask_of, write_mat
from wps_sam.errors import DataError
from wps_sam.evaluation.mask_files import is_mask_file, read_mask_file

HW = (3, 6)
PIXELS = [
    [1, 0, 0, 0, 0, 1],
    [0, 1, 0, 2, 2, 0],
    [0, 0, 0, 2, 2, 0],
]


def decoded(segmentation: dict[str, Any], hw: tuple[int, int] = HW) -> Any:
    """(H, W) 0/1 from run lengths, which go down the columns."""
    runs = read_mask_file(segmentation, hw)
    return np.repeat(np.arange(len(runs)) % 2, runs).reshape(hw[1], hw[0]).T


@pytest.fixture
def label_map(tmp_path: Path) -> dict[str, Any]:
    path = tmp_path / "a.png"
    Image.fromarray(np.array(PIXELS, np.uint8)).save(path)
    return {"kind": "label_map", "file": str(path), "value": 1}


@pytest.fixture
def mat(tmp_path: Path) -> dict[str, Any]:
    """A boat of 2 x 2, and a car whose wheels lie partly in its body."""
    parts = {"body": (1, 0, 5, 2), "wheel_1": (1, 1, 2, 3), "wheel_2": (4, 1, 5, 3)}
    objects = [("boat", (0, 0, 2, 2), {}), ("car", (0, 0, 6, 3), parts)]
    path = write_mat(tmp_path / "a.mat", objects, HW)
    return {"kind": "pascal_mat", "file": str(path), "object": 1, "take": [1]}


def test_read_mask_file__label_map(label_map: dict[str, Any]) -> None:
    np.testing.assert_array_equal(decoded(label_map), np.array(PIXELS) == 1)
    # The touching corner belongs to the piece, wherever in it the seed is.
    left = np.array(PIXELS) == 1
    left[0, 5] = False
    for seed in ([0, 0], [1, 1]):
        np.testing.assert_array_equal(decoded({**label_map, "seed": seed}), left)
    assert decoded({**label_map, "seed": [5, 0]}).sum() == 1
    assert decoded({**label_map, "value": 9}).sum() == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": [1, 0]}, r"a\.png has no value 1 at x 1, y 0; it has changed"),
        ({"seed": [6, 0]}, r"seed \[6, 0\] is no pixel \[x, y\] of the image"),
        ({"seed": [0, -1]}, "is no pixel"),
        ({"seed": "00"}, "is no pixel"),
        ({"value": "1"}, r"a\.png: value is '1', no whole number"),
        ({"file": 5}, "no mask is meant by"),
        ({"kind": "other"}, "no mask is meant by"),
    ],
)
def test_read_mask_file__unsound_label_map(
    label_map: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read_mask_file({**label_map, **change}, HW)


def test_read_mask_file__parts_of_an_object(mat: dict[str, Any]) -> None:
    wheel_1, wheel_2 = mask_of((1, 1, 2, 3), HW), mask_of((4, 1, 5, 3), HW)
    np.testing.assert_array_equal(decoded(mat), wheel_1)
    np.testing.assert_array_equal(decoded({**mat, "take": [1, 2]}), wheel_1 | wheel_2)
    np.testing.assert_array_equal(decoded({**mat, "take": ["object"]}), np.ones(HW))
    # 18 pixels less the body's 8 and one more of each wheel.
    rest = decoded({**mat, "take": ["rest"]})
    assert rest.sum() == 18 - 8 - 2
    assert not (rest & (wheel_1 | wheel_2 | mask_of((1, 0, 5, 2), HW))).any()
    for take in ("object", "rest"):  # without parts all is rest
        boat = decoded({**mat, "object": 0, "take": [take]})
        np.testing.assert_array_equal(boat, mask_of((0, 0, 2, 2), HW))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"object": 2}, r"a\.mat has no object 3"),
        ({"object": None}, r"a\.mat: object is None, no whole number"),
        ({"take": [3]}, r"a\.mat: object car has no part 3"),
        ({"take": [-1]}, "has no part -1"),
        ({"take": [True]}, "has no part True"),
        ({"take": ["wheel"]}, "has no part 'wheel'"),
        ({"take": [[1]]}, r"has no part \[1\]"),
        ({"take": []}, r"a\.mat: no parts are named, found \[\]"),
        ({"take": None}, "no parts are named, found None"),
    ],
)
def test_read_mask_file__unsound_parts(
    mat: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read_mask_file({**mat, **change}, HW)


def test_read_mask_file__other_size(label_map: dict[str, Any], mat: dict[str, Any]) -> None:
    for segmentation in (label_map, mat):
        with pytest.raises(
            DataError, match=r"are 3 x 6 \(height x width\), but the image is 6 x 3"
        ):
            read_mask_file(segmentation, (6, 3))


def test_read_mask_file__written_again(label_map: dict[str, Any]) -> None:
    assert decoded(label_map).sum() == 3
    path = Path(label_map["file"])
    Image.fromarray(np.ones(HW, np.uint8)).save(path)
    os.utime(path, ns=(1, 1))
    assert decoded(label_map).sum() == 18
    path.unlink()
    with pytest.raises(DataError, match=r"a\.png does not exist"):
        read_mask_file(label_map, HW)


def test_read_mask_file__run_lengths_of_cvat() -> None:
    # A box of 2 x 2 at x 1, y 1, in rows: 0 1 / 1 1.
    segmentation = {"kind": "cvat_rle", "image_hw": [3, 6], "box": [1, 1, 2, 2], "runs": [1, 3]}
    assert np.argwhere(decoded(segmentation)).tolist() == [[1, 2], [2, 1], [2, 2]]
    for change in ({"box": 3}, {"image_hw": None}, {"box": [-9, 0, 2, 2]}):
        with pytest.raises(DataError, match="no mask is meant by"):
            read_mask_file({**segmentation, **change}, HW)
    del segmentation["runs"]
    with pytest.raises(DataError, match="no mask is meant by"):
        read_mask_file(segmentation, HW)


@pytest.mark.parametrize(
    "segmentation", [{}, {"size": [3, 6], "counts": "0"}, {"kind": ["label_map"]}, {"kind": None}]
)
def test_is_mask_file__others(segmentation: dict[str, Any]) -> None:
    assert not is_mask_file(segmentation)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_read_mask_file__any_mapping(
    label_map: dict[str, Any], mat: dict[str, Any], data: st.DataObject
) -> None:
    sound = data.draw(st.sampled_from([{**label_map, "seed": [0, 0]}, mat]))
    segmentation = data.draw(mutated_json(sound))
    if isinstance(segmentation, dict):
        try:
            assert read_mask_file(segmentation, HW).sum() == 18
        except DataError as error:
            assert str(error)  # noqa: PT017  # some edits leave it sound
