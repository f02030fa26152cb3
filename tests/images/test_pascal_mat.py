"""PASCAL-Part's MATLAB files: what is read, and what is said of damaged ones."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from labels.formats.pascal_files import mask_of, write_anno, write_mat
from wps_sam.errors import DataError
from wps_sam.images.pascal_mat import read_pascal_mat

CAR = ("car", (0, 0, 50, 30), {"wheel_1": (1, 2, 3, 4), "wheel_2": (5, 6, 8, 9)})


def test_read_pascal_mat__objects_and_parts(tmp_path: Path) -> None:
    path = write_mat(tmp_path / "2008_000001.mat", [("boat", (0, 0, 5, 5), {}), CAR])
    boat, car = read_pascal_mat(path)
    assert (boat.name, boat.parts) == ("boat", ())
    assert [part.name for part in car.parts] == ["wheel_1", "wheel_2"]
    np.testing.assert_array_equal(car.mask, mask_of((0, 0, 50, 30), (40, 60)) == 1)
    np.testing.assert_array_equal(car.parts[1].mask, mask_of((5, 6, 8, 9), (40, 60)) == 1)


def test_read_pascal_mat__no_object(tmp_path: Path) -> None:
    assert read_pascal_mat(write_mat(tmp_path / "a.mat", [])) == ()


def test_read_pascal_mat__no_matlab_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.mat does not exist\. Put it there"):
        read_pascal_mat(tmp_path / "a.mat")
    (tmp_path / "b.mat").write_bytes(b"no matlab" * 40)
    with pytest.raises(DataError, match=r"b\.mat cannot be read as a MATLAB file"):
        read_pascal_mat(tmp_path / "b.mat")
    # The version field of a MATLAB 7.3 header (HDF5 inside): 0x0200, little endian.
    (tmp_path / "c.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(400))
    with pytest.raises(DataError, match=r"c\.mat is MATLAB 7\.3.*save\(\.\.\., '-v7'\)"):
        read_pascal_mat(tmp_path / "c.mat")


PART = [("part_name", "O"), ("mask", "O")]
OBJECT = [("class", "O"), ("mask", "O"), ("parts", "O")]


def one_object(name: Any, mask: Any, parts: Any) -> Any:
    record = np.zeros((1, 1), OBJECT)
    record[0, 0] = (name, mask, parts)
    return record


def one_part(name: Any, mask: Any) -> Any:
    record = np.zeros((1, 1), PART)
    record[0, 0] = (name, mask)
    return record


MASK = np.ones((4, 5), np.uint8)


@pytest.mark.parametrize(
    ("objects", "found"),
    [
        (np.ones((2, 2)), "anno: objects is no struct array"),
        ("text", "anno: objects is no struct array"),
        (one_part("wheel", MASK), "object 1 has no 'parts', only"),
        (one_object("car", MASK, np.ones(3)), "object 1: parts is no struct array"),
        (one_object(5, MASK, one_part("wheel", MASK)), "object 1: class is no text"),
        (one_object(" ", MASK, one_part("wheel", MASK)), "object 1: class is no text"),
        (one_object("car", MASK * 7, one_part("wheel", MASK)), "object 1: mask is no H x W"),
        (one_object("car", MASK * 0.5, one_part("wheel", MASK)), "object 1: mask is no H x W"),
        (one_object("car", "mask", one_part("wheel", MASK)), "object 1: mask is no H x W"),
        (one_object("car", MASK, one_part(3, MASK)), "part 1 of object 1: part_name is no text"),
        (one_object("car", MASK, one_part("w", MASK[:0])), "part 1 of object 1: mask is no H x W"),
        (
            one_object("car", MASK, one_part("w", MASK.T)),
            "masks of different sizes [(4, 5), (5, 4)]",
        ),
    ],
)
def test_read_pascal_mat__wrong_structure(tmp_path: Path, objects: Any, found: str) -> None:
    path = tmp_path / "a.mat"
    write_anno(path, "a", objects)
    with pytest.raises(DataError) as caught:
        read_pascal_mat(path)
    assert str(caught.value).startswith(f"Annotation file {path}")
    assert found in str(caught.value)
    assert "Copy the file again" in str(caught.value)


def test_read_pascal_mat__other_variables(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"x": 3})
    with pytest.raises(
        DataError, match=r"a\.mat: the file: anno is no struct array; expected anno"
    ):
        read_pascal_mat(tmp_path / "a.mat")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_read_pascal_mat__any_bytes(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a.mat"
    # Without compression, so that damage reaches the structure and not only the checksum.
    record = one_object("car", MASK, one_part("wheel", MASK))
    anno = np.zeros((1, 1), [("objects", "O")])
    anno[0, 0] = (record,)
    savemat(path, {"anno": anno}, do_compression=data.draw(st.booleans()))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))
    try:
        read_pascal_mat(path)
    except DataError as error:
        assert str(path) in str(error)  # noqa: PT017  # some damage does not show
