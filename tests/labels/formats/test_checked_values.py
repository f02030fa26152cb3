"""Wrong values are named; what JSON can hold besides is passed on."""

from math import inf, isnan
from pathlib import Path
from typing import Any

import pytest

from wps_sam.errors import DataError
from wps_sam.labels.formats.checked_values import checked_number, checked_points, load_json

A_JSON = Path("a.json")


def test_load_json__byte_order_mark_and_nan(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('\ufeff{"a": NaN}', encoding="utf-8")
    assert isnan(load_json(path, "")["a"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b" \n", r"a\.json is empty; expected this"),
        (b"\xff\xd8", r"a\.json is not text in UTF-8"),
        (b"[1,", r"a\.json is broken JSON: Expecting value.*copy or export it again"),
        (b"1" * 5000, r"a\.json is broken JSON: Exceeds the limit"),
        (b"[" * 200_000, r"a\.json is broken JSON: lists or objects nested too deeply"),
    ],
    ids=["blank", "no text", "cut off", "long number", "deep"],
)
def test_load_json__broken(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_json(tmp_path / "a.json", "expected this.")
    with pytest.raises(DataError, match=r"b\.json cannot be read: No such file"):
        load_json(tmp_path / "b.json", "expected this.")


def test_checked_number__too_large_is_infinite() -> None:
    numbers = [checked_number(A_JSON, "box 1", "x", value) for value in (3, 10**400, -(10**400))]
    assert numbers == [3.0, inf, -inf]


@pytest.mark.parametrize("value", [None, True, "1", [1], {}])
def test_checked_number__no_number(value: Any) -> None:
    with pytest.raises(DataError, match=r"a\.json: box 1 has x .*; expected a number. Correct or"):
        checked_number(A_JSON, "box 1", "x", value)


@pytest.mark.parametrize("value", [None, "1,2", [1, 2], [[1, 2, 3]], [[1, None]], {"x": 1}])
def test_checked_points__no_points(value: Any) -> None:
    with pytest.raises(DataError, match=r"a\.json: box 1 has .*points .*; expected a "):
        checked_points(A_JSON, "box 1", "points", value)
