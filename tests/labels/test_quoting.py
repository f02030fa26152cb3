"""Values in messages: readable, and never long."""

from typing import Any

import pytest

from wps_sam.labels.quoting import cut, quote


@pytest.mark.parametrize("value", [5, -1.5, None, "wheel", ["b"], {"a": 1}, True])
def test_quote__short_values_are_as_python_writes_them(value: Any) -> None:
    assert quote(value) == repr(value)


def test_quote__whatever_it_is() -> None:
    endless: list[Any] = []
    endless.append(endless)
    bomb: Any = "lol"
    for _ in range(60):  # 2^60 words, were it all written
        bomb = [bomb, bomb]
    huge = 16**5000  # Python refuses to write it
    for value in ("w" * 10**6, endless, bomb, huge, {"a" * 999: huge}, list(range(10**5))):
        assert len(quote(value)) <= 63


def test_cut() -> None:
    assert cut("wheel", 5) == "wheel"
    assert cut("wheels", 5) == "wheel..."
